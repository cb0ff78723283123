"""Gates that begin with snapshots: what these stand for is told in one step, and is what it would be entry by entry."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, cast

import pytest
from tests.property.speaking_group import Recordings
from tests.property.tampered import write
from tests.property.test_recordings import project

from quorumlog.virtual.run import VirtualRun, Wanted
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.recorded_leader_output import LeaderOutputRecording
from tlastep.check import recording
from tlastep.check.recording import Validated, validate_files
from tlastep.compile import folding
from tlastep.engine.follower import Claims, Differs, Follower
from tlastep.long_sequences import Long
from tlastep.values import Value


class Twice(Follower):
    """Takes steps that fold a second time, by the spec's own recursion, which remembers nothing, and compares."""

    def step(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        before = self.cells
        long = action == "Commit" and cast(int, arguments[1]) > self.part("applied", arguments[0]) + 1
        differs = super().step(action, arguments, claims)
        if not long and action != "Lead":
            return differs
        after, changed = self.cells, self.changed
        self.cells = before
        assert super()._with_care(action, arguments, claims) == differs
        assert self.values(self.cells) == self.values(after)
        self.cells, self.changed = after, changed
        return differs


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """A run of three servers that are killed now and then, in virtual time."""
    folder = tmp_path_factory.mktemp("virtual") / "run"
    VirtualRun(Wanted(300, 0, True, folder, 16, hosted={"a": "shard"})).run(judge=False)
    paths = sorted((folder / "recordings").iterdir())
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in paths}


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What LeaderOutput says of recordings."""
    return validate_files(project(), leader_output, write(recordings, folder))


def snapshots(recordings: Recordings) -> list[tuple[str, int]]:
    """The lines that begin with one."""
    return [(node, at) for node, own in recordings.items() for at, line in enumerate(own) if begins(line)]


def begins(line: dict[str, Any]) -> bool:
    """Whether a gate begins with a snapshot."""
    return line["do"] == "start" and bool(line.get("applied"))


def test_what_a_snapshot_stands_for_is_one_step(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "Follower", Twice)
    found = judged(recorded, tmp_path)
    assert found.rejection is None, "\n".join(found.rejection.text())
    counts = [recorded[node][at]["applied"] for node, at in snapshots(recorded)]
    assert len(counts) > 5
    assert max(counts) > 300
    applied = [line["applied"] for own in recorded.values() for line in own if "applied" in line]
    assert found.actions["Commit"] < sum(counts) + len(applied)


def one_entry_too_many(known: Any, items: Long) -> Any:
    """What is remembered of a beginning is taken for what one without its last entry makes."""
    count, value = TRUE_NEAREST(known, items)
    return (count - 1, value) if count else (count, value)


TRUE_NEAREST: Any = folding._Known.nearest


def test_what_remembers_wrongly_is_found_out(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the spec's own recursion, step by step; and without that by what gates say to clients, sooner or later."""
    monkeypatch.setattr(folding._Known, "nearest", one_entry_too_many)
    assert judged(recorded, tmp_path / "alone").rejection is not None
    monkeypatch.setattr(recording, "Follower", Twice)
    with pytest.raises(AssertionError):
        judged(recorded, tmp_path / "twice")


@pytest.mark.parametrize("more", [1, 40])
def test_a_snapshot_of_more_than_is_decided_is_rejected(more: int, recorded: Recordings, tmp_path: Path) -> None:
    node, at = snapshots(recorded)[0]
    tampered = copy.deepcopy(recorded)
    tampered[node][at]["applied"] = tampered[node][at]["length"] + more
    found = judged(tampered, tmp_path)
    assert found.rejection is not None
    assert (found.rejection.path.stem, found.rejection.line) == (node, at + 1)


def test_a_snapshot_of_what_nobody_knows_to_be_decided_is_rejected(
    recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if all of it is on the disk."""
    crashed: Any = LeaderOutputRecording._crashed
    known: list[tuple[str, int, int]] = []

    def noted(self: Any, node: str, start: Any, at: Any) -> Any:
        yield from crashed(self, node, start, at)
        if start.applied and self._servers[node].log.written[-1] > self._most:
            known.append((node, start.n, self._most + 1))

    with monkeypatch.context() as patch:
        patch.setattr(LeaderOutputRecording, "_crashed", noted)
        assert judged(recorded, tmp_path / "whole").rejection is None
    node, number, more = known[0]
    tampered = copy.deepcopy(recorded)
    next(line for line in tampered[node] if line["n"] == number)["applied"] = more
    found = judged(tampered, tmp_path / "tampered")
    assert found.rejection is not None
    assert found.rejection.path.stem == node
    assert found.rejection.reason.endswith(f"begins with {more} entries, of which {more - 1} are known to be decided")
