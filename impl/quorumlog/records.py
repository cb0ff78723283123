"""What both disks have in common, the real one and the simulated: how bytes are sealed, and how writes are gathered.

A sealed record says how long it is and carries a CRC-32 of its body. That is enough to tell what was written from what
was half written or has rotted: a damage is missed once in four billion, runs of up to 32 wrong bits never, and it costs
a third of a nanosecond a byte. Nothing here guards against somebody who forges records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from quorumlog.core.consensus.effects import Store

HEAD: Final = 8
"""The bytes before the body of a sealed record: its length and its checksum, four each, big-endian."""


def sealed(body: bytes) -> bytes:
    """The body behind its length and its checksum. It has up to 4 GiB, and at least a byte, for zeros are no record."""
    return len(body).to_bytes(4, "big") + crc32(body).to_bytes(4, "big") + body


def unsealed(file: bytes, place: int = 0) -> bytes | None:
    """The body of the record that begins at `place`, or None if there is none, or it is not whole."""
    body = file[place + HEAD : place + HEAD + int.from_bytes(file[place : place + 4], "big")]
    head = file[place : place + HEAD]
    return body if body and head == len(body).to_bytes(4, "big") + crc32(body).to_bytes(4, "big") else None


def gathered(stores: Sequence[Store]) -> Store:
    """One write in place of several that follow each other: where the last leads, and what all of them left alone."""
    return stores[0] if len(stores) == 1 else Store(stores[-1].durable, min(store.kept for store in stores))
