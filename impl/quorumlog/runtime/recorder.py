"""Writes down what a server does, one line a step, after the fact: a listener of the driver.

    recorder = Recorder.open(folder / "a1.ndjson", BareSteps().replica)
    recorder.started(replica)
    driver = Driver(replica, BareSteps(), ports, pace, recorder)

Of a whole node its gate is recorded too, if it is said where that is (`spoken`): requests, and what was answered.

Lines gather, and `flush` hands them to the operating system before anything is written to the disk, and before messages
leave the process: so of what is not in the recording of a process that is killed neither its disk nor anybody else
knows, but for the last sync. Nothing is synced here, for a recording is evidence, and no part of the protocol. What a
recorder writes is described in `recorded.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast
from zlib import crc32

import msgspec
from msgspec.structs import asdict

from quorumlog.core.consensus import log
from quorumlog.core.consensus.durability import in_order
from quorumlog.core.consensus.effects import Committed, ElectionTimeout, Input, Propose, Replicate, Resign, Send, Sync
from quorumlog.core.consensus.messages import MESSAGES, AppendRequest, Entry, Event, Message
from quorumlog.core.consensus.state import LEADER, Replica
from quorumlog.core.leader_output import CONFLICT, Asked, Executed, Gate, Say
from quorumlog.driver import Listener, Turn
from quorumlog.ledger.forgetting import LETTERS
from quorumlog.runtime.recorded import FORMAT, Answer, EventName, Run, Wrote
from quorumlog.runtime.recorded_rows import are, different, requests, unsaid, wrote

Whole = TypeVar("Whole")
Taken = TypeVar("Taken")

Among: TypeAlias = tuple[str, Sequence[str]]
"""The group of a server among groups, and the shards."""

AnySpoken: TypeAlias = tuple[Gate[Any, Any, Any], Sequence[Say[Any]]]
"""A gate, and the answers that its server keeps back until it knows more."""

TAIL: Final = 16  # entries of the disk that a restart names; all others are known from the lines before it
GATHERED: Final = 4096  # lines that are written whether or not a turn has ended
LOOKED_AT: Final = 1 << 16  # bytes at the end of a recording among which its last line is looked for

_bytes_of = msgspec.msgpack.Encoder().encode
_ENCODER: Final = msgspec.json.Encoder()


def named(event: Event | None) -> EventName:
    """How an event is called in a recording: a string by itself, anything else by the CRC-32 of its encoding.

    Two events in the same place of two logs that differ bear the same name with a chance of 1 in 2^32.
    """
    if type(event) is Executed:  # what gates write, and so almost all
        return crc32(_bytes_of(event))
    if event is None or isinstance(event, str):
        return event
    return crc32(event if isinstance(event, bytes) else _bytes_of(event))


class Recorder(Generic[Whole, Taken]):
    """Records one server. `write` takes whole lines; `number` and `incarnation` are those of the last one before.

    `replica` and `spoken` say where its part in consensus is, and its gate with the answers that it keeps back. In a
    group `among` groups events themselves are written, for others may ask what they were.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        replica: Callable[[Whole], Replica],
        *,
        number: int = 0,
        incarnation: int = 0,
        name: Callable[[Event | None], EventName] = named,
        spoken: Callable[[Whole], AnySpoken] | None = None,
        among: Among | None = None,
    ) -> None:
        self._write = write
        self._among = among
        self._replica = replica
        self._spoken = spoken
        self._name = name
        self._number = number
        self._incarnation = incarnation
        self._lines: list[dict[str, object]] = []
        self._file: int | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        replica: Callable[[Whole], Replica],
        *,
        name: Callable[[Event | None], EventName] = named,
        spoken: Callable[[Whole], AnySpoken] | None = None,
        among: Among | None = None,
    ) -> Recorder[Whole, Taken]:
        """Go on with the recording in this file, or begin it. Raises `OSError` if that cannot be."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        number, incarnation, torn = _last_line(file)
        write = _writer(file)
        recorder = cls(write, replica, number=number, incarnation=incarnation, name=name, spoken=spoken, among=among)
        recorder._file = file
        if torn:
            os.write(file, b"\n")  # what a crash has left of a line stays, on a line of its own
        return recorder

    def beside(self, other: Listener[Whole, Taken]) -> Listener[Whole, Taken]:
        """A listener that records, and then tells another one."""
        return _Both(self, other)

    # -- what is recorded ------------------------------------------------------------------------------------

    def started(self, whole: Whole) -> None:
        """The server begins, or begins again, with what its disk holds."""
        replica = self._replica(whole)
        disk = replica.disk
        length = len(disk.log)
        after = max(length - TAIL, 0) if self._number else 0
        self._incarnation += 1
        self._number += 1
        line = self._line("start")
        line.update(
            format=FORMAT,
            node=replica.identity,
            members=replica.members,
            batch=replica.batch,
            term=disk.term,
            voted_for=disk.voted_for,
            length=length,
            after=after,
            log=self._runs(disk.log[after:]),
        )
        if self._spoken is not None and (applied := self._spoken(whole)[0].applied):
            line["applied"] = applied
        if self._among is not None:
            line["group"], line["shards"] = self._among
        self._lines.append(line)
        self.flush()

    def stepped(self, before: Whole, turn: Turn[Whole, Taken | Input]) -> None:
        """A step is over. What a server does beside consensus is recorded if it appends to the log, or speaks."""
        old, new = self._replica(before), self._replica(turn.after)
        taken: Any = turn.taken
        line = self._taken(taken, old, new, nothing=new is old and not turn.effects)
        length = len(line)
        if self._spoken is not None:
            self._speaks(line, before, turn, (old.role == LEADER, new.role == LEADER))
        if self._among is not None:
            _tells_groups(line, turn)
        if line["do"] == "Ask" and len(line) == length:
            return
        self._number += 1
        line["n"] = self._number
        if turn.effects:
            self._effects(line, turn)
        if new is not old:
            self._changes(line, old, new, taken)
        self._lines.append(line)
        if len(self._lines) >= GATHERED:
            self.flush()

    def refused(self, taken: Taken | Input) -> None:
        """Nothing has happened."""

    def flush(self) -> None:
        """Hand over what has gathered: before a write to the disk, and before messages leave the process."""
        if self._lines:
            self._write(_ENCODER.encode_lines(self._lines))
            self._lines.clear()

    def close(self) -> None:
        """Hand over what has gathered, and close the file, if it is the recorder's own."""
        self.flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # -- parts of a line -------------------------------------------------------------------------------------

    def _taken(self, taken: Any, old: Replica, new: Replica, *, nothing: bool) -> dict[str, object]:
        """What was taken. With `nothing` it is nothing that has to do with consensus."""
        kind = type(taken)
        if kind in _ITSELF:
            line = self._line(kind.__name__)
            if kind is Replicate:
                line["to"] = taken.to
            elif kind is Propose:
                line["events"] = list(map(self._name, taken.events))
        elif isinstance(taken, MESSAGES):
            line = self._line("Take")
            line["letter"] = self._letter(taken)
        elif nothing:
            line = self._line("Ask")
        else:
            line = self._line("Propose")
            appended = new.log[len(old.log) :]
            line["events"] = [self._name(entry.event) for entry in appended]
            if self._spoken is not None:
                line["wrote"] = [wrote(entry.event, whole=self._among is not None) for entry in appended]
        return line

    def _line(self, do: str) -> dict[str, object]:
        return {"n": self._number, "i": self._incarnation, "do": do}

    def _runs(self, entries: Iterable[Entry]) -> list[Run]:
        """Entries as they are written: those of one term together."""
        runs: list[Run] = []
        name = self._name
        known = list(entries)
        if len(terms := {entry.term for entry in known}) == 1:  # as almost always
            return [[*terms, *[name(entry.event) for entry in known]]]
        term = None
        for entry in known:
            if entry.term != term:
                term = entry.term
                run: Run = [term]
                runs.append(run)
            run.append(name(entry.event))
        return runs

    def _letter(self, message: Message) -> dict[str, object]:
        """A message as its receiver writes it."""
        letter = {"kind": type(message).__name__, **asdict(message)}
        if type(message) is AppendRequest:
            letter["entries"] = self._runs(message.entries)
        return letter

    def _speaks(
        self, line: dict[str, object], before: Whole, turn: Turn[Whole, Taken | Input], leader: tuple[bool, bool]
    ) -> None:
        """What the step has changed of the gate, what it was asked, and what it says.

        The gate of a `leader` has been told that it leads, though it may have to fold before it speaks.
        """
        assert self._spoken is not None, "only who has a gate says where it is"
        (old, kept), (new, keeps) = self._spoken(before), self._spoken(turn.after)
        if (leads := leader[1] or new.leads) != (leader[0] or old.leads):
            line["leads"] = leads
        if new is not old:
            if new.applied != old.applied:
                line["applied"] = new.applied
            if new.waiting is not old.waiting and len(new.waiting) != len(old.waiting):
                line["waits"] = len(new.waiting)
        asked: Sequence[Asked[Any, Any]] = getattr(turn.taken, "asked", ())
        if asked and (old.leads or turn.said):
            line["asked"] = requests(asked, rows := cast("list[Wrote]", line.get("wrote", [])))
            if self._among is not None and (commands := unsaid(asked, rows)):
                line["commands"] = commands
        if turn.said and (said := [self._answer(each) for each in turn.said if isinstance(each, Say)]):
            line["said"] = said
        if keeps is not kept and (held := [self._answer(each) for each in keeps if each not in kept]):
            line["held"] = held

    def _answer(self, say: Say[Any]) -> Answer:
        answer, said = say.answer, say.answer.said
        name = None if said is None or said == CONFLICT else self._name(said)
        return cast("int | str", say.to), say.session, say.number, answer.at, name

    def _effects(self, line: dict[str, object], turn: Turn[Whole, Taken | Input]) -> None:
        sent: list[dict[str, object]] = []
        for effect in turn.effects:
            if type(effect) is Send:
                sent.append(_sent(effect.message))
            elif type(effect) is Committed:
                line["told"] = (effect.after, effect.after + len(effect.entries))
        if sent:
            line["sent"] = sent

    def _changes(self, line: dict[str, object], old: Replica, new: Replica, taken: object) -> None:
        """What the step has changed, in the words of the core."""
        if new.term != old.term:
            line["term"] = new.term
        if new.voted_for != old.voted_for:
            line["voted_for"] = new.voted_for
        if new.log is not old.log and log.differs(old.log, new.log):
            line["log"] = self._written(old.log, new.log, taken)
        if new.disk is not old.disk:
            line["disk"] = self._disk(old, new)
        if new.owed is not old.owed:
            _owed(line, old, new)
        if new.role != old.role:
            line["role"] = new.role
        if new.votes is not old.votes and new.votes != old.votes:
            line["votes"] = sorted(new.votes)
        if new.next_index is not old.next_index and (peers := different(old.next_index, new.next_index)):
            line["next_index"] = peers
        if new.match_index is not old.match_index and (peers := different(old.match_index, new.match_index)):
            line["match_index"] = peers
        if new.commit_index != old.commit_index:
            line["commit_index"] = new.commit_index

    def _written(self, old: Sequence[Entry], new: Sequence[Entry], taken: object) -> dict[str, object]:
        kept = log.kept(old, new)  # type: ignore[arg-type]  # a log may be any sequence of entries that behaves as a tuple
        written: dict[str, object] = {"kept": kept, "length": len(new)}
        appended = tuple(new[kept:])
        if type(taken) is AppendRequest:
            given = tuple(taken.entries[len(taken.entries) - len(appended) :])
            if len(appended) <= len(taken.entries) and appended == given:
                return written
        elif type(taken) is Propose:
            if are(appended, taken.events):
                return written
        elif not isinstance(taken, MESSAGES) and taken is not None:
            return written  # what a server appends beside consensus is what the line says that it proposes
        written["entries"] = self._runs(appended)
        return written

    def _disk(self, old: Replica, new: Replica) -> dict[str, object]:
        disk = new.disk
        held: dict[str, object] = {"term": disk.term, "voted_for": disk.voted_for, "length": len(disk.log)}
        if disk.log is not new.log and log.differs(disk.log, new.log):
            held["log"] = self._written(old.disk.log, disk.log, None)
        return held


