"""Recordings of simulated servers are behaviours; what is tampered with is not, or the core can do that as well."""

from __future__ import annotations

import copy
import json
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from tests.property.slow_recordings import is_behaviour
from tests.property.tampered import Recordings, record, tamper, write

from quorumlog.runtime.recorded import Line, line_of
from quorumlog.simulation.faults import Crash, Schedule, Weather
from quorumlog_bindings.replication import replication
from tlastep.check.models import Project, find_project
from tlastep.check.recording import validate_files
from tlastep.errors import UnusableInput

TAMPERINGS: Final = 120
ROUGH: Final = Weather(delay=(1, 12), lose=4, repeat=6, sync=(0, 8), flush=(0, 8))


@cache
def project() -> Project:
    """This project."""
    return find_project(Path(__file__).parent)


def schedule(seed: int) -> Schedule:
    """A short run with two crashes, so that a line is likely to matter."""
    faults = (Crash(300, "a", 420), Crash(520, "b", 600))
    return Schedule(seed, until=700, command=40, batch=2, weather=ROUGH, faults=faults)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recordings]:
    """A few runs."""
    return [record(schedule(seed), tmp_path_factory.mktemp(f"run{seed}")) for seed in range(4)]


def lines_of(recordings: Recordings) -> dict[str, list[Line]]:
    """The same lines, read as the binding reads them."""
    return {node: [line_of(json.dumps(line).encode()) for line in lines] for node, lines in recordings.items()}


def verdict(paths: list[Path]) -> tuple[bool, str]:
    """Whether the validator takes them for a behaviour, and what it says if not."""
    try:
        found = validate_files(project(), replication, paths, properties=False)
    except UnusableInput as error:
        return False, str(error)
    return found.rejection is None, "\n".join(found.rejection.text()) if found.rejection else ""


def allowed(recordings: Recordings) -> tuple[bool, bool]:
    """What the core says of it, and what it says if messages that are sent again need not be mentioned."""
    try:
        lines = lines_of(recordings)
    except ValueError:
        return False, False
    return is_behaviour(lines, exact=True), is_behaviour(lines, exact=False)


def judged_alike(recorded: list[Recordings], folder: Path, seeds: range) -> Counter[str]:
    """Tampers and asks both; how often both said what."""
    found: Counter[str] = Counter()
    for seed in seeds:
        dice = Random(f"tampering {seed}")
        tampered = copy.deepcopy(dice.choice(recorded))
        done = tamper(tampered, dice)
        accepted, says = verdict(write(tampered, folder))
        exactly, loosely = allowed(tampered)
        assert exactly <= accepted <= loosely, f"seed {seed}: {done}: the core says {exactly}, {loosely}; {says}"
        found["still a behaviour" if accepted else "rejected"] += 1
    return found


def test_what_simulated_servers_write_down_is_a_behaviour(recorded: list[Recordings], tmp_path: Path) -> None:
    for number, recordings in enumerate(recorded):
        found = validate_files(project(), replication, write(recordings, tmp_path / str(number)))
        assert found.rejection is None, found.rejection.text()
        assert found.lines == sum(map(len, recordings.values()))
        assert found.actions["Crash"] >= 2
        assert allowed(recordings) == (True, True)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for number in range(2):
        record(schedule(1), tmp_path / str(number))
    first, second = ([path.read_bytes() for path in sorted((tmp_path / each).iterdir())] for each in "01")
    assert first == second
    assert len(first) == 3


def test_what_was_tampered_with_is_rejected_unless_the_core_does_it_too(
    recorded: list[Recordings], tmp_path: Path
) -> None:
    found = judged_alike(recorded, tmp_path, range(TAMPERINGS))
    assert found["rejected"] > TAMPERINGS / 2
    assert found["still a behaviour"] > 0


def test_numbers_give_away_what_was_dropped_repeated_or_moved(recorded: list[Recordings], tmp_path: Path) -> None:
    for seed in range(30):
        dice = Random(f"numbers {seed}")
        tampered = copy.deepcopy(dice.choice(recorded))
        lines = tampered[dice.choice("abc")]
        index = dice.randrange(1, len(lines) - 1)
        kind = dice.choice(("drop", "repeat", "swap"))
        if kind == "drop":
            del lines[index]
        elif kind == "repeat":
            lines.insert(index, lines[index])
        else:
            lines[index], lines[index + 1] = lines[index + 1], lines[index]
        accepted, says = verdict(write(tampered, tmp_path, numbered=False))
        assert not accepted
        assert "number" in says or "incarnation" in says
