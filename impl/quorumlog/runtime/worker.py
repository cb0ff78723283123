"""How a process writes to its disk: the port `Disk` over a storage that blocks.

While the disk writes, the inputs of a server wait. So a disk that is quick is written to in the loop: handing that to a
thread and back costs more than the wait. One that is not is written to in a thread, and the loop goes on with what does
not wait for it. What can be put off is done in the thread.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Final, Protocol, TypeAlias

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.ports import Disk

IDLE: Final = 0.05
"""Seconds without a write after which what was put off is done. A moment without one means nothing: the next write
comes when the loop has heard of the last one."""
QUICK: Final = 0.002
"""Seconds: a disk is quick that has taken no longer for the last write."""


class Storage(Protocol):
    """A disk that blocks, as `runtime.storage.Storage` is one."""

    def write_sync(self, stores: Sequence[Store]) -> None:
        """Write, and come back when it would survive a crash; a failure is final."""

    def is_untidy(self, *, idle: bool = False) -> bool:
        """Whether it is time for what can be put off."""
        ...

    def tidy(self, *, idle: bool = False) -> bool:
        """Do what can be put off, if it is time for it."""
        ...

    def close(self) -> None:
        """Leave it to others."""


class Writer(Disk, Protocol):
    """The port `Disk`, until the process ends."""

    def close(self) -> None:
        """Write what waits, and leave the storage to others."""


MakesWriter: TypeAlias = Callable[
    [Storage, Durable, AbstractEventLoop, Callable[[Exception], None], Callable[[], None] | None], Writer
]
"""Whatever makes a writer, as `DiskWriter` does."""


class DiskWriter:
    """Writes, and calls back in the loop. `failed` is called, once, with what went wrong.

    `first` is called before each write: a recorder hands over what led to it, so that a disk never knows of more.
    """

    def __init__(
        self,
        storage: Storage,
        durable: Durable,
        loop: AbstractEventLoop,
        failed: Callable[[Exception], None],
        first: Callable[[], None] | None = None,
    ) -> None:
        self._first = first
        self._storage = storage
        self._durable = durable
        self._loop = loop
        self._failed = failed
        self._is_quick = True
        self._has_failed = False
        self._is_closed = False
        self._idle: TimerHandle | None = None
        self._last = 0.0
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    def read(self) -> Durable:
        """What was there when the process started."""
        return self._durable

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        """Write it here, or hand it to the thread. There is one write at a time."""
        if self._first is not None:
            self._first()
        if not self._is_quick:
            self._tasks.put(lambda: self._write(stores, lambda: self._loop.call_soon_threadsafe(self._written, then)))
        elif not self._has_failed:
            try:
                self._write(stores, lambda: None)
            except Exception as error:  # as in the thread, and told of as from there: a step is not over
                self._has_failed = True
                self._loop.call_soon(self._failed, error)
                return
            self._written(then)

    def close(self) -> None:
        """Write what waits, and leave the storage to others."""
        self._is_closed = True
        self._tasks.put(None)
        self._thread.join()

    def _write(self, stores: Sequence[Store], then: Callable[[], object]) -> None:
        begun = perf_counter()
        self._storage.write_sync(stores)
        self._is_quick = perf_counter() - begun < QUICK
        then()

    def _written(self, then: Callable[[], None]) -> None:
        """In the loop: the write is told of first, and what can be put off comes after it."""
        then()
        self._last = self._loop.time()
        if self._idle is None:
            self._idle = self._loop.call_later(IDLE, self._look)
        if self._storage.is_untidy():
            self._tasks.put(self._tidy)

    def _look(self) -> None:
        """Whether nothing was written for a while."""
        rest = self._last + IDLE - self._loop.time()
        self._idle = self._loop.call_later(rest, self._look) if rest > 0 else None
        if self._idle is None and not self._is_closed and self._storage.is_untidy(idle=True):
            self._tasks.put(lambda: self._tidy(idle=True))

    def _tidy(self, *, idle: bool = False) -> None:
        self._storage.tidy(idle=idle)

    def _run(self) -> None:
        try:
            while (task := self._tasks.get()) is not None:
                task()
        except Exception as error:  # whatever it was: nobody knows what the disk holds, so the process has to end
            self._has_failed = True
            self._loop.call_soon_threadsafe(self._failed, error)
        finally:
            self._storage.close()
