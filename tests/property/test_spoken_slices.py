"""Gates that are told what is decided in slices do what LeaderOutput allows, and not if they speak too early."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.property.speaking_group import Recordings, spoken
from tests.property.tampered import write
from tests.property.test_recordings import project

from quorumlog.core.consensus.state import LEADER
from quorumlog.node import Service
from quorumlog.runtime.slices import Slices
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.replication import replication
from tlastep.check.recording import Validated, validate_files

MOVES: Final = 1500


def sliced(seed: int, folder: Path) -> Recordings:
    """A run in which a gate is told of one entry a step."""
    return spoken(seed, folder, MOVES, one_at_a_time()).recordings()


def one_at_a_time() -> Slices:
    """Slices of one entry, which take so long that they do not grow."""
    times = iter(range(10**9))
    return Slices(lambda: 6.0 * next(times))


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What LeaderOutput says of recordings."""
    return validate_files(project(), leader_output, write(recordings, folder))


def test_slices_are_a_behaviour(tmp_path: Path) -> None:
    actions: Counter[str] = Counter()
    alone = late = 0
    for seed in range(3):
        recordings = sliced(seed, tmp_path / f"run{seed}")
        found = judged(recordings, tmp_path / str(seed))
        assert found.rejection is None, "\n".join(found.rejection.text())
        below = validate_files(project(), replication, write(recordings, tmp_path / f"below{seed}"))
        assert below.rejection is None, "\n".join(below.rejection.text())
        actions += found.actions
        lines = [line for own in recordings.values() for line in own]
        alone += sum(line["do"] == "Ask" and "applied" in line and "asked" not in line for line in lines)
        late += sum(line.get("told", (0, 0))[1] - line.get("told", (0, 0))[0] > 2 for line in lines)
    assert min(actions[each] for each in ("Lead", "StepDown", "Decide", "Crash", "OnRequest", "Commit")) > 5
    assert alone > 10, "nothing was told in a slice of its own"
    assert late > 3, "nobody had much to fold"


def leads_at_once(rules: Any, node: Any, effects: Any, most: int) -> Any:
    """A gate that thinks that it has folded what it was never told."""
    if node.replica.role == LEADER and not node.gate.leads:
        node = replace(node, seen=len(node.replica.log))
    return TRUE(rules, node, effects, most)


TRUE: Final = Service.tell_gates


def test_a_gate_that_speaks_before_it_has_folded_gives_itself_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "tell_gates", leads_at_once)
    for seed in range(6):
        found = judged(sliced(seed, tmp_path / f"run{seed}"), tmp_path / str(seed))
        if found.rejection is not None:
            return
    raise AssertionError("no recording gives it away")
