"""`tlastep symbolic`: contracts on pure functions, checked for all inputs at once."""

from __future__ import annotations

from typing import Annotated

import typer

from tlastep.check.models import find_project
from tlastep.check.symbolic import SECONDS, run_symbolic
from tlastep.cli._output import Json, console, print_json
from tlastep.report import text


def symbolic(
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="The most for the proof of one.")] = SECONDS,
    json: Json = False,
) -> None:
    """Check the project's contracts with a solver: what is proved, and what is only searched, is said apart."""
    judged = list(run_symbolic(find_project(), seconds))
    rows = [each.fields() for each in judged]
    if json:
        print_json(rows)
    else:
        console().print(text.table(rows))
    if not all(each.holds for each in judged):
        raise typer.Exit(1)
