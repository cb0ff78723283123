"""`tlastep check`: the models of the list, each against what is expected of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tlastep.check import records
from tlastep.check.check import Checked, check_model
from tlastep.check.models import find_project
from tlastep.cli._output import Json, Names, SizeOption, console, print_json, progress, say, write
from tlastep.errors import UnusableInput
from tlastep.report import junit as junit_report
from tlastep.report import text


def check(
    models: Names = None,
    size: SizeOption = None,
    engine: Annotated[Literal["tlc", "python"], typer.Option(help="Who checks them.")] = "tlc",
    workers: Annotated[int, typer.Option(min=1, help="Worker threads of TLC.")] = 1,
    record: Annotated[bool, typer.Option("--record", help="Record that TLC has found what is expected.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report there, too.")] = None,
    json: Json = False,
) -> None:
    """Check models of the project: does each have the result, and the counts, that it should have?"""
    project = find_project()
    if record and engine != "tlc":
        raise UnusableInput("records what TLC has found, so it takes --engine tlc", "--record")
    found: list[Checked] = []
    for model in project.select(models or (), size):
        with progress(model.name) as tell:
            found.append(check_model(project, model, engine, workers=workers, on_progress=tell))
    if junit is not None:
        _write_junit(junit, engine, found)
    if json:
        print_json([each.fields() for each in found])
    else:
        _show(found)
    if record:
        records.record(project, [each.model for each in found if each.holds])
    failed = [each for each in found if not each.holds]
    for each in failed:
        say(f"{each.model.name}: {'; '.join(each.differences)}")
    if failed:
        raise typer.Exit(1)


def _show(found: list[Checked]) -> None:
    out = console()
    for each in found:
        if each.holds:
            continue
        out.print(text.verdict(each.model.name, each.verdict.result, each.verdict.message), markup=False)
        if each.verdict.counterexample is not None:
            out.print(text.behaviour(each.verdict.counterexample), markup=False)
    rows = [
        {
            "": "holds" if each.holds else "FAILS",
            **{name: value for name, value in each.fields().items() if name not in ("engine", "unchecked")},
            "not judged": ", ".join(each.verdict.unchecked),
        }
        for each in found
    ]
    out.print(text.table(rows))


def _write_junit(path: Path, engine: str, found: list[Checked]) -> None:
    cases = [
        junit_report.Case(
            name=each.model.name,
            group=each.model.module,
            seconds=each.verdict.seconds,
            failure="; ".join(each.differences),
            details="\n".join(
                [each.verdict.message, text.behaviour(each.verdict.counterexample)]
                if each.verdict.counterexample and not each.holds
                else [each.verdict.message]
            ),
        )
        for each in found
    ]
    write(path, junit_report.report(f"tlastep check --engine {engine}", cases))
