"""What recordings say of gates, in the words of the spec LeaderOutput: logs, requests, and what clients have received.

The translation itself is `recorded_leader_output.py`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias, cast

from msgspec import UNSET

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import EventName, Run, SentRequest, Start, Step, Terms, Wrote
from tlastep.long_sequences import Items, LongSequences
from tlastep.recorded import Contradiction, Key
from tlastep.values import Fn, Value, model_value

NIL: Final = model_value("Nil")
CONFLICT: Final = model_value("Conflict")
NOBODY: Final[frozenset[Value]] = frozenset()
ANY: Final = model_value("AnyEvent")
"""What a command would have become that does not become anything."""
ITSELF: Final = 0
"""The number of the connection by which a leader asks itself. Those of clients begin with 1."""

Named: TypeAlias = tuple[str, int]
Request: TypeAlias = tuple[int, str, int, int, int | None]
KEPT: Final[tuple[int, EventName]] = (-1, None)
"""Stands for an answer that is kept back, or that nobody is told: it is what the log says."""


class Unsaid(Enum):
    """A name that a line leaves to others: it is the one that the leader has written down."""

    UNSAID = auto()


UNSAID: Final = Unsaid.UNSAID


class Held(NamedTuple):
    """An entry of a log: its term, how it is named, and in the words of the spec; a no-op is not told to gates."""

    term: int
    name: EventName
    entry: Value | None
    named: Named | None
    events: int
    row: Wrote | None = None
    """What its leader wrote down of it."""
    command: dict[str, Any] | None = None
    """What was asked, where events say nothing of that."""


class Log:
    """The log of one server, and what its disk holds: some of it, and behind that entries that the log has no more."""

    def __init__(self, long: LongSequences) -> None:
        self._long = long
        self.value: Items = ()
        """What gates wrote of it, as a value of the spec."""
        self.held: list[Held] = []
        self.base = 0
        self.tail: list[Held] = []
        self.written = array("q", [0])
        """After so many entries of the log, how many of them gates wrote."""
        self.events = array("q", [0])
        """After so many of those, how many events there had been."""
        self.commands = array("q", [0])
        """And how many commands that became any: what the spec counts as events."""
        self.gates: list[Held] = []
        """What gates wrote."""
        self.places: dict[Named, int] = {}
        """The place of each command among what gates wrote."""

    def cut(self, kept: int) -> None:
        """Only the first entries are left."""
        if kept < self.base:
            self.tail = self.held[kept : self.base] + self.tail
            self.base = kept
        for each in self.held[kept:]:
            if each.named is not None:
                self.places.pop(each.named, None)
        count = self.written[kept]
        self.value = self._long.prefix(self.value, count)
        del (
            self.gates[count:],
            self.held[kept:],
            self.written[kept + 1 :],
            self.events[count + 1 :],
            self.commands[count + 1 :],
        )

    def append(self, held: Held) -> None:
        """One more."""
        self.held.append(held)
        self.written.append(self.written[-1] + (held.entry is not None))
        if held.named is not None and held.entry is not None:
            self.value = self._long.appended(self.value, held.entry)
            self.gates.append(held)
            self.events.append(self.events[-1] + held.events)
            conflict = cast(Fn, held.entry).mapping["event"] is CONFLICT
            self.commands.append(self.commands[-1] + (not conflict))
            self.places[held.named] = len(self.events) - 1

    def begins(self, term: int) -> bool:
        """Whether the next entry would be the first one of a term: that is the no-op of its leader."""
        return term > (self.held[-1].term if self.held else 0)

    def entry(self, place: int) -> Fn:
        """One of those that gates wrote."""
        value = self.value
        return cast(Fn, (value if isinstance(value, tuple) else value.trunk.items)[place - 1])

    def synced(self, length: int) -> None:
        """The disk holds so much of it."""
        self.base, self.tail = min(length, len(self.held)), []

    def expected(self, events: int | None, written: int) -> Value:
        """What somebody expects who knows of so many events, as the spec counts them while so much was written."""
        if events is None:
            return NIL
        more = max(events - self.events[written], 0)
        return self.commands[bisect_right(self.events, events, hi=written + 1) - 1] + more


class Server:
    """What is known of one server beside the state of the spec."""

    def __init__(self, long: LongSequences) -> None:
        self.log = Log(long)
        self.term = 0
        self.ordered: set[Named] = set()
        """What it has ordered itself, and nobody waits for."""
        self.kept: set[tuple[int, Named]] = set()
        """Answers that are kept back."""

    def silent(self) -> None:
        """Nobody waits any more."""
        self.ordered, self.kept = set(), set()


def held_in(line: Step, term: int, *, rows: bool = True) -> Iterator[Held]:
    """The entries that a leader appends, as it says what they were; without `rows` only what they are called."""
    events = cast("list[EventName]", line.events if isinstance(line, recorded.Propose) else [])
    if len(events) != len(line.wrote):
        raise Contradiction(f"appends {len(events)} entries, and says of {len(line.wrote)} what they were")
    commands = iter(line.commands)
    for name, row in zip(events, line.wrote, strict=True):
        silent = isinstance(row[3], list) and not any(each.keys() - {"was"} for each in row[3])
        command = next(commands, None) if silent else None
        held = Held(term, name, *entry_of(name, row))
        yield held._replace(row=row, command=command) if rows else held


class Logs:
    """The logs of the servers of one group, as their lines tell them. An entry is what its leader said that it was."""

    def __init__(self, *, rows: bool = True) -> None:
        self._rows = rows
        """Whether it is kept what leaders wrote down of entries."""
        self.known: dict[tuple[int, int], Held] = {}

    def takes(self, server: Server, line: Step) -> None:
        """A step of a server. Raises `Contradiction` if its log cannot become what the line says."""
        if line.term is not UNSET:
            server.term = line.term
        if line.wrote or type(line) is recorded.Propose:
            self._appends(server, line)
        elif line.log is not UNSET:
            self._writes(server, line, line.log)
        if line.disk is not UNSET:
            server.log.synced(line.disk.length)

    def begins(self, server: Server, start: Start) -> None:
        """A server begins again with what its disk holds."""
        log = server.log
        kept, others = self._found(log, start)
        log.cut(kept)
        for each in others:
            log.append(each)
        log.base, log.tail = len(log.held), []
        server.term = start.term
        server.silent()

    def _found(self, log: Log, start: Start) -> tuple[int, list[Held]]:
        """What a start finds: so many entries of the log, and what is behind them on the disk.

        It is what the disk was known to hold, or the log, if the last sync was not written down.
        """
        named = [(run[0], event) for run in start.log for event in run[1:]]
        for same, known in ((log.base, log.held[: log.base] + log.tail), (len(log.held), log.held)):
            last = known[start.after : start.length]
            if len(known) >= start.length and [(each.term, each.name) for each in last] == named:
                return min(same, start.length), known[same : start.length]
        raise Contradiction(f"finds {start.length} entries on its disk that it is not known to have written")

    def _appends(self, server: Server, line: Step) -> None:
        """A leader appends what its gate wrote."""
        for held in held_in(line, server.term, rows=self._rows):
            place = server.term, len(server.log.held) + 1
            known = self.known.get(place)
            if known != held:
                known = self.known[place] = held
            server.log.append(known)

    def _writes(self, server: Server, line: Step, written: recorded.Written) -> None:
        """What a server's log becomes of what it was given."""
        log, kept, count = server.log, written.kept, written.length - written.kept
        given, new = entries_of(line, written, count)
        if kept > len(log.held) or not 0 <= count <= given:
            raise Contradiction(f"has {written.length} entries, of which it keeps {kept}, and was given {given}")
        log.cut(kept)
        for place, (term, name) in enumerate(new, start=kept + 1):
            held = self.known.get((term, place))
            if held is None and (name is None or (name is UNSAID and log.begins(term))):
                held = self.known[term, place] = Held(term, None, None, None, 0)
            if held is None or name not in (UNSAID, held.name):
                says = "an entry" if isinstance(name, Unsaid) else name
                raise Contradiction(f"has {says} of term {term} in place {place}, and nobody wrote that down")
            log.append(held)


