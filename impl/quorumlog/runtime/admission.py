"""How much is let in: connections, and sessions; and how much is said of that.

Each session stays for ever, keys too, so that what was executed is never taken as new. Where a group has as many as it
may have, requests of new ones are dropped, as a network may drop them, and their clients are told once it is certain
(`questions.py`). That needs no rule of the core, and what is in the log or on its way into it goes on.

Of a session's answers those are kept whose client has not said that it has them. Where there are as many as may be,
requests are dropped that would add one and let none go. Nobody is told: whether the commands before them in their
sessions have been executed is another matter, and a client that asks again has perhaps received more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from quorumlog.core.leader_output import Gate, Request
from quorumlog.runtime.transport import Connection

STRANGERS: Final = 64
"""How many connections may have said nothing yet; of more, the oldest is closed."""
OF_A_PEER: Final = 4
"""How many connections a peer may have, those that it has lost included; of more, the oldest is closed."""

MOST: Final = 60
"""Lines in one minute about connections that were closed."""
MINUTE: Final = 60.0


def refused(gate: Gate[Any, Any, Any], requests: Sequence[Request[Any]], most: int) -> frozenset[str]:
    """The sessions among these requests that a leader has no room for. The last ones may exceed `most` by a batch."""
    draft = gate.draft
    if draft is None or len(draft.sessions) < most:
        return frozenset()
    return frozenset([each.session for each in requests if each.session not in draft.sessions])


class Kept:
    """How many answers a leader keeps for clients: at most `number`, which is exact where that is half of what may be.

    They are counted when there might be too many, and followed from then on, so that all of it costs nothing before.
    """

    def __init__(self, most: int) -> None:
        self.number = 0
        self._most = most
        self._end = 0
        self._is_exact = False

    @property
    def is_full(self) -> bool:
        """Whether there may be no more."""
        return self.number >= self._most

    def lost(self) -> None:
        """The server leads no more. When it does again, all that its log holds may be kept."""
        self.number, self._end, self._is_exact = 0, 0, False

    def grew(self, before: Gate[Any, Any, Any], after: Gate[Any, Any, Any], sessions: Iterable[str]) -> None:
        """Requests of these sessions were taken."""
        end, table = after.last.end, after.last.table
        if self._is_exact:
            was = before.last.table
            self.number += sum(len(table.session(each).kept) - len(was.session(each).kept) for each in {*sessions})
        else:
            self.number += end - self._end
            if self.is_full:
                self.number = sum(len(table.sessions[name].kept) for name in table.sessions)
                self._is_exact = True
        self._is_exact &= 2 * self.number >= self._most
        self._end = end

    def without(self, gate: Gate[Any, Any, Any], requests: Sequence[Request[Any]]) -> Sequence[Request[Any]]:
        """The requests that may be taken."""
        draft = gate.draft
        if draft is None or not self.is_full:
            return requests
        known = [draft.session(each.session) for each in requests]
        pairs = zip(requests, known, strict=True)
        return [each for each, was in pairs if each.number <= was.last or each.received > was.forgotten]


class Quiet:
    """Says what strangers have caused, as long as it is not too much: whoever connects in vain should fill no disk.

    Hands lines on, so many in a minute; the first one of a later minute says how many were left out.
    """

    def __init__(self, said: Callable[[str], None], now: Callable[[], float]) -> None:
        self._said = said
        self._now = now
        self._since = now()
        self._lines = 0

    def say(self, line: str) -> None:
        """A line, or one more that is left out."""
        now = self._now()
        if now - self._since >= MINUTE:
            if self._lines > MOST:
                self._said(f"{self._lines - MOST} more such lines were left out")
            self._since, self._lines = now, 0
        self._lines += 1
        if self._lines <= MOST:
            self._said(line)


def paused(clients: Iterable[Connection], heard: Connection, *, is_full: bool) -> list[Connection]:
    """Whom a server does not read from for a while: nobody if it is full, or who has not read what it was told.

    All at once: if each were heard once more, a turn would have as many frames as there are clients.
    """
    found = [*clients] if is_full else [] if heard.is_writable else [heard]
    for each in found:
        each.pause()
    return found


def close_oldest(connections: Sequence[Connection], most: int) -> None:
    """Of more than so many connections, in the order in which they came, close the first ones."""
    for each in connections[: max(len(connections) - most, 0)]:
        each.close()
