"""What has to be known of all lines of gates before the first is judged: what clients asked, and say that they have.

The translation itself is `recorded_leader_output.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from msgspec import UNSET

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import Line, Start, Step
from quorumlog_bindings.recorded_gates import ANY, CONFLICT, ITSELF, NIL, Named, Request, key_of_answer, requests_of
from quorumlog_bindings.recorded_messages import key_of
from tlastep.recorded import Contradiction, Key
from tlastep.values import Value


class GatesSurvey:
    """What is gathered of the lines of one server, a piece at a time."""

    def __init__(self) -> None:
        self.takes = array("q")
        """The hashes of the messages that it takes."""
        self.first: Start | None = None
        """The first line, if it is a start."""
        self.besides: dict[int, list[Key]] = {}
        """The answers that clients call received when they ask, where another server has to have given them before."""
        self.sessions: set[str] = set()
        self.events: set[Value] = set()
        self.wrote = 0
        """How many entries its gate has written."""
        self.term = 0
        """The highest that it was in."""
        self.most = 0
        """The highest number of a command, or of what somebody expects."""
        self.expects = False
        """Whether anybody expects anything."""
        self._count = 0
        self._said: set[Named] = set()
        self._received: dict[str, int] = {}
        """How many answers each client is known to have."""

    def take(self, lines: Sequence[Line]) -> None:
        """The next lines."""
        for index, line in enumerate(lines, start=self._count):
            if isinstance(line, Step):
                self._step(index, line)
            elif self.first is None:
                self.first = line
        self._count += len(lines)

    def _step(self, index: int, line: Step) -> None:
        if type(line) is recorded.Take:
            self.takes.append(hash(key_of(line.letter)))
        elif type(line) is recorded.Propose:
            self.events.update(cast("list[Value]", line.events))
        if line.term is not UNSET:
            self.term = max(self.term, line.term)
        if line.wrote or line.asked:
            self.wrote += len(line.wrote)
            self._asked(index, asked_in(line))
        for row in line.said:
            self._said.add(row[1:3])
            self.sessions.add(row[1])
        for row in line.held:
            self.sessions.add(row[1])

    def _asked(self, index: int, requests: Iterable[Request]) -> None:
        known, said = self._received, self._said
        for by, session, number, received, expected in requests:
            self.sessions.add(session)
            self.most = max(self.most, number, expected or 0)
            self.expects = self.expects or expected is not None
            before = known.get(session, 0)
            if by != ITSELF:
                wanted = [(session, each) for each in range(before + 1, received + 1)]
                keys = [key_of_answer(*each) for each in wanted if each not in said]
                if keys:
                    self.besides.setdefault(index, []).extend(keys)
            known[session] = max(before, received)


def asked_in(line: Step) -> list[Request]:
    """The requests of a line; what is wrong with them is told when the line is judged."""
    try:
        return [request for request, _ in requests_of(line)]
    except Contradiction:
        return []


def received_by_clients(surveys: Mapping[str, GatesSurvey]) -> tuple[dict[str, dict[int, list[Key]]], set[Key]]:
    """The answers that clients call received when they ask, where another server has to have given them before."""
    besides = {node: each.besides for node, each in surveys.items() if each.besides}
    return besides, {key for own in besides.values() for keys in own.values() for key in keys}


def constants_of(surveys: Iterable[GatesSurvey], names: Mapping[str, Value]) -> Mapping[str, Value]:
    """The constants of the spec of which the recordings are a behaviour."""
    every = list(surveys)
    most = max(sum(each.wrote for each in every), *(each.most for each in every))
    numbers = any(each.expects for each in every)
    return {
        "Node": frozenset(names.values()),
        "Term": frozenset(range(1, max(each.term for each in every) + 1)),
        "Session": frozenset().union(*(each.sessions for each in every)),
        "Index": frozenset(range(most + 2)),
        "Event": frozenset({ANY}).union(*(each.events for each in every)),
        "Outgoing": frozenset(),
        "Expected": frozenset({NIL, *(range(most + 2) if numbers else ())}),
        "Conflict": CONFLICT,
        "Nil": NIL,
    }
