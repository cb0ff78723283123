"""Transcripts in the words of the spec: their steps, their constants, and what kills a mutant of the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from quorumlog.simulation import invariants
from quorumlog.simulation.transcript import Performance, Step, differing
from quorumlog_bindings.replication import NIL, event, replication, server
from tlastep.behaviour import Label
from tlastep.check import told
from tlastep.check.mutant_kill import Killer
from tlastep.check.told import Told
from tlastep.values import Value

LAYER: Final = "transcripts"


def disagreements(performance: Performance, spec: Path) -> list[str]:
    """Where the steps of a performance are not what the spec in this file says: a line of text each."""
    beside = told.with_constants(spec, constants(performance), invariants.INVARIANTS, invariants.STEP_PROPERTIES)
    return list(told.disagreements(beside, steps(performance)))


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
