"""`tlastep matrix`: every mutant against every layer of the checks, compared with what is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import typer

from tlastep.check.layers import layers
from tlastep.check.matrix import Tried, keep_matrix, key, read_expected, run_matrix, write_expected
from tlastep.check.models import Project, find_project
from tlastep.check.mutant_list import Mutant, of_modules, read_mutants
from tlastep.cli._output import Json, OfModules, console, print_json, say, watched, write
from tlastep.errors import UnusableInput
from tlastep.report import html, text
from tlastep.report.matrix import matrix_rows, totals


def matrix(
    mutants: Annotated[list[str] | None, typer.Argument(metavar="[MUTANT]...", help="Only mutants so named.")] = None,
    side: Annotated[Literal["spec", "code"] | None, typer.Option(help="Only the mutants of this side.")] = None,
    module: OfModules = None,
    layer: Annotated[list[str] | None, typer.Option(help="Only this layer; may be given again.")] = None,
    rewrite: Annotated[bool, typer.Option("--rewrite", help="Write down what kills what.")] = False,
    json: Json = False,
) -> None:
    """Try every layer of the checks on every mutant: what does each see, after how many steps?"""
    project = find_project()
    chosen = _chosen(project, mutants or (), side, module or ())
    only = _layers(project, layer or ())
    expected = read_expected(project)
    if rewrite and only and (new := [each.name for each in chosen if key(each) not in expected]):
        raise UnusableInput(f"{new[0]} is not in the list yet, so it takes all layers", "--rewrite")
    found = watched(
        run_matrix(project, chosen, only=only),
        "matrix",
        len(chosen),
        lambda each: f"{each.mutant.name}: {', '.join(each.killers)}",
    )
    if rewrite:
        if project.matrix is None:
            raise UnusableInput("[tool.tlastep] names no `matrix` to write", str(project.root / "pyproject.toml"))
        write_expected(project.matrix, found, expected)
    wrong = [f"{each.mutant.side} mutant {each.mutant.name}: {line}" for each in found for line in each.problems]
    if not only:
        keep_matrix(project, found)
    if not mutants and not only:
        _write(project, found)  # a part of it would take the place of the whole
    if json:
        print_json([each.fields() for each in found])
    else:
        out = console()
        out.print(text.table(matrix_rows(found)))
        out.print(text.table(totals(found)))
    for line in wrong:
        (say if json else print)(line)
    if wrong and not rewrite:
        raise typer.Exit(1)


def _chosen(project: Project, names: Sequence[str], side: str | None, modules: Sequence[str]) -> list[Mutant]:
    every = read_mutants(project)
    known = {each.name for each in every}
    if unknown := [name for name in names if name not in known]:
        raise UnusableInput(f"no mutant {unknown[0]}", ", ".join(map(str, project.mutants)))
    chosen = of_modules(every, modules)
    return [each for each in chosen if side in (None, each.side) and (not names or each.name in names)]


def _layers(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    known = [each.name for each in layers(project)]
    if unknown := [name for name in names if name not in known]:
        raise UnusableInput(f"no layer {unknown[0]}; there are {', '.join(known)}", "--layer")
    return tuple(names)


def _write(project: Project, found: Sequence[Tried]) -> None:
    build = project.root / "build"
    sections = [
        html.Section("By layer", totals(found), "Without the mutants of modules that a layer has nothing to do with."),
        html.Section("By mutant", matrix_rows(found), "Steps (or states, paths, schedules) until the mutant showed."),
    ]
    write(build / "matrix.html", html.page("Mutants by layer", sections))
    write(build / "matrix.json", msgspec.json.format(msgspec.json.encode([each.fields() for each in found])).decode())
