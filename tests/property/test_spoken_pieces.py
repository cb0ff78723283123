"""Recordings of gates are read a piece at a time, and what is said of them is the same as of all lines at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.property.speaking_group import Recordings, spoken
from tests.property.tampered import write
from tests.property.test_recordings import project

from quorumlog.runtime.recorded import FORMAT, Ask, Line, Propose, Start, line_of
from quorumlog_bindings import recorded_asked
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.recorded_asked import GatesSurvey
from quorumlog_bindings.recorded_gates import key_of_answer
from tlastep.check import recording_lines
from tlastep.check.recording import Validated, validate_files


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """A run."""
    return spoken(1, tmp_path_factory.mktemp("run"), 1000).recordings()


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What LeaderOutput says of recordings."""
    return validate_files(project(), leader_output, write(recordings, folder))


def known(survey: GatesSurvey) -> dict[str, Any]:
    """All that is known of lines."""
    return dict(vars(survey))


def in_pieces(lines: Sequence[Line], size: int) -> GatesSurvey:
    """What is gathered of so many lines at a time."""
    found = GatesSurvey()
    for at in range(0, len(lines), size):
        found.take(lines[at : at + size])
    return found


def test_what_is_gathered_does_not_depend_on_the_pieces(recorded: Recordings, tmp_path: Path) -> None:
    asked = 0
    for path in write(recorded, tmp_path):
        lines = [line_of(line) for line in path.read_bytes().splitlines()]
        whole = known(in_pieces(lines, len(lines)))
        asked += len(whole["besides"])
        assert {"takes", "first", "besides", "sessions", "events", "wrote", "term", "most", "expects"} <= whole.keys()
        for size in (1, 7, 100):
            assert known(in_pieces(lines, size)) == whole
    assert asked, "nobody has received what another server has said"


def test_a_file_in_many_pieces_is_judged_as_one(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = judged(recorded, tmp_path / "one")
    monkeypatch.setattr(recording_lines, "PIECE", 2_000)
    found = judged(recorded, tmp_path / "many")
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert all(len(each.lines._pieces) > 4 for each in found.recordings)
    assert (found.lines, found.steps, found.actions) == (at_once.lines, at_once.steps, at_once.actions)


def boasting(recordings: Recordings) -> Recordings:
    """The same, and a client says that it has an answer that nobody gives."""
    tampered = copy.deepcopy(recordings)
    lines = [line for own in tampered.values() for line in own if len(line.get("asked", ())) and line["do"] == "Ask"]
    request = next(each for line in lines[5:] for each in line["asked"] if isinstance(each, list))
    request[3] = 99
    return tampered


def test_what_clients_call_received_was_given(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_lines, "PIECE", 2_000)
    found = judged(boasting(recorded), tmp_path)
    assert found.rejection is not None
    assert found.rejection.reason.startswith("takes a message")


def test_who_does_not_gather_that_does_not_say_so(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_asked.GatesSurvey, "_asked", careless)
    found = judged(boasting(recorded), tmp_path)
    assert found.rejection is None or not found.rejection.reason.startswith("takes a message")


TRUE: Any = GatesSurvey._asked


def careless(survey: Any, index: int, requests: Any) -> None:
    """Gathers all of a line, but what clients have received."""
    TRUE(survey, index, requests)
    survey.besides.clear()


def gathered(*lines: Line) -> GatesSurvey:
    """What is gathered of these lines of one server."""
    found = GatesSurvey()
    found.take(lines)
    return found


def started(term: int) -> Start:
    """A server starts with this term on its disk."""
    disk: dict[str, Any] = {"term": term, "voted_for": None, "length": 0, "after": 0, "log": []}
    return Start(n=0, i=1, format=FORMAT, node="a", members=("a",), batch=8, **disk)


def test_what_is_gathered_of_what_clients_ask() -> None:
    """What this server has said needs nobody else; what is expected is a number, too; a term can be lost in a crash."""
    first = started(0)
    found = gathered(
        first,
        Ask(n=1, i=1, term=7, asked=[(1, "s", 2, 1, 9), (1, "t", 1, 0, None)], said=[(1, "s", 2, 0, "x")]),
        Ask(n=2, i=1, asked=[(1, "s", 4, 3, None)], held=[(1, "u", 1, 0, "y")]),
        Propose(n=3, i=1, events=["e"], wrote=[("orders", 3, 5, 1)]),
        started(4),
        Ask(n=5, i=2, term=5, asked=[(2, "s", 5, 3, None)]),
    )
    assert found.first is first
    assert found.besides == {1: [key_of_answer("s", 1)], 2: [key_of_answer("s", 3)]}
    assert found.sessions == {"s", "t", "u", "orders"}
    assert (found.wrote, found.term, found.most, found.expects) == (1, 7, 9, True)
    assert found.events == {"e"}
