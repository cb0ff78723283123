"""A recorder writes whole lines, one a step, after the fact; it goes on where an earlier one was cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Never
from zlib import crc32

import pytest
from msgspec import msgpack

from quorumlog.core.consensus.effects import (
    Durable,
    ElectionTimeout,
    Input,
    Propose,
    Replicate,
    Resign,
    Sync,
)
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply
from quorumlog.core.consensus.replica import Replica, restart, start, step
from quorumlog.core.leader_output import Request
from quorumlog.core.two_phase_commit.messages import Decision, Vote
from quorumlog.ledger.commands import Deposit, Withdraw
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.recorded import Ask, line_of
from quorumlog.runtime.recorder import Recorder, bare, named
from quorumlog.runtime.running import parts_of
from quorumlog.runtime.steps import SPEAK, Batch, Called, Letters, NodeSteps
from quorumlog.turns import Turn

MEMBERS = ("a", "b", "c")


class Written:
    """A recorder, and the lines that it has handed over."""

    def __init__(self, replica: Replica) -> None:
        self.chunks: list[bytes] = []
        self.replica = replica
        self.recorder: Recorder[Replica, Never] = Recorder(self.chunks.append, bare)
        self.recorder.started(replica)

    def take(self, *inputs: Input) -> None:
        """Steps of the core."""
        for each in inputs:
            after, effects = step(self.replica, each)
            before, self.replica = self.replica, after
            self.recorder.stepped(before, Turn(each, after, effects))

    def lines(self) -> list[dict[str, Any]]:
        """All of them; each is one that can be read."""
        self.recorder.flush()
        texts = b"".join(self.chunks).splitlines()
        for text in texts:
            line_of(text)
        return [json.loads(text) for text in texts]


def test_an_election_and_an_entry() -> None:
    written = Written(start("a", MEMBERS, 4))
    written.take(ElectionTimeout(), Sync(), VoteReply("b", "a", 1), Propose(("u", "v")), Replicate("b"), Sync())
    written.take(AppendReply("b", "a", 1, True, 3), Resign())
    lines = written.lines()
    assert [line["do"] for line in lines] == [
        *("start", "ElectionTimeout", "Sync", "Take", "Propose", "Replicate", "Sync", "Take", "Resign"),
    ]
    assert [line["n"] for line in lines] == list(range(1, 10))
    assert {line["i"] for line in lines} == {1}
    stood, synced, leads, proposed, sent, _, counted, resigned = lines[1:]
    asked = {"kind": "VoteRequest", "sender": "a", "term": 1, "last_index": 0, "last_term": 0}
    assert stood["owes"] == [asked]
    assert "sent" not in stood
    assert (synced["sent"], synced["owed"]) == ([asked], [])
    assert synced["disk"] == {"term": 1, "voted_for": "a", "length": 0}
    assert leads["log"] == {"kept": 0, "length": 1, "entries": [[1, None]]}
    assert (leads["role"], leads["votes"]) == ("leader", [])
    assert (proposed["events"], proposed["log"]) == (["u", "v"], {"kept": 1, "length": 3})
    assert (sent["sent"][0]["entries"], sent["sent"][0]["checksum"]) == ([[1, 3]], checksum([(1, [None, "u", "v"])]))
    assert sent["next_index"] == {"b": 4}
    assert (counted["told"], counted["commit_index"], counted["match_index"]) == ([0, 3], 3, {"b": 3})
    assert resigned["role"] == "follower"


def checksum(runs: list[tuple[int, list[str | None]]]) -> int:
    """The checksum of a slice."""
    return crc32(msgpack.encode(runs))


def test_a_follower_tells_what_it_was_given_by_its_checksum() -> None:
    written = Written(start("b", MEMBERS, 4))
    entries = (Entry(1, None), Entry(1, "u"), Entry(2, "v"))
    written.take(AppendRequest("a", "b", 2, 0, 0, entries, 0))
    (line,) = written.lines()[1:]
    assert line["letter"]["entries"] == [[1, 2], [2, 1]]
    assert line["letter"]["checksum"] == checksum([(1, [None, "u"]), (2, ["v"])])
    assert line["log"] == {"kept": 0, "length": 3}
    written.take(AppendRequest("a", "b", 3, 2, 1, (Entry(3, "w"),), 0))
    assert written.lines()[2]["log"] == {"kept": 2, "length": 3}
    written.take(AppendRequest("a", "b", 3, 3, 3, (), 0))
    heard = written.lines()[3]["letter"]
    assert (heard["entries"], heard["checksum"]) == ([], 0)


def test_what_is_no_step_of_consensus_is_no_line() -> None:
    written = Written(start("a", MEMBERS, 4))
    recorder: Any = written.recorder
    recorder.stepped(written.replica, Turn("a read", written.replica, ()))
    recorder.refused(Sync())
    assert len(written.lines()) == 1


def test_what_is_appended_beside_consensus_is_proposed() -> None:
    written = Written(start("a", MEMBERS, 4))
    written.take(ElectionTimeout(), VoteReply("b", "a", 1))
    recorder: Any = written.recorder
    after, effects = step(written.replica, Propose(("u",)))
    recorder.stepped(written.replica, Turn("requests", after, effects))
    line = written.lines()[-1]
    assert (line["do"], line["events"], line["log"]) == ("Propose", ["u"], {"kept": 1, "length": 2})


def test_a_log_that_is_not_what_was_given_is_named() -> None:
    """Code that writes other entries than those that it took gives itself away."""
    written = Written(start("b", MEMBERS, 4))
    request = AppendRequest("a", "b", 1, 0, 0, (Entry(1, "u"),), 0)
    after, effects = step(written.replica, request)
    wrong = after.change(log=(Entry(1, "x"),))
    written.recorder.stepped(written.replica, Turn(request, wrong, effects))
    assert written.lines()[1]["log"] == {"kept": 0, "length": 1, "entries": [[1, "x"]]}


def test_a_disk_that_holds_another_log_is_named() -> None:
    written = Written(start("b", MEMBERS, 4))
    written.take(AppendRequest("a", "b", 1, 0, 0, (Entry(1, "u"),), 0))
    after, effects = step(written.replica, Sync())
    wrong = after.change(disk=Durable(1, None, (Entry(1, "x"),)))
    written.recorder.stepped(written.replica, Turn(Sync(), wrong, effects))
    assert written.lines()[2]["disk"]["log"] == {"kept": 0, "length": 1, "entries": [[1, "x"]]}


@pytest.mark.parametrize("torn", [b"", b'{"n":4,"i":1,"do":"Sy'])
def test_it_goes_on_where_an_earlier_one_has_ended(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "a.ndjson"
    log = tuple(Entry(1, f"u{number}") for number in range(40))
    replica = start("a", MEMBERS, 4, Durable(1, None, log))
    first: Recorder[Replica, Never] = Recorder.open(path, bare)
    first.started(replica)
    after, effects = step(replica, ElectionTimeout())
    first.stepped(replica, Turn(ElectionTimeout(), after, effects))
    first.close()
    with path.open("ab") as file:
        file.write(torn)
    second: Recorder[Replica, Never] = Recorder.open(path, bare)
    second.started(restart(after))
    second.close()
    texts = path.read_bytes().splitlines()
    lines = [json.loads(text) for text in texts if text != torn]
    assert len(texts) == len(lines) + bool(torn)
    assert [(line["n"], line["i"], line["do"]) for line in lines] == [
        (1, 1, "start"),
        (2, 1, "ElectionTimeout"),
        (3, 2, "start"),
    ]
    assert (lines[0]["after"], len(lines[0]["log"][0])) == (0, 41)
    assert (lines[2]["after"], len(lines[2]["log"][0])) == (24, 17)


def test_lines_are_handed_over_when_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    recorder: Recorder[Replica, Never] = Recorder.open(path, bare)
    replica = start("a", MEMBERS, 4)
    recorder.started(replica)
    size = os.path.getsize(path)
    after, effects = step(replica, ElectionTimeout())
    recorder.stepped(replica, Turn(ElectionTimeout(), after, effects))
    assert os.path.getsize(path) == size
    recorder.flush()
    assert os.path.getsize(path) > size
    recorder.close()


def test_names_of_events() -> None:
    assert named(None) is None
    assert named("u1") == "u1"
    assert named(b"u1") == 4 << 32 | crc32(b"\xc4\x02u1")
    assert named((1, "x")) == named((1, "x"))
    assert named((1, "x")) != named((1, "y"))


def gate_lines(among: tuple[str, tuple[str, ...]] | None) -> list[dict[str, Any]]:
    """What a lone server writes down of a deposit, a withdrawal that is declined, a deposit asked for again, a read."""
    steps, chunks = NodeSteps(LEDGER.service()), list[bytes]()
    recorder: Recorder[Any, Any] = Recorder(chunks.append, parts_of, among=among)
    node = steps.service.begin("a1", ("a1",), 4)
    recorder.started(node)
    deposit = Request("s", 1, 0, None, Deposit("x", 5))
    asked: list[Any] = [ElectionTimeout(), Sync(), VoteReply("a1", "a1", 1)]
    asked += [Batch(((7, deposit, 100), (8, deposit, 100), (7, Request("s", 2, 0, 4, Withdraw("x", 9)), 100))), Sync()]
    asked += [Batch(((9, Request("s", 3, 1, None, Withdraw("x", 9)), 100),)), Sync(), Batch(((8, deposit, 100),))]
    for each in [*asked, Batch(((8, Request("s", 2, 1, None, Withdraw("x", 9)), 100),)), Called((("r", 1),))]:
        outcome = steps.take(node, each)
        recorder.stepped(node, Turn(each, outcome.after, outcome.effects, outcome.said))
        node = outcome.after
    recorder.flush()
    texts = b"".join(chunks).splitlines()
    for text in texts:
        line_of(text)
    return [json.loads(text) for text in texts]


def test_a_gate_is_recorded_with_requests_and_answers() -> None:
    start, _, _, leads, first, told, second, declined, forgotten, again = gate_lines(None)
    assert "group" not in start
    assert leads["leads"] is True
    assert (first["do"], first["asked"]) == ("Propose", [7, [8, "s", 1, 0, None], [7, "s", 2, 0, 4]])
    assert (first["wrote"], first["waits"]) == ([["s", 1, 0, 1], ["s", 2, 0, None]], 2)
    answers = [[7, "s", 1, 1, named(True)], [8, "s", 1, 1, named(True)], [7, "s", 2, 1, None]]
    assert (told["do"], told["applied"], told["waits"], told["said"]) == ("Sync", 2, 0, answers)
    assert (second["asked"], second["wrote"]) == ([9], [["s", 3, 1, 1]])
    assert declined["said"] == [[9, "s", 3, 2, named(False)]]
    assert (forgotten["asked"], "said" in forgotten) == ([[8, "s", 1, 0, None]], False)
    asked = [8, "s", 2, 1, None]
    assert (again["do"], again["asked"], again["said"]) == ("Ask", [asked], [[8, "s", 2, 1, None]])


def test_groups_among_groups_write_down_the_events_themselves() -> None:
    start, _, _, _, first, _, second, *_ = gate_lines(("a", ("a", "b")))
    assert (start["group"], start["shards"]) == ("a", ["a", "b"])
    assert first["wrote"][0] == ["s", 1, 0, [{"was": "deposited", "account": "x", "amount": 5}]]
    assert second["wrote"] == [["s", 3, 1, [{"was": "declined"}]]]
    assert second["commands"] == [{"f": "withdraw", "account": "x", "amount": 9}]


def test_letters_between_groups_are_recorded_at_both_ends() -> None:
    """Those from which nothing follows, too; what peers of a group post to each other is none."""
    chunks = list[bytes]()
    node = NodeSteps(LEDGER.service()).service.begin("a1", ("a1",), 4)
    recorder: Recorder[Any, Any] = Recorder(chunks.append, parts_of, among=("a", ("a", "b")))
    recorder.started(node)
    decision, vote = Decision("7", "a", commit=True), Vote("7", "a", "yes")
    recorder.stepped(node, Turn(Letters((decision, decision)), node, (), (), (vote, "a question")))
    recorder.stepped(node, Turn(SPEAK, node, (), (), ()))
    recorder.flush()
    _, line = b"".join(chunks).splitlines()
    found = line_of(line)
    assert isinstance(found, Ask)
    assert (found.heard, found.spoke) == ([decision, decision], [vote])
