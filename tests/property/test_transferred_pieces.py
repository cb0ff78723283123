"""Recordings of all groups are read a piece at a time, and what is said of them is the same as of all lines at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.property.tampered import Recordings, write
from tests.property.test_recordings import project
from tests.property.test_transferred import transferred

from quorumlog.runtime.recorded import Line, line_of
from quorumlog_bindings.recorded_entries import EntriesSurvey
from quorumlog_bindings.recorded_two_phase_commit import LettersSurvey
from quorumlog_bindings.replicated_two_phase_commit import replicated_two_phase_commit
from quorumlog_bindings.sharded_ledger import sharded_ledger
from tlastep.check import recording_lines
from tlastep.check.recording import Validated, validate_files

SPECS: Any = [sharded_ledger, replicated_two_phase_commit]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """One run, under faults."""
    return transferred(tmp_path_factory.mktemp("pieces"), 26, seconds=3.0)


def judged(spec: Any, recordings: Recordings, folder: Path) -> Validated:
    """What a spec says of all of them."""
    return validate_files(project(), spec, write(recordings, folder))


def gathered(lines: Sequence[Line], size: int) -> dict[str, Any]:
    """What is known of so many lines at a time."""
    found = LettersSurvey()
    for at in range(0, len(lines), size):
        found.take(lines[at : at + size])
    return dict(vars(found))


def differs(recorded: Recordings, folder: Path) -> bool:
    """Whether what is gathered depends on the pieces."""
    letters = 0
    for path in write(recorded, folder):
        lines = [line_of(line) for line in path.read_bytes().splitlines()]
        whole = gathered(lines, len(lines))
        letters += len(whole["heard"])
        if any(gathered(lines, size) != whole for size in (1, 7, 100)):
            return True
    assert letters > 50, "nobody has heard anything"
    return False


def test_what_is_gathered_does_not_depend_on_the_pieces(recorded: Recordings, tmp_path: Path) -> None:
    assert not differs(recorded, tmp_path)


def of_one_piece(survey: Any, lines: Any) -> None:
    """Counts lines from the beginning of each piece."""
    survey._count = 0
    TRUE(survey, lines)
    survey._count = 0


TRUE: Any = LettersSurvey.take


def test_places_that_are_those_in_a_piece_are_found_out(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LettersSurvey, "take", of_one_piece)
    assert differs(recorded, tmp_path)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.module)
def test_files_in_many_pieces_are_judged_as_one(
    spec: Any, recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = judged(spec, recorded, tmp_path / "one")
    monkeypatch.setattr(recording_lines, "PIECE", 2_000)
    found = judged(spec, recorded, tmp_path / "many")
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert all(len(each.lines._pieces) > 10 for each in found.recordings)
    assert (found.lines, found.steps, found.actions) == (at_once.lines, at_once.steps, at_once.actions)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.module)
def test_without_what_leaders_say_followers_cannot_be_read(
    spec: Any, recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what leaders say of entries nothing that followers have can be read."""
    monkeypatch.setattr(recording_lines, "PIECE", 2_000)
    monkeypatch.setattr(EntriesSurvey, "_learn", lambda survey, line, kept: None)
    found = judged(spec, recorded, tmp_path)
    assert found.rejection is not None
    assert "nobody wrote that down" in found.rejection.reason
