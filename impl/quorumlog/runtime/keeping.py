"""Snapshots of what a node's log makes, as bytes: the application's state, what each session was told, the places.

The application brings the type of its state, which may hold maps and sequences of `quorumlog.persistent`. A snapshot
says nothing that the entries before it do not say; it only saves folding them again.

It is made beside everything else, in a thread, of values that never change. A call of the encoder holds all threads up,
so what may be long is encoded a piece at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import islice
from types import GenericAlias
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, get_args, get_origin

import msgspec
from msgspec import Raw, Struct

from quorumlog.core.leader_output import Answered, Conflict, Gate, Message, Session, Table
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap
from quorumlog.persistent.strand import Strand
from quorumlog.runtime.event_queue import EventQueue

State = TypeVar("State")
Answer = TypeVar("Answer")
Content = TypeVar("Content")

MAPS: Final = (FrozenMap, HashMap)
Encoded: TypeAlias = Callable[[], bytes]
"""Makes the bytes of a snapshot, in whatever thread and at any time."""
PIECE: Final = 500
"""How many values are encoded in one call: a fraction of a millisecond."""


class Told(Struct, Generic[Answer], frozen=True, gc=False, array_like=True):
    """An answer that a session may ask for again."""

    at: int
    conflict: bool
    said: Answer | None
    reason: str = ""


class Kept(Struct, Generic[State, Answer, Content], frozen=True, array_like=True):
    """All that a gate has made of its entries."""

    state: State
    events: int
    sessions: tuple[tuple[str, int, tuple[Told[Answer], ...]], ...]
    made: int
    pending: tuple[tuple[int, Content], ...]
    applied: int
    length: int
    others: tuple[int, ...]


class Keeping(Generic[State, Answer, Content]):
    """How the state, the answers and the messages of an application are written into a snapshot."""

    def __init__(self, state: Any, answer: Any, content: Any = None) -> None:
        self._types = state, answer, content

    @cached_property
    def _decoder(self) -> msgspec.msgpack.Decoder[Kept[State, Answer, Content]]:
        """Made when a snapshot is read: few servers ever do, and all load this."""
        return msgspec.msgpack.Decoder(cast(Any, Kept)[self._types], dec_hook=made)

    def encoded(self, gate: Gate[State, Answer, Content], queue: EventQueue) -> bytes:
        """What this gate has made of its entries, as `Kept`. The queue must not change meanwhile."""
        table, sessions = gate.table, gate.table.sessions
        encode = ENCODER.encode
        fields = (
            encode(table.state),
            encode(table.events),
            bytes(array((name, (known := sessions[name]).last, told(known.kept)) for name in sessions)),
            encode(table.made),
            bytes(array((message.number, message.content) for message in table.pending)),
            encode(gate.applied),
            encode(queue.length),
            encode(queue.others),
        )
        return b"".join((head(len(fields)), *fields))

    def decoded(self, blob: bytes) -> tuple[Gate[State, Answer, Content], EventQueue]:
        """The gate that begins with that. Raises `ValueError` if this is no snapshot of this application."""
        try:
            kept = self._decoder.decode(blob)
        except msgspec.MsgspecError as error:
            raise ValueError(f"expected the state of this application ({error})") from error
        sessions = {name: Session(last, tuple(map(answered, each))) for name, last, each in kept.sessions}
        pending = tuple([Message(number, content) for number, content in kept.pending])
        table = Table(kept.state, kept.events, HashMap(sessions), kept.made, pending)
        gate: Gate[State, Answer, Content] = Gate(kept.applied, table, None, HashMap())
        return gate, EventQueue(kept.length, kept.others)


def told(kept: Sequence[Answered[Answer]]) -> Raw | tuple[Told[Answer], ...]:
    """The answers of a session as they are written."""
    return tuple([each_told(each) for each in kept]) if len(kept) <= PIECE else array(map(each_told, kept))


def each_told(each: Answered[Answer]) -> Told[Answer]:
    """An answer as it is written."""
    if isinstance(each.said, Conflict):
        return Told(each.at, True, None, each.said.reason)
    return Told(each.at, False, each.said)


def answered(told: Told[Answer]) -> Answered[Answer]:
    """An answer as it was."""
    return Answered(told.at, Conflict(told.reason) if told.conflict else cast("Answer", told.said))


def array(values: Iterable[object]) -> Raw:
    """These values one after another, encoded a piece at a time."""
    left, pieces, number = iter(values), [b""], 0
    while piece := list(islice(left, PIECE)):
        number += len(piece)
        pieces.append(ENCODER.encode(piece)[len(head(len(piece))) :])
    pieces[0] = head(number)
    return Raw(b"".join(pieces))


def head(number: int) -> bytes:
    """How MessagePack begins an array of so many values."""
    if number < 16:
        return bytes((0x90 | number,))
    return b"\xdc" + number.to_bytes(2, "big") if number < 1 << 16 else b"\xdd" + number.to_bytes(4, "big")


def plain(value: object) -> object:
    """A map as its pairs, since keys may be anything, and a sequence as its items."""
    if isinstance(value, MAPS):
        return array((key, value[key]) for key in value)
    if isinstance(value, Strand):
        return array(value)
    raise TypeError(f"expected a value that a snapshot can hold, found a {type(value).__name__}")


def made(kind: Any, value: Any) -> Any:
    """The map or the sequence of this type."""
    origin, arguments = get_origin(kind) or kind, get_args(kind) or (Any, Any)
    if origin in MAPS:
        return origin(dict(msgspec.convert(value, GenericAlias(list, GenericAlias(tuple, arguments)), dec_hook=made)))
    if origin is Strand:
        return Strand.of(msgspec.convert(value, GenericAlias(list, arguments[0]), dec_hook=made))
    raise TypeError(f"expected a type that a snapshot can hold, found {kind}")


ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=plain)
