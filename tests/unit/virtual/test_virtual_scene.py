"""When faults happen in a run in virtual time, and when clients work."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from tests.unit.virtual.processes import Two

from quorumlog.demo.faults import LASTS, Fault
from quorumlog.virtual.scene import AFTER, BEFORE, HASTE, LONGER, QUIET, Hours, schedule

GROUPS = ("a", "b", "c")
FAULTS = (Fault(10, 12, "kill", "a", "leader"), Fault(20, 25, "pause", "b", "other"))


def test_faults_last_longer_than_in_the_demo_and_it_is_quiet_between_them() -> None:
    gaps: list[float] = []
    for seed in range(30):
        faults = schedule(seed, GROUPS, 300)
        assert faults[0].kind == "kill"
        assert faults[-1].ends + AFTER <= 300
        for each in faults:
            least, most = LASTS[each.kind]
            assert LONGER * least - 0.001 <= each.ends - each.begins <= LONGER * most + 0.001
        gaps += [later.begins - earlier.ends for earlier, later in pairwise(faults)]
    assert QUIET[0] - 0.001 <= min(gaps) <= max(gaps) <= QUIET[1] + 0.001
    assert 0.3 < sum(each < 15 for each in gaps) / len(gaps) < 0.8


def test_the_same_seed_gives_the_same_faults_and_another_one_others() -> None:
    assert schedule(1, GROUPS, 300) == schedule(1, GROUPS, 300) != schedule(2, GROUPS, 300)


def test_whoever_would_work_in_a_quiet_time_waits_for_the_next_fault() -> None:
    hours = Hours(FAULTS, 100)
    assert hours.wait(0, 1) == 10 - BEFORE + HASTE
    assert hours.wait(0, 40) == 10 - BEFORE + 40 * HASTE
    assert hours.wait(10, 1) == 1
    assert hours.wait(12, 1) == 1
    assert hours.wait(12, 1.5) == 20 - BEFORE - 12 + 1.5 * HASTE
    assert hours.wait(26, 1) == 100 - AFTER - 26 + HASTE
    assert hours.wait(100, 7) == 7


def test_hours_are_counted_from_the_start() -> None:
    two, hours = Two(), Hours(FAULTS, 100)

    async def main() -> list[float]:
        loop, woken = asyncio.get_running_loop(), list[float]()
        await asyncio.sleep(50)
        hours.begun = 50
        for _ in range(3):
            await hours.rests(2)
            woken.append(loop.time() - 50)
        return woken

    assert two.run(main()) == pytest.approx([9.99, 11.99, 19.99])
