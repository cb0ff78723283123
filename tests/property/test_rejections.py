"""What is wrong with recordings is said in words: where, what, why in the spec, and what would have been right."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.property.tampered import Recordings, record, write
from tests.property.test_recordings import project, schedule

from quorumlog.runtime.recorded import FORMAT
from quorumlog_bindings.replication import replication
from tlastep.check.recording import Validated, validate_files
from tlastep.check.recording_why import Rejection
from tlastep.errors import UnusableInput

Line = dict[str, Any]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """A run as it was."""
    return record(schedule(0), tmp_path_factory.mktemp("honest"))


def judged(recordings: Recordings, folder: Path, *, numbered: bool = True) -> Validated:
    """What is said of recordings."""
    return validate_files(project(), replication, write(recordings, folder, numbered=numbered))


def first(lines: list[Line], wanted: Callable[[Line], Any]) -> int:
    """The first line of that kind."""
    return next(index for index, line in enumerate(lines) if wanted(line))


def leader_of(recordings: Recordings) -> str:
    """Who leads first."""
    return next(node for node, lines in recordings.items() if any(line["do"] == "Propose" for line in lines))


def rejected(recordings: Recordings, folder: Path, node: str, index: int, **how: bool) -> Rejection:
    """The rejection of a line, which it has to be."""
    found = judged(recordings, folder, **how).rejection
    assert found is not None
    assert (found.path.name, found.line) == (f"{node}.ndjson", index + 1), "\n".join(found.text())
    return found


# -- steps -------------------------------------------------------------------------------------------------------


def test_a_step_that_leads_elsewhere(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = first(tampered[node], lambda line: "told" in line)
    line = tampered[node][index]
    true = line["commit_index"]
    line["commit_index"], line["told"] = true - 1, [line["told"][0], true - 1]
    found = rejected(tampered, tmp_path, node, index)
    assert "leads elsewhere" in found.reason
    assert (f"commitIndex[{node}]", str(true), str(true - 1)) in [tuple(each) for each in found.differences]
    assert all(place.startswith("Replication.tla:") for place in found.conjuncts)
    spec = (project().specs / "Replication.tla").read_text(encoding="utf-8").splitlines()
    blamed = [spec[int(place.split(":")[1]) - 1] for place in found.conjuncts]
    assert any("Announce" in text or "commitIndex'" in text for text in blamed)


def test_a_step_that_the_spec_does_not_have_there(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    node = next(name for name in tampered if name != leader_of(honest))
    index = 1
    line = {"n": 0, "i": 0, "do": "Replicate", "to": leader_of(honest)}
    tampered[node].insert(index, line)
    found = rejected(tampered, tmp_path, node, index)
    assert found.action.startswith("Replicate(")
    assert "does not allow" in found.reason
    spec = (project().specs / "Replication.tla").read_text(encoding="utf-8").splitlines()
    assert 'role[i] = "leader"' in spec[int(found.conjuncts[0].split(":")[1]) - 1]
    assert found.nearest


def sends_events(line: Line) -> bool:
    """A slice leaves with this line that holds events."""
    return any(sum(number for _, number in each.get("entries", ())) > 1 for each in line.get("sent", ()))


def test_another_slice_than_the_one_that_was_sent(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    node = next(name for name in tampered if name != leader_of(honest))
    index = first(tampered[node], lambda line: line["do"] == "Take" and line["letter"].get("checksum", 0))
    tampered[node][index]["letter"]["checksum"] ^= 1
    found = rejected(tampered, tmp_path, node, index)
    assert "nobody is recorded to have sent" in found.reason
    assert "AppendRequest" in found.nearest


@pytest.mark.parametrize("told", ["checksum", "term"])
def test_a_slice_that_is_not_what_stands_in_the_log(honest: Recordings, tmp_path: Path, told: str) -> None:
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = first(tampered[node], sends_events)
    (sent,) = tampered[node][index]["sent"]
    if told == "term":
        sent["entries"][0][0] += 1
    else:
        sent["checksum"] ^= 1
    assert "those of its log have" in rejected(tampered, tmp_path, node, index).reason


def test_an_event_that_is_another_one_where_it_is_sent(honest: Recordings, tmp_path: Path) -> None:
    """A leader that sends other entries than it has appended gives itself away as soon as it does."""
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = first(tampered[node], lambda line: line["do"] == "Propose")
    tampered[node][index]["events"][0] = "never derived"
    found = rejected(tampered, tmp_path, node, first(tampered[node][index:], sends_events) + index)
    assert "those of its log have" in found.reason


def test_a_message_that_nobody_sent(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = first(tampered[node], lambda line: line["do"] == "Take" and line["letter"]["kind"] == "AppendReply")
    tampered[node][index]["letter"]["index"] += 50
    found = rejected(tampered, tmp_path, node, index)
    assert "nobody is recorded to have sent" in found.reason
    assert "AppendReply" in found.nearest


def test_a_message_that_is_sent_after_what_follows_from_it(honest: Recordings, tmp_path: Path) -> None:
    """The leader's vote comes before the request for it: each waits for the other."""
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    lines = tampered[node]
    vote = first(lines, lambda line: line["do"] == "Take" and line["letter"]["kind"] == "VoteReply")
    lines.insert(1, lines.pop(vote))
    found = judged(tampered, tmp_path).rejection
    assert found is not None
    assert "only after something that follows from this line" in found.reason


