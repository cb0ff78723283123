"""Writes down what a server does, one line a step, after the fact: a listener of the driver.

    recorder = Recorder.open(folder / "a1.ndjson", bare)
    recorder.started(replica)
    driver = Driver(replica, BareSteps(), ports, pace, recorder)

Of a whole node its gate is recorded too: requests, and what was answered.

Lines gather, and `flush` hands them to the operating system before anything is written to the disk, and before messages
leave the process: so of what is not in the recording of a process that is killed neither its disk nor anybody else
knows, but for the last sync. Nothing is synced here, for a recording is evidence, and no part of the protocol. What a
recorder writes is described in `recorded.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from quorumlog.core.consensus.effects import ElectionTimeout, Input, Propose, Replicate, Resign, Sync
from quorumlog.core.consensus.messages import MESSAGE_TYPES
from quorumlog.core.consensus.state import LEADER, Replica
from quorumlog.core.leader_output import Gate, Say
from quorumlog.driver import Listener, Turn
from quorumlog.ledger.forgetting import LETTERS
from quorumlog.runtime.recorded import FORMAT, Wrote
from quorumlog.runtime.recorded_changes import Line, appended, changes, effects, sent
from quorumlog.runtime.recorded_rows import (
    Block,
    answers,
    block_of,
    named,
    names,
    names_after,
    requests,
    runs,
    unsaid,
    wrote,
)

__all__ = ["Among", "Parts", "Recorder", "bare", "named"]

Whole = TypeVar("Whole")
Taken = TypeVar("Taken")

Among: TypeAlias = tuple[str, Sequence[str]]
"""The group of a server among groups, and the shards."""

AnyGate: TypeAlias = Gate[Any, Any, Any]
Parts: TypeAlias = tuple[Replica, AnyGate | None, Sequence[Say[Any]]]
"""What of a server is recorded: its part in consensus, its gate, and the answers that it keeps back for now."""

TAIL: Final = 16  # entries of the disk that a restart names; all others are known from the lines before it
GATHERED: Final = 4096  # lines that are written whether or not a turn has ended
LOOKED_AT: Final = 1 << 16  # bytes at the end of a recording among which its last line is looked for

NOTHING: Final = 3  # fields of a line that says only that there is one

_ENCODER: Final = msgspec.json.Encoder()


def bare(replica: Replica) -> Parts:
    """The parts of a server of consensus and nothing else."""
    return replica, None, ()


class Recorder(Generic[Whole, Taken]):
    """Records one server. `write` takes whole lines; `number` and `incarnation` are those of the last one before.

    `parts` says what of it is recorded. In a group `among` groups events themselves are written, for others may ask
    what they were.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        parts: Callable[[Whole], Parts],
        *,
        number: int = 0,
        incarnation: int = 0,
        among: Among | None = None,
        block: Block | None = None,
    ) -> None:
        self._write = write
        self._among = among
        self._block = block
        self._slices = block or block_of
        self._parts_of = parts
        self._number = number
        self._incarnation = incarnation
        self._lines: list[Line] = []
        self._whole: Whole | None = None
        self._parts: Parts
        self._file: int | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        parts: Callable[[Whole], Parts],
        *,
        among: Among | None = None,
        block: Block | None = None,
    ) -> Recorder[Whole, Taken]:
        """Go on with the recording in this file, or begin it. Raises `OSError` if that cannot be."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        number, incarnation, torn = _last_line(file)
        write = _writer(file)
        recorder = cls(write, parts, number=number, incarnation=incarnation, among=among, block=block)
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
        self.flush()
        replica, gate, _ = self._parts_of(whole)
        disk = replica.disk
        length = len(disk.log)
        after = max(length - TAIL, 0) if self._number else 0
        self._incarnation += 1
        self._number += 1
        line: Line = {"n": self._number, "i": self._incarnation, "do": "start"}
        line.update(
            format=FORMAT,
            node=replica.identity,
            members=replica.members,
            batch=replica.batch,
            term=disk.term,
            voted_for=disk.voted_for,
            length=length,
            after=after,
            log=runs(disk.log[after:]),
        )
        if gate is not None and gate.applied:
            line["applied"] = gate.applied
        if self._among is not None:
            line["group"], line["shards"] = self._among
        self._write(_ENCODER.encode_lines([line]))

    def stepped(self, before: Whole, turn: Turn[Whole, Taken | Input]) -> None:
        """A step is over. What a server does beside consensus is recorded if it appends to the log, or speaks."""
        old, was, kept = self._parts_of(before) if before is not self._whole else self._parts
        self._whole, self._parts = turn.after, self._parts_of(turn.after)
        new, gate, keeps = self._parts
        taken: Any = turn.taken
        kind = type(taken)
        line: Line = {"n": self._number + 1, "i": self._incarnation, "do": kind.__name__}
        if kind in MESSAGE_TYPES:
            line["do"], line["letter"] = "Take", sent(taken, self._slices)
        elif kind is Replicate:
            line["to"] = taken.to
        elif kind is Propose:
            line["events"] = names(taken.events)
        elif kind not in _ITSELF:
            self._beside(line, turn, old, new, was)
        if gate is not None and was is not None:
            if gate is not was or new.role != old.role:
                _gate(line, (old, was), (new, gate))
            if turn.said and (said := answers(turn.said)):
                line["said"] = said
            if keeps is not kept and (held := answers([each for each in keeps if each not in kept])):
                line["held"] = held
        if self._among is not None:
            _tells_groups(line, turn)
        if len(line) == NOTHING and line["do"] == "Ask":
            return
        self._number += 1
        if turn.effects:
            effects(line, turn.effects, self._slices)
        if new is not old:
            changes(line, old, new, turn.taken)
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
        self.abandon()

    def abandon(self) -> None:
        """Close the file as a process does that is killed: what has gathered is lost."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # -- parts of a line -------------------------------------------------------------------------------------

    def _beside(
        self, line: Line, turn: Turn[Whole, Taken | Input], old: Replica, new: Replica, gate: AnyGate | None
    ) -> None:
        """What a server takes beside consensus: what follows from it, and what the gate was asked, if it leads."""
        rows: list[Wrote] = []
        if new is old and not turn.effects:
            line["do"] = "Ask"
        else:
            more, length = appended(old.log, new.log), len(new.log)
            kept = length - len(more)
            line["do"], line["events"] = "Propose", names_after(kept, more, self._block)
            if more or kept != len(old.log):
                line["log"] = {"kept": kept, "length": length}  # what follows is what the line says is proposed
            if gate is not None:
                line["wrote"] = rows = wrote([entry.event for entry in more], whole=self._among is not None)
        if gate is not None and (asked := getattr(turn.taken, "asked", ())) and (gate.leads or turn.said):
            line["asked"] = requests(asked, rows)
            if self._among is not None and (commands := unsaid(asked, rows)):
                line["commands"] = commands


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


def _gate(line: Line, old: tuple[Replica, AnyGate], new: tuple[Replica, AnyGate]) -> None:
    """What has changed of a gate. A leader's was told that it leads, though it may have to fold before it speaks."""
    (before, was), (after, gate) = old, new
    if (leads := after.role == LEADER or gate.drafts is not None) != (before.role == LEADER or was.drafts is not None):
        line["leads"] = leads
    if gate.applied != was.applied:
        line["applied"] = gate.applied
    if gate.waiting is not was.waiting and (waits := len(gate.waiting)) != len(was.waiting):
        line["waits"] = waits


def _tells_groups(line: dict[str, object], turn: Turn[Any, Any]) -> None:
    """What was taken of other groups, and what is said to them."""
    if heard := getattr(turn.taken, "letters", ()):
        line["heard"] = heard
    if turn.posted and (spoke := [each for each in turn.posted if type(each) in LETTERS]):
        line["spoke"] = spoke


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
