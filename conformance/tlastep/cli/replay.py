"""`tlastep replay`: behaviours of the spec, taken step by step by the code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from tlastep.check.bindings import binding_of
from tlastep.check.models import find_project
from tlastep.check.run_replay import ReplayedModel, Simulation, replay_counterexample, run_replay
from tlastep.cli._output import Json, console, print_json, progress
from tlastep.report import behaviour_file, text
from tlastep.report.finding import finding

_DEFAULT: Final = Simulation()
Count = Annotated[int, typer.Option(metavar="N", min=1, help="How many behaviours TLC simulates.")]
Depth = Annotated[int, typer.Option(metavar="D", min=1, help="Of how many states each is at most.")]


def replay(
    model: Annotated[str, typer.Argument(metavar="MODEL", show_default=False, help="A model, by name.")],
    behaviour: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A behaviour in ITF, or as TLC prints or simulates it.")
    ] = None,
    simulate: Count = _DEFAULT.behaviours,
    depth: Depth = _DEFAULT.depth,
    seed: Annotated[int, typer.Option(metavar="S", help="The seed of TLC's choices.")] = _DEFAULT.seed,
    graph: Annotated[bool, typer.Option("--graph", help="Replay all steps of the graph that TLC dumps, too.")] = False,
    json: Json = False,
) -> None:
    """Replay behaviours of TLC, or one from a file, on the code: does it show what the spec says, step by step?

    Of a model that is expected to violate something, TLC's counterexample is replayed.
    """
    project = find_project()
    chosen = project.model(model)
    binding = binding_of(project, chosen.module)
    given = [behaviour_file.read(behaviour)] if behaviour is not None else None
    source = str(behaviour) if behaviour is not None else "behaviour"
    with progress(f"replaying {chosen.name}"):
        how = Simulation(simulate, depth, seed)
        if given is None and chosen.result != "ok" and not graph:
            found = replay_counterexample(project, chosen, binding)
        else:
            found = run_replay(project, chosen, binding, given, how=how, graph=graph, source=source)
    if json:
        print_json(found.fields())
    else:
        _show(found)
    if found.finding is not None:
        raise typer.Exit(1)


def _show(found: ReplayedModel) -> None:
    out = console()
    if found.finding is not None:
        out.print(finding(found.model.name, found.finding), markup=False)
    done, graph = found.behaviours, found.graph
    out.print(
        f"{found.model.name}: {done.behaviours} behaviours, {done.steps:,} steps "
        f"({done.transitions:,} different ones, {done.ambiguous:,} with more than one label), {done.seconds:.1f} s",
        markup=False,
    )
    if graph is not None:
        share = graph.taken / graph.transitions if graph.transitions else 1
        out.print(
            f"{found.model.name}: TLC's graph has {graph.states:,} states and {graph.edges:,} edges, "
            f"{graph.transitions:,} with arguments; the code took {graph.taken:,} ({share:.1%}), {graph.seconds:.1f} s",
            markup=False,
        )
    names = [*done.actions, *(name for name in done.untaken)]
    rows = [
        {"action": name, "steps": done.actions.get(name, 0), **({"graph": graph.actions.get(name, 0)} if graph else {})}
        for name in names
    ]
    out.print(text.table(rows))