def test_a_line_that_contradicts_itself(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = first(tampered[node], lambda line: "log" in line and line["do"] != "start")
    tampered[node][index]["log"]["kept"] = 1000
    assert "keeps 1000 of" in rejected(tampered, tmp_path, node, index).reason


# -- files -------------------------------------------------------------------------------------------------------


def test_a_node_without_a_recording(honest: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(honest)
    del tampered["c"]
    found = judged(tampered, tmp_path)
    assert any(note.startswith("the recording of node c is missing") for note in found.notes)
    assert found.rejection is not None
    assert "node c is missing" in found.rejection.reason


def test_a_node_that_did_nothing_is_not_missed(tmp_path: Path) -> None:
    start = {"n": 1, "i": 1, "do": "start", "format": FORMAT, "members": ["a", "b", "c"], "batch": 2}
    disk: Line = {"term": 0, "voted_for": None, "length": 0, "after": 0, "log": []}
    found = judged({name: [{**start, **disk, "node": name}] for name in ("a", "b")}, tmp_path)
    assert found.result == "ok"
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines.pop(5), "number 6 missing before number 7"),
        (lambda lines: lines.__delitem__(slice(5, 8)), "numbers 6 to 8 missing before number 9"),
        (lambda lines: lines.insert(5, lines[5]), "number 6 comes after 6"),
        (lambda lines: lines.insert(5, lines.pop(7)), "numbers 6 to 7 missing before number 8"),
        (lambda lines: lines[-1].update(i=lines[-1]["i"] - 1), "two processes ran as one node"),
        (lambda lines: lines[5].update(i=2), "incarnation 2 goes on without a start"),
        (lambda lines: lines[first(lines[1:], lambda line: line["do"] == "start") + 1].update(i=1), "begins twice"),
    ],
)
def test_numbers_and_incarnations(
    honest: Recordings, tmp_path: Path, change: Callable[[list[Line]], Any], says: str
) -> None:
    tampered = copy.deepcopy(honest)
    change(tampered["a"])
    found = judged(tampered, tmp_path, numbered=False).rejection
    assert found is not None
    assert says in found.reason


def test_what_a_crash_has_torn_is_cut_off_and_said(honest: Recordings, tmp_path: Path) -> None:
    paths = write(copy.deepcopy(honest), tmp_path)
    restart = first(honest["a"][1:], lambda line: line["do"] == "start") + 1
    lines = paths[0].read_text(encoding="utf-8").splitlines(keepends=True)
    lines.insert(restart, '{"n":1000,"i":1,"do":"Sy\n')
    paths[0].write_text("".join(lines) + '{"n":1001,"i":2,"do"', encoding="utf-8")
    found = validate_files(project(), replication, paths)
    assert found.result == "ok"
    assert [note.partition("ndjson:")[2] for note in found.notes] == [
        f"{restart + 1}: a torn line was cut off",
        f"{len(lines) + 1}: a torn line was cut off",
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"n":3,"i":1,"do":"Dance"}', "no line of a recording"),
        ("{", "no line of a recording"),
        ('{"n":3,"i":1,"do":"Propose","events":[1.5]}', "events"),
        ('{"n":3,"i":1,"do":"Sync","term":true}', "term"),
    ],
)
def test_what_is_no_line_is_unusable(honest: Recordings, tmp_path: Path, line: str, says: str) -> None:
    paths = write(copy.deepcopy(honest), tmp_path)
    lines = paths[0].read_text(encoding="utf-8").splitlines(keepends=True)
    lines[2] = line + "\n"
    paths[0].write_text("".join(lines), encoding="utf-8")
    with pytest.raises(UnusableInput, match=rf"a\.ndjson:3: .*{says}"):
        validate_files(project(), replication, paths)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[0].update(format=9), f"format 9, and this reads format {FORMAT}"),
        (lambda lines: lines.pop(0), 'begins with "do": "start"'),
        (lambda lines: lines[0].update(node="z"), "node z is none of the members"),
        (lambda lines: lines[0].update(node="b"), "a second recording of node b"),
        (lambda lines: lines[0].update(members=["a", "b"]), "members a, b, c, but"),
        (lambda lines: lines[0].update(batch=77), "batch"),
        (lambda lines: lines.clear(), "is empty"),
    ],
)
def test_recordings_that_do_not_belong_together_are_unusable(
    honest: Recordings, tmp_path: Path, change: Callable[[list[Line]], Any], says: str
) -> None:
    tampered = copy.deepcopy(honest)
    change(tampered["a"])
    with pytest.raises(UnusableInput, match=says):
        judged(tampered, tmp_path, numbered=False)


