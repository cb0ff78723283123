"""Rows of a line of a recording: what a gate wrote, and what it was asked. What they say stands in `recorded.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from quorumlog.core.consensus.messages import Entry, Event
from quorumlog.core.leader_output import CONFLICT, Asked, Executed
from quorumlog.runtime.recorded import Requested, Wrote


def wrote(event: Any, *, whole: bool) -> tuple[object, ...]:
    """What a gate wrote: events are counted, or written as a `whole`."""
    if not isinstance(event, Executed):
        return (event.message,)
    events: Any = event.events
    if isinstance(events, tuple):
        said: object = list(events) if whole else len(events)
    else:
        said = None if events == CONFLICT else 0
    return event.session, event.number, event.received, said


def requests(asked: Iterable[Asked[Any, Any]], rows: Sequence[Wrote]) -> list[Requested]:
    """Requests in the order in which they came. Of those that became the next entry, as they are, only who asked."""
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


def unsaid(asked: Iterable[Asked[Any, Any]], rows: Sequence[Wrote]) -> list[object]:
    """The commands, in order, of those entries whose events say nothing: there is none, or it has no fields."""
    named = [row[:2] for row in rows if isinstance(row[3], list) and not any(map(_says_something, row[3]))]
    if not named:
        return []
    known = {(request.session, request.number): request.command for _, request, _ in asked}
    return [known.get(each) for each in named]


def _says_something(event: Any) -> bool:
    return bool(getattr(event, "__struct_fields__", True))


def different(old: Any, new: Any) -> dict[str, int]:
    """What has changed of what is known of each peer."""
    return {peer: index for peer, index in new.items() if old[peer] != index}


def are(entries: tuple[Entry, ...], events: tuple[Event, ...]) -> bool:
    """Whether these entries are these events."""
    return len(entries) == len(events) and all(
        entry.event is event or entry.event == event for entry, event in zip(entries, events, strict=True)
    )
