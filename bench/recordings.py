"""What recordings cost: CPU a line that is written, and lines a second that are validated, at growing lengths.

    uv run python bench/recordings.py [LINES...]

All times are CPU seconds of this process. The recordings are those of a simulated cluster with a crash every three
seconds; that they take the same time a line at every length is what "linear" means.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Final

from rich.console import Console
from rich.table import Table

from quorumlog.cli import recording
from quorumlog.core.consensus.effects import Propose, Replicate, Sync
from quorumlog.core.consensus.messages import AppendRequest, Entry
from quorumlog.core.consensus.replica import Replica, start, step
from quorumlog.core.consensus.state import LEADER, everyone
from quorumlog.runtime.recorder import Recorder, bare
from quorumlog.simulation.faults import Crash, Schedule, Weather
from quorumlog.simulation.run import run
from quorumlog.simulation.world import World
from quorumlog.turns import Turn
from quorumlog_bindings.replication import replication
from tlastep.check.models import Project, find_project
from tlastep.check.recording import validate_files

LINES: Final = (1_000, 10_000, 100_000)
LINES_A_SECOND: Final = 1_040  # that the simulated cluster writes in a second of its own time
CALM: Final = Weather(delay=(1, 5), lose=1, repeat=1, drift=1, write=(1, 3), sync=(0, 2), flush=(0, 2))


def schedule(lines: int) -> Schedule:
    """A run of which about so many lines are recorded."""
    until = lines * 1_000 // LINES_A_SECOND
    crashes = tuple(Crash(at, "abc"[at // 3_000 % 3], at + 400) for at in range(2_000, until, 3_000))
    return Schedule(7, batch=8, until=until, command=10, weather=CALM, faults=crashes)


def validated(project: Project, folder: Path, lines: int) -> tuple[int, int, float, float]:
    """Lines, steps, and CPU seconds to judge them with and without properties."""
    chosen = schedule(lines)
    with recording(folder, chosen.names) as scribe:
        run(chosen, judge=None, world=lambda given, observers: World(given, observers, scribe))
    seconds = []
    for properties in (True, False):
        gc.collect()
        begun = process_time()
        found = validate_files(project, replication, sorted(folder.glob("*.ndjson")), properties=properties)
        seconds.append(process_time() - begun)
        assert found.rejection is None, found.rejection.text()
    return found.lines, found.steps, seconds[0], seconds[1]


def written(steps: list[tuple[Replica, Turn[Replica, object]]]) -> float:
    """Microseconds of CPU that a line takes, all of its way to the operating system."""
    with tempfile.TemporaryDirectory() as folder:
        recorder: Recorder[Replica, object] = Recorder.open(Path(folder) / "a.ndjson", bare)
        begun = process_time()
        for before, turn in steps:
            recorder.stepped(before, turn)
        recorder.flush()
        seconds = process_time() - begun
        recorder.close()
    return seconds / len(steps) * 1e6


def taken(replica: Replica, inputs: list[object]) -> tuple[list[tuple[Replica, Turn[Replica, object]]], float]:
    """What the core makes of inputs, and the microseconds of CPU that each takes."""
    steps: list[tuple[Replica, Turn[Replica, object]]] = []
    begun = process_time()
    for each in inputs:
        after, effects = step(replica, each)  # type: ignore[arg-type]  # every input is one of the core's
        steps.append((replica, Turn(each, after, effects)))
        replica = after
    return steps, (process_time() - begun) / len(inputs) * 1e6


def leading(batch: int, rounds: int) -> tuple[Replica, list[object]]:
    """A leader that proposes, hands on and syncs, so many events at a time."""
    members = ("a", "b", "c")
    leader = start("a", members, batch).change(term=1, voted_for="a", role=LEADER, next_index=everyone(members, 1))
    events = [tuple(f"{number:05}-{index:04}" + "." * 90 for index in range(batch)) for number in range(rounds)]
    return leader, [each for some in events for each in (Propose(some), Replicate("b"), Replicate("c"), Sync())]


def following(batch: int, rounds: int) -> tuple[Replica, list[object]]:
    """A follower that takes slices in and syncs."""
    follower = start("b", ("a", "b", "c"), batch)
    inputs: list[object] = []
    for number in range(rounds):
        entries = tuple(Entry(1, f"{number:05}-{index:04}" + "." * 90) for index in range(batch))
        first = number * batch
        inputs += [AppendRequest("a", "b", 1, first, 1 if first else 0, entries, first), Sync()]
    return follower, inputs


def main() -> None:
    """Both tables."""
    console = Console()
    chosen = [int(each) for each in sys.argv[1:]] or LINES
    table = Table("lines", "steps", "CPU s", "lines/s", "CPU s, steps only", "lines/s, steps only", title="validated")
    project = find_project()
    with tempfile.TemporaryDirectory() as folder:
        validated(project, Path(folder) / "first", 500)  # the spec is parsed, and all modules are loaded
        for lines in chosen:
            count, steps, all_of_it, only = validated(project, Path(folder) / str(lines), lines)
            rates = f"{count / all_of_it:,.0f}", f"{only:.2f}", f"{count / only:,.0f}"
            table.add_row(f"{count:,}", f"{steps:,}", f"{all_of_it:.2f}", *rates)
    console.print(table)
    table = Table("server", "entries a batch", "core, µs a step", "recorder, µs a line", "µs an entry", title="written")
    for name, make in (("leader", leading), ("follower", following)):
        for batch in (1, 16, 128):
            replica, inputs = make(batch, 20_000 // batch if batch > 1 else 4_000)
            steps_taken, core = taken(replica, inputs)
            line = min(written(steps_taken) for _ in range(3))
            entries = batch * (len(inputs) // (4 if name == "leader" else 2))
            table.add_row(name, str(batch), f"{core:.1f}", f"{line:.1f}", f"{line * len(inputs) / entries:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
