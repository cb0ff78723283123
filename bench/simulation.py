"""How many schedules the simulation runs a minute on one core: by the invariants in Python, and beside the spec.

    python bench/simulation.py [SCHEDULES]

Each schedule has three servers, crashes at durable writes among its faults, and ends when all has come right. `sweep`
takes schedules and runs each again with a crash before, during and after each durable write of each server.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

from quorumlog.simulation.faults import CrashAtWrite, Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import run, swept
from tlastep.check.bindings import binding_of
from tlastep.check.models import find_project
from tlastep.check.simulated import Beside, simulate_beside


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
    """Every step beside the compiled spec, with its properties and without."""
    project = find_project(Path(__file__).parent)
    binding = binding_of(project, "Replication")
    for properties in (False, True):
        begun = process_time()
        spec = Beside(project, binding, properties=properties)
        found = simulate_beside(project, binding, schedules=count, beside=spec)
        what = "beside the spec" + (", its properties" if properties else "")
        say(what, found.schedules, found.steps, process_time() - begun)


def main() -> None:
    """All rows."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    alone(count)
    sweeping()
    beside(count // 2)


if __name__ == "__main__":
    main()
