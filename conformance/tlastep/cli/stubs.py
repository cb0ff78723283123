"""`tlastep stubs`: the typed protocol of a spec's actions and variables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tlastep.check.explore import types_of
from tlastep.check.models import find_project
from tlastep.cli._output import write
from tlastep.report import stubs as report


def stubs(
    model: Annotated[str, typer.Argument(metavar="MODEL", show_default=False, help="A model of the spec, by name.")],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there, not to stdout.")] = None,
) -> None:
    """Print a typed protocol of a spec's actions and variables, against which mypy checks a binding."""
    project = find_project()
    chosen = project.model(model)
    found = types_of(project.spec(chosen), project.config(chosen))
    shown = report.protocol(chosen.module, f"model {chosen.name}", found)
    if output is None:
        sys.stdout.write(shown)
    else:
        write(output, shown)
