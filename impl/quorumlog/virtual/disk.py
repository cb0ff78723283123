"""The disk of one process in virtual time: the storage of the runtime, files that forget what was not synced, a clock.

A write takes a time that is drawn for it. Somewhere in it the storage writes and syncs; a process that is killed before
that has written nothing, or a part, and one that is killed after it has told nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

from msgspec import Struct

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.runtime import worker
from quorumlog.runtime.errors import DiskFailed
from quorumlog.runtime.faulty_disk import Deed, FaultyDisk, Trouble
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.worker import IDLE

PARTLY: Final = 0.5
"""How many of the writes that a crash meets have reached the disk in part."""


class Speed(Struct, frozen=True):
    """Seconds that a write takes, and that some take. Of the others some are over at once, as on a quick disk."""

    quick: float = 0.0
    takes: tuple[float, float] = (0.0002, 0.001)
    slow: float = 0.0
    slower: tuple[float, float] = (0.005, 0.05)

    def drawn(self, dice: Random) -> float:
        """How long the next one takes; nothing if it is done before the step goes on."""
        if dice.random() < self.slow:
            return dice.uniform(*self.slower)
        return 0.0 if dice.random() < self.quick else dice.uniform(*self.takes)


class Machine:
    """What stays of a server when its process ends: files in memory, and whose they are."""

    def __init__(self, folder: Path, dice: Random) -> None:
        self.media = MemoryMedia()
        self.files = FaultyDisk(self.media, folder=str(folder))
        self._folder = folder
        self._dice = dice

    def crash(self, writer: VirtualWriter | None) -> None:
        """The process ends, and what was not synced is lost, or arrives in part."""
        if writer is not None and writer.unwritten and self._dice.random() < PARTLY:
            self.files.plan = no_sync
            with suppress(DiskFailed):
                writer.storage.write_sync(writer.unwritten)
        self.files.plan = nothing_wrong
        self.files.crash(self._dice)
        if writer is not None:
            with suppress(DiskFailed):
                writer.close()  # of what it would write, nothing reaches the disk any more

    def keep(self) -> None:
        """Write the files into a folder, for whoever looks at them afterwards. Nobody may use them any more."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.media.files.items():
            (self._folder / name).write_bytes(data)
        self.files.unregister()


def no_sync(deed: Deed, _: str) -> Trouble | None:
    """The power is lost when something is to be synced."""
    return "power" if deed == "sync" else None


def nothing_wrong(_: Deed, __: str) -> Trouble | None:
    """Nothing goes wrong."""
    return None


class VirtualWriter:
    """The port `Disk` over a storage, in the loop of a process; what `DiskWriter` is in real time."""

    def __init__(
        self,
        storage: worker.Storage,
        durable: Durable,
        loop: asyncio.AbstractEventLoop,
        failed: Callable[[Exception], None],
        first: Callable[[], None] | None,
        dice: Random,
        speed: Speed,
    ) -> None:
        self.storage = storage
        self.unwritten: Sequence[Store] = ()
        """What is being written, as long as nothing of it is on the disk."""
        self.in_next_write: Callable[[], None] | None = None
        """What is to happen while the next write that changes something is under way, before it is on the disk."""
        self._durable = durable
        self._promised = durable.term, durable.voted_for
        self._loop = loop
        self._failed = failed
        self._first = first
        self._dice = dice
        self._speed = speed
        self._idle: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._closed = False

    def read(self) -> Durable:
        """What was there when the process started."""
        return self._durable

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        """Write, and call back when it is durable. There is one write at a time."""
        if self._first is not None:
            self._first()
        takes = self._speed.drawn(self._dice)
        promised, self._promised = self._promised, (stores[-1].durable.term, stores[-1].durable.voted_for)
        changes = promised != self._promised or any(each.kept < len(each.durable.log) for each in stores)
        if changes and self.in_next_write is not None:
            takes = takes or self._speed.takes[1]
            self._loop.call_later(takes / 4, self.in_next_write)
            self.in_next_write = None
        self.unwritten = stores
        if takes:
            self._loop.call_later(takes / 2, self._write, stores, then, takes / 2)
        else:
            self._write(stores, then, 0.0)

    def close(self) -> None:
        """Leave the storage to others."""
        if not self._closed:
            self._closed = True
            self.storage.close()

    def _write(self, stores: Sequence[Store], then: Callable[[], None], rest: float) -> None:
        if self._closed:
            return
        self.unwritten = ()
        try:
            self.storage.write_sync(stores)
        except Exception as error:  # whatever it was: nobody knows what the disk holds, so the process has to end
            self._failed(error)
            return
        if rest:
            self._loop.call_later(rest, self._written, then)
        else:
            self._written(then)

    def _written(self, then: Callable[[], None]) -> None:
        then()
        if self._closed:
            return
        self._attempt(idle=False)
        self._last = self._loop.time()
        if self._idle is None:
            self._idle = self._loop.call_later(IDLE, self._look)

    def _look(self) -> None:
        """Whether nothing was written for a while."""
        rest = self._last + IDLE - self._loop.time()
        self._idle = self._loop.call_later(rest, self._look) if rest > 0.001 else None
        if self._idle is None and not self._closed and not self.unwritten:
            self._attempt(idle=True)

    def _attempt(self, *, idle: bool) -> None:
        try:
            self.storage.tidy(idle=idle)
        except Exception as error:
            self._failed(error)
