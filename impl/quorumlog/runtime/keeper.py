"""Makes and writes snapshots beside everything else, and drops the entries that they stand for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from quorumlog.runtime.begun import Begun
from quorumlog.runtime.config import Place
from quorumlog.runtime.errors import UnusableStore
from quorumlog.runtime.hosting import AnyHosted
from quorumlog.runtime.keeping import Encoded
from quorumlog.runtime.server import Server
from quorumlog.runtime.storage import Snapshot, Storage

AnyServer = Server[Any, Any, Any, Any, Any]

WORTH: Final = 20
"""Bytes of a snapshot that an entry is worth: to encode them takes a twentieth of the time that the entry took."""


class NoSnapshot(Exception):
    """The state has no encoding."""


class Keeper:
    """Keeps the snapshots of one server. `said` takes lines for people; `failed` hears of a disk that has failed."""

    def __init__(
        self,
        storage: Storage,
        loop: asyncio.AbstractEventLoop,
        server: AnyServer,
        said: Callable[[str], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._storage = storage
        self._loop = loop
        self._server = server
        self._said = said
        self._failed = failed
        self._saving: asyncio.Future[tuple[int, int]] | None = None
        self._next = 0
        """The index from which on a snapshot is worth what it costs."""
        server.behind.dropped = storage.recovered.start

    def keep(self, index: int, term: int, encoded: Encoded | None) -> None:
        """Write a snapshot; what has no encoding is left out.

        So is one that comes while another is written, or too few entries after one that was large. Where an application
        has no snapshots, entries leave the memory all the same: they are decided, and on the disk, which keeps them.
        """
        if encoded is None:
            self._server.lighten(index - 1, self._storage.between)
            return
        if index < self._next or (self._saving is not None and not self._saving.done()):
            return
        below = self._server.behind.below(index)
        self._saving = self._loop.run_in_executor(None, self._save, index, term, encoded, below)
        self._saving.add_done_callback(lambda saved: self._kept(saved, index))

    def _save(self, index: int, term: int, encoded: Encoded, below: int) -> tuple[int, int]:
        """In a thread: make it, write it, drop what is below, in pieces; answers its size and what is dropped now."""
        try:
            state = encoded()
        except (OverflowError, TypeError, ValueError) as error:
            raise NoSnapshot(f"there is no snapshot of index {index}: {error}") from error
        self._storage.save_snapshot(index, term, state)
        return len(state), self._storage.compact(below)

    def _kept(self, saved: asyncio.Future[tuple[int, int]], index: int) -> None:
        error = None if saved.cancelled() else saved.exception()
        if isinstance(error, NoSnapshot):
            self._said(f"{self._server.identity}: {error}")
        elif isinstance(error, Exception):
            self._failed(error)
        elif not saved.cancelled():
            size, self._server.behind.dropped = saved.result()
            self._next = index + size // WORTH
            self._server.lighten(index - 1, self._storage.between)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._saving is not None:
            await asyncio.wait([self._saving])


def begun(snapshot: Snapshot | None, hosted: AnyHosted, place: Place) -> Begun[Any, Any] | None:
    """What a server begins with. Raises `UnusableStore` if a snapshot is of something else."""
    if snapshot is None or hosted.keeping is None:
        return None
    try:
        gate, queue = hosted.keeping.decoded(snapshot.state)
    except ValueError as error:
        raise UnusableStore(str(place.folder), f"the snapshot of index {snapshot.index}: {error}") from error
    return Begun(snapshot.index, gate, queue)
