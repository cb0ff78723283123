"""What both ends of a slice say of its entries, worked out of their names.

A name holds the length and the CRC-32 of what an event is in bytes, and a CRC-32 of two pieces follows from those of
each of them and the length of the second. So it is known which checksum the block of these entries has, and no other
block (but with a chance of 1 in 2^32), though nobody has written down the events.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Any, Final
from zlib import crc32

import msgspec

from quorumlog.runtime.recorded import Terms
from tlastep.recorded import Contradiction

LONGEST: Final = 1 << 26
"""Bytes of an event: servers are not told of one that comes near to it."""
MASK: Final = (1 << 32) - 1
LENGTHS: Final = 64
"""How many lengths are remembered."""

_bytes_of: Final = msgspec.msgpack.Encoder().encode


def told_of(entries: Iterable[Any]) -> tuple[Terms, int]:
    """How many entries of which terms these records of the spec are, and the checksum of their block, 0 of none.

    Raises `Contradiction` if an event has a name that none can have.
    """
    runs = [(term, list(run)) for term, run in groupby(entries, _term)]
    found = crc32(_head(len(runs)))
    for term, run in runs:
        found = crc32(_head(2) + _bytes_of(term) + _head(len(run)), found)
        for entry in run:
            found = _followed(found, entry.mapping["event"])
    return tuple([(term, len(run)) for term, run in runs]), found if runs else 0


def _term(entry: Any) -> int:
    term: int = entry.mapping["term"]
    return term


def _followed(before: int, event: Any) -> int:
    """The checksum of what an event follows, the event included: a string, what is named by a number, or a no-op."""
    if type(event) is not int:
        return crc32(_bytes_of(event if isinstance(event, str) else None), before)
    length = event >> 32
    if not 0 < length <= LONGEST:
        raise Contradiction(f"names an event {event}, which would have {length} bytes")
    zeros, of_zeros = _zeros(length)
    return crc32(zeros, before) ^ of_zeros ^ (event & MASK)


@lru_cache(LENGTHS)
def _zeros(length: int) -> tuple[bytes, int]:
    """So many zeros, and their checksum. By how much what comes before changes it is the same for whatever follows."""
    zeros = bytes(length)
    return zeros, crc32(zeros)


def _head(length: int) -> bytes:
    """How an array of so many elements begins in MessagePack."""
    if length < 1 << 4:
        return bytes([0x90 | length])
    return b"\xdc" + length.to_bytes(2, "big") if length < 1 << 16 else b"\xdd" + length.to_bytes(4, "big")
