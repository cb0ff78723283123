"""`tlastep lockstep`: spec and code, side by side through every state and every step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlastep.check.models import find_project
from tlastep.check.run_lockstep import Locked, lockable, run_lockstep
from tlastep.cli._output import Json, Names, SizeOption, console, print_json, progress, say, write
from tlastep.errors import UnusableInput
from tlastep.report import junit as junit_report
from tlastep.report import text
from tlastep.report.finding import finding


def lockstep(
    models: Names = None,
    size: SizeOption = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there, too.")] = None,
    json: Json = False,
) -> None:
    """Step spec and code together, and show that they are the same machine within the models' bounds."""
    project = find_project()
    chosen = list(lockable(project, project.select(models or (), size)))
    if not chosen:
        raise UnusableInput("none of these models is a safety model of a module that has a binding", str(project.list))
    found: list[Locked] = []
    for model, binding in chosen:
        with progress(model.name) as tell:
            found.append(run_lockstep(project, model, binding, on_progress=tell))
    if junit is not None:
        write(junit, junit_report.report("tlastep lockstep", [_case(each) for each in found]))
    if json:
        print_json([each.fields() for each in found])
    else:
        _show(found)
    if not all(each.holds for each in found):
        raise typer.Exit(1)


def _case(each: Locked) -> junit_report.Case:
    return junit_report.Case(
        name=each.model.name,
        group=each.model.module,
        seconds=each.found.seconds,
        failure="" if each.holds else each.certificate.result,
        details="" if each.found.finding is None else finding(each.model.name, each.found.finding),
    )


def _show(found: list[Locked]) -> None:
    out = console()
    for each in found:
        if each.found.finding is not None and each.test is not None:
            out.print(finding(each.model.name, each.found.finding), markup=False)
            say(f"{each.model.name}: a test that reproduces it was written to {each.test}")
    rows = [{"": "same" if each.holds else "DIFFERS", **each.fields()} for each in found]
    out.print(text.table(rows))
