"""What writes to the disk: here if the disk is quick, else in a thread; it tells, tidies, ends at the first failure."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from quorumlog.core.consensus.effects import BLANK, Store
from quorumlog.runtime import worker
from quorumlog.runtime.worker import QUICK, DiskWriter

A_WRITE = [Store(BLANK, 0)]


class Recorded:
    """A storage that notes what is done with it and where, takes so long for a write, and fails at one."""

    def __init__(self, takes: float) -> None:
        self.done: list[str] = []
        self.threads: list[str] = []
        self.takes = takes
        self.fails_at = 3
        self.now = 0.0
        """What time it is for whoever looks how long a write takes."""

    def write_sync(self, stores: Sequence[Store]) -> None:
        """Note it, or fail."""
        self.done.append(f"write {len(stores)}")
        self.threads.append(threading.current_thread().name)
        self.now += self.takes
        if self.done.count("write 1") == self.fails_at:
            raise OSError("the disk has failed")

    def is_untidy(self, *, idle: bool = False) -> bool:
        """It always is."""
        return True

    def tidy(self, *, idle: bool = False) -> bool:
        """Note it."""
        assert threading.current_thread().name == "disk", "the loop has something else to do"
        self.done.append("tidy, idle" if idle else "tidy")
        return False

    def close(self) -> None:
        """Note it."""
        self.done.append("close")


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A storage by whose time writes are measured: no other load can make it slow."""
    storage = Recorded(0.0)
    monkeypatch.setattr(worker, "perf_counter", lambda: storage.now)
    return storage


async def three_writes(storage: Recorded) -> list[Exception]:
    """Write, write, wait until that was tidied, write, and close."""
    failures: list[Exception] = []
    disk = DiskWriter(storage, BLANK, asyncio.get_running_loop(), failures.append)
    assert disk.read() == BLANK
    told = asyncio.Event()
    for count in (1, 2):
        told.clear()
        disk.write(A_WRITE, told.set)
        await asyncio.wait_for(told.wait(), 10)
        while storage.done.count("tidy") < count:
            await asyncio.sleep(0.01)
    while "tidy, idle" not in storage.done:
        await asyncio.sleep(0.01)
    told.clear()
    disk.write(A_WRITE, told.set)
    assert not failures, "a step that is being taken hears of no failure"
    while not failures:
        await asyncio.sleep(0.01)
    assert not told.is_set(), "nobody is told of a write that has failed"
    disk.write(A_WRITE, told.set)
    await asyncio.sleep(0.01)
    assert not told.is_set(), "nothing is written after it"
    disk.close()
    return failures


@pytest.mark.parametrize("takes", [0.0, 2 * QUICK], ids=["quick", "slow"])
def test_a_write_is_told_of_and_tidied_after_and_idle_is_a_while_without_writes(timed: Recorded, takes: float) -> None:
    timed.takes = takes
    failures = asyncio.run(asyncio.wait_for(three_writes(timed), 30))
    assert [each for each in timed.done if each != "tidy, idle"] == ["write 1", "tidy"] * 2 + ["write 1", "close"]
    assert timed.done[-3:] == ["tidy, idle", "write 1", "close"]
    assert [str(each) for each in failures] == ["the disk has failed"]


@pytest.mark.parametrize("takes", [0.0, 2 * QUICK], ids=["quick", "slow"])
def test_what_led_to_a_write_is_handed_over_before_it(timed: Recorded, takes: float) -> None:
    """Else a disk could hold what no recording tells of, after a process was killed."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        disk = DiskWriter(timed, BLANK, loop, lambda _: None, lambda: timed.done.append("lines"))
        told = asyncio.Event()
        for _ in range(2):
            told.clear()
            disk.write(A_WRITE, told.set)
            await asyncio.wait_for(told.wait(), 10)
        disk.close()

    timed.fails_at, timed.takes = 0, takes
    asyncio.run(asyncio.wait_for(story(), 30))
    assert [each for each in timed.done if not each.startswith("tidy")] == ["lines", "write 1"] * 2 + ["close"]


def test_a_slow_disk_is_written_to_in_the_thread_and_one_that_is_quick_again_is_not(timed: Recorded) -> None:
    async def story() -> None:
        disk = DiskWriter(timed, BLANK, asyncio.get_running_loop(), lambda _: None)
        told = asyncio.Event()
        for takes in (2 * QUICK, 0.0, 0.0):
            told.clear()
            timed.takes = takes
            disk.write(A_WRITE, told.set)
            await asyncio.wait_for(told.wait(), 10)
        disk.close()

    timed.fails_at = 0
    asyncio.run(asyncio.wait_for(story(), 30))
    here = threading.main_thread().name
    assert timed.threads == [here, "disk", here]
