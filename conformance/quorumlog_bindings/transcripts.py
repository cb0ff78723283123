"""Transcripts in the words of the spec: their steps, their constants, and what kills a mutant of the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from quorumlog.simulation import invariants
from quorumlog.simulation.transcript import Performance, Step, differing, files, parse, perform
from quorumlog_bindings.replication import NIL, event, replication, server
from tlastep.behaviour import Label
from tlastep.check import told
from tlastep.check.coverage import Coverage
from tlastep.check.mutant_kill import Killer
from tlastep.check.told import Told
from tlastep.engine.spec_system import SpecSystem
from tlastep.values import Value

LAYER: Final = "transcripts"


def disagreements(performance: Performance, spec: Path) -> list[str]:
    """Where the steps of a performance are not what the spec in this file says: a line of text each."""
    return list(told.disagreements(beside(performance, spec), steps(performance)))


def coverage(folder: Path, spec: Path) -> list[Coverage]:
    """What each transcript of a folder reaches of the spec in this file."""
    performances = {path.stem: perform(parse(path.read_text(encoding="utf-8"), path.name)) for path in files(folder)}
    return [
        told.reached(name, replication.module, beside(each, spec), steps(each), LAYER)
        for name, each in performances.items()
    ]


def beside(performance: Performance, spec: Path) -> SpecSystem:
    """The spec in this file for the servers and events of a performance, with all that it says must hold."""
    return told.with_constants(spec, constants(performance), invariants.INVARIANTS, invariants.STEP_PROPERTIES)


def constants(performance: Performance) -> dict[str, Value]:
    """The constants of the spec for the servers and the events of a performance."""
    return {
        "Server": frozenset(map(server, performance.servers)),
        "Event": frozenset(map(event, performance.events)),
        "Nil": NIL,
        "Batch": performance.batch,
    }


def steps(performance: Performance) -> list[Told]:
    """The steps of a performance, each with its line."""
    return [
        Told(
            f"line {number}",
            label_of(step),
            replication.observed(step.before),
            None if step.after is None else replication.observed(step.after),
        )
        for number, step in performance.steps
    ]


def label_of(step: Step) -> Label:
    """The spec's label of a step."""
    parameters = [replication.parameters[name] for name in replication.arguments(step.action)]
    pairs = zip(parameters, step.arguments, strict=True)
    return Label(step.action, tuple([parameter.spec(argument) for parameter, argument in pairs]))


def killers(folder: Path) -> Iterator[Killer]:
    """All transcripts in this folder that no longer say what the code does, and after how many steps that shows.

    To be called where changed code stands in place of the real one. The spec is not asked.
    """
    return (Killer(LAYER, each.name, each.kind, each.steps) for each in differing(folder))


def kill_by_transcripts(folder: Path) -> Killer | None:
    """The first of them."""
    return next(killers(folder), None)
