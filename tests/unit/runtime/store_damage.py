"""What a store must make of files that are torn, damaged, or something else; as the checks beside it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import apsw
import msgspec
from tests.unit.runtime.store_bench import LOG, WAL, Bench, entries, refused, story
from tests.unit.runtime.store_trial import OWNER, Opens, Plain

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.database import LONGEST, PAGE, SALT, State, record_of
from quorumlog.runtime.faulty_disk import FaultyDisk
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.storage import UnusableStore

TABLE_LEAF: Final = 13
"""What a page of SQLite's begins with that holds rows."""


def a_torn_tail_is_cut_and_reported(stores: Opens) -> None:
    """Wherever the last write ends, at whatever byte."""
    for votes in (False, True):
        bench = Bench(stores)
        story(bench)
        if votes:
            bench.write((), term=6)
        what_is_torn_is_cut(bench)


def what_is_torn_is_cut(bench: Bench) -> None:
    """As above, of one more write."""
    before = len(bench.media.files[WAL])
    bench.write(entries(371, 400, 6), term=6)
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
                except UnusableStore:
                    continue
                known = bench.known()
                torn = known == bench.states[-2] and bench.store.recovered.cut
                assert known == bench.states[-1] or (name == WAL and torn), f"{name}, byte {place}"
                assert bench.store.entries(1, len(known.log)) == known.log


def a_free_page_that_is_in_use_is_damage(stores: Opens) -> None:
    """Nothing is wrong with the entries yet; the next write would be written over them."""
    bench = Bench(stores)
    bench.write(entries(1, 999))
    bench.write(entries(1, 1, 2), kept=0, term=2)
    bench.write(entries(2, 500, 2), term=2)
    files = bench.closed()
    file = bytearray(files[LOG])
    assert int.from_bytes(file[32:36], "big"), "there are free pages"
    file[32:36] = (3).to_bytes(4, "big")
    with refused(LOG, "damaged"):
        bench.restart(**{**files, LOG: bytes(file)})


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
        ("DELETE FROM state", "a record of term and vote"),
        ("UPDATE batch SET record = 'x' WHERE first = 10", "a record of term and vote"),
        ("UPDATE batch SET record = x'00' WHERE first = 10", "a record of term and vote"),
    ):
        bench = Bench(stores)
        for index in range(1, 12, 3):
            bench.write(entries(index, index + 2))
        change(bench, statement)
        with refused(LOG, says):
            bench.open()


def a_page_that_was_never_written_is_missed(stores: Opens) -> None:
    """A disk says that it has written the entries of the last batches, and has not, when all is in the database."""
    for ends in (Bench.closed, Bench.kept):
        bench = Bench(stores)
        for index in range(1, 8):
            bench.write(entries(index, index))
        before = bench.closed()[LOG]
        bench.restart()
        for index in range(8, 12):
            bench.write(entries(index, index))
        bench.restart(**ends(bench))  # the write-ahead log is empty now
        after = bench.kept()[LOG]
        leaf = max(page for page in range(PAGE, len(before), PAGE) if before[page] == TABLE_LEAF)
        assert before[leaf : leaf + PAGE] != after[leaf : leaf + PAGE]
        lost = after[:leaf] + before[leaf : leaf + PAGE] + after[leaf + PAGE :]
        with refused(LOG, "the log ends at index 7, expected 11"):
            bench.restart(**{LOG: lost})


def a_record_before_large_entries_is_found(stores: Opens) -> None:
    """It stands in one piece even where the row goes on on other pages, and names are as long as may be."""
    name = "a" * LONGEST
    bench = Bench(stores)
    bench.restart()
    for index in range(1, 8):
        log = tuple(Entry(1, "x" * 20_000) for _ in range(index))
        bench.store.write_sync([Store(Durable(1, name, log), index - 1)])
    files = bench.kept()
    for place in (40, 5_000, 60_000):
        file = bytearray(files[WAL])
        file[place] ^= 255
        with refused(WAL, "damaged in the middle", "index 7"):
            bench.restart(**{**files, WAL: bytes(file)})
    bench.restart(**files)
    with refused(LOG, "expected a name of at most 128 bytes"):
        bench.open(name + "a")


class Raw(Plain):
    """Entries whose events are bytes."""

    def entries(self, block: bytes) -> tuple[Entry, ...]:
        """The entries of a block."""
        return tuple(Entry(*each) for each in msgspec.msgpack.decode(block, type=list[tuple[int, bytes]]))


def what_clients_write_is_no_record(stores: Opens) -> None:
    """Somebody who knows how records look writes one that would be far ahead."""
    disk = FaultyDisk(MemoryMedia())
    store = stores.open("", Raw(), owner=OWNER, files=disk)
    forged = Entry(1, record_of(State(OWNER, bytes(SALT), 10**9, 10**9, None, 0, 10**9)))
    store.write_sync([Store(Durable(1, None, (forged,)), 0)])
    disk.crash()
    again = stores.open("", Raw(), owner=OWNER, files=disk)
    assert tuple(again.recovered.durable.log) == (forged,)


def what_is_something_else_is_refused(stores: Opens) -> None:
    """Other files, other owners, other versions, and a folder that somebody uses."""
    for statement, says in (
        ("PRAGMA user_version = 1", "expected format 2, found format 1"),
        ("PRAGMA user_version = 7", "expected format 2, found format 7"),
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
    batches_that_are_missing_are_named,
    what_is_something_else_is_refused,
    a_torn_tail_is_cut_and_reported,
    a_damaged_middle_is_refused,
    a_free_page_that_is_in_use_is_damage,
    a_page_that_was_never_written_is_missed,
    a_record_before_large_entries_is_found,
    what_clients_write_is_no_record,
    no_damage_goes_unnoticed,
)
