"""What a store must do, check by check, each on a class that is handed in, so that mutants can be held to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

import apsw
from tests.unit.runtime.store_trial import OWNER, Known, Opens, Plain

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.faulty_disk import Deed, FaultyDisk, Trouble, no_trouble
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.storage import Compacted, DiskFailed, DiskFull, Storage, UnusableStore

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
    try:
        yield
    except UnusableStore as error:
        assert all(each in str(error) for each in says), str(error)
        assert "\n" not in str(error)
    else:
        raise AssertionError(f"not refused: {says}")


@contextmanager
def fails(kind: type[DiskFailed]) -> Iterator[None]:
    """The disk fails."""
    try:
        yield
    except DiskFailed as error:
        assert type(error) is kind, repr(error)
    else:
        raise AssertionError("the disk has not failed")


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


# -- what is written ---------------------------------------------------------------------------------------------


def what_is_written_is_read_again(stores: Opens) -> None:
    """Whole, lazily, and through the log that was recovered."""
    bench = Bench(stores)
    story(bench)
    bench.restart()
    assert bench.known() == bench.states[-1]
    log = bench.states[-1].log
    for first, last in ((1, 370), (15, 20), (17, 17), (369, 370), (62, 68), (5, 4)):
        assert bench.store.entries(first, last) == log[first - 1 : last]
    recovered = bench.store.recovered.durable.log
    assert recovered[16].term == 2
    assert recovered[2:5] == log[2:5]


def one_write_and_one_sync_for_all_that_waits(stores: Opens) -> None:
    """Three stores at once, one of which truncates: what the last one says is there."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    synced = bench.syncs()
    first, second = entries(1, 6), entries(1, 2) + entries(3, 4, 2)
    third = (*second, *entries(5, 9, 2))
    logs = [(first, 5), (second, 2), (third, 4)]
    bench.store.write_sync([Store(Durable(2, "a2", log), kept) for log, kept in logs])
    assert synced == [WAL]
    bench.restart()
    assert bench.known() == Known(2, "a2", third)


def what_changes_nothing_costs_nothing(stores: Opens) -> None:
    """No sync for what is durable, and one for an entry that takes the place of another."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    synced = bench.syncs()
    bench.write(())
    assert synced == []
    bench.write((Entry(1, "another"),), kept=4)
    assert synced
    assert bench.store.entries(5, 5) == (Entry(1, "another"),)
    bench.restart()
    assert bench.known().log[-1] == Entry(1, "another")


def what_was_read_before_is_not_remembered_after_it_is_replaced(stores: Opens) -> None:
    """The last block that was read is kept decoded."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    assert bench.store.entries(1, 5) == entries(1, 5)
    bench.write(entries(1, 6, 2), kept=0, term=2)
    assert bench.store.entries(1, 5) == entries(1, 5, 2)


def checkpoints_lose_nothing_and_keep_the_log_short(stores: Opens) -> None:
    """The write-ahead log does not grow for ever."""
    bench = Bench(stores)
    for index in range(1, 2_000):
        bench.write(entries(index, index))
        bench.store.tidy(idle=False)
    assert len(bench.media.files[WAL]) < 1_100 * 4_120
    assert bench.store.tidy(idle=True) or len(bench.media.files[WAL]) < 64 * 4_120
    bench.restart()
    assert bench.known() == bench.states[-1]


def decided_entries_are_not_replaced(stores: Opens) -> None:
    """What would replace them, or leave a gap, is an error of the caller, and changes nothing."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.store.save_snapshot(3, 1, b"state")
    for kept in (2, 6):
        try:
            bench.store.write_sync([Store(Durable(2, None, entries(1, 9, 2)), kept)])
        except ValueError:
            continue
        raise AssertionError(f"{kept} entries were kept")
    bench.restart()
    assert bench.known() == bench.states[-1]


# -- failures ------------------------------------------------------------------------------------------------------


def a_failed_sync_is_final(stores: Opens) -> None:
    """The disk works again and claims that all is well; the store does not believe it."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.disk.plan = lambda deed, _: "failed" if deed == "sync" else None
    with fails(DiskFailed):
        bench.write(entries(6, 9))
    bench.disk.plan = no_trouble
    for again in (lambda: bench.write(entries(6, 9)), lambda: bench.write((), term=2)):
        with fails(DiskFailed):
            again()
    bench.restart()
    assert bench.known() == bench.states[-1]


