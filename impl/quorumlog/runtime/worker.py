"""The thread in which a process writes to its disk: the port `Disk` over a storage that blocks."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Protocol, TypeAlias

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.ports import Disk

IDLE: Final = 0.05
"""Seconds without a write after which what was put off is done. A moment without one means nothing: the next write
comes when the loop has heard of the last one."""


class Storage(Protocol):
    """A disk that blocks, as `runtime.storage.Storage` is one."""

    def write_sync(self, stores: Sequence[Store]) -> None:
        """Write, and come back when it would survive a crash; a failure is final."""

    def tidy(self, *, idle: bool = False) -> bool:
        """Do what can be put off, if it is time for it."""

    def close(self) -> None:
        """Leave it to others."""


class Writer(Disk, Protocol):
    """The port `Disk`, until the process ends."""

    def close(self) -> None:
        """Write what waits, and leave the storage to others."""


MakesWriter: TypeAlias = Callable[
    [Storage, Durable, AbstractEventLoop, Callable[[Exception], None], Callable[[], None] | None], Writer
]
"""Whatever makes a writer, as `DiskThread` does."""
Task: TypeAlias = tuple[Sequence[Store], Callable[[], None]]


class DiskThread:
    """Writes in a thread, and calls back in the loop. `failed` is called, once, with what went wrong.

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
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    def read(self) -> Durable:
        """What was there when the process started."""
        return self._durable

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        """Hand it to the thread."""
        if self._first is not None:
            self._first()
        self._tasks.put((stores, then))

    def close(self) -> None:
        """Write what waits, and leave the storage to others."""
        self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (task := self._next()) is not None:
                stores, then = task
                self._storage.write_sync(stores)
                self._loop.call_soon_threadsafe(then)
                self._storage.tidy()
        except Exception as error:  # whatever it was: nobody knows what the disk holds, so the process has to end
            self._loop.call_soon_threadsafe(self._failed, error)
        finally:
            self._storage.close()

    def _next(self) -> Task | None:
        try:
            return self._tasks.get(timeout=IDLE)
        except Empty:
            self._storage.tidy(idle=True)
            return self._tasks.get()
