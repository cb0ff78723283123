"""A server between its clients, its peers and its disk, in virtual time: what is one turn, and who hears what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.unit.runtime.virtual_servers import LIMITS, VirtualServer, VirtualServers

from quorumlog import driver
from quorumlog.core.consensus.effects import BLANK, ElectionTimeout, Replicate, Store, Sync
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry
from quorumlog.core.leader_output import Executed
from quorumlog.core.read_model import Ask, News
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.pre_vote import Tick
from quorumlog.runtime.steps import AskQuorum, Batch, Called, NodeSteps
from quorumlog.runtime.subscribers import SUBSCRIBERS
from quorumlog.runtime.wire import BadFrame, NotLeader, Read, ReadAnswered, Welcome


def told(server: VirtualServer, kind: type) -> list[Any]:
    """What clients were told of this kind."""
    return [each for each in server.told if isinstance(each, kind)]


def test_what_comes_in_one_turn_is_one_batch_one_message_a_peer_and_one_write() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.steps.clear()
    for session in ("s", "t", "u"):
        leader.ask(session, Deposit("x", 1), Deposit("x", 1))
    group.run(0)
    assert [type(each) for each in leader.steps] == [Batch, Replicate, Replicate]
    group.run(20)
    assert leader.count(Batch) == leader.count(Sync) == 1
    assert [(each.session, each.number) for each in leader.answered] == [
        (session, number) for session in ("s", "t", "u") for number in (1, 2)
    ]


def test_what_comes_while_the_disk_writes_is_the_next_batch() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.steps.clear()
    leader.ask("s", Deposit("x", 1))
    group.run(0.2)
    for number in range(2, 6):
        leader.ask("s", Deposit("x", 1), first=number)
        group.run(0.01)
    group.run(20)
    assert [len(each.asked) for each in leader.steps if isinstance(each, Batch)] == [1, 4]
    assert [each.number for each in leader.answered] == [1, 2, 3, 4, 5]


def test_more_than_a_message_holds_goes_out_in_several_at_once() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.ask("s", *[Deposit("x", 1)] * (3 * LIMITS.batch))
    group.run(4)
    assert len(leader.answered) == 3 * LIMITS.batch
    assert {len(each.server.node.replica.log) for each in group.servers.values()} == {1 + 3 * LIMITS.batch}


def test_reads_of_a_turn_are_one_question_and_write_nothing() -> None:
    group = VirtualServers()
    leader = group.leader()
    leader.ask("s", Deposit("x", 5))
    group.run(300)
    leader.steps.clear()
    for call in range(5):
        leader.server.on_read(1, Read(call, (Balance("x"), Balance("y"))))
    group.run(20)
    assert (leader.count(Called), leader.count(AskQuorum), leader.count(Sync)) == (1, 1, 0)
    assert sorted(told(leader, ReadAnswered), key=lambda each: each.call) == [
        ReadAnswered(call, 1, (5, 0)) for call in range(5)
    ]


def read_before_the_first_commit() -> VirtualServer:
    """A leader that was asked before it knew what is committed, some time later."""
    group = VirtualServers()
    while not any(each.server.node.leads for each in group.servers.values()):
        group.run(0.1)
    leader = group.leader()
    leader.server.on_read(1, Read(1, (Balance("x"),)))
    assert leader.server.node.replica.commit_index == 0
    group.run(50)
    return leader


def test_a_read_that_waits_for_a_commit_is_asked_at_the_end_of_the_turn_that_brings_it() -> None:
    leader = read_before_the_first_commit()
    assert leader.count(AskQuorum) == 1
    assert [each.call for each in leader.told if isinstance(each, ReadAnswered)] == [1]


def test_ends_of_turns_that_look_at_no_reads_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NodeSteps, "has_gathered", lambda self, whole: False)
    assert read_before_the_first_commit().count(AskQuorum) == 0


def test_a_command_is_no_question() -> None:
    group = VirtualServers(1)
    leader = group.leader()
    leader.server.on_read(1, Read(1, (Balance("x"), Deposit("x", 1))))
    group.run(20)
    assert told(leader, ReadAnswered) == [ReadAnswered(1, 0, None)]
    assert leader.server.status().events == 0


def test_who_does_not_lead_says_who_does() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    other = next(each for each in group.servers.values() if each is not leader)
    other.ask("s", Deposit("x", 1))
    other.server.on_read(1, Read(1, (Balance("x"),)))
    expected = NotLeader(leader.server.identity, leader.server.status().term)
    assert told(other, NotLeader) == [expected, expected]


def test_a_leader_that_is_cut_off_resigns_and_tells_its_clients() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.ask("s", Deposit("x", 1))
    group.run(20)
    group.cut.add(leader.server.identity)
    leader.ask("s", Deposit("x", 1), first=2)
    leader.server.on_read(1, Read(1, (Balance("x"),)))
    group.run(1_000)
    assert not leader.server.node.leads
    assert len(leader.answered) == 1
    assert told(leader, ReadAnswered) == []
    assert told(leader, NotLeader) != []
    successor = group.leader()
    assert successor is not leader
    successor.ask("s", Deposit("x", 1), first=2)
    group.cut.clear()
    group.run(500)
    assert [(each.number, each.answer.at) for each in successor.answered] == [(2, 2)]
    assert {each.server.status().events for each in group.servers.values()} == {2}


def test_a_server_that_comes_back_asks_and_does_not_stand() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    away = next(each for each in group.servers.values() if each is not leader)
    group.cut.add(away.server.identity)
    away.steps.clear()
    group.run(5_000)
    group.cut.clear()
    group.run(2_000)
    assert away.count(ElectionTimeout) == 0
    assert group.leader() is leader
    assert {each.server.status().term for each in group.servers.values()} == {1}


def acknowledged_is_kept() -> None:
    """All are killed at the moment of the first answer, and what was answered is there afterwards."""
    group = VirtualServers(write=5)
    leader = group.leader()
    leader.ask("s", *[Deposit("x", 1)] * 20)
    while not leader.answered:
        group.run(0.1)
    for each in list(group.servers.values()):
        each.crash()
    again = group.leader()
    again.ask("s", Deposit("x", 1), first=20)
    group.run(300)
    assert [(each.number, each.answer.at) for each in again.answered] == [(20, 20)]
    assert again.server.status().events == 20


def test_what_was_acknowledged_is_there_when_all_were_down() -> None:
    acknowledged_is_kept()


def never_stored(outcome: Any, ports: Any, done: Callable[[], None]) -> None:
    """Writes nothing."""
    ORDER(replace(outcome, effects=tuple(each for each in outcome.effects if not isinstance(each, Store))), ports, done)


def sent_first(outcome: Any, ports: Any, done: Callable[[], None]) -> None:
    """Sends, and says, before it writes."""
    ports.disk.write([each for each in outcome.effects if isinstance(each, Store)] or [NOTHING], lambda: None)
    never_stored(outcome, ports, done)


ORDER: Final = driver.carry_out
NOTHING: Final = Store(BLANK, 0)


@pytest.mark.parametrize("bug", [never_stored, sent_first])
def test_another_order_of_effects_loses_what_was_acknowledged(bug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "carry_out", bug)
    with pytest.raises(AssertionError):
        acknowledged_is_kept()


def test_a_full_server_says_when_it_takes_more() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.ask("s", *[Deposit("x", 1)] * LIMITS.outstanding)
    full = [leader.server.is_full]
    group.run(100)
    full.append(leader.server.is_full)
    assert full == [True, False]
    assert told(leader, Welcome) != []


def test_whoever_looks_meanwhile_does_not_keep_a_full_server_from_saying_so() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.ask("s", *[Deposit("x", 1)] * LIMITS.outstanding)
    full = [leader.server.is_full]
    leader.server.steps.inbox.asked.clear()
    full.append(leader.server.is_full)
    group.run(100)
    assert full == [True, False]
    assert len(told(leader, Welcome)) == 1


def test_a_call_that_is_open_is_not_made_again() -> None:
    """The answer to the first would be taken as that to the second, and be older than what was asked."""
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    leader.server.on_read(1, Read(7, (Balance("x"),)))
    with pytest.raises(BadFrame, match="call 7 again"):
        leader.server.on_read(1, Read(7, (Balance("y"),)))
    leader.server.on_read(2, Read(7, (Balance("x"),)))
    group.run(20)
    leader.server.on_read(1, Read(7, (Balance("x"),)))
    group.run(20)
    assert len(told(leader, ReadAnswered)) == 3


def test_reads_that_wait_for_the_others_are_outstanding() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    for call in range(LIMITS.outstanding):
        leader.server.on_read(1, Read(call, (Balance("x"),)))
        if call == LIMITS.outstanding // 2:
            group.run(0)  # they are called, and wait no longer for a turn
    full = [leader.server.is_full]
    group.run(20)
    full.append(leader.server.is_full)
    assert full == [True, False]
    assert len(told(leader, Welcome)) == 1


@pytest.mark.parametrize("later", [0, 1])
def test_what_is_decided_is_not_replaced_by_whoever_claims_to_lead(later: int) -> None:
    """It would come as far as the disk, which refuses it for good."""
    group = VirtualServers()
    leader = group.leader()
    leader.ask("s", Deposit("x", 1))
    group.run(300)
    other = next(each for each in group.servers.values() if each is not leader)
    replica, name = other.server.node.replica, leader.server.identity
    before, bad = other.durable.log, other.server.status().bad
    lie = tuple([Entry(replica.term, Executed("liar", 1, 0, ()))] * (len(replica.log) + 1))
    other.server.on_peer(name, AppendRequest(name, other.server.identity, replica.term + later, 0, 0, lie, 0))
    group.run(20)
    assert other.server.status().bad == bad + 1
    assert other.durable.log[: len(before)] == before


def test_who_does_not_lead_is_not_full_whatever_its_log_holds() -> None:
    """Its clients may ask how it is, and who leads, as often as they like."""
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    group.cut.add(leader.server.identity)
    leader.ask("s", *[Deposit("x", 1)] * LIMITS.outstanding)
    full = [leader.server.is_full]
    group.run(1_000)
    full.append(leader.server.is_full)
    status = leader.server.status()
    assert (full, status.role) == ([True, False], "follower")
    assert status.last - status.commit >= LIMITS.outstanding
    assert len(told(leader, Welcome)) == 1


def test_a_connection_has_few_read_models_and_nothing_is_left_of_them() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    server = leader.server
    for number in range(2 * SUBSCRIBERS):
        server.on_ask(1, Ask(f"r{number}", server.identity, "a", 0, 1, True))
    server.on_ask(2, Ask("other", server.identity, "a", 0, 1, True))
    leader.told.clear()
    leader.ask("s", Deposit("x", 1))
    group.run(50)
    pushed = [each.to for each in told(leader, News)]
    assert pushed == [*(f"r{number}" for number in range(SUBSCRIBERS)), "other"]
    server.on_gone(1)
    assert list(server._subscribers._source.sent) == ["other"]


def test_a_leader_is_heard_though_something_was_judged_before() -> None:
    """What was judged of a tick or a pre-vote says nothing of the step that follows."""
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    other = next(each for each in group.servers.values() if each is not leader)
    other.server.driver.take(Tick())
    heard = [other.server.driver.contact.heard]
    other.steps.clear()
    while other.count(AppendRequest) == 0:
        group.run(1)
    assert [*heard, other.server.driver.contact.heard] == [False, True]
    leader.server.driver.take(Tick())
    assert leader.server.driver.contact.replied == frozenset()
    leader.steps.clear()
    while leader.count(AppendReply) < 2:
        group.run(1)
    assert len(leader.server.driver.contact.replied) == 2


@pytest.mark.parametrize("subscribes", [False, True])
def test_read_models_are_told_what_is_committed(subscribes: bool) -> None:
    """By a follower as well: it knows later, and the same."""
    group = VirtualServers()
    leader = group.leader()
    leader.ask("s", *[Deposit("x", 1)] * 3)
    group.run(300)
    source = next(each for each in group.servers.values() if each is not leader)
    source.server.on_ask(1, Ask("r1", source.server.identity, "a", 1, 7, subscribes))
    (news,) = told(source, News)
    assert (news.after, news.end, news.time, len(news.events)) == (1, 3, 7, 2)
    leader.ask("s", Deposit("x", 1), first=4)
    group.run(300)
    pushed = told(source, News)[1:]
    assert [(each.after, [entry.number for entry in each.events]) for each in pushed] == (
        [(3, [4])] if subscribes else []
    )
    source.server.on_gone(1)
    leader.ask("s", Deposit("x", 1), first=5)
    group.run(300)
    assert told(source, News)[1:] == pushed


def test_a_seed_makes_the_same_run() -> None:
    def run(seed: int) -> list[list[Any]]:
        group = VirtualServers(seed=seed)
        group.leader().ask("s", *[Deposit("x", 1)] * 9)
        group.run(500)
        return [each.steps for each in group.servers.values()]

    assert run(3) == run(3)
    assert run(3) != run(4)
