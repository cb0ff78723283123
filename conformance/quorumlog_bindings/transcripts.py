"""Transcripts in the words of the spec: their steps, their constants, and what kills a mutant of code or spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from quorumlog.simulation import invariants, pre_vote_properties
from quorumlog.simulation.transcript import Performance, Step, differing, files, parse, perform
from quorumlog_bindings.pre_vote import pre_vote
from quorumlog_bindings.replication import NIL, event, replication, server
from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check import told
from tlastep.check.coverage import Coverage
from tlastep.check.elsewhere import of_module
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer
from tlastep.check.told import Told
from tlastep.engine.spec_system import SpecSystem
from tlastep.values import Value

LAYER: Final = "transcripts"
FOLDERS: Final = {replication.module: "tests/transcripts"}
"""Where the transcripts of a module are, from the folder of the project."""
MODULES: Final = frozenset(FOLDERS)


BINDINGS: Final[dict[bool, Binding[Any]]] = {False: replication, True: pre_vote}
"""By whether servers ask before they stand, what a performance is translated by."""
PROPERTIES: Final[dict[bool, tuple[Iterable[str], Iterable[str]]]] = {
    False: (invariants.INVARIANTS, invariants.STEP_PROPERTIES),
    True: (pre_vote_properties.INVARIANTS, ("RefinesReplication",)),
}
"""What must hold of its states and of its steps."""


# -- a performance beside the spec --------------------------------------------------------------------------


def disagreements(performance: Performance, spec: Path) -> list[str]:
    """Where the steps of a performance are not what the spec in this file says: a line of text each."""
    return list(told.disagreements(beside(performance, spec, performance.events), steps(performance)))


def beside(performance: Performance, spec: Path, events: Iterable[str]) -> SpecSystem:
    """The spec in this file for the servers of a performance and these events, with all that it says must hold."""
    constants: dict[str, Value] = {
        "Server": frozenset(map(server, performance.servers)),
        "Event": frozenset(map(event, events)),
        "Nil": NIL,
        "Batch": performance.batch,
    }
    return told.with_constants(spec, constants, *PROPERTIES[performance.script.cluster.asks])


def steps(performance: Performance) -> list[Told]:
    """The steps of a performance, each with its line."""
    binding = BINDINGS[performance.script.cluster.asks]
    return [
        Told(
            f"line {number}",
            label_of(step, binding),
            binding.observed(step.before),
            None if step.after is None else binding.observed(step.after),
        )
        for number, step in performance.steps
    ]


def label_of(step: Step, binding: Binding[Any]) -> Label:
    """The spec's label of a step."""
    parameters = [binding.parameters[name] for name in binding.arguments(binding.actions[step.action])]
    pairs = zip(parameters, step.arguments, strict=True)
    return Label(step.action, tuple([parameter.spec(argument) for parameter, argument in pairs]))


# -- all performances of a folder ---------------------------------------------------------------------------


def performances(folder: Path, spec: Path) -> Iterator[tuple[str, SpecSystem, list[Told]]]:
    """Each transcript of a folder by name, with the spec beside it and its steps.

    Where servers are the same, so is the spec: all events of all transcripts are there.
    """
    performed = {path.stem: perform(parse(path.read_text(encoding="utf-8"), path.name)) for path in files(folder)}
    events = frozenset(chain.from_iterable([each.events for each in performed.values()]))
    return ((name, beside(each, spec, events), steps(each)) for name, each in performed.items())


def coverage(project: Project, module: str) -> list[Coverage]:
    """What each transcript reaches of a module."""
    folder = project.root / of_module(FOLDERS, module)
    return [
        told.reached(name, module, system, taken, LAYER)
        for name, system, taken in performances(folder, project.specs / f"{module}.tla")
    ]


# -- mutants ------------------------------------------------------------------------------------------------


def kill(project: Project, module: str) -> Killer | None:
    """The first transcript that says something else than happens, or else the first that the spec does not allow.

    To be called where changed code, or a project with a changed spec, stands in place of the real one.
    """
    folder = project.root / of_module(FOLDERS, module)
    spec = project.specs / f"{module}.tla"
    return next(chain(killers(folder), disallowed(folder, spec)), None)


def kill_by_transcripts(folder: Path) -> Killer | None:
    """The first transcript of a folder that says something else than happens; the spec is not asked."""
    return next(killers(folder), None)


def killers(folder: Path) -> Iterator[Killer]:
    """The transcripts of a folder that say something else than happens, and after how many steps that shows."""
    return (Killer(LAYER, each.name, each.kind, each.steps) for each in differing(folder))


def disallowed(folder: Path, spec: Path) -> Iterator[Killer]:
    """The transcripts of a folder with a step that the spec does not allow, or after which something does not hold."""
    return chain.from_iterable(
        told.killed(LAYER, name, system, taken) for name, system, taken in performances(folder, spec)
    )
