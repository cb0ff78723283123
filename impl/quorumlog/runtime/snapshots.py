"""Snapshots of the state, each in a file of its own beside the log, the two newest of them.

A snapshot is large and nothing waits for it: in the database it would be written twice, and hold up the writes that
somebody waits for. A file is written under another name, synced, and then given its own, so that it is whole or not
there; it has a checksum all the same, and if it is damaged, the one before it serves.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Struct

from quorumlog.records import sealed, unsealed
from quorumlog.runtime.files import Files

KEPT: Final = 2
MAGIC: Final = b"quorumlog snapshot 1\n"
NAME: Final = re.compile(r"snapshot-(?P<index>\d{16})")
UNFINISHED: Final = "snapshot-unfinished"


class Snapshot(Struct, frozen=True, array_like=True):
    """The state after the entry at `index`, whose term is `term`, as an application has encoded it."""

    index: int
    term: int
    state: bytes


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Snapshot)


def name_of(index: int) -> str:
    """The file of the snapshot at this index. Names are in the order of indexes."""
    return f"snapshot-{index:016}"


def save(files: Files, snapshot: Snapshot) -> None:
    """Write a snapshot. It is durable when this returns."""
    files.write(UNFINISHED, MAGIC + sealed(_ENCODER.encode(snapshot)))
    files.sync(UNFINISHED)
    files.rename(UNFINISHED, name_of(snapshot.index))
    files.sync_folder()


def load(files: Files, index: int) -> Snapshot | None:
    """The snapshot at this index, or None if its file is damaged."""
    file = files.read(name_of(index))
    body = unsealed(file, len(MAGIC)) if file.startswith(MAGIC) else None
    if body is None or len(MAGIC) + 8 + len(body) != len(file):
        return None
    try:
        snapshot = _DECODER.decode(body)
    except msgspec.DecodeError:
        return None
    return snapshot if snapshot.index == index else None


def indexes(files: Files) -> list[int]:
    """Where there are snapshots, damaged ones included, the newest first."""
    found = [NAME.fullmatch(name) for name in files.names()]
    return sorted((int(each["index"]) for each in found if each is not None), reverse=True)


def prune(files: Files, whole: list[int]) -> list[int]:
    """Remove all but the newest of those that are known to be whole; answers which ones are left, newest first."""
    left = sorted(whole, reverse=True)[:KEPT]
    for index in indexes(files):
        if index not in left:
            files.remove(name_of(index))
    return left