class _Both(Generic[Whole, Taken]):
    """Two listeners, one after the other."""

    def __init__(self, first: Listener[Whole, Taken], second: Listener[Whole, Taken]) -> None:
        self._first = first
        self._second = second

    def stepped(self, before: Whole, turn: Turn[Whole, Taken | Input]) -> None:
        """A step is over."""
        self._first.stepped(before, turn)
        self._second.stepped(before, turn)

    def refused(self, taken: Taken | Input) -> None:
        """Nothing has happened."""
        self._first.refused(taken)
        self._second.refused(taken)


_ITSELF: Final = frozenset({ElectionTimeout, Sync, Propose, Replicate, Resign})
"""The inputs of consensus that are no messages; a line bears their name."""


def _tells_groups(line: dict[str, object], turn: Turn[Any, Any]) -> None:
    """What was taken of other groups, and what is said to them."""
    if heard := getattr(turn.taken, "letters", ()):
        line["heard"] = heard
    if turn.posted and (spoke := [each for each in turn.posted if type(each) in LETTERS]):
        line["spoke"] = spoke


def _sent(message: Message) -> dict[str, object]:
    """A message as its sender writes it: the entries are those of its log."""
    letter = {"kind": type(message).__name__, **asdict(message)}
    if type(message) is AppendRequest:
        letter["entries"] = len(message.entries)
    return letter


def _owed(line: dict[str, object], old: Replica, new: Replica) -> None:
    if old.owed - new.owed:
        line["owed"] = list(map(_sent, in_order(new.owed)))
    elif added := new.owed - old.owed:
        line["owes"] = list(map(_sent, in_order(added)))


def _writer(file: int) -> Callable[[bytes], None]:
    """Writes all of it, or raises `OSError`: a disk that is full, say."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(file, data) :]

    return write


class _Numbered(msgspec.Struct):
    n: int
    i: int


def _last_line(file: int) -> tuple[int, int, bool]:
    """Number and incarnation of the last whole line of a recording, and whether something torn follows it."""
    size = os.fstat(file).st_size
    looked_at = LOOKED_AT
    while True:
        start = max(size - looked_at, 0)
        lines = os.pread(file, size - start, start).split(b"\n")
        torn = bool(lines[-1])
        for line in reversed(lines[:-1] if start == 0 else lines[1:-1]):
            try:
                found = msgspec.json.decode(line, type=_Numbered)
            except msgspec.DecodeError:
                continue
            return found.n, found.i, torn
        if start == 0:
            return 0, 0, torn
        looked_at *= 4
