"""The thread of the disk: it tells when a write is over, tidies when nobody writes, and ends at the first failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from quorumlog.core.consensus.effects import BLANK, Store
from quorumlog.runtime.worker import DiskThread


class Recorded:
    """A storage that notes what is done with it, and fails at the third write."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def write_sync(self, stores: Sequence[Store]) -> None:
        """Note it, or fail."""
        self.done.append(f"write {len(stores)}")
        if self.done.count("write 1") == 3:
            raise OSError("the disk has failed")

    def tidy(self, *, idle: bool = False) -> bool:
        """Note it."""
        self.done.append("tidy, idle" if idle else "tidy")
        return False

    def close(self) -> None:
        """Note it."""
        self.done.append("close")


def test_a_write_is_told_of_and_tidied_after_and_idle_is_a_while_without_writes() -> None:
    async def story() -> tuple[list[str], list[Exception]]:
        storage, failures = Recorded(), list[Exception]()
        loop = asyncio.get_running_loop()
        disk = DiskThread(storage, BLANK, loop, failures.append)
        assert disk.read() == BLANK
        told = asyncio.Event()
        for _ in range(2):
            told.clear()
            disk.write([Store(BLANK, 0)], told.set)
            await asyncio.wait_for(told.wait(), 10)
        while "tidy, idle" not in storage.done:
            await asyncio.sleep(0.01)
        told.clear()
        disk.write([Store(BLANK, 0)], told.set)
        while not failures:
            await asyncio.sleep(0.01)
        assert not told.is_set(), "nobody is told of a write that has failed"
        disk.close()
        return storage.done, failures

    done, failures = asyncio.run(asyncio.wait_for(story(), 30))
    assert [each for each in done if each != "tidy, idle"] == ["write 1", "tidy", "write 1", "tidy", "write 1", "close"]
    assert done[-3:] == ["tidy, idle", "write 1", "close"]
    assert [str(each) for each in failures] == ["the disk has failed"]