def requests_of(line: Step) -> Iterator[tuple[Request, int | None]]:
    """The requests of a line in their order, and which of the entries each became; last what a leader has ordered."""
    wrote, place = line.wrote, 0
    for each in line.asked:
        if type(each) is int:
            if place >= len(wrote):
                raise Contradiction("says of a request that it became an entry, and does not say which")
            yield (each, *wrote[place][:3], None), place
            place += 1
            continue
        request = cast(Request, each)
        own = place < len(wrote) and wrote[place][:2] == request[1:3]
        yield request, place if own else None
        place += own
    for number, entry in enumerate(wrote[place:], start=place):
        yield (ITSELF, *entry[:3], None), number


def key_of_answer(session: str, number: int) -> Key:
    """An answer, as something that has to be given before a client can have it."""
    return ("an answer", session, number)


def request_of(server: Server, request: Request, written: int) -> Value:
    """A request as the record of the spec, while so much was written."""
    by, session, number, received, expected = request
    fields: dict[Value, Value] = {"by": by, "session": session, "number": number, "received": received}
    return Fn({**fields, "expected": server.log.expected(expected, written)})


def entries_of(
    line: Step, written: recorded.Written, count: int
) -> tuple[int, Iterator[tuple[int, EventName | Unsaid]]]:
    """How many entries a server was given, and the last of them: their terms and names."""
    letter = line.letter if isinstance(line, recorded.Take) else None
    if written.entries is not UNSET:
        named = terms_of(written.entries)
        return len(named), iter(named[len(named) - count :])
    terms = letter.entries if isinstance(letter, SentRequest) else ()
    given = sum([number for _, number in terms])
    return given, ((term, UNSAID) for term in last_of(terms, given - count))


def last_of(terms: Terms, skipped: int) -> Iterator[int]:
    """The terms of entries without the first so many."""
    for term, number in terms:
        yield from repeat(term, number - skipped)
        skipped = max(skipped - number, 0)


def terms_of(runs: Iterable[Run]) -> list[tuple[int, EventName]]:
    """Entries as they are written: their terms and names."""
    found: list[tuple[int, EventName]] = []
    for run in runs:
        if not run or type(run[0]) is not int:
            raise Contradiction("entries without a term")
        found += [(run[0], event) for event in run[1:]]
    return found


def entry_of(name: EventName, wrote: Wrote) -> tuple[Value, Named, int]:
    """An entry as the record of the spec."""
    session, number, received, events = wrote
    event = CONFLICT if events is None else cast(Value, name)
    fields: dict[Value, Value] = {"type": "command", "session": session, "number": number, "received": received}
    count = len(events) if isinstance(events, list) else events or 0
    return Fn({**fields, "event": event}), (session, number), count
