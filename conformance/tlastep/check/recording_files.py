"""Recordings as files: whole lines in the order in which one node wrote them, and what is wrong with that order.

A line that a crash has torn is cut off and mentioned: the last one of a file, or one that is followed by a new start.
A number that is missing, or that comes twice, and an incarnation that goes on after the next one has begun, are
findings: nothing can be said of what is not there. Whatever is no line of a recording is unusable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from tlastep.errors import Place, UnusableInput
from tlastep.recorded import Recording

START: Final = "start"
SUFFIX: Final = ".ndjson"


@dataclass
class Recorded:
    """The recording of one node. `places` are the numbers of the lines in the file."""

    path: Path
    node: str
    members: tuple[str, ...]
    lines: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    starts: int = 0
    notes: list[str] = field(default_factory=list)


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
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error
    found: Recorded | None = None
    last: _Head | None = None
    for number, head, line in _all_at_once(data, recording) or _one_by_one(path, data.split(b"\n"), recording):
        if head is None:
            assert found is not None, "the first line of all is not torn"
            found.notes.append(f"{path}:{number}: a torn line was cut off")
            continue
        if found is None:
            found = _begun(path, number, head, recording)
        elif head.do == START and head.format != recording.format:
            raise UnusableInput(
                f"format {head.format}, and this reads format {recording.format}", Place(str(path), number)
            )
        if last is None or head.n != last.n + 1 or head.i != last.i or head.do == START:
            _check_order(path, number, head, last)
            found.starts += head.do == START
        found.lines.append(line)
        found.places.append(number)
        last = head
    if found is None:
        raise UnusableInput("is empty: expected the recording of a node", str(path))
    return found


_Numbered: TypeAlias = tuple[int, _Head | None, Any]
"""A line with its number and what every line has; without that if it is torn."""


def _all_at_once(data: bytes, recording: Recording[Any]) -> Iterable[_Numbered] | None:
    """All lines, if nothing is wrong with any of them: each of them is one object, and none is torn.

    Where one object ends, an end of line follows, and another begins, no object goes on.
    """
    count = data.count(b"\n")
    if recording.decode_all is None or not data.startswith(b"{") or not data.endswith(b"}\n"):
        return None
    if data.count(b"}\n{") != count - 1:
        return None
    try:
        heads, lines = _HEADS.decode_lines(data), recording.decode_all(data)
    except ValueError:
        return None
    if not len(heads) == len(lines) == count or any(head.format != recording.format for head in _starts(heads)):
        return None
    return zip(range(1, count + 1), heads, lines, strict=True)


def _starts(heads: Iterable[_Head]) -> Iterator[_Head]:
    return (head for head in heads if head.do == START)


def _one_by_one(path: Path, texts: Sequence[bytes], recording: Recording[Any]) -> Iterator[_Numbered]:
    """Lines of which something may be wrong. Raises `UnusableInput` for the first that is none."""
    first = True
    for number, text in enumerate(texts, start=1):
        if not text:
            continue
        head, line, problem = _decoded(text, recording)
        if head is None or number == len(texts):
            # What follows the last end of line is torn, even where it could be read.
            following = [each for each in texts[number:] if each]
            if first or (following and not _is_start(following[0])):
                raise UnusableInput(f"no line of a recording: {problem}", Place(str(path), number))
            yield number, None, None
        else:
            yield number, head, line
        first = False


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


def _begun(path: Path, number: int, head: _Head, recording: Recording[Any]) -> Recorded:
    """A recording of which this is the first line."""
    place = Place(str(path), number)
    if head.do != START:
        raise UnusableInput(f'a recording begins with "do": "{START}", not "{head.do}"', place)
    if head.format != recording.format:
        raise UnusableInput(f"format {head.format}, and this reads format {recording.format}", place)
    if not head.node or head.node not in head.members:
        raise UnusableInput(f"node {head.node or 'without a name'} is none of the members {head.members}", place)
    return Recorded(path, head.node, head.members)


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
