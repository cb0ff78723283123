"""What a node keeps on its disk: term, vote and log, and snapshots of the state.

`write_sync` writes all that waits at once: one transaction of SQLite and one sync, in a thread beside the loop, while
the inputs of the node wait (Spec: Replication!Sync). When it returns, all of it survives a crash; when it raises,
nobody knows, so the node stops, and learns at its next start what the disk holds. No write is ever tried again.

Entries before the newest snapshot stay on the disk, where followers that are far behind and read models ask for them,
until `compact` drops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final, Protocol, TypeVar

import apsw
from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.persistent.strand import Strand
from quorumlog.records import gathered
from quorumlog.runtime import batches, snapshots
from quorumlog.runtime.batches import Batch, Damage
from quorumlog.runtime.database import FILE, WAL, Found, State, opened, settle, usable
from quorumlog.runtime.errors import Compacted, DiskFailed, DiskFull, UnusableStore, failures
from quorumlog.runtime.files import Files, SystemFiles
from quorumlog.runtime.snapshots import Snapshot

__all__ = [
    "Blocks",
    "Compacted",
    "DiskFailed",
    "DiskFull",
    "Recovered",
    "Snapshot",
    "Storage",
    "UnusableStore",
]

LARGEST: Final = 1 << 28
"""Bytes of a block; SQLite takes rows of up to a thousand million."""
IDLE_FRAMES: Final = 64
"""From so many pages in the write-ahead log on (256 KiB) it is brought into the database when nobody writes."""
MOST_FRAMES: Final = 1024
"""From so many on (4 MiB) it is done although something waits: the log would grow, and the pause with it."""

SETTLED: Final = 2.5
"""Seconds after which the next change of a folder bears another time than the last one, in any file system."""

Result = TypeVar("Result")


class Blocks(Protocol):
    """Entries as bytes, the same bytes as peers are sent: `wire.Codec`."""

    def block(self, after: int, entries: Sequence[Entry], /) -> bytes:
        """The entries that follow the first `after` ones."""

    def entries(self, block: bytes, /) -> tuple[Entry, ...]:
        """The entries of a block. Raises an exception if it is none."""


class Recovered(Struct, frozen=True):
    """What a disk holds when a node starts."""

    durable: Durable
    """Term, vote, and the log: in memory from the entry of the snapshot on, and read from the disk before that."""
    snapshot: Snapshot | None
    """The newest that is whole."""
    start: int
    """Entries up to this index have been dropped."""
    cut: tuple[str, ...]
    """What was torn or damaged and could be left out, a line each."""


class Storage:
    """The disk of one node. All methods block; each may be called from any thread."""

    def __init__(self, files: Files, codec: Blocks, found: Found) -> None:
        self._files = files
        self._path = files.path(FILE)
        self._codec = codec
        self._connection = found.connection
        self._state = found.state
        self._frames = 0
        self._failed: DiskFailed | None = None
        self._lock = Lock()
        """Held by whoever uses the database."""
        self._saving = Lock()
        """Held by whoever writes a snapshot."""
        self._snapshots: list[int] = []
        self._remembered: tuple[Batch, tuple[Entry, ...]] | None = None
        self.recovered = self._recover(found.cut)
        self._identities = self._identity()
        self._changes: object = None
        self._settles = 0.0
        """From when on the next change of the folder bears another time."""
        self._is_settled = False
        """Whether the files were asked for since then: while the folder looks as it did, nothing has changed."""
        self._connection.set_wal_hook(self._count)

    @classmethod
    def open(cls, folder: Path | str, codec: Blocks, *, owner: str, files: Files | None = None) -> Storage:
        """Open the store in a folder, or make one for `owner`, a name that is written into it.

        Raises `UnusableStore` for what cannot be used: a damaged log, a file of something else, of another owner or
        of another version, a folder in use. Raises `DiskFailed` if the disk fails.
        """
        try:
            place = files if files is not None else SystemFiles(folder)
        except OSError as error:
            raise UnusableStore(str(folder), f"expected a folder, or a place for one: {error.strerror}") from error
        found = opened(place, owner)
        try:
            with failures(place.path(FILE)), usable(place):
                return cls(place, codec, found)
        except Damage as damage:
            found.connection.close()
            raise UnusableStore(place.path(FILE), f"damaged: {damage}") from damage
        except BaseException:
            found.connection.close()
            raise

    def write_sync(self, stores: Sequence[Store]) -> None:
        """Make all of this durable, with one sync, and return when it is. What changes nothing costs nothing.

        Raises `DiskFailed` if that fails, and ever after.
        """
        store = gathered(stores)
        new = tuple(store.durable.log[store.kept :])
        added = self._batches(store.kept, new)
        with self._lock:
            self._check()
            before = self._state
            if not max([before.start, *self._snapshots]) <= store.kept <= before.last:
                raise ValueError(
                    f"{store.kept} entries cannot be kept of {before.last}, for those are decided or missing"
                )
            last = store.kept + len(new)
            after = replace(before, term=store.durable.term, voted_for=store.durable.voted_for, last=last)
            if after == before and not added:
                return  # everything before has been synced
            after = replace(after, writes=before.writes + 1)
            truncated = store.kept < before.last
            self._attempt(f"write {after.writes}, to index {last}", lambda: self._write(after, added, truncated))
            self._state = after
            if truncated:
                self._remembered = None

    def is_untidy(self, *, idle: bool = False) -> bool:
        """Whether it is time to tidy."""
        return self._frames >= (IDLE_FRAMES if idle else MOST_FRAMES)

    def tidy(self, *, idle: bool = False) -> bool:
        """Bring the write-ahead log into the database if it is time; whether it was.

        To be called when the last write has been told of: the pause grows with the number of pages, and falls where
        nobody waits for it, or is short. Raises `DiskFailed`.
        """
        if not self.is_untidy(idle=idle):
            return False
        with self._lock:
            self._check()
            self._attempt("a checkpoint", lambda: self._connection.wal_checkpoint())
            self._frames = 0
        return True

    def entries(self, first: int, last: int) -> tuple[Entry, ...]:
        """The durable entries from `first` to `last`, both included.

        Raises `Compacted` if some have been dropped, `ValueError` if some are not there yet, and `DiskFailed` if they
        cannot be read.
        """
        with self._lock:
            self._check()
            if last > self._state.last or first < 1:
                raise ValueError(f"entries {first} to {last} of {self._state.last}")
            if first > last:
                return ()
            if first <= self._state.start:
                raise Compacted(self._state.start)
            return self._attempt(f"reading entries {first} to {last}", lambda: self._read(first, last))

    def between(self, start: int, end: int) -> tuple[Entry, ...]:
        """The entries from one place up to another, counted from 0: how a `Strand` reads."""
        return self.entries(start + 1, end)

    def save_snapshot(self, index: int, term: int, state: bytes) -> None:
        """Keep the state after the entry at `index`, which is decided and durable here. Writes go on meanwhile.

        An older one than there is already is passed over. Raises `DiskFailed`, which is final.
        """
        with self._saving:
            with self._lock:
                self._check()
                if index > self._state.last:
                    raise ValueError(f"a snapshot at {index}, and the log ends at {self._state.last}")
                if index <= max(self._snapshots, default=0):
                    return
            self._attempt(f"the snapshot at {index}", lambda: self._save(Snapshot(index, term, state)))

    def compact(self, below: int) -> int:
        """Drop whole batches of entries below an index, as far as snapshots stand for them; answers up to which index.

        Two snapshots are kept, and the entries from that of the older one on, so that it can serve in place of a newer
        one that is damaged; so nothing is dropped before there are two. Batches go in pieces, so that writes come
        between. Raises `DiskFailed`.
        """
        with self._saving:
            if len(self._snapshots) < snapshots.KEPT:
                return self._state.start
            upto = min(below, min(self._snapshots, default=0)) - 1
            while self._drop_piece(upto):
                pass
        return self._state.start

    def close(self) -> None:
        """Leave the folder to others. Nothing is lost without it: it only saves time at the next start."""
        with self._saving, self._lock:
            try:
                if self._failed is None:
                    self._attempt("the last checkpoint", self._checkpoint)
            finally:
                self._failed = self._failed or DiskFailed("the store has been closed")
                self._connection.close()

    # -- what a failure means --------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._failed is not None:
            raise type(self._failed)(str(self._failed)) from self._failed

    def _attempt(self, what: str, deed: Callable[[], Result]) -> Result:
        """Do something with the disk once. If it fails, everything later fails with it."""
        try:
            with failures(f"{self._path}: {what}"):
                return deed()
        except Damage as damage:
            self._failed = DiskFailed(f"{self._path}: {what}: {damage}")
            raise self._failed from damage
        except BaseException as error:
            self._failed = error if isinstance(error, DiskFailed) else DiskFailed(f"{what}: {error!r}")
            raise

    # -- parts -----------------------------------------------------------------------------------------------

    def _batches(self, after: int, new: tuple[Entry, ...]) -> list[Batch]:
        """Entries as blocks: one, unless it is so long that a row might not take it."""
        if not new:
            return []
        block = self._codec.block(after, new)
        if len(block) <= LARGEST or len(new) == 1:
            return [Batch(after + 1, len(new), block)]
        half = len(new) // 2
        return [*self._batches(after, new[:half]), *self._batches(after + half, new[half:])]

    def _write(self, after: State, added: Sequence[Batch], truncated: bool) -> None:
        """Write, and look whether it was written where the next start will look: files that are removed, or whose
        folder is moved, can be written as before by whoever has opened them, and nobody finds that again."""
        batches.write(self._connection, after, added, truncated)
        if not self._is_there():
            raise DiskFailed(f"{self._path}: the store is no longer there, and what is written now would not be found")

    def _checkpoint(self) -> None:
        settle(self._connection, self._state)
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _is_there(self) -> bool:
        """Whether the database is found where it was when the store was opened.

        The folder is asked first, and not the files: where one has asked a file for its times, Linux (6.13) gives it
        the time of the next write to the nanosecond, and that write takes 60 us longer.
        """
        now, changes = monotonic(), self._files.changes()
        if changes == self._changes and self._is_settled:
            return True
        if changes != self._changes:
            self._changes, self._settles = changes, now + SETTLED
        self._is_settled = now >= self._settles
        return self._identity() == self._identities

    def _identity(self) -> tuple[object, object]:
        """Which files the database is, and what was written lately."""
        return self._files.identity(FILE), self._files.identity(WAL)

    def _count(self, _: apsw.Connection, __: str, frames: int) -> int:
        self._frames = frames
        return apsw.SQLITE_OK

    def _decoded(self, batch: Batch) -> tuple[Entry, ...]:
        try:
            entries = self._codec.entries(batch.block)
        except Exception as error:  # types are the application's, and so is what reading them raises
            raise Damage(f"the batch of indexes {batch.first} to {batch.last} cannot be decoded: {error}") from error
        if len(entries) != batch.size:
            raise Damage(f"the batch at index {batch.first} has {len(entries)} entries, expected {batch.size}")
        return entries

    def _read(self, first: int, last: int) -> tuple[Entry, ...]:
        known: list[Entry] = []
        for batch in batches.read(self._connection, first, last):
            if self._remembered is None or self._remembered[0].first != batch.first:
                self._remembered = (batch, self._decoded(batch))
            place(known, first, batch.first, self._remembered[1])
        del known[last + 1 - first :]
        if len(known) != last + 1 - first:
            raise Damage(f"entries {first} to {last} are not there")
        return tuple(known)

    def _save(self, snapshot: Snapshot) -> None:
        snapshots.save(self._files, snapshot)
        self._snapshots = snapshots.prune(self._files, [snapshot.index, *self._snapshots])

    def _drop_piece(self, upto: int) -> bool:
        with self._lock:
            self._check()
            begins = self._attempt("looking for old batches", lambda: batches.droppable(self._connection, upto))
            if begins is None:
                return False
            after = replace(self._state, writes=self._state.writes + 1, start=begins - 1)
            self._attempt(f"dropping what is below {begins}", lambda: batches.drop(self._connection, after))
            self._state = after
            self._remembered = None
        return True

    def _recover(self, cut: tuple[str, ...]) -> Recovered:
        state = self._state
        snapshot, damaged = self._newest_snapshot()
        base = snapshot.index - 1 if snapshot is not None else 0
        entries: list[Entry] = []
        for batch in batches.examined(self._connection, state, base):
            place(entries, base + 1, batch.first, self._decoded(batch))
        del entries[state.last - base :]
        if snapshot is not None and entries[0].term != snapshot.term:
            raise Damage(f"the entry at index {base + 1} has another term than the snapshot that was taken after it")
        log = Strand.behind(base, self.between, entries)
        return Recovered(Durable(state.term, state.voted_for, log), snapshot, state.start, (*cut, *damaged))

    def _newest_snapshot(self) -> tuple[Snapshot | None, tuple[str, ...]]:
        """The newest snapshot that is whole, and a line for each newer one."""
        state = self._state
        damaged: list[str] = []
        usable = [index for index in snapshots.indexes(self._files) if index > state.start]
        for position, index in enumerate(usable):
            snapshot = snapshots.load(self._files, index)
            if snapshot is None:
                damaged.append(f"{self._files.path(snapshots.name_of(index))}: damaged, and left out")
            elif index > state.last:
                raise Damage(f"the log ends at index {state.last}, and there is a snapshot of index {index}")
            else:
                self._snapshots = usable[position:]
                return snapshot, tuple(damaged)
        if state.start:
            raise Damage(f"entries up to {state.start} are dropped, expected a snapshot that stands for them")
        return None, tuple(damaged)


def place(known: list[Entry], begins: int, first: int, entries: tuple[Entry, ...]) -> None:
    """Put entries that begin at index `first` where they belong in a list that begins at `begins`: the later count."""
    del known[max(first - begins, 0) :]
    known += entries[max(begins - first, 0) :]
