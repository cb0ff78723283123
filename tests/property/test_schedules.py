"""Properties of schedules that Hypothesis makes: they run soundly, go through text, and shrink where a bug is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, find, given, settings

from quorumlog.core.consensus import log
from quorumlog.simulation.faults import Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import Run, run, transcript
from quorumlog.simulation.schedule_text import parse, text_of
from quorumlog.simulation.strategies import schedules, shrunk, size

QUICK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@given(schedules(until=400))
@QUICK
def test_any_schedule_runs_soundly(schedule: Schedule) -> None:
    assert run(schedule).finding is None


@given(schedules(servers=5))
@QUICK
def test_any_schedule_goes_through_text(schedule: Schedule) -> None:
    assert parse(text_of(schedule)) == schedule


def fits_anywhere(mine: tuple[object, ...], prev_index: int, prev_term: int) -> bool:
    """The mutant that does not look at the term before a slice."""
    return prev_index <= len(mine)


def first_failure(profile: str) -> Run:
    """The first run of a profile in which something is found."""
    runs = (run(PROFILES[profile](seed, 3)) for seed in range(400))
    return next(done for done in runs if done.finding is not None and len(done.schedule.faults) > 2)


def test_a_failing_schedule_shrinks_and_replays_identically(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "fits", fits_anywhere)
    failed = first_failure("changes")
    smaller = shrunk(failed, run)
    assert failed.finding is not None
    assert smaller.finding is not None
    assert smaller.finding.name == failed.finding.name
    assert size(smaller.schedule) < size(failed.schedule)
    again = parse(text_of(smaller.schedule))
    assert run(again) == smaller
    assert transcript(again) == transcript(smaller.schedule)


def test_hypothesis_finds_a_bug_by_its_own_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A majority off by one falls to a schedule without any fault, which is the smallest there is."""
    monkeypatch.setattr("quorumlog.core.consensus.quorum.majority", lambda members: members // 2)
    how = settings(max_examples=100, database=None, deadline=None, derandomize=True)
    smallest = find(schedules(until=400), lambda schedule: run(schedule).finding is not None, settings=how)
    assert smallest.faults == ()


def test_what_holds_does_not_shrink() -> None:
    done = run(Schedule(seed=1, until=300))
    assert shrunk(done, run) is done
