"""A reply is owed again while an equal one is on its way, and leaves in a sync of which a crash has left no line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from quorumlog.core.consensus.effects import Durable, ElectionTimeout, Input, Propose, Replicate, Send, Sync
from quorumlog.core.consensus.messages import Message
from quorumlog.core.consensus.replica import start, step
from quorumlog.core.consensus.state import Replica
from quorumlog.driver import Turn
from quorumlog.runtime.recorder import Recorder, bare
from quorumlog_bindings.recorded_replication import ReplicationRecording
from quorumlog_bindings.replication import replication
from tlastep.check.models import find_project
from tlastep.check.recording import Validated, validate_files
from tlastep.recorded import Told

NAMES: Final = ("a", "b", "c")


class Servers:
    """Three servers, with a recording each."""

    def __init__(self, folder: Path) -> None:
        self.files = [folder / f"{name}.ndjson" for name in NAMES]
        self.replicas = {name: start(name, NAMES, 10) for name in NAMES}
        self.recorders: dict[str, Recorder[Replica, Any]] = {
            name: Recorder.open(file, bare) for name, file in zip(NAMES, self.files, strict=True)
        }
        for name in NAMES:
            self.begin(name, self.replicas[name])

    def begin(self, name: str, replica: Replica) -> None:
        """A server starts, or starts again."""
        self.replicas[name] = replica
        self.recorders[name].started(replica)

    def do(self, name: str, *taken: Input) -> list[Message]:
        """A server takes inputs; what it sends."""
        sent: list[Message] = []
        for each in taken:
            before = self.replicas[name]
            self.replicas[name], effects = step(before, each)
            self.recorders[name].stepped(before, Turn(each, self.replicas[name], effects, (), ()))
            self.recorders[name].flush()
            sent += [effect.message for effect in effects if isinstance(effect, Send)]
        return sent


def judged(folder: Path) -> Validated:
    """The leader hears of the first reply before it sends what comes with the second."""
    servers = Servers(folder)
    (asked,) = {*servers.do("a", ElectionTimeout(), Sync())}
    (vote,) = servers.do("b", asked, Sync())
    servers.do("a", vote)
    (once,) = servers.do("a", Replicate("b"))
    (reply,) = servers.do("b", once, Sync())
    servers.do("b", once)
    servers.do("a", reply, Propose(("x",)))
    (more,) = servers.do("a", Replicate("b"))
    servers.do("b", more)
    killed = servers.replicas["b"]  # in the middle of a sync, of which no line is left
    servers.begin("b", start("b", NAMES, 10, Durable(killed.term, killed.voted_for, killed.log)))
    return validate_files(find_project(Path(__file__).parent), replication, servers.files)


def test_it_may_have_left_all_the_same(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert found.rejection is None
    assert found.lines > 10


def test_a_judge_that_has_forgotten_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unfinished(translation: Any, node: str, at: Any) -> tuple[Told, ...]:
        known = dict(translation._messages)
        (told,) = right(translation, node, at)
        translation._messages = known
        return (told,)

    right = ReplicationRecording.unfinished
    monkeypatch.setattr(ReplicationRecording, "unfinished", unfinished)
    with pytest.raises(KeyError):
        judged(tmp_path)
