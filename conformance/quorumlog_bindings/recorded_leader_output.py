"""Recordings of servers as steps of the spec LeaderOutput: what their gates were asked, wrote and said, over reigns.

Consensus is told in the words of the spec Reigns: who leads, who hears of it, what is copied and decided. A gate is
told by its requests and by what it applies. To the spec a command becomes one event; here it may become several or
none, so that numbers of events are counted in the log. An event is named by its entry, and an answer by the event that
it answers: what is said to a command for the first time is believed, and ever after it must be the same.

Clients record nothing. A request is taken as it comes, if the answers that it calls received were given by somebody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from msgspec import UNSET

from quorumlog.core.consensus.state import LEADER
from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import FORMAT, EventName, Line, SentRequest, Start, Step, line_of
from quorumlog.sharding.server import ORDERS
from quorumlog_bindings.recorded_asked import GatesSurvey, constants_of, received_by_clients
from quorumlog_bindings.recorded_gates import (
    ANY,
    CONFLICT,
    ITSELF,
    KEPT,
    NOBODY,
    Logs,
    Named,
    Server,
    key_of_answer,
    request_of,
    requests_of,
)
from quorumlog_bindings.recorded_messages import key_of
from tlastep.errors import UnusableInput
from tlastep.long_sequences import Items, LongSequences
from tlastep.recorded import OUTSIDE, At, Contradiction, Key, Recording, Told, Update, Way, Wordless, surveyed
from tlastep.values import Fn, Value, boolean, model_value

Records: TypeAlias = frozenset[Fn]


class LeaderOutputRecording(Wordless):
    """The translation of one set of recordings."""

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        surveys = {node: surveyed(own, GatesSurvey) for node, own in lines.items()}
        self._first = {node: cast(Start, each.first) for node, each in surveys.items()}
        for node, start in self._first.items():
            if start.length or start.applied:
                says = "begins with entries on its disk of which nobody has recorded what they were"
                raise UnusableInput(f"{says}: expected a recording from the first start on", node)
        members = next(iter(self._first.values())).members
        self._long = long
        self._names = {name: model_value(name) for name in members}
        self._servers = {name: Server(long) for name in members}
        self._logs = Logs(rows=False)
        self._said: dict[Named, EventName] = {}
        self._most = 0
        self._asked: tuple[Line | Step | None, Sequence[Key]] = None, ()
        """The line that was asked last what it sends, and what that is."""
        self.besides, self._wanted = received_by_clients(surveys)
        self.constants: Mapping[str, Value] = constants_of(surveys.values(), self._names)

    # -- messages: they order lines, and say nothing here --------------------------------------------------------

    def needs(self, line: Line) -> Key | None:
        """The message that the line takes."""
        return key_of(line.letter) if type(line) is recorded.Take else None

    def sends(self, line: Line | Step) -> Sequence[Key]:
        """The messages that have left with the step, or leave with the next sync, of which the spec knows nothing."""
        if line is not self._asked[0]:
            self._asked = line, self._sent(line) if isinstance(line, Step) else ()
        return self._asked[1]

    def _sent(self, line: Step) -> Sequence[Key]:
        found: list[Key] = list(map(key_of, [*line.sent, *line.owes]))
        if line.owed is not UNSET:
            found += map(key_of, line.owed)
        if line.said:
            answers = [key_of_answer(session, number) for _, session, number, _, _ in line.said]
            found += [key for key in answers if key in self._wanted]
        return found

    # -- lines ---------------------------------------------------------------------------------------------------

    def ways(self, node: str, line: Line, at: At) -> Sequence[Way]:
        """The steps of a line."""
        if isinstance(line, Start):
            return (() if line.n == self._first[node].n else self._crashed(node, line, at),)
        return (self._step(node, line, at),)

    def _step(self, node: str, line: Step, at: At) -> Way:
        i, server = self._names[node], self._servers[node]
        if at.part("answers", None):
            yield Told(OUTSIDE, (), [("answers", None, NOBODY)])
        before = server.term
        self._logs.takes(server, line)
        yield from self._heard(i, server, line, before, at)
        if line.leads is not UNSET or line.role is not UNSET:
            yield from self._reigns(i, server, line, at)
        said = self._answers(server, line) if line.said or line.held else _Answers()
        if line.asked or line.wrote:
            yield from self._requested(i, server, line, said, at)
        if line.commit_index is not UNSET and at.part("leads", i):
            yield from self._decided(server, line.commit_index, at)
        if line.applied is not UNSET:
            yield from self._applied(i, server, line.applied, said, at)
        if said.left:
            yield from self._late(i, server, said, at)
        if line.waits is not UNSET:
            waiting = {
                (each.mapping["session"], each.mapping["number"]) for each in cast(Records, at.part("waiting", i))
            }
            if len(waiting) != line.waits:
                raise Contradiction(f"says that {line.waits} commands wait, and there are {len(waiting)}")
        if given := self.sends(line):
            yield Told("", gives=given)

    # -- consensus -------------------------------------------------------------------------------------------------

    def _heard(self, i: Value, server: Server, line: Step, before: int, at: At) -> Way:
        """A server hears of a leader, and may get entries."""
        letter = line.letter if isinstance(line, recorded.Take) else None
        log, old = server.log.value, cast(Items, at.part("log", i))
        if isinstance(letter, SentRequest) and letter.term >= before:
            if log != old:
                yield Told("Copy", (i, letter.term, len(log)), [("log", i, cast(Value, log)), *_leads(i, line)])
            elif letter.term > cast(int, at.part("follows", i)):
                yield Told("Follow", (i, letter.term), list(_leads(i, line)))
        elif log != old and not line.wrote:
            raise Contradiction("has another log, and was given none")

    def _reigns(self, i: Value, server: Server, line: Step, at: At) -> Way:
        """A server leads, or leads no more."""
        leads = line.role == LEADER or line.leads is True
        if at.part("leads", i) and not leads:
            yield Told("StepDown", (i,), list(_leads(i, line)))
        elif leads:
            yield Told("Lead", (i, server.term), list(_leads(i, line)))
        server.silent()

    def _decided(self, server: Server, length: int, at: At) -> Way:
        """A leader knows more of its reign to be decided."""
        if length >= len(server.log.written):
            raise Contradiction(f"knows {length} entries to be decided of {len(server.log.held)}")
        yield from self._settled(server.term, server.log.written[length], at)

    def _settled(self, term: int, count: int, at: At) -> Way:
        if count > cast(int, _of(at.part("reign", None), term).mapping["decided"]):
            yield Told("Decide", (term, count), [])
        self._most = max(self._most, count)

    def _crashed(self, node: str, start: Start, at: At) -> Way:
        """A crash, what the next start finds on the disk, and what a snapshot has told the gate then."""
        i, server = self._names[node], self._servers[node]
        self._logs.begins(server, start)
        log = server.log
        term = log.held[-1].term if log.held else 0
        value = cast(Value, log.value)
        down: list[Update] = [("log", i, value), ("leads", i, boolean(False)), ("applied", i, 0)]
        yield Told("Crash", (i, term, log.written[-1]), down)
        if start.applied > self._most:
            raise Contradiction(f"begins with {start.applied} entries, of which {self._most} are known to be decided")
        if start.applied:
            yield from self._settled(term, start.applied, at)
            yield Told("Commit", (i, start.applied), [("applied", i, start.applied)])

    # -- requests and answers --------------------------------------------------------------------------------------

    def _requested(self, i: Value, server: Server, line: Step, said: _Answers, at: At) -> Way:
        """Requests arrive, one after another."""
        log, first = server.log, server.log.written[-1] - len(line.wrote)
        for request, own in requests_of(line):
            by, session, number = request[:3]
            named = session, number
            message = request_of(server, request, len(cast(Items, at.part("log", i))))
            yield Told(OUTSIDE, (), [("requests", None, frozenset([message]))])
            updates: list[Update] = []
            event: Value = ANY
            if own is not None:
                entry = log.entry(first + own + 1)
                event = entry.mapping["event"] if entry.mapping["event"] is not CONFLICT else ANY
                updates.append(("log", i, cast(Value, self._long.appended(cast(Items, at.part("log", i)), entry))))
            given = said.left.get(named, {}).pop(by, None)
            updates += _answered(at, self._answer(i, server, by, named, given, at))
            if session.startswith(ORDERS):
                server.ordered.add(named)
            yield Told("OnRequest", (i, message, event), updates)

    def _applied(self, i: Value, server: Server, applied: int, said: _Answers, at: At) -> Way:
        """A gate applies entries one after another, and answers whoever has waited for them."""
        if applied > server.log.written[-1]:
            raise Contradiction(f"has applied {applied} entries of {server.log.written[-1]}")
        first = cast(int, at.part("applied", i)) + 1
        alone = said.left or server.ordered  # somebody is answered, or is waited for by nobody: one after another
        for count in range(first if alone else max(first, applied), applied + 1):
            updates: list[Update] = [("applied", i, count)]
            if said.left or server.ordered:
                fields = server.log.entry(count).mapping
                named = cast(Named, (fields["session"], fields["number"]))
                own = said.left.pop(named, {}).items()
                answers = [self._answer(i, server, by, named, given, at) for by, given in own]
                if named in server.ordered:
                    server.ordered.discard(named)
                    answers.append(self._answer(i, server, ITSELF, named, KEPT, at))
                updates += _answered(at, *answers)
            yield Told("Commit", (i, count), updates)

    def _late(self, i: Value, server: Server, said: _Answers, at: At) -> Way:
        """What is said to a command at another time than when it is decided is said as if it were asked again."""
        for named, own in said.left.items():
            for by, given in own.items():
                message = request_of(server, (by, *named, 0, None), 0)
                yield Told(OUTSIDE, (), [("requests", None, frozenset([message]))])
                answer = self._answer(i, server, by, named, given, at)
                yield Told("OnRequest", (i, message, ANY), list(_answered(at, answer)))

    def _answers(self, server: Server, line: Step) -> _Answers:
        """What a line says that was said, and what it says that was kept back."""
        found = _Answers()
        for to, session, number, _, _ in line.held:
            server.kept.add((_connection(to), (session, number)))
            found.add(to, (session, number), KEPT)
        for to, session, number, at, name in line.said:
            server.kept.discard((_connection(to), (session, number)))
            found.add(to, (session, number), (at, name))
        return found

    def _answer(
        self, i: Value, server: Server, by: int, named: Named, given: tuple[int, EventName] | None, at: At
    ) -> Value | None:
        """An answer as the record of the spec; one that is kept back is what the log says."""
        if given is None:
            if (by, named) not in server.kept:
                return None
            given = KEPT
        log, place = server.log, server.log.places.get(named)
        events, name = given
        answer: dict[Value, Value] = {"at": events, "event": name if name is not None else CONFLICT}
        if place is not None:
            true = log.entry(place).mapping["event"]
            first = given is KEPT or self._said.setdefault(named, name) == name
            more = 0 if given is KEPT else events - log.events[place]
            answer = {"at": log.commands[place] + more, "event": true if first else answer["event"]}
        fields: dict[Value, Value] = {"to": by, "session": named[0], "number": named[1], "answer": Fn(answer)}
        return Fn({**fields, "from": i, "term": at.part("follows", i)})


class _Answers:
    """Answers of a line that were not told yet: to each command, to whom, and what."""

    def __init__(self) -> None:
        self.left: dict[Named, dict[int, tuple[int, EventName]]] = {}

    def add(self, to: int | str, named: Named, given: tuple[int, EventName]) -> None:
        """One of them."""
        self.left.setdefault(named, {})[_connection(to)] = given


def _connection(to: int | str) -> int:
    return to if isinstance(to, int) else ITSELF


def _answered(at: At, *answers: Value | None) -> Iterator[Update]:
    """What is said besides what was said before."""
    said = frozenset([each for each in answers if each is not None])
    if said:
        yield "answers", None, cast("frozenset[Value]", at.part("answers", None)) | said


def _leads(i: Value, line: Step) -> Iterator[Update]:
    """What a gate says of its leading."""
    if line.leads is not UNSET:
        yield "leads", i, boolean(line.leads)


def _of(function: Any, key: int) -> Fn:
    """The value of a function on numbers, which is a sequence where it has the domain of one."""
    return cast(Fn, function.mapping[key] if type(function) is Fn else tuple(function)[key - 1])


UNSAID: Final = frozenset(
    {"reign", "follows", "table", "draft", "waiting", "got", "proxy", "open", "requests", "sent", "outside"}
)
"""Nobody writes these down: what the spec makes of them follows from the steps."""

JUDGED: Final = frozenset({"LeadersReign", "LeadersSpeak", "OthersAreSilent", "OnlyLeadersSpeak"})
"""What is quickly judged in each state. The rest is about all that was ever decided."""

recording: Final = Recording(
    *(FORMAT, line_of, LeaderOutputRecording),
    unsaid=UNSAID,
    properties=JUDGED,
    decode_all=recorded.lines_of,
    survey=GatesSurvey,
)