# -- the end of a recording, and properties -----------------------------------------------------------------------


def test_a_server_may_have_sent_what_it_could_not_write_down(honest: Recordings, tmp_path: Path) -> None:
    """Killed after a sync and before its line: others have its messages, and nobody else could have sent them."""
    tampered = {node: [dict(line) for line in lines] for node, lines in honest.items()}
    index = max(k for k, line in enumerate(tampered["c"]) if line["do"] == "Sync" and line.get("sent"))
    sent = tampered["c"][index]["sent"]
    del tampered["c"][index:]
    for node in ("a", "b"):
        lines = tampered[node]
        taken = [k for k, line in enumerate(lines) if line["do"] == "Take" and line["letter"]["sender"] == "c"]
        later = [k for k in taken if not _sent_before(honest["c"][:index], lines[k]["letter"])]
        after = [k for k in later if lines[k]["letter"] not in sent]
        del lines[min(after, default=len(lines)) :]
    found = judged(tampered, tmp_path)
    if any(_takes(tampered[node], sent) for node in ("a", "b")):
        assert any("could write down" in note for note in found.notes), found.rejection
    assert found.result == "ok", found.rejection


def _sent_before(lines: list[Line], letter: Line) -> bool:
    return any(letter in line.get("sent", []) for line in lines)


def _takes(lines: list[Line], letters: list[Line]) -> bool:
    return any(line["do"] == "Take" and line["letter"] in letters for line in lines)


def test_properties_are_judged_where_the_whole_is_explained(
    honest: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invariant that is false from the first vote on: told if all else is right, and not otherwise."""
    monkeypatch.setitem(replication.invariants, "LeaderHasOwnEntry", replication.invariants["LeaderHasOwnEntry"])
    monkeypatch.setitem(replication.invariants, "NobodyEverLeads", [])
    folder = tmp_path / "specs"
    folder.mkdir()
    for path in project().specs.glob("*.tla"):
        text = path.read_text(encoding="utf-8")
        if path.stem == "Replication":
            said = 'NobodyEverLeads == \\A i \\in Server : role[i] # "leader"\n'
            text = text.replace("LeaderHasOwnEntry ==", f"{said}\nLeaderHasOwnEntry ==")
        (folder / path.name).write_text(text, encoding="utf-8")
    own = replace(project(), list=folder / "models.toml")
    paths = write(copy.deepcopy(honest), tmp_path)
    found = validate_files(own, replication, paths)
    assert found.rejection is not None
    assert found.rejection.reason == "invariant NobodyEverLeads is false after this step, which the spec allows"
    assert found.rejection.action.startswith("OnVoteReply(")
    assert found.lines == sum(map(len, honest.values()))
    tampered = copy.deepcopy(honest)
    node = leader_of(honest)
    index = max(k for k, line in enumerate(tampered[node]) if line["do"] == "Replicate")
    tampered[node][index]["next_index"] = {"a": 1000, "b": 1000, "c": 1000}
    wrong = validate_files(own, replication, write(tampered, tmp_path / "tampered")).rejection
    assert wrong is not None
    assert wrong.action.startswith("Replicate(")


def test_json_has_the_fields_that_scripts_read(honest: Recordings, tmp_path: Path) -> None:
    fields = judged(copy.deepcopy(honest), tmp_path).fields()
    assert {"result", "steps", "line", "action", "reason", "seconds"} <= fields.keys()
    assert json.loads(json.dumps(fields))["result"] == "ok"
