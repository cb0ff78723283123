"""Runs in virtual time: sound code passes, planted bugs are found, and a seed makes the same bytes everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Never, TypeAlias

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from quorumlog import driver
from quorumlog.cli import app
from quorumlog.core.consensus import log
from quorumlog.core.consensus.effects import Committed, Durable, Send, Store
from quorumlog.core.consensus.messages import Message
from quorumlog.core.consensus.replica import Replica
from quorumlog.driver import Outcome
from quorumlog.ports import Ports
from quorumlog.simulation.disk import SimulatedDisk
from quorumlog.simulation.faults import CrashAtWrite, Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import run, summary, sweep, swept, transcript
from quorumlog.simulation.steps import Finding
from quorumlog.simulation.watch import judge_everything, judge_step

QUIET = Schedule(seed=3, until=500)


def first_finding(most: int = 60, profile: str = "mixed") -> Finding | None:
    """What the first schedule to fail finds."""
    runs = (run(PROFILES[profile](seed, 3)) for seed in range(most))
    return next((done.finding for done in runs if done.finding is not None), None)


def test_the_core_passes_under_every_profile() -> None:
    done = [run(make(seed, 3)) for make in PROFILES.values() for seed in range(12)]
    assert [summary(each) for each in done if each.finding] == []
    assert sum(each.answered for each in done) > 0


@pytest.mark.parametrize("servers", [2, 5])
def test_other_numbers_of_servers_pass(servers: int) -> None:
    assert [run(PROFILES["mixed"](seed, servers)).finding for seed in range(8)] == [None] * 8


def test_the_sweep_crashes_before_during_and_after_every_durable_write() -> None:
    first = run(QUIET)
    made = list(sweep(QUIET, first.writes))
    assert len(made) == 3 * sum(first.writes.values())
    traps = {each.faults[-1] for each in made}
    assert {trap.moment for trap in traps if isinstance(trap, CrashAtWrite)} == {"before", "during", "after"}
    assert [done.finding for done in swept(QUIET) if done.finding] == []


def test_a_crash_in_a_write_restarts_the_server() -> None:
    """What the traps of a sweep do is seen in the steps: without them nobody crashes."""
    assert "Crash(" not in transcript(QUIET)
    assert all("Crash(" in transcript(each) for each in list(sweep(QUIET, {"a": 1}))[:3])


# -- the same bytes -----------------------------------------------------------------------------------------

SCRIPT = """
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import transcript
print(*(transcript(PROFILES[name](seed, 3)) for name in PROFILES for seed in (1, 2)))
"""


def test_a_transcript_does_not_depend_on_the_process_or_on_hash_seeds() -> None:
    made = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "77")
    ]
    assert made[0] == made[1]
    assert made[0].count(b"OnAppendRequest(") > 100


def test_another_seed_is_another_run() -> None:
    assert transcript(Schedule(seed=1, until=500)) != transcript(Schedule(seed=2, until=500))


# -- judging only what has changed --------------------------------------------------------------------------


def both_findings(seed: int, profile: str) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """Name and step of what is found by judging what has changed, and by judging everything."""
    found = [run(PROFILES[profile](seed, 3), judge=judge).finding for judge in (judge_step, judge_everything)]
    one, other = [(each.kind, each.step) if each else None for each in found]
    return one, other


def may_commit_anything(log: object, index: int, term: int) -> bool:
    """The mutant that commits entries of earlier terms by counting, and whatever else."""
    return True


@pytest.mark.parametrize("seed", range(6))
def test_judging_what_has_changed_finds_what_judging_everything_finds(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert both_findings(seed, "mixed") == (None, None)
    monkeypatch.setattr(log, "fits", lambda mine, prev_index, prev_term: prev_index <= len(mine))
    one, other = both_findings(seed, "stories")
    assert one == other


# -- planted bugs -------------------------------------------------------------------------------------------


Bare: TypeAlias = Outcome[Replica, Message, Never]
BarePorts: TypeAlias = Ports[Message, Never]


def sent_first(outcome: Bare, ports: BarePorts, done: Callable[[], None]) -> None:
    """Sends before it is durable."""
    for effect in outcome.effects:
        if isinstance(effect, Send):
            ports.network.send(effect.message)
    rest = [effect for effect in outcome.effects if not isinstance(effect, Send)]
    ORDER(replace(outcome, effects=tuple(rest)), ports, done)


def spoken_first(outcome: Bare, ports: BarePorts, done: Callable[[], None]) -> None:
    """Tells the application before it is durable."""
    for effect in outcome.effects:
        if isinstance(effect, Committed):
            ports.application.committed(effect)
    rest = [effect for effect in outcome.effects if not isinstance(effect, Committed)]
    ORDER(replace(outcome, effects=tuple(rest)), ports, done)


def never_stored(outcome: Bare, ports: BarePorts, done: Callable[[], None]) -> None:
    """Forgets to write."""
    rest = [effect for effect in outcome.effects if not isinstance(effect, Store)]
    ORDER(replace(outcome, effects=tuple(rest)), ports, done)


ORDER = driver.carry_out


@pytest.mark.parametrize("bug", [sent_first, spoken_first, never_stored])
def test_another_order_of_effects_is_found(
    bug: Callable[[Bare, BarePorts, Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "carry_out", bug)
    assert first_finding(300) is not None


class Unsynced(SimulatedDisk):
    """Says that a write is durable as soon as it has begun."""

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        super().write(stores, lambda: None)
        then()


class Uncut(SimulatedDisk):
    """Leaves a torn tail where it is, so that what is written after it cannot be read."""

    def read(self) -> Durable:
        torn = self._file
        found = super().read()
        self._file = torn
        return found


@pytest.mark.parametrize("disk", [Unsynced, Uncut])
def test_a_disk_that_loses_what_was_written_is_found(
    disk: type[SimulatedDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorumlog.simulation.world.SimulatedDisk", disk)
    assert first_finding(300) is not None


def test_committing_earlier_terms_by_counting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "may_commit", may_commit_anything)
    assert first_finding(3_000, "stories") is not None


def test_a_cluster_that_decides_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "may_commit", lambda *_: False)
    found = first_finding(1, "calm")
    assert found is not None
    assert found.name == "Liveness"


# -- the command --------------------------------------------------------------------------------------------


def test_the_command_runs_schedules_and_says_how_many() -> None:
    outcome = CliRunner().invoke(app, ["simulate", "--schedules", "3"])
    assert outcome.exit_code == 0
    assert "all holds: 3 schedules" in outcome.output


def test_a_finding_prints_seed_and_schedule_that_replay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log, "fits", lambda mine, prev_index, prev_term: prev_index <= len(mine))
    outcome = CliRunner().invoke(app, ["simulate", "--schedules", "50"])
    assert outcome.exit_code == 1
    assert "finding: " in outcome.output
    smaller = outcome.output.split("made smaller: ")[1].split("\n", 1)
    file = tmp_path / "smaller.txt"
    file.write_text(smaller[1], encoding="utf-8")
    again = CliRunner().invoke(app, ["simulate", "--schedule", str(file)])
    assert again.exit_code == 1
    assert smaller[0] in again.output


def test_a_schedule_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.txt"
    file.write_text("seed 1\nat 5 crash\n", encoding="utf-8")
    outcome = CliRunner().invoke(app, ["simulate", "--schedule", str(file)])
    assert outcome.exit_code == 2
    assert "bad.txt, line 2: expected a fault" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
