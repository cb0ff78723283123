"""Recordings as files: whole lines in the order in which one node wrote them, and what is wrong with that order.

A line that a crash has torn is cut off and mentioned: the last one of a file, or one that is followed by a new start.
A number that is missing, or that comes twice, and an incarnation that goes on after the next one has begun, are
findings: nothing can be said of what is not there. Whatever is no line of a recording is unusable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from tlastep.check.recording_lines import Lines, Piece, pieces
from tlastep.errors import Place, UnusableInput
from tlastep.recorded import Recording

START: Final = "start"
SUFFIX: Final = ".ndjson"


@dataclass
class Recorded:
    """The recording of one node."""

    path: Path
    node: str
    members: tuple[str, ...]
    lines: Lines[Any]
    starts: int = 0
    notes: list[str] = field(default_factory=list)

    def place(self, index: int) -> int:
        """The number of a line in the file."""
        return self.lines.place(index)


class OutOfOrder(Exception):
    """Lines are missing, come twice, or come from two processes at once."""

    def __init__(self, path: Path, line: int, action: str, says: str) -> None:
        super().__init__(says)
        self.path = path
        self.line = line
        self.action = action
        self.says = says


class _Head(msgspec.Struct, frozen=True):
    """What every line has."""

    n: int
    i: int
    do: str
    format: int = 0
    node: str = ""
    members: tuple[str, ...] = ()


_HEADS: Final = msgspec.json.Decoder(_Head)


def files_of(given: Iterable[Path]) -> list[Path]:
    """The recordings that are named, and those in the folders that are."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix == SUFFIX)
            if not inside:
                raise UnusableInput(f"holds no recording: expected files that end in {SUFFIX}", str(path))
            found += inside
        else:
            found.append(path)
    return found


def read_recording(path: Path, recording: Recording[Any]) -> Recorded:
    """A recording. Raises `UnusableInput` for what is none, and `OutOfOrder` if its numbers are not in order."""
    reader = _Reader(path, recording)
    for start, data in pieces(path):
        reader.read(start, data)
    return reader.end()


class _Reader:
    """Reads a file for the first time, to see that its lines are some, and come in order."""

    def __init__(self, path: Path, recording: Recording[Any]) -> None:
        self._path = path
        self._recording = recording
        survey = None if recording.survey is None else recording.survey()
        self._lines: Lines[Any] = Lines(path, recording.decode, recording.decode_all, survey)
        self._found: Recorded | None = None
        self._last: _Head | None = None
        self._number = 1
        """The number of the next line."""
        self._torn: tuple[int, str] | None = None
        """The line before, if it is none, and what is wrong with it."""

    def read(self, start: int, data: bytes) -> None:
        """The next piece of the file."""
        number = self._number
        lines = _all_at_once(data, self._recording) if self._torn is None else None
        plain = lines is not None and (self._goes_on(lines) or self._all(data))
        if lines is None or not plain:
            lines = self._each(data)
        self._lines.add(Piece(start, start + len(data), number, plain), lines)

    def end(self) -> Recorded:
        """All of it was read."""
        if self._torn is not None:
            self._cut_off()
        if self._found is None:
            raise UnusableInput("is empty: expected the recording of a node", str(self._path))
        return self._found

    def _goes_on(self, lines: Sequence[Any]) -> bool:
        """Whether lines come one after another, and none is a start: seen from the lines themselves, if it can be."""
        last, start = self._last, self._recording.start
        if last is None or start is None or start in set(map(type, lines)) or {line.i for line in lines} != {last.i}:
            return False
        count = len(lines)
        if [line.n for line in lines] != list(range(last.n + 1, last.n + 1 + count)):
            return False
        self._last = _Head(last.n + count, last.i, "")
        self._number += count
        return True

    def _all(self, data: bytes) -> bool:
        """Whether all of them are lines of a recording; each is looked at where it stands."""
        try:
            heads = _HEADS.decode_lines(data)
        except ValueError:
            return False
        for head in heads:
            last = self._last
            if last is None or head.n != last.n + 1 or head.i != last.i or head.do == START:
                self._check(head)
            self._last = head
            self._number += 1
        return True

    def _each(self, data: bytes) -> list[Any]:
        """Lines of which something may be wrong. Raises `UnusableInput` for the first that is none."""
        *texts, rest = data.split(b"\n")
        found = []
        for text in texts:
            head, line, problem = _decoded(text, self._recording) if text else (None, None, "")
            if head is not None:
                self._check(head)
                self._last = head
                found.append(line)
            else:
                self._is_none(text, problem)
            self._number += 1
        if rest:  # what follows the last end of line is torn, even where it could be read
            self._is_none(rest, _decoded(rest, self._recording)[2])
        return found

    def _check(self, head: _Head) -> None:
        """A line that is one, where it stands."""
        number, recording = self._number, self._recording
        if self._torn is not None:
            self._follows(is_start=head.do == START)
        if self._found is None:
            self._found = _begun(self._path, number, head, recording, self._lines)
        elif head.do == START and head.format != recording.format:
            says = f"format {head.format}, and this reads format {recording.format}"
            raise UnusableInput(says, Place(str(self._path), number))
        _check_order(self._path, number, head, self._last)
        self._found.starts += head.do == START

    def _is_none(self, text: bytes, problem: str) -> None:
        """A line that is none: empty, or torn if a new start follows, or nothing."""
        self._lines.leave_out(self._number)
        if not text:
            return
        if self._torn is not None:
            self._follows(is_start=_is_start(text))
        self._torn = self._number, problem
        if self._found is None:
            self._follows(is_start=False)

    def _follows(self, *, is_start: bool) -> None:
        """Something follows a line that is none."""
        assert self._torn is not None, "only then is it asked"
        number, problem = self._torn
        if not is_start:
            raise UnusableInput(f"no line of a recording: {problem}", Place(str(self._path), number))
        self._cut_off()

    def _cut_off(self) -> None:
        assert self._found is not None, "the first line of all is not torn"
        assert self._torn is not None, "only then is it asked"
        self._found.notes.append(f"{self._path}:{self._torn[0]}: a torn line was cut off")
        self._torn = None


