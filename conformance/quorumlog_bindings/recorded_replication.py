"""Recordings of servers as steps of the spec Replication: each line in the words of the spec, and what it has changed.

A line says what has changed, so what was there before is taken from the state that the lines before have led to. The
entries of a request are those of its sender's log, if they have the checksum that both of its ends tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, cast

from msgspec import UNSET

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import FORMAT, EventName, Letter, Line, Run, SentRequest, Start, Step, Terms, line_of
from quorumlog_bindings.recorded_messages import KINDS, ReplicationSurvey, key_of, key_of_record
from quorumlog_bindings.recorded_slices import told_of
from tlastep.errors import UnusableInput
from tlastep.long_sequences import Items, LongSequences
from tlastep.recorded import At, Contradiction, Key, Recording, Told, Update, Way, surveyed
from tlastep.values import FALSE, TRUE, Fn, Value, model_value

NIL: Final = model_value("Nil")
ARRIVALS: Final = {kind: f"On{name}" for kind, name in KINDS.items()}
ITSELF: Final[dict[type, str]] = {recorded.Timeout: "Timeout", recorded.Sync: "Sync", recorded.Resign: "Resign"}
"""Lines that tell one step of the server that wrote them."""

REMEMBERED: Final = 10_000  # lost messages among which one is looked for that is like another


class ReplicationRecording:
    """The translation of one set of recordings."""

    besides: Final[Mapping[str, Mapping[int, Sequence[Key]]]] = {}

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        self._long = long
        surveys = {node: surveyed(own, ReplicationSurvey) for node, own in lines.items()}
        self._starts = {node: each.starts[0] for node, each in surveys.items()}
        first = next(iter(self._starts.values()))
        for node, each in surveys.items():
            for line in each.starts:
                if (line.batch, set(line.members)) != (first.batch, set(first.members)):
                    says = f"{first.node} has batch {first.batch} and members {first.members}"
                    raise UnusableInput(f"batch {line.batch} and members {line.members} in line {line.n}; {says}", node)
        self._servers = {name: model_value(name) for name in first.members}
        self._entries: dict[int, dict[EventName, Value]] = {}
        """Entries, by term and event."""
        self._messages: dict[Key, Fn] = {}
        """Messages that are owed, or on their way."""
        self._lost: deque[Key] = deque(maxlen=REMEMBERED)
        """Messages that were lost last."""
        self._needed: tuple[Line | Step | None, Key | None] = None, None
        """The line that was asked last what it needs, and what that is."""
        self._last_slice: tuple[Items, Terms, int] = (), (), 0
        """The last slice that was sent, which goes to others too, and what is told of it."""
        self._first_of_all = self._everyone(1)
        self._none_of_any = self._everyone(0)
        self.constants: Mapping[str, Value] = {
            "Server": frozenset(self._servers.values()),
            "Event": frozenset().union(*(each.events for each in surveys.values())),
            "Nil": NIL,
            "Batch": first.batch,
        }

    def begin(self) -> Mapping[str, Value] | None:
        """Servers that start with something on their disks are believed; the ghost begins with nothing."""
        if all((start.term, start.voted_for, start.length) == (0, None, 0) for start in self._starts.values()):
            return None
        disks: dict[Value, Fn] = {
            server: self._held(None, self._starts.get(name)) for name, server in self._servers.items()
        }
        fields = {
            name: Fn({i: disk.mapping[name] for i, disk in disks.items()}) for name in ("term", "votedFor", "log")
        }
        restarted = {name: Fn(dict.fromkeys(disks, value)) for name, value in self._restarted()}
        held: dict[Value, Value] = {**disks}
        return {**fields, **restarted, "disk": Fn(held), "network": frozenset(), "decided": ()}

    # -- messages ----------------------------------------------------------------------------------------------

    def needs(self, line: Line) -> Key | None:
        """The message that the line takes."""
        if type(line) is not recorded.Take:
            return None
        key = key_of(line.letter)
        self._needed = line, key
        return key

    def sends(self, line: Line) -> Sequence[Key]:
        """The messages that have left with the step."""
        return () if isinstance(line, Start) else list(map(key_of, line.sent))

    def gone(self, key: Key, at: At) -> Way:
        """The message is lost. If it is sent again, it is made again."""
        self._lost.append(key)
        return (Told("Lose", (self._messages.pop(key),), None),)

    def alike(self, key: Key) -> str:
        """The message of the same kind that has most in common with one that was not sent."""
        wanted = cast("tuple[object, ...]", key)
        sent = cast("Iterable[tuple[object, ...]]", [*self._lost, *self._messages])
        same = [each for each in sent if each[0] == wanted[0]]
        best = max(same, key=lambda each: sum(map(_alike, each, wanted)), default=())
        return " ".join(map(str, best))

    # -- lines ---------------------------------------------------------------------------------------------------

    def ways(self, node: str, line: Line, at: At) -> Told | Sequence[Way]:
        """The steps of a line; a start leaves open whether the last sync had reached the disk before the crash."""
        if isinstance(line, Start):
            if line.n == self._starts[node].n:
                return ((),)
            return self._crashed(node, line, at), self._crashed(node, line, at, unheard=True)
        i = self._servers[node]
        if type(line) is recorded.Take:
            return self._takes(line, i, at)
        itself = ITSELF.get(type(line))
        if itself is not None:
            return self._told(itself, (i,), line, i, at, ())
        if type(line) is recorded.Replicate:
            return self._told("Replicate", (i, self._member(line.to)), line, i, at, ())
        if type(line) is recorded.Propose:
            if len(line.events) == 1:
                event = line.events[0]
                return self._told("Propose", (i, event), line, i, at, (self._entry(at.part("term", i), event),))
            return (self._proposed(line, i, at),)
        if line.log is not UNSET or line.term is not UNSET or line.told is not None or line.sent or line.owes:
            raise Contradiction("is no step of consensus, and does what only consensus does")
        return ((),)

    def unfinished(self, node: str, at: At) -> Way:
        """A sync may have returned, and its messages may have left, before its line was written.

        An equal message may have been sent before, and be lost by now.
        """
        i = self._servers[node]
        owed = {key_of_record(message): message for message in at.part("owed", i)}
        self._messages.update(owed)
        return (Told("Sync", (i,), None, tuple(owed)),)

    def _crashed(self, node: str, start: Start, at: At, *, unheard: bool = False) -> Way:
        """A crash, and what the next start finds on the disk."""
        if unheard:
            yield from self.unfinished(node, at)
        i = self._servers[node]
        disk = self._held(at.part("disk", i).mapping["log"], start)
        own: list[Update] = [(name, i, disk.mapping[name]) for name in ("term", "votedFor", "log")]
        yield Told("Crash", (i,), [*own, ("disk", i, disk), *((name, i, value) for name, value in self._restarted())])

    def _takes(self, line: recorded.Take, i: Value, at: At) -> Told:
        kind, message = type(line.letter), self._taken(line)
        given: Any = message.mapping["entries"] if kind is SentRequest else ()
        return self._told(ARRIVALS[kind], (i, message), line, i, at, given)

    def _proposed(self, line: recorded.Propose, i: Value, at: At) -> Way:
        """The spec appends the events of a batch one by one; what the line says is said of the last one."""
        term = at.part("term", i)
        entries = [self._entry(term, event) for event in line.events]
        old: Items = at.part("log", i)
        if not entries:
            raise Contradiction("proposes nothing")
        for event, entry in zip(line.events[:-1], entries, strict=False):
            log = cast(Value, self._long.appended(at.part("log", i), entry))
            yield Told("Propose", (i, event), [("log", i, log)])
        yield self._told("Propose", (i, line.events[-1]), line, i, at, tuple(entries), old)

    def _told(
        self,
        action: str,
        arguments: tuple[Value, ...],
        line: Step,
        i: Value,
        at: At,
        given: Items,
        old: Items | None = None,
    ) -> Told:
        """A step with all that the line says of it. `given` are the entries that the step was given."""
        part = at.part
        updates: list[Update] = []
        log: Items = part("log", i)
        if line.log is not UNSET:
            log = self._written(log if old is None else old, line.log, given)
            updates.append(("log", i, log))  # type: ignore[arg-type]  # a long sequence is a value here
        if line.term is not UNSET or line.role is not UNSET or line.votes is not UNSET or line.voted_for is not UNSET:
            updates += self._elected(line, i)
        if line.next_index:
            updates.append(("nextIndex", i, self._indexes(part("nextIndex", i), line.next_index)))
        if line.match_index:
            updates.append(("matchIndex", i, self._indexes(part("matchIndex", i), line.match_index)))
        if line.commit_index is not UNSET:
            updates.append(("commitIndex", i, line.commit_index))
        if line.disk is not UNSET:
            updates.append(("disk", i, self._disk(part("disk", i), line.disk, log)))
        if line.owed is not UNSET:
            updates.append(("owed", i, frozenset([self._message(each, log) for each in line.owed])))
        elif line.owes:
            more = [self._message(each, log) for each in line.owes]
            updates.append(("owed", i, part("owed", i).union(more)))
        if line.told is not None or line.commit_index is not UNSET:
            updates += self._decided(line, part("commitIndex", i), part("decided", None), log)
        if line.sent:
            keys = list(map(key_of, line.sent))
            messages = map(self._known, line.sent, keys, repeat(log))
            updates.append(("network", None, part("network", None).union(messages)))
            return Told(action, arguments, updates, keys)
        return Told(action, arguments, updates)

    def _elected(self, line: Step, i: Value) -> Iterator[Update]:
        """What changes with elections only."""
        if line.term is not UNSET:
            yield "term", i, line.term
        if line.voted_for is not UNSET:
            yield "votedFor", i, self._server(line.voted_for)
        if line.role is not UNSET:
            yield "role", i, line.role
        if line.votes is not UNSET:
            yield "votes", i, frozenset(map(self._server, line.votes))

    # -- values ----------------------------------------------------------------------------------------------------

    def _server(self, name: str | None) -> Value:
        return NIL if name is None else self._servers.get(name) or self._member(name)

    def _member(self, name: str) -> Value:
        found = self._servers.get(name)
        if found is None:
            raise Contradiction(f"{name} is no member")
        return found

    def _everyone(self, index: int) -> Value:
        return Fn(dict.fromkeys(self._servers.values(), index))

    def _restarted(self) -> Iterator[tuple[str, Value]]:
        """What a server knows that has just been started, beside its disk."""
        yield from (("owed", frozenset()), ("role", "follower"), ("votes", frozenset()), ("commitIndex", 0))
        yield from (("nextIndex", self._first_of_all), ("matchIndex", self._none_of_any))

    def _indexes(self, old: Fn, changed: Mapping[str, int]) -> Value:
        mapping = old.mapping.copy()
        for peer, index in changed.items():
            mapping[self._member(peer)] = index
        return Fn(mapping)

    def _entry(self, term: int, event: EventName) -> Value:
        known = self._entries.get(term)
        if known is None:
            known = self._entries[term] = {}
        found = known.get(event)
        if found is None:
            found = known[event] = Fn({"term": term, "event": NIL if event is None else event})
        return found

    def _runs(self, runs: Iterable[Run]) -> tuple[Value, ...]:
        """Entries as they are written."""
        found: list[Value] = []
        for run in runs:
            if not run or type(run[0]) is not int:
                raise Contradiction("entries without a term")
            term = run[0]
            known = self._entries.setdefault(term, {})
            for event in run[1:]:
                found.append(known[event] if event in known else self._entry(term, event))
        return tuple(found)

    def _written(self, old: Items, written: recorded.Written, given: Items) -> Items:
        """The log that the line says: a part of the old one, and behind it other entries."""
        count = written.length - written.kept
        if written.kept > len(old) or count < 0:
            raise Contradiction(f"keeps {written.kept} of {len(old)} entries, and has {written.length} then")
        if written.entries is not UNSET:
            new = self._runs(written.entries)
        elif count > len(given):
            raise Contradiction(f"appends {count} entries, and was given {len(given)}")
        else:
            new = tuple(given)[len(given) - count :]
        if len(new) != count:
            raise Contradiction(f"appends {count} entries, and names {len(new)}")
        return self._long.joined(self._long.prefix(old, written.kept), new)

    def _disk(self, old: Fn, disk: recorded.Disk, log: Items) -> Fn:
        if disk.log is not UNSET:
            held = self._written(cast(Items, old.mapping["log"]), disk.log, ())
        elif disk.length > len(log):
            raise Contradiction(f"writes {disk.length} entries of a log of {len(log)}")
        else:
            held = self._long.prefix(log, disk.length)
        return _disk(disk.term, self._server(disk.voted_for), held)

    def _held(self, known: Items | None, start: Start | None) -> Fn:
        """What a start finds on the disk. What it does not name is what is `known` to be there."""
        if start is None:
            return _disk(0, NIL, ())
        named = self._runs(start.log)
        if start.after + len(named) != start.length:
            raise Contradiction(f"finds {start.length} entries, and names {len(named)} after {start.after}")
        if start.after > (len(known) if known is not None else 0):
            raise Contradiction(f"finds entries up to {start.after} that nobody has recorded")
        before = self._long.prefix(known, start.after) if known is not None else ()
        return _disk(start.term, self._server(start.voted_for), self._long.joined(before, named))

    def _decided(self, line: Step, known: int, decided: Items, log: Items) -> Iterator[Update]:
        """The ghost, from what the application was told."""
        knows = known if line.commit_index is UNSET else line.commit_index
        if line.told is None:
            if known != knows:
                raise Contradiction(f"knows {knows} entries to be decided, and tells nobody")
            return
        if line.told != (known, knows):
            raise Contradiction(f"tells entries {line.told}, and knows of {known} before and {knows} after")
        after, end = line.told
        if end > len(decided):
            if after > len(decided) or end > len(log):
                raise Contradiction(f"decides entries {after + 1} to {end} of a log of {len(log)}")
            news = self._long.between(log, after, end)
            yield "decided", None, cast(Value, self._long.joined(self._long.prefix(decided, after), news))

    def _message(self, letter: Letter, log: Items) -> Value:
        """A message that a server sends, or owes: the entries are those of its log."""
        return self._known(letter, key_of(letter), log)

    def _known(self, letter: Letter, key: Key, log: Items) -> Value:
        found = self._messages.get(key)
        entries = self._slice(letter, log) if type(letter) is SentRequest else ()
        if found is None:
            found = self._messages[key] = self._record(letter, entries)
        return found

    def _record(self, letter: Letter, entries: Items) -> Fn:
        """A message as the record of the spec."""
        kind, sender, term = type(letter), self._server(letter.sender), letter.term
        found: dict[Value, Any] = {"type": KINDS[kind], "from": sender, "term": term}
        if isinstance(letter, recorded.AskedVote):
            found["lastIndex"], found["lastTerm"] = letter.last_index, letter.last_term
            return Fn(found)
        found["to"] = self._server(letter.to)
        if type(letter) is recorded.SentReply:
            found["accepted"], found["index"] = TRUE if letter.accepted else FALSE, letter.index
        elif type(letter) is SentRequest:
            found["prevIndex"], found["prevTerm"] = letter.prev_index, letter.prev_term
            found["entries"], found["commitIndex"] = entries, letter.commit_index
        return Fn(found)

    def _slice(self, letter: SentRequest, log: Items) -> Items:
        first, count = letter.prev_index, sum([number for _, number in letter.entries])
        if first < 0 or first + count > len(log) or any(number < 1 for _, number in letter.entries):
            raise Contradiction(f"sends {count} entries after {first} of a log of {len(log)}")
        entries = self._long.between(log, first, first + count)
        if entries != self._last_slice[0]:
            self._last_slice = entries, *told_of(entries)
        _, terms, checksum = self._last_slice
        if (letter.entries, letter.checksum) != (terms, checksum):
            says = f"terms {letter.entries} and the checksum {letter.checksum}"
            raise Contradiction(f"sends entries with {says}, and those of its log have {terms} and {checksum}")
        return entries

    def _taken(self, line: recorded.Take) -> Fn:
        """A message that a server takes: the one that was sent, if this is what it says."""
        letter, (asked, key) = line.letter, self._needed
        return self._messages[key if asked is line else key_of(letter)]


def _disk(term: int, voted_for: Value, log: Items) -> Fn:
    return Fn({"term": term, "votedFor": voted_for, "log": log})  # type: ignore[dict-item]  # likewise


def _alike(one: object, other: object) -> bool:
    return one == other


recording: Final = Recording(
    FORMAT,
    line_of,
    ReplicationRecording,
    relation="NextResigning",
    decode_all=recorded.lines_of,
    survey=ReplicationSurvey,
    start=Start,
)
