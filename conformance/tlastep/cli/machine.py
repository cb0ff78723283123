"""`tlastep machine`: spec and code walk side by side at random, past what can be explored."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tlastep.check.machine import Walked, walk_model
from tlastep.check.machine_kill import hunt, machine_models
from tlastep.check.models import MACHINE, Model, Project, find_project
from tlastep.check.mutants import read_mutants
from tlastep.check.reproduce import write_script
from tlastep.cli._output import Json, Names, console, print_json, say
from tlastep.errors import UnusableInput
from tlastep.report import text
from tlastep.report.finding import finding

Steps = Annotated[int, typer.Option(min=1, help="How many steps both sides must accept.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same walk.")]


def machine(
    models: Names = None,
    steps: Steps = 20_000,
    seed: Seed = 1,
    uniform: Annotated[bool, typer.Option("--uniform", help="Choose uniformly: for comparison.")] = False,
    mutants: Annotated[bool, typer.Option("--mutants", help="Try to kill each mutant in so many steps.")] = False,
    json: Json = False,
) -> None:
    """Walk through spec and code together at random, steered towards what has not been seen."""
    project = find_project()
    chosen = _chosen(project, models or ())
    if mutants:
        _hunt(project, chosen, steps, seed, steered=not uniform, json=json)
        return
    found = [_walk(project, model, steps, seed, steered=not uniform) for model in chosen]
    if json:
        print_json([each.fields() for each in found])
    else:
        _show(found)
    if any(each.problem for each in found):
        raise typer.Exit(1)


def _chosen(project: Project, names: Any) -> list[Model]:
    if not names:
        found = [model for model in project.models if model.kind == MACHINE and model.size == "small"]
        if not found:
            raise UnusableInput('no small model of kind "machine"', str(project.list))
        return found
    found = [project.model(name) for name in names]
    for model in found:
        if model.kind not in (MACHINE, "safety"):
            raise UnusableInput(f"{model.name} is of kind {model.kind}, which is not for walks", str(project.list))
    return found


def _walk(project: Project, model: Model, steps: int, seed: int, *, steered: bool) -> Walked:
    walked = walk_model(project, model, steps=steps, seed=seed, steered=steered)
    if walked.problem and walked.script:
        path = write_script(model.name, *walked.problem, walked.script, project.root / "build" / "findings")
        say(f"{model.name}: a test that takes the same steps was written to {path}")
    return walked


def _show(found: list[Walked]) -> None:
    out = console()
    for each in found:
        if each.finding is not None and each.script is not None:
            out.print(finding(each.model, each.finding), markup=False)
            out.print("\n".join(["as a script:", *map(str, each.script.labels)]), markup=False)
    hidden = ("actions", "largest", "steered", "seed")
    out.print(text.table([{k: v for k, v in each.fields().items() if k not in hidden} for each in found]))
    out.print(text.table([{"model": each.model, **each.actions} for each in found]))


def _hunt(project: Project, models: list[Model], steps: int, seed: int, *, steered: bool, json: bool) -> None:
    rows: list[dict[str, object]] = []
    for model in models:
        if model not in machine_models(project, model.module):
            raise UnusableInput(f"{model.name} is not of kind machine", str(project.list))
        of_module = [each for each in read_mutants(project) if each.module == model.module]
        rows += [each.fields() for each in hunt(project, of_module, model, steps=steps, seed=seed, steered=steered)]
    if json:
        print_json(rows)
    else:
        console().print(text.table(rows))
