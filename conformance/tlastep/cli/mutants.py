"""`tlastep mutants`: the kill matrix. Every small change of spec or code must be found, by what should find it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from tlastep.check.models import find_project
from tlastep.check.mutant_list import of_modules
from tlastep.check.mutants import Judged, read_mutants, run_mutants, select
from tlastep.cli._output import Json, Names, OfModules, console, print_json, say, watched
from tlastep.report import text


def mutants(
    models: Names = None,
    side: Annotated[Literal["spec", "code"] | None, typer.Option(help="Only the mutants of this side.")] = None,
    module: OfModules = None,
    engine: Annotated[Literal["python", "tlc"], typer.Option(help="Who explores the mutants of specs.")] = "python",
    json: Json = False,
) -> None:
    """Try to kill each mutant: does every check fail when it should? With models, those that these should kill."""
    project = find_project()
    names = [project.model(name).name for name in models or ()]
    chosen = select(of_modules(read_mutants(project), module or ()), names, side)
    found = watched(
        run_mutants(project, chosen, names, engine=engine),
        "mutants",
        len(chosen),
        lambda each: f"{each.mutant.name}: {'killed' if each.killed else each.problem}",
    )
    survivors = [each for each in found if not each.killed]
    if json:
        print_json([each.fields() for each in found])
    else:
        _show(found)
    for each in survivors:
        (say if json else print)(f"{each.mutant.side} mutant {each.mutant.name}: {each.problem}")
    if survivors:
        raise typer.Exit(1)


def _show(found: Sequence[Judged]) -> None:
    rows = [
        {
            "mutant": each.mutant.name,
            "side": each.mutant.side,
            "module": each.mutant.module,
            "class": each.mutant.kind,
            "": "killed" if each.killed else "NOT KILLED",
            "by": "; ".join(f"{by.layer} {by.model}: {by.property} at {by.depth}" for by in each.by),
            "seconds": each.seconds,
        }
        for each in found
    ]
    out = console()
    out.print(text.table(rows))
    dead = sum(each.killed for each in found)
    named = sum(any(by.property != "difference" for by in each.by) for each in found)
    out.print(f"{dead} of {len(found)} killed, {named} of them by a named property", markup=False)
