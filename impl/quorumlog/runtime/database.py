"""The database of a store: one SQLite file that holds the entries in batches, and a record of everything else.

Each transaction is one write of the node, and leaves a record: in the row of the batch that it adds, so that most
writes are one row and one page, or else in a row of its own. The newest counts. Before the write-ahead log is emptied
the row of its own is written, too: so a page of entries that the disk has lost meanwhile is missed.

The record counts the writes. That number tells a torn tail from a damaged middle: of a write that SQLite does not bring
back only the one that follows may lie in the write-ahead log, for it was never synced. A later one was begun after the
others had been acknowledged, so what is missing between is damage, which SQLite alone would pass over in silence.
Records are looked for among all that clients have written, so they bear a number that nobody knows.

The lock is held as long as the database is open, and that is why SQLite needs no memory that is shared with others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_bytes
from typing import Final, NamedTuple

import apsw
import msgspec
from msgspec import Struct

from quorumlog.records import sealed, unsealed
from quorumlog.runtime.errors import DiskFailed, UnusableStore, failures
from quorumlog.runtime.files import Files

FILE: Final = "log.sqlite"
WAL: Final = "log.sqlite-wal"
APPLICATION: Final = 0x716C6F67  # "qlog": what SQLite's header says of who wrote the file
FORMAT: Final = 2
PAGE: Final = 4096
WAL_HEAD: Final = 32
FRAME_HEAD: Final = 24
SALT: Final = 8  # bytes
LONGEST: Final = 128
"""Bytes of the name of an owner: a record has to stand in one piece, on the page on which its row begins."""
MARK: Final = b"quorumlog state "
"""What stands before the record, so that it is found in a write-ahead log that cannot be read."""

SETTINGS: Final = {
    "locking_mode": "exclusive",
    "synchronous": "full",
    "fullfsync": True,
    "checkpoint_fullfsync": True,
    "wal_autocheckpoint": 0,
    "cache_spill": False,  # no page is written before its transaction ends
}
SCHEMA: Final = f"""
    PRAGMA application_id = {APPLICATION};
    PRAGMA user_version = {FORMAT};
    CREATE TABLE state (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE batch (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, checksum INTEGER NOT NULL,
                        record BLOB NOT NULL, entries BLOB NOT NULL);
"""


class State(Struct, frozen=True, array_like=True):
    """Everything that is durable but the entries. They begin after `start`, and the last one is `last`."""

    owner: str
    salt: bytes
    writes: int
    term: int
    voted_for: str | None
    start: int
    last: int


class Found(NamedTuple):
    """An open database, what its record says, and what was torn off from it."""

    connection: apsw.Connection
    state: State
    cut: tuple[str, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(State)


def record_of(state: State) -> bytes:
    """The record as it stands in the file."""
    return MARK + sealed(_ENCODER.encode(state))


def state_at(file: bytes, place: int) -> State | None:
    """The record that begins at `place`, or None if it is not whole."""
    body = unsealed(file, place + len(MARK)) if file[place : place + len(MARK)] == MARK else None
    try:
        return None if body is None else _DECODER.decode(body)
    except msgspec.DecodeError:
        return None


def opened(files: Files, owner: str) -> Found:
    """Open the database, or make it. What it says is durable when this returns, whatever a crash has left.

    Raises `UnusableStore` if it cannot be used, and `DiskFailed` if the disk fails.
    """
    if len(owner.encode()) > LONGEST:
        raise UnusableStore(files.path(FILE), f"expected a name of at most {LONGEST} bytes, found {owner}")
    with failures(files.path(FILE)), usable(files):
        if not files.size(FILE) and files.size(WAL):
            raise UnusableStore(files.path(WAL), f"there is no database that it belongs to, expected {FILE}")
        connection = apsw.Connection(files.path(FILE), vfs=files.vfs)
    try:
        with failures(files.path(FILE)), usable(files):
            if is_new(files, connection):
                make(connection, owner)
            state = state_of(files, connection, owner)
            judge_tail(files, state)
            intact(files, connection)
            cut = checkpointed(files, connection, state)
    except BaseException:
        connection.close()
        raise
    return Found(connection, state, cut)


@contextmanager
def usable(files: Files) -> Iterator[None]:
    """What SQLite says of a file that it cannot use, in one line."""
    path = files.path(FILE)
    try:
        yield
    except apsw.BusyError as error:
        raise UnusableStore(path, "in use by another process, expected one node for a folder") from error
    except apsw.NotADBError as error:
        raise UnusableStore(path, "expected a database of quorumlog, found another file or a damaged head") from error
    except (apsw.CorruptError, apsw.SQLError) as error:
        size = files.size(FILE)
        where = f", and ends within a page, at byte {size:,}" if size % PAGE else ""
        raise UnusableStore(path, f"damaged: {error}{where}") from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError) as error:
        raise UnusableStore(path, f"expected a file that can be written: {error}") from error


def number(connection: apsw.Connection, pragma: str) -> int:
    """A setting of SQLite that is a number."""
    value = connection.pragma(pragma)
    assert isinstance(value, int), f"{pragma} is a number"
    return value


def is_new(files: Files, connection: apsw.Connection) -> bool:
    """Take the lock, and see whose file this is; a new one has nothing in it."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for name, value in SETTINGS.items():
        connection.pragma(name, value)
    path = files.path(FILE)
    application, version = number(connection, "application_id"), number(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != APPLICATION:
        raise UnusableStore(path, "expected a database of quorumlog, found that of another application")
    if version != FORMAT:
        raise UnusableStore(path, f"expected format {FORMAT}, found format {version}: another version wrote it")
    return False


def make(connection: apsw.Connection, owner: str) -> None:
    """A database of a node that has never run."""
    connection.pragma("page_size", PAGE)
    connection.pragma("journal_mode", "wal")
    with connection:
        connection.execute(SCHEMA)
        state = State(owner, token_bytes(SALT), 1, 0, None, 0, 0)
        connection.execute("INSERT INTO state VALUES (1, ?)", (record_of(state),))


def state_of(files: Files, connection: apsw.Connection, owner: str) -> State:
    """What the newest record says. It is that of the last batch, or that of its own."""
    path = files.path(FILE)
    records = [connection.execute("SELECT record FROM state").get]
    records += [each for (each,) in connection.execute("SELECT record FROM batch ORDER BY first DESC LIMIT 1")]
    states = [state_at(each, 0) if isinstance(each, bytes) else None for each in records]
    state = max((each for each in states if each is not None), key=lambda each: each.writes, default=None)
    if state is None or None in states:
        raise UnusableStore(path, "damaged: a record of term and vote has a wrong checksum")
    if state.owner != owner:
        raise UnusableStore(path, f"expected the log of {owner}, found that of {state.owner}")
    return state


def settle(connection: apsw.Connection, state: State) -> None:
    """Write the newest record into the row of its own, if it is not there: before the write-ahead log is emptied."""
    record = record_of(state)
    if connection.execute("SELECT record FROM state").get != record:
        connection.execute("UPDATE state SET record = ?", (record,))


def intact(files: Files, connection: apsw.Connection) -> None:
    """Whether the pages hang together. SQLite would not look, and might write over what a lost page held."""
    said = connection.execute("PRAGMA quick_check(1)").get
    if said != "ok":
        raise UnusableStore(files.path(FILE), f"damaged: {str(said).splitlines()[-1]}")


def judge_tail(files: Files, state: State) -> None:
    """Refuse if SQLite does not bring back a write that cannot have been the last one."""
    file = files.read(WAL)
    mine = [found for found in written(file) if found.salt == state.salt]
    beyond = [found for found in mine if found.writes > state.writes + 1]
    if beyond:
        last = max(beyond, key=lambda found: found.writes)
        readable = f"it can be read to write {state.writes}, index {state.last}"
        lost = f"holds write {last.writes}, to index {last.last}"
        raise UnusableStore(files.path(WAL), f"damaged in the middle: {readable}, and {lost}")


def written(file: bytes) -> Iterator[State]:
    """The records that are whole, wherever they stand in a file."""
    place = file.find(MARK)
    while place >= 0:
        found = state_at(file, place)
        if found is not None:
            yield found
        place = file.find(MARK, place + 1)


def checkpointed(files: Files, connection: apsw.Connection, state: State) -> tuple[str, ...]:
    """Bring all into the database and cut the write-ahead log off; says what of it was torn.

    What a killed process had written and not synced may be in the file now, and not on the disk, even after a later
    sync. It counts as durable from here on, so the file is written once more, and synced: else the database might be
    ahead of it after a crash, and pages of different times would be mixed. The same goes for names: a journal that was
    removed when the file was made would undo the making of it if it came back.
    """
    files.sync_folder()
    if files.size(WAL):
        files.rewrite(WAL)
    frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    file = files.read(WAL)
    end = WAL_HEAD + max(frames, 0) * (FRAME_HEAD + PAGE)
    torn = len(file) - end
    mine = file[16:24]  # what is left of earlier uses of the file has other salts
    is_torn = torn > 0 and file[end + 8 : end + 16] == mine[: max(torn - 8, 0)]
    settle(connection, state)
    wrong, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    if wrong > 0 or files.size(WAL):
        raise DiskFailed(f"{files.path(WAL)}: the write-ahead log could not be emptied")
    files.sync(WAL)
    if not is_torn:
        return ()
    return (f"{files.path(WAL)}: cut off {torn:,} bytes of a write that was not finished, after write {state.writes}",)
