"""Mutants and the machine alone: how many steps of a random walk it takes until a change of code or spec shows.

Changed code walks beside the unchanged spec, a changed spec beside the unchanged code. What is found is a difference,
an exception, or a property that the changed spec violates; each is a kill.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec

from tlastep.check.bindings import binding_of
from tlastep.check.machine import Prepared, Walked, prepare, walk
from tlastep.check.models import MACHINE, Model, Project
from tlastep.check.mutant_kill import Killer, changed_code, changed_specs
from tlastep.check.mutant_list import Mutant
from tlastep.check.mutants import in_child
from tlastep.check.walk import Found

LAYER: Final = "machine"


class Hunted(msgspec.Struct, frozen=True):
    """What a walk did to a mutant: `by.depth` are the accepted steps that it took."""

    mutant: Mutant
    by: Killer | None
    seconds: float

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        return {
            "mutant": self.mutant.name,
            "side": self.mutant.side,
            "killed": self.by is not None,
            "property": self.by.property if self.by else "",
            "steps": self.by.depth if self.by else 0,
            "seconds": round(self.seconds, 3),
        }


def machine_models(project: Project, module: str) -> tuple[Model, ...]:
    """The models for walks of a module."""
    return tuple(model for model in project.models if model.kind == MACHINE and model.module == module)


def kill_by_machine(
    project: Project, mutant: Mutant, prepared: Sequence[Prepared], *, steps: int, seed: int, steered: bool = True
) -> Killer | None:
    """Walks with the changed code, or the changed spec, until it shows, or until so many steps were accepted.

    In each of these models, until one shows it. `depth` are the steps needed there. To be called in a process of its
    own in which the code has not been imported yet.
    """
    if mutant.side == "code":
        with changed_code(mutant):
            walks = (_walked(project, mutant, each, steps, seed, steered) for each in prepared)
            return next(filter(None, map(_killer, walks)), None)
    with tempfile.TemporaryDirectory(prefix="tlastep-mutant-", ignore_cleanup_errors=True) as own:
        changed = changed_specs(project, mutant, Path(own))
        ready = (prepare(changed, each.model) for each in prepared)
        walks = (_walked(project, mutant, each, steps, seed, steered) for each in ready)
        return next(filter(None, map(_killer, walks)), None)


def _walked(project: Project, mutant: Mutant, ready: Prepared, steps: int, seed: int, steered: bool) -> Walked:
    name = ready.model.name
    try:
        pair = ready.pair(project, binding_of(project, mutant.module))
    except Found as found:  # they do not even begin alike
        return Walked(name, steered, seed, problem=(found.kind, found.summary))
    return walk(pair, steps=steps, seed=seed, name=name, steered=steered, shrinking=False)


def _killer(walked: Walked) -> Killer | None:
    if walked.problem is None:
        return None
    kind, summary = walked.problem
    what = summary.split()[1] if kind == "property" else kind
    return Killer(LAYER, walked.model, what, walked.steps)


def hunt(
    project: Project, mutants: Sequence[Mutant], model: Model, *, steps: int, seed: int, steered: bool = True
) -> Iterator[Hunted]:
    """Tries to kill each mutant by the machine alone, each in a process of its own."""
    ready = prepare(project, model)
    for mutant in mutants:
        begun = perf_counter()

        def task(mutant: Mutant = mutant) -> list[Killer]:
            found = kill_by_machine(project, mutant, (ready,), steps=steps, seed=seed, steered=steered)
            return [found] if found else []

        by = in_child(task)
        yield Hunted(mutant, by[0] if by else None, perf_counter() - begun)
