"""How many schedules the simulation runs a minute on one core: by the invariants in Python, and beside the spec.

Beside the spec each step is judged by the compiled spec; in the last row its properties are judged after each step.
What these need of memory is shown as it grows: it is bounded.

    python bench/simulation.py [SCHEDULES]

Each schedule has three servers, crashes at durable writes among its faults, and ends when all has come right. `sweep`
takes schedules and runs each again with a crash before, during and after each durable write of each server.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from time import process_time
from typing import Final

from quorumlog.simulation.faults import CrashAtWrite, Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import run, swept
from tlastep.check.bindings import binding_of
from tlastep.check.models import find_project
from tlastep.check.simulated import Beside, simulate_beside

WARM: Final = 20  # schedules before the measurement, in which the spec is compiled


def memory() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def say(what: str, schedules: int, steps: int, seconds: float) -> None:
    """One row."""
    print(f"{what:28} {schedules:6} schedules {steps:9,} steps {60 * schedules / seconds:8,.0f} schedules a minute")


def alone(count: int) -> None:
    """By the invariants in Python after every step, each profile on its own."""
    for name, make in PROFILES.items():
        made = [make(seed, 3) for seed in range(count)]
        begun = process_time()
        steps = sum(run(schedule).steps for schedule in made)
        crashing = sum(any(isinstance(fault, CrashAtWrite) for fault in each.faults) for each in made)
        say(f"{name} ({crashing} with such crashes)", count, steps, process_time() - begun)


def sweeping() -> None:
    """A crash at every durable write."""
    begun = process_time()
    runs = [done for seed in range(4) for done in swept(Schedule(seed, until=1_000))]
    say("sweep", len(runs), sum(done.steps for done in runs), process_time() - begun)


def beside(count: int) -> None:
    """Every step beside the compiled spec, with its properties and without. To compile the spec does not count."""
    project = find_project(Path(__file__).parent)
    binding = binding_of(project, "Replication")
    for properties in (False, True):
        spec = Beside(project, binding, properties=properties)
        simulate_beside(project, binding, schedules=WARM, beside=spec)
        before, begun = memory(), process_time()
        found = simulate_beside(project, binding, schedules=count, seed=WARM, beside=spec)
        what = "beside the spec" + (", its properties" if properties else "")
        say(what, found.schedules, found.steps, process_time() - begun)
        print(f"{'':28} {(memory() - before) / 2**20:6,.0f} MB more in memory, {spec.held:,} values remembered")


def main() -> None:
    """All rows."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    alone(count)
    sweeping()
    beside(count)


if __name__ == "__main__":
    main()