def what_a_failed_sync_has_lost_is_durable_once_it_was_told_of(stores: Opens) -> None:
    """The process ends and the machine goes on: its cache shows what is not on the disk."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.disk.plan = lambda deed, _: "failed" if deed == "sync" else None
    with fails(DiskFailed):
        bench.write(entries(6, 9, 2), term=2)
    bench.disk.plan = no_trouble
    bench.disk.kill()
    bench.open()
    told = bench.known()
    bench.restart()
    assert bench.known() == told


def a_full_disk_stops_the_node_and_loses_nothing(stores: Opens) -> None:
    """At any of the writes that a transaction, a checkpoint or a snapshot takes."""
    for deeds in range(1, 12):
        bench = Bench(stores)
        bench.write(entries(1, 5))
        left = [deeds]

        def plan(deed: Deed, _: str, left: list[int] = left) -> Trouble | None:
            left[0] -= deed == "write"
            return "full" if left[0] < 0 else None

        bench.disk.plan = plan
        with fails(DiskFull):
            for index in range(6, 60):
                bench.write(entries(index, index))
                bench.store.tidy(idle=True)
        bench.disk.plan = no_trouble
        bench.restart()
        assert bench.known() == bench.states[-1]


def a_snapshot_that_cannot_be_saved_is_not_there(stores: Opens) -> None:
    """The one before it serves, and the log is whole."""
    for deed in ("write", "sync", "rename"):
        bench = Bench(stores)
        bench.write(entries(1, 9))
        bench.store.save_snapshot(3, 1, b"older")
        bench.disk.plan = lambda done, _, deed=deed: "failed" if done == deed else None  # type: ignore[misc]
        with fails(DiskFailed):
            bench.store.save_snapshot(6, 1, b"newer")
        bench.disk.plan = no_trouble
        bench.restart()
        assert bench.store.recovered.snapshot is not None
        assert bench.store.recovered.snapshot.state == b"older"


# -- snapshots and what is dropped --------------------------------------------------------------------------------


def a_damaged_snapshot_is_left_out(stores: Opens) -> None:
    """Any byte of it: the one before it serves, and that is said."""
    bench = Bench(stores)
    story(bench)
    bench.store.compact(100)
    files = bench.closed()
    newest = "snapshot-0000000000000017"
    for place in range(len(files[newest])):
        file = bytearray(files[newest])
        file[place] ^= 1 << place % 8
        bench.restart(**{**files, newest: bytes(file)})
        recovered = bench.store.recovered
        assert recovered.snapshot is not None
        assert (recovered.snapshot.index, recovered.snapshot.state) == (10, b"x" * 300)
        assert newest in recovered.cut[0]
        assert tuple(recovered.durable.log[9:]) == bench.states[-1].log[9:]
    older = "snapshot-0000000000000010"
    with refused(LOG, "entries up to 9 are dropped"):
        bench.restart(**{**files, newest: b"", older: b""})


def what_is_dropped_is_dropped_for_ever_and_nothing_else(stores: Opens) -> None:
    """Whole batches, as far as the older snapshot."""
    bench = Bench(stores)
    story(bench)
    log = bench.states[-1].log
    assert bench.store.compact(5) == 3, "the batch of index 4 to 6 is needed in part"
    assert bench.store.compact(300) == 9, "the entry of the older snapshot stays"
    assert bench.store.compact(2) == 9
    for _ in range(2):
        assert bench.store.entries(10, 370) == log[9:]
        try:
            bench.store.entries(9, 12)
        except Compacted:
            pass
        else:
            raise AssertionError("a dropped entry was read")
        bench.restart()
        assert bench.store.recovered.start == 9


def without_a_snapshot_nothing_is_dropped(stores: Opens) -> None:
    """Entries are all that there is of the state then."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.write(entries(6, 9))
    assert bench.store.compact(9) == 0
    bench.store.save_snapshot(9, 1, b"state")
    assert bench.store.compact(100) == 5


def a_snapshot_beyond_the_log_is_evidence_of_a_loss(stores: Opens) -> None:
    """Somebody has taken the end of the log away."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    files = bench.closed()
    bench.restart()
    bench.write(entries(6, 9))
    bench.store.save_snapshot(8, 1, b"state")
    with refused(LOG, "ends at index 5", "a snapshot of index 8"):
        bench.restart(**files)


def a_snapshot_of_another_story_is_refused(stores: Opens) -> None:
    """Its term is not that of the entry at its place."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.store.save_snapshot(4, 7, b"state")
    with refused(LOG, "index 4", "another term"):
        bench.restart()


# -- torn and damaged files ---------------------------------------------------------------------------------------


def a_torn_tail_is_cut_and_reported(stores: Opens) -> None:
    """Wherever the last write ends, at whatever byte."""
    bench = Bench(stores)
    story(bench)
    before = len(bench.media.files[WAL])
    bench.write(entries(371, 400, 5), term=5)
    files = bench.kept()
    assert len(files[WAL]) > before
    for end in (*range(before, len(files[WAL]), 61), len(files[WAL])):
        bench.restart(**{**files, WAL: files[WAL][:end]})
        whole = end == len(files[WAL])
        assert bench.known() == bench.states[-1 if whole else -2]
        cut = bench.store.recovered.cut
        assert len(cut) == (0 if whole or end == before else 1), (end, cut)
        assert all(WAL in each and f"{end - before:,} bytes" in each for each in cut)
        bench.restart()
        assert bench.store.recovered.cut == ()


