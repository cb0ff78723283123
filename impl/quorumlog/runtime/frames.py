"""Frames: how what travels over a connection is cut into messages. Sans-I/O; nothing here opens a socket.

A frame is its length (4 bytes, big-endian, of what follows), a byte for the version, a byte for the kind, and the
message.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

VERSION: Final = 1
HEADS: Final = Struct(">IBB")
HEAD: Final = HEADS.size
"""Bytes before the message: length, version, kind."""


class BadFrame(ValueError):
    """What came over a connection cannot be taken: the connection is closed, and that is all that happens."""


def framed(kind: int, body: bytes) -> bytes:
    """A frame as it goes over the wire."""
    return HEADS.pack(len(body) + 2, VERSION, kind) + body


class FrameReader:
    """Cuts what arrives into frames. `largest` is how long one may be, its length aside."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self._rest = bytearray()
        self._lacks = 0
        """How many bytes of a frame that has begun are still to come; until then nothing is looked at or copied."""

    def feed(self, data: bytes) -> Iterator[tuple[int, memoryview]]:
        """The kinds and messages that are complete now. Raises `BadFrame` at the first that cannot be one."""
        if self._rest:
            self._rest += data
            self._lacks -= len(data)
            if self._lacks > 0:
                return
            data, self._rest = bytes(self._rest), bytearray()
        view = memoryview(data)
        place = 0
        while len(data) - place >= HEAD:
            length, version, kind = HEADS.unpack_from(data, place)
            if length > self.largest:
                raise BadFrame(f"a frame of {length} bytes, expected at most {self.largest}")
            if length < 2:
                raise BadFrame(f"a frame of {length} bytes, expected at least 2")
            if version != VERSION:
                raise BadFrame(f"version {version}, expected {VERSION}")
            end = place + 4 + length
            if end > len(data):
                self._lacks = end - len(data)
                break
            yield kind, view[place + HEAD : end]
            place = end
        if place < len(data):
            self._rest += view[place:]
