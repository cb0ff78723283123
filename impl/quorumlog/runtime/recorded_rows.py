"""Rows of a line of a recording: names of events, what a gate wrote, was asked, and said. See `recorded.py`.

There is a row for each command, so a batch is looked at as a whole, in as few steps of Python as that takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeAlias, cast
from zlib import crc32

import msgspec

from quorumlog.core.consensus.messages import Entry, Event
from quorumlog.core.leader_output import CONFLICT, Asked, Conflict, Executed, Say
from quorumlog.runtime import wire
from quorumlog.runtime.recorded import Answer, EventName, Requested, Run, Terms, Wrote

Block: TypeAlias = Callable[[int, Sequence[Entry]], bytes]
"""How entries that follow the first so many ones are encoded, as they go to disks and peers: `Codec.block`."""

MANY: Final = 8
"""So many entries are sooner named by their block than one by one."""

_bytes_of = msgspec.msgpack.Encoder().encode
_encoded: Final = msgspec.msgpack.Decoder(tuple[tuple[int, tuple[msgspec.Raw, ...]], ...]).decode
_NO_OP: Final = 1 << 32 | crc32(_bytes_of(None))
"""What would be the name of what has none."""
_term: Final = attrgetter("term")


def named(event: Event | None) -> EventName:
    """How an event is called in a recording: a string by itself, anything else by length and CRC-32 of its encoding.

    Two events of one length that differ bear the same name with a chance of 1 in 2^32.
    """
    if event is None or isinstance(event, str):
        return event
    encoded = _bytes_of(event)
    return len(encoded) << 32 | crc32(encoded)


def names(events: Iterable[Event | None]) -> list[EventName]:
    """How these events are called."""
    return [*map(named, events)]


def runs(entries: Sequence[Entry]) -> list[Run]:
    """Entries as they are written: those of one term together."""
    if len(entries) == 1:  # as almost always where there is little to do
        return [[entries[0].term, *names((entries[0].event,))]]
    if len(terms := {entry.term for entry in entries}) == 1:  # as almost always
        return [[*terms, *names([entry.event for entry in entries])]]
    return [[term, *names([entry.event for entry in some])] for term, some in groupby(entries, _term)]


def names_after(after: int, entries: Sequence[Entry], block: Block | None) -> list[EventName]:
    """How the events of these entries are called, which follow the first `after` ones.

    Where they are many that is taken out of their block, which is encoded already, or will be needed by the disk.
    """
    if block is None or len(entries) < MANY:
        return names([entry.event for entry in entries])
    found: list[EventName] = [
        len(event) << 32 | crc32(event) for _, events in _encoded(block(after, entries)) for event in events
    ]
    return names([entry.event for entry in entries]) if _NO_OP in found else found


def block_of(after: int, entries: Sequence[Entry]) -> bytes:
    """A block of entries wherever there is no codec that remembers it."""
    return _bytes_of(wire.runs(entries))


def terms(entries: Sequence[Entry]) -> Terms:
    """The terms of entries, and how many follow each other of each."""
    if (first := entries[0].term) == entries[-1].term:  # as almost always; terms do not fall
        return ((first, len(entries)),)
    return tuple([(term, sum(1 for _ in some)) for term, some in groupby(entries, _term)])


def wrote(events: Sequence[Any], *, whole: bool) -> list[Wrote]:
    """What a gate wrote: events are counted, or written as a `whole`."""
    said: Any = list if whole else len
    try:
        return [(each.session, each.number, each.received, said(each.events)) for each in events]
    except (AttributeError, TypeError):  # not all of them have events
        return [_wrote(each, said) for each in events]


def _wrote(event: Any, said: Any) -> Wrote:
    """A row of a batch in which there is a conflict, what an application has raised, or what has only a number."""
    if type(event) is not Executed:
        return cast(Wrote, (event.message,))
    events: Any = event.events
    became = said(events) if isinstance(events, tuple) else None if events == CONFLICT else 0
    return event.session, event.number, event.received, became


def requests(asked: Sequence[Asked[Any, Any]], rows: Sequence[Wrote]) -> list[Requested]:
    """Requests in the order in which they came. Of those that became the next entry, as they are, only who asked."""
    if len(asked) == len(rows) and (who := _became(asked, rows)) is not None:
        return who
    found: list[Requested] = []
    left = iter(rows)
    row = next(left, None)
    for connection, request, _ in asked:
        by, session, number, received = cast(int, connection), request.session, request.number, request.received
        if row is not None and row[1] == number and row[0] == session:
            is_same = row[2] == received and request.expected is None
            row = next(left, None)
            if is_same:
                found.append(by)
                continue
        found.append((by, session, number, received, request.expected))
    return found


def _became(asked: Sequence[Any], rows: Sequence[Any]) -> list[Requested] | None:
    """Who asked, if each of the requests became the entry in its place, as it is; that is so almost always."""
    who: list[Requested] = []
    for (by, request, _), row in zip(asked, rows, strict=False):
        if request.number != row[1] or request.session != row[0] or request.received != row[2]:
            return None
        if request.expected is not None:
            return None
        who.append(by)
    return who


def unsaid(asked: Iterable[Asked[Any, Any]], rows: Sequence[Wrote]) -> list[object]:
    """The commands, in order, of those entries whose events say nothing: there is none, or it has no fields."""
    named = [row[:2] for row in rows if isinstance(row[3], list) and not any(map(_says_something, row[3]))]
    if not named:
        return []
    known = {(request.session, request.number): request.command for _, request, _ in asked}
    return [known.get(each) for each in named]


def _says_something(event: Any) -> bool:
    return bool(getattr(event, "__struct_fields__", True))


def answers(said: Iterable[Any]) -> list[Answer]:
    """The answers among what is said."""
    found: Any = [
        (each.to, each.session, each.number, (answer := each.answer).at, _called(answer.said))
        for each in said
        if type(each) is Say
    ]
    return cast("list[Answer]", found)


def _called(said: Any) -> EventName:
    """How what an answer says is called; a conflict, like nothing, has no name."""
    return None if said is None or (type(said) is Conflict and said == CONFLICT) else named(said)
