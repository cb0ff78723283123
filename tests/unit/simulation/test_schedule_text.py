"""Schedules as text: what is printed is read back, and what is none is told with its line."""

from __future__ import annotations

import pytest

from quorumlog.simulation.faults import Crash, CrashAtWrite, Cut, Schedule, Weather
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.schedule_text import UnusableSchedule, parse, text_of


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_printed_is_read_back(profile: str) -> None:
    for seed in range(60):
        schedule = PROFILES[profile](seed, 3)
        assert parse(text_of(schedule)) == schedule


def test_what_is_not_said_is_as_usual_and_comments_are_left_out() -> None:
    text = "seed 7  # lucky\n\nlose 9 in 100\nat 120 crash b until 170\ncrash a after its write 4, down for 60\n"
    faults = (Crash(120, "b", 170), CrashAtWrite("a", "after", 4, 60))
    assert parse(text) == Schedule(seed=7, weather=Weather(lose=9), faults=faults)
    assert parse("at 300 cut a -> c until 500").faults == (Cut(300, "a", "c", 500),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hail 3", "line 2: expected a fault"),
        ("at 3 crash", "line 2: expected a fault"),
        ("at 3 crash z until 9", "line 2: expected one of the servers a, b, c, found z"),
        ("at 9 crash a until 3", "line 2: expected an end after 9, found 3"),
        ("at 3 cut a -> a until 9", "line 2: expected two servers"),
        ("crash a behind its write 3, down for 3", "line 2: expected before, during, after, found behind"),
        ("lose 3", "line 2: expected 'lose N in 100', found 'lose 3'"),
        ("delay 9 to 3", "line 2: expected 'delay N to M'"),
        ("start Nowhere", "line 2: expected 'start NAME"),
        ("seed 2", "line 2: seed is said twice"),
        ("servers 1", "expected 2 to 9 servers"),
    ],
)
def test_what_is_no_schedule_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(UnusableSchedule, match=r"^schedule") as caught:
        parse(f"seed 1\n{text}\n")
    assert says in str(caught.value)
