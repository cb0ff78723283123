"""A store on a disk in memory, to be written to, damaged and opened again, and what checks of it share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.unit.runtime.store_trial import OWNER, Known, Opens, Plain

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.faulty_disk import Deed, FaultyDisk, Plan, Trouble
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.storage import DiskFailed, Storage, UnusableStore

LOG: Final = "log.sqlite"
WAL: Final = "log.sqlite-wal"


def entries(first: int, last: int, term: int = 1) -> tuple[Entry, ...]:
    """Entries that say at which index they stand."""
    return tuple(Entry(term, f"event {index}") for index in range(first, last + 1))


class Bench:
    """A store on a disk in memory, with a log that is written piece by piece."""

    def __init__(self, stores: Opens) -> None:
        self.stores = stores
        self.media = MemoryMedia()
        self.disk = FaultyDisk(self.media)
        self.states = [Known(0, None, ())]
        self.store = self.open()

    def open(self, owner: str = OWNER) -> Storage:
        """Open the store in the folder."""
        self.store = self.stores.open("", Plain(), owner=owner, files=self.disk)
        return self.store

    def write(self, new: tuple[Entry, ...], kept: int | None = None, term: int = 1) -> None:
        """Append, after some of what is there."""
        log = self.states[-1].log
        kept = len(log) if kept is None else kept
        state = Known(term, OWNER, log[:kept] + new)
        self.store.write_sync([Store(Durable(*state), kept)])
        self.states.append(state)

    def known(self) -> Known:
        """What the store says that it has recovered."""
        durable = self.store.recovered.durable
        return Known(durable.term, durable.voted_for, tuple(durable.log))

    def syncs(self) -> list[str]:
        """From now on, the files that are synced."""
        found: list[str] = []

        def plan(deed: Deed, name: str) -> Trouble | None:
            found.extend([name] if deed == "sync" else [])
            return None

        self.disk.plan = plan
        return found

    def restart(self, **files: bytes) -> Storage:
        """Lose the power, and start again with the files, some of which are others now."""
        self.disk.crash()
        self.media.files.update({name: bytearray(file) for name, file in files.items()})
        return self.open()

    def closed(self) -> dict[str, bytes]:
        """Close the store; what is in the folder then, the empty write-ahead log made durable."""
        self.store.close()
        self.disk.sync(WAL)
        return self.kept()

    def kept(self) -> dict[str, bytes]:
        """What is durable."""
        return {name: bytes(file) for name, file in self.media.files.items()}


@contextmanager
def refused(*says: str) -> Iterator[None]:
    """The store cannot be used, and one line says why."""
    said = ""
    try:
        yield
    except UnusableStore as error:
        said = str(error)
    assert said, f"not refused: {says}"
    assert all(each in said for each in says), said
    assert "\n" not in said


@contextmanager
def fails(kind: type[DiskFailed]) -> Iterator[None]:
    """The disk fails."""
    failed: type[DiskFailed] | None = None
    try:
        yield
    except DiskFailed as error:
        failed = type(error)
    assert failed is kind


def failing(deed: str) -> Plan:
    """Each deed of a kind fails."""
    return lambda done, _: "failed" if done == deed else None


def story(bench: Bench) -> None:
    """A log with a truncated batch in it, snapshots, and batches that are in the write-ahead log only."""
    for index in range(1, 18, 3):
        bench.write(entries(index, index + 2))
    bench.write(entries(17, 60, 2), kept=16, term=2)
    bench.store.save_snapshot(10, 1, b"x" * 300)
    bench.store.save_snapshot(17, 2, b"y" * 300)
    bench.store.tidy(idle=True)
    for index in range(61, 70, 3):
        bench.write(entries(index, index + 2, 3), term=3)
    bench.write(entries(70, 370, 3), term=3)
    bench.write((), term=4)
    bench.write(entries(370, 370, 5), kept=369, term=5)
