"""Recordings are read a piece at a time, and what is said of them does not depend on where a piece ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.property.tampered import record, write
from tests.property.test_recordings import project, schedule

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import Line
from quorumlog_bindings.recorded_messages import key_of, key_of_record
from quorumlog_bindings.recorded_replication import ReplicationRecording
from quorumlog_bindings.replication import replication
from tlastep.check import recording, recording_lines
from tlastep.check.recording import validate_files
from tlastep.check.recording_files import OutOfOrder, Recorded, read_recording
from tlastep.check.recording_takers import Takers, taken
from tlastep.errors import UnusableInput

WHOLE = 1 << 30


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    """The recordings of a short run with two crashes, and messages that come twice."""
    return write(record(schedule(0), tmp_path / "written"), tmp_path)


def read(path: Path) -> Recorded:
    """A recording of a server."""
    assert replication.recording is not None
    return read_recording(path, replication.recording)


def said(path: Path) -> Any:
    """All that reading a recording says."""
    try:
        found = read(path)
    except (UnusableInput, OutOfOrder) as error:
        return str(error), getattr(error, "line", None)
    lines: list[Line] = list(found.lines)
    assert [found.lines[index] for index in range(len(lines))] == lines
    assert found.lines[-1] == lines[-1]
    assert found.lines[2:5] == lines[2:5]
    with pytest.raises(IndexError):
        found.lines[len(lines)]
    return lines, [found.place(index) for index in range(len(lines))], found.place(-1), found.notes, found.starts


def spoilt(text: bytes, dice: Random) -> bytes:
    """A recording with an empty line, a torn one, a line too few, one that is none, or of something else."""
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    starts = [index for index, line in enumerate(lines) if b'"start"' in line][1:]
    match dice.randrange(9):
        case 0:
            lines.insert(place, b"\n")
        case 1:
            lines[place] = lines[place][: len(lines[place]) // 2] + b"\n"
        case 2:
            lines.insert(dice.choice(starts), b'{"n":3,"i":\n')
        case 3:
            del lines[place]
        case 4:
            lines[place] = lines[place].replace(b'"do"', b'"did"')
        case 5:
            lines[-1] = lines[-1][: dice.randrange(1, len(lines[-1]))]
        case 6:
            lines.insert(place, b'{"n":3,"i":\n')
        case 7:
            place = dice.choice([place, *starts])
            found = re.search(rb'"i": (\d+)', lines[place])
            if found:
                number = int(found[1]) + dice.choice([-1, 1])
                lines[place] = lines[place].replace(found[0], b'"i": %d' % number, 1)
        case 8:
            place = dice.choice(starts)
            lines[place] = lines[place].replace(b'"format": ', b'"format": 9')
    return b"".join(lines)


def test_where_a_piece_ends_is_of_no_interest(written: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, kinds = written[0].read_bytes(), set()
    for seed in range(60):
        dice, text = Random(seed), whole
        for _ in range(dice.randrange(3)):
            text = spoilt(text, dice)
        written[0].write_bytes(text)
        answers = []
        for size in (WHOLE, 10, 400, 3_000):
            monkeypatch.setattr(recording_lines, "PIECE", size)
            answers.append(said(written[0]))
        assert all(answer == answers[0] for answer in answers), seed
        kinds.add((len(answers[0]), bool(answers[0][-2])))
    assert kinds == {(2, True), (5, False), (5, True)}


def test_places_are_those_of_the_file(written: list[Path]) -> None:
    first, *others = written[0].read_bytes().splitlines(keepends=True)
    written[0].write_bytes(b"\n" + first + b"\n\n" + b"".join(others))
    found = read(written[0])
    assert [found.place(index) for index in range(3)] == [2, 5, 6]
    assert found.place(-1) == len(others) + 4


def test_only_a_piece_is_there_at_a_time(written: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_lines, "PIECE", 1_000)
    found = read(written[0])
    assert len(found.lines) > 50
    assert max(len(found.lines.around(index)[0]) for index in range(len(found.lines))) < 15
    answer = validate_files(project(), replication, written)
    assert answer.rejection is None
    assert answer.lines == sum(len(path.read_bytes().splitlines()) for path in written)


def test_a_file_that_changes_meanwhile_is_no_recording(written: list[Path]) -> None:
    found = read(written[0])
    text = written[0].read_bytes()
    written[0].write_bytes(text[100:])
    with pytest.raises(UnusableInput, match="was changed while it was read"):
        list(found.lines)
    written[0].unlink()
    with pytest.raises(UnusableInput, match="can't be read"):
        list(found.lines)


# -- messages that are forgotten ---------------------------------------------------------------------------------------


def test_messages_are_known_by_the_same_at_both_ends(written: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    known, seen = ReplicationRecording._known, set()

    def checked(self: ReplicationRecording, letter: recorded.Letter, key: Any, log: Any) -> Any:
        found = known(self, letter, key, log)
        assert key_of_record(found) == key == key_of(letter)
        seen.add(key[0])
        return found

    monkeypatch.setattr(ReplicationRecording, "_known", checked)
    assert validate_files(project(), replication, written).rejection is None
    assert seen == {"AppendRequest", "AppendReply", "VoteRequest", "VoteReply"}


def test_what_is_lost_is_forgotten(written: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    most = []
    gone = ReplicationRecording.gone

    def counted(self: ReplicationRecording, key: Any, at: Any) -> Any:
        most.append(len(self._messages))
        return gone(self, key, at)

    monkeypatch.setattr(ReplicationRecording, "gone", counted)
    assert validate_files(project(), replication, written).rejection is None
    assert len(most) > 50
    assert max(most) < len(most)


def test_takers_are_counted_down() -> None:
    keys = [("message", number) for number in range(1_000)]
    wanted = [key for number, key in enumerate(keys) for _ in range(number % 3)]
    takers = Takers([list(map(hash, wanted))], len(wanted))
    found = [takers.wanted(key) for key in keys]
    assert [each is not None for each in found] == [number % 3 > 0 for number in range(1_000)]
    for number, each in enumerate(found):
        assert each is None or taken(each) == (number % 3 == 1)
    assert [takers.wanted(key) is not None for key in keys] == [number % 3 > 1 for number in range(1_000)]
    assert takers.wanted(("message", -1)) is None


def test_messages_with_one_hash_are_kept_until_all_are_taken() -> None:
    one, other = -1, -2
    assert hash(one) == hash(other)
    takers = Takers([[hash(one), hash(other)]], 2)
    found = takers.wanted(one)
    assert found is not None
    assert not taken(found)
    its = takers.wanted(other)
    assert its is not None
    assert taken(its)


def test_what_is_lost_too_early_is_missed(written: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """If a message were lost when the first has taken it, whoever takes it then would be rejected."""
    monkeypatch.setattr(recording, "taken", lambda _: True)
    found = validate_files(project(), replication, written).rejection
    assert found is not None
    assert "nobody is recorded to have sent" in found.reason


def test_a_server_begins_once_however_often_its_lines_are_decoded(written: list[Path]) -> None:
    found = validate_files(project(), replication, written)
    starts = sum(json.loads(line)["do"] == "start" for path in written for line in path.read_text().splitlines())
    assert found.actions["Crash"] == starts - len(written)
