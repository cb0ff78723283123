"""The entries of a log in a database, one row a batch: a batch is what one write added, as one block of bytes.

A row says where its batch begins, how many entries it has, and a checksum of these and of the block; it has the record
of what else is durable since (`database.py`). Where two rows hold the same index the later one counts: a log that was
truncated in the middle of a batch leaves the batch as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

import apsw

from quorumlog.runtime.database import State, record_of

PIECE: Final = 256
"""How many batches are dropped in one transaction."""


class Batch(NamedTuple):
    """A block of encoded entries, and the index of the first."""

    first: int
    size: int
    block: bytes

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.first + self.size - 1


class Damage(Exception):
    """The batches are not those that were written."""


def checksum(batch: Batch) -> int:
    """CRC-32 of the block, begun with its place: a block in the wrong place is damage, too."""
    return crc32(batch.block, crc32(f"{batch.first} {batch.size}".encode()))


def write(connection: apsw.Connection, state: State, added: Sequence[Batch], truncated: bool) -> None:
    """One transaction, and so one sync: the record, and what was appended at the end of the log, if anything was.

    What stood in its place is dropped if the log was truncated.
    """
    record = record_of(state)
    if len(added) == 1 and not truncated:  # as almost always
        insert(connection, added[0], record)
        return
    connection.execute("BEGIN IMMEDIATE")
    if truncated:
        connection.execute("DELETE FROM batch WHERE first > ?", (added[0].first - 1 if added else state.last,))
    for batch in added:
        insert(connection, batch, record)
    if not added:
        connection.execute("UPDATE state SET record = ?", (record,))
    connection.execute("COMMIT")


def insert(connection: apsw.Connection, batch: Batch, record: bytes) -> None:
    """One row: the last one, until another is written."""
    row = (batch.first, batch.size, checksum(batch), record, batch.block)
    connection.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", row)


def read(connection: apsw.Connection, first: int, last: int) -> Iterator[Batch]:
    """The batches in which the entries from `first` to `last` stand, in order. Raises `Damage`."""
    rows = connection.execute(
        "SELECT first, count, checksum, entries FROM batch WHERE first <= ? AND first >="
        " (SELECT coalesce(max(first), 0) FROM batch WHERE first <= ?) ORDER BY first",
        (last, first),
    )
    for begins, count, written, block in rows:
        if not (isinstance(begins, int) and isinstance(count, int) and isinstance(block, bytes)):
            raise Damage(f"what stands at index {begins} is no batch")
        batch = Batch(begins, count, block)
        if checksum(batch) != written:
            raise Damage(f"the batch of indexes {batch.first} to {batch.last} has a wrong checksum")
        yield batch


def examined(connection: apsw.Connection, state: State, after: int) -> Iterator[Batch]:
    """Look at all batches, and answer those with entries after an index. Raises `Damage` where something is wrong."""
    known = state.start
    for position, batch in enumerate(numbered(connection, state), start=1):
        if batch.first > known + 1:
            raise Damage(f"batch {position} begins at index {batch.first}, expected {known + 1}: entries are missing")
        known = batch.last
        if known > after:
            yield batch
    if known < state.last:
        raise Damage(f"the log ends at index {known}, expected {state.last}: entries are missing")


def numbered(connection: apsw.Connection, state: State) -> Iterator[Batch]:
    """All batches; an error says which one it is. Batches that the record does not know of are an error."""
    position = 0
    try:
        for batch in read(connection, 1, max(state.last, 1)):
            position += 1
            if batch.first <= state.start or batch.size < 1:
                raise Damage(f"{batch.size} entries at index {batch.first}, expected some after {state.start}")
            yield batch
    except Damage as damage:
        raise Damage(f"batch {position + 1}: {damage}") from damage
    beyond = connection.execute("SELECT min(first) FROM batch WHERE first > ?", (state.last,)).get
    if beyond is not None:
        raise Damage(f"a batch begins at index {beyond}, beyond the end of the log at {state.last}")


def droppable(connection: apsw.Connection, upto: int) -> int | None:
    """Where the log would begin if a piece of it were dropped whose entries are all at `upto` or before."""
    firsts = connection.execute(
        "SELECT first FROM batch WHERE first <= ? ORDER BY first LIMIT ?", (upto + 1, PIECE + 1)
    ).fetchall()
    if len(firsts) < 2:
        return None
    (begins,) = firsts[-1]
    assert isinstance(begins, int), "a key of SQLite's is a number"
    return begins


def drop(connection: apsw.Connection, state: State) -> None:
    """Drop the batches whose entries are all at `state.start` or before."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE state SET record = ?", (record_of(state),))
    connection.execute("DELETE FROM batch WHERE first <= ?", (state.start,))
    connection.execute("COMMIT")
