"""How fast the engines are, on the same models in one run: `python bench/engines.py [MODEL...]`.

For each model: generated states a second of TLC with one worker and of the Python engine, both with all properties;
steps a second of lock-step, spec and code at once in two processes; and bytes a state, by how much the process (in
lock-step, that of the spec) grows. Each measurement has a process of its own. Start-up is included, and dominates on
tiny models: take larger ones.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from tlastep.check.apart import code_process, explore_apart
from tlastep.check.bindings import bound_modules
from tlastep.check.check import check_model
from tlastep.check.explore import load
from tlastep.check.models import find_project

MODELS: Final = ("ReplicationEvents", "ReplicationLeaderChange", "ReplicationReordering")
KIBI: Final = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


@dataclass(frozen=True)
class Measured:
    """What one measurement found: how many of what was counted, in which time, with how many bytes a state."""

    count: int
    seconds: float
    bytes_a_state: float

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.count / self.seconds


def by_tlc(name: str) -> Measured:
    """TLC, one worker, from start to end."""
    project = find_project()
    checked = check_model(project, project.model(name), "tlc", workers=1)
    assert checked.holds, checked.differences
    return Measured(checked.verdict.generated, checked.verdict.seconds, 0.0)


def by_python(name: str) -> Measured:
    """The Python engine; the spec is parsed before, by SANY, and that is kept."""
    project = find_project()
    model = project.model(name)
    load(project.spec(model), project.config(model))
    before = grown_to()
    begun = perf_counter()
    checked = check_model(project, model, "python")
    assert checked.holds, checked.differences
    seconds = perf_counter() - begun
    return Measured(checked.verdict.generated, seconds, (grown_to() - before) / checked.verdict.distinct)


def by_lockstep(name: str) -> Measured:
    """Spec and code together, digests included, each in a process of its own; the bytes are those of the spec's."""
    project = find_project()
    model = project.model(name)
    compiled = load(project.spec(model), project.config(model))
    before = grown_to()
    with code_process(project, model, bound_modules(project)[model.module]) as process:
        found = explore_apart(model, compiled, process)
    assert found.finding is None, found.result
    return Measured(found.spec_transitions, found.seconds, (grown_to() - before) / found.spec_states)


def grown_to() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBI


def measure(measurement: Callable[[str], Measured], name: str) -> Measured:
    """A measurement in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measurement, (name,))


def main(names: Sequence[str]) -> None:
    """Measure the models and print a table."""
    print(f"{'model':28} {'TLC':>12} {'Python':>12} {'ratio':>6} {'bytes':>6} {'lock-step':>12} {'bytes':>6}")
    print(f"{'':28} {'generated/s':>12} {'generated/s':>12} {'':6} {'/state':>6} {'steps/s':>12} {'/state':>6}")
    for name in names or MODELS:
        tlc, python, both = (measure(each, name) for each in (by_tlc, by_python, by_lockstep))
        print(
            f"{name:28} {tlc.rate:12,.0f} {python.rate:12,.0f} {python.rate / tlc.rate:6.1f}"
            f" {python.bytes_a_state:6.0f} {both.rate:12,.0f} {both.bytes_a_state:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
