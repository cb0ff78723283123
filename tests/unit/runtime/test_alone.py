"""A lone server elects itself by steps of the spec: what it writes down of that is a behaviour of Replication."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

from quorumlog.core.consensus.effects import ElectionTimeout, Input, Propose, Send, Sync
from quorumlog.core.consensus.messages import VoteReply
from quorumlog.core.consensus.replica import start, step
from quorumlog.core.consensus.state import LEADER
from quorumlog.runtime.recorder import Recorder, bare
from quorumlog.turns import Turn
from quorumlog_bindings.replication import replication
from tlastep.check.models import find_project
from tlastep.check.recording import Validated, validate_files

VOTE = VoteReply("a", "a", 1)


def judged(folder: Path, change: Callable[[dict[str, Any]], None] = lambda line: None) -> Validated:
    """The recording of a lone server that is elected and decides, with its lines changed."""
    replica = start("a", ("a",), 4)
    chunks: list[bytes] = []
    recorder: Recorder[Any, Never] = Recorder(chunks.append, bare)
    recorder.started(replica)
    inputs: tuple[Input, ...] = (ElectionTimeout(), Sync(), VOTE, Propose(("u", "v")), Sync())
    for taken in inputs:
        after, effects = step(replica, taken)
        if taken is inputs[1]:
            assert [each.message for each in effects if isinstance(each, Send)] == [VOTE]
        recorder.stepped(replica, Turn(taken, after, effects))
        replica = after
    assert (replica.role, replica.commit_index) == (LEADER, 3)
    recorder.flush()
    lines = [json.loads(line) for line in b"".join(chunks).splitlines()]
    for line in lines:
        change(line)
    file = folder / "a.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return validate_files(find_project(Path(__file__).parent), replication, [file])


def test_it_is_a_behaviour_of_the_spec(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.actions["OnVoteReply"] == 1
    assert found.actions["Propose"] == 2


def test_a_vote_that_was_never_sent_is_none(tmp_path: Path) -> None:
    """As if it had asked the others, of whom there are none."""

    def asked(line: dict[str, Any]) -> None:
        for field in ("owes", "sent"):
            if field in line:
                request = {"kind": "VoteRequest", "sender": "a", "term": 1, "last_index": 0, "last_term": 0}
                line[field] = [request]

    assert judged(tmp_path, asked).rejection is not None