def _all_at_once(data: bytes, recording: Recording[Any]) -> list[Any] | None:
    """All lines, if nothing is wrong with any of them: each of them is one object, and none is torn.

    Where one object ends, an end of line follows, and another begins, no object goes on.
    """
    count = data.count(b"\n")
    if recording.decode_all is None or not data.startswith(b"{") or not data.endswith(b"}\n"):
        return None
    if data.count(b"}\n{") != count - 1:
        return None
    try:
        lines = recording.decode_all(data)
    except ValueError:
        return None
    return lines if len(lines) == count else None


def _decoded(text: bytes, recording: Recording[Any]) -> tuple[_Head | None, Any, str]:
    try:
        head = _HEADS.decode(text)
        if head.do == START and head.format != recording.format:
            return head, None, ""
        return head, recording.decode(text), ""
    except ValueError as error:  # what msgspec raises is one
        return None, None, str(error)


def _is_start(text: bytes) -> bool:
    try:
        return _HEADS.decode(text).do == START
    except msgspec.DecodeError:
        return False


def _begun(path: Path, number: int, head: _Head, recording: Recording[Any], lines: Lines[Any]) -> Recorded:
    """A recording of which this is the first line."""
    place = Place(str(path), number)
    if head.do != START:
        raise UnusableInput(f'a recording begins with "do": "{START}", not "{head.do}"', place)
    if head.format != recording.format:
        raise UnusableInput(f"format {head.format}, and this reads format {recording.format}", place)
    if not head.node or head.node not in head.members:
        raise UnusableInput(f"node {head.node or 'without a name'} is none of the members {head.members}", place)
    return Recorded(path, head.node, head.members, lines)


def _check_order(path: Path, number: int, head: _Head, last: _Head | None) -> None:
    if last is None:
        return
    says = ""
    if head.i < last.i:
        says = f"incarnation {head.i} goes on after incarnation {last.i} has begun: two processes ran as one node"
    elif head.i > last.i and head.do != START:
        says = f"incarnation {head.i} goes on without a start"
    elif head.i == last.i and head.do == START:
        says = f"incarnation {head.i} begins twice"
    elif head.n <= last.n:
        says = f"number {head.n} comes after {last.n}: a line is there twice, or has moved"
    elif head.n > last.n + 1:
        missing = f"number {last.n + 1}" if head.n == last.n + 2 else f"numbers {last.n + 1} to {head.n - 1}"
        says = f"{missing} missing before number {head.n}"
    if says:
        raise OutOfOrder(path, number, head.do, says)


def fit_together(recordings: Sequence[Recorded], *, groups: bool = False) -> list[str]:
    """The members whose recordings are missing.

    Raises `UnusableInput` if these are no recordings of one group, or with `groups` of several.
    """
    first = recordings[0]
    known: dict[str, Recorded] = {}
    for each in recordings:
        if not groups and set(each.members) != set(first.members):
            says = f"members {', '.join(each.members)}, but {first.path} has {', '.join(first.members)}"
            raise UnusableInput(says, Place(str(each.path), 1))
        if each.node in known:
            raise UnusableInput(
                f"a second recording of node {each.node}, beside {known[each.node].path}", str(each.path)
            )
        known[each.node] = each
    members = dict.fromkeys(member for each in recordings for member in each.members)
    return [member for member in members if member not in known]