def a_damaged_middle_is_refused(stores: Opens) -> None:
    """SQLite would read on to the damage, and forget the rest without a word."""
    bench = Bench(stores)
    bench.restart()
    for index in range(1, 8):
        bench.write(entries(index, index))
    files = bench.kept()
    for place in range(0, len(files[WAL]) // 2, 97):
        file = bytearray(files[WAL])
        file[place] ^= 255
        with refused(WAL, "damaged in the middle", "index 7"):
            bench.restart(**{**files, WAL: bytes(file)})
        assert bench.kept()[WAL] == file, "evidence stays"


def no_damage_goes_unnoticed(stores: Opens) -> None:
    """Flipped bits and lost sectors, in the database and in its write-ahead log: refused, or nothing is lost by it."""
    for closes in (False, True):
        bench = Bench(stores)
        story(bench)
        files = bench.closed() if closes else bench.kept()
        dice = Random(1)
        for name in (LOG, WAL):
            for place in range(dice.randrange(50), len(files[name]), 151):
                file = bytearray(files[name])
                if place % 10:
                    file[place] ^= 1 << dice.randrange(8)
                else:
                    place -= place % 512
                    file[place : place + 512] = bytes(len(file[place : place + 512]))
                try:
                    bench.restart(**{**files, name: bytes(file)})
                except UnusableStore as error:
                    assert name in str(error) or LOG in str(error)
                    continue
                known = bench.known()
                torn = known == bench.states[-2] and bench.store.recovered.cut
                assert known == bench.states[-1] or (name == WAL and torn), f"{name}, byte {place}"
                assert bench.store.entries(1, len(known.log)) == known.log


def change(bench: Bench, statement: str) -> None:
    """Change the database as no store does."""
    bench.store.close()
    connection = apsw.Connection(bench.disk.path(LOG), vfs=bench.disk.vfs)
    connection.pragma("locking_mode", "exclusive")
    connection.execute(statement)
    connection.close()


def batches_that_are_missing_are_named(stores: Opens) -> None:
    """At the beginning, in the middle, and at the end."""
    for statement, says in (
        ("DELETE FROM batch WHERE first = 1", "batch 1 begins at index 4, expected 1"),
        ("DELETE FROM batch WHERE first = 4", "batch 2 begins at index 7, expected 4"),
        ("DELETE FROM batch WHERE first = 10", "ends at index 9, expected 12"),
        ("UPDATE batch SET first = 13 WHERE first = 10", "begins at index 13, beyond"),
        ("UPDATE batch SET first = 3 WHERE first = 4", "batch 2: the batch of indexes 3 to 5 has a wrong checksum"),
        ("UPDATE batch SET entries = 'x' WHERE first = 4", "batch 2: what stands at index 4 is no batch"),
        ("DELETE FROM state", "the record of term and vote"),
    ):
        bench = Bench(stores)
        for index in range(1, 12, 3):
            bench.write(entries(index, index + 2))
        change(bench, statement)
        with refused(LOG, says):
            bench.open()


def what_is_something_else_is_refused(stores: Opens) -> None:
    """Other files, other owners, other versions, and a folder that somebody uses."""
    for statement, says in (
        ("PRAGMA user_version = 7", "expected format 1, found format 7"),
        ("PRAGMA application_id = 7", "that of another application"),
        ("DROP TABLE batch", "no such table: batch"),
    ):
        bench = Bench(stores)
        change(bench, statement)
        with refused(LOG, says):
            bench.open()
    bench = Bench(stores)
    with refused(LOG, "in use"):
        bench.stores.open("", Plain(), owner=OWNER, files=bench.disk)
    files = bench.closed()
    with refused(LOG, "expected the log of b2, found that of a1"):
        bench.open("b2")
    with refused(LOG, "found another file or a damaged head"):
        bench.restart(**{LOG: b"no database at all" * 400})
    with refused(WAL, "there is no database that it belongs to"):
        bench.restart(**{LOG: b"", WAL: b"something"})
    bench.restart(**files)


CHECKS: Final[tuple[Callable[[Opens], None], ...]] = (
    what_is_written_is_read_again,
    one_write_and_one_sync_for_all_that_waits,
    what_changes_nothing_costs_nothing,
    what_was_read_before_is_not_remembered_after_it_is_replaced,
    decided_entries_are_not_replaced,
    a_failed_sync_is_final,
    what_a_failed_sync_has_lost_is_durable_once_it_was_told_of,
    a_full_disk_stops_the_node_and_loses_nothing,
    a_snapshot_that_cannot_be_saved_is_not_there,
    what_is_dropped_is_dropped_for_ever_and_nothing_else,
    without_a_snapshot_nothing_is_dropped,
    a_snapshot_beyond_the_log_is_evidence_of_a_loss,
    a_snapshot_of_another_story_is_refused,
    batches_that_are_missing_are_named,
    what_is_something_else_is_refused,
    a_torn_tail_is_cut_and_reported,
    a_damaged_middle_is_refused,
    a_damaged_snapshot_is_left_out,
    checkpoints_lose_nothing_and_keep_the_log_short,
    no_damage_goes_unnoticed,
)
