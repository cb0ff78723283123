"""Servers of several groups, a leader each: letters until nothing is left to say, and answers that wait."""

from __future__ import annotations

from typing import Any, Final

import pytest

from quorumlog.core.consensus.effects import ElectionTimeout, Refused, Sync
from quorumlog.core.consensus.messages import AppendReply, VoteReply, VoteRequest
from quorumlog.core.leader_output import Request, Say
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, Transfer, Vote
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange
from quorumlog.ledger.commands import Transfer as Pay
from quorumlog.ledger.coordinated import TransferCoordination
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.ledger.ledger import Received
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import ShardedLedger
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.duties import CoordinatorDuty, ShardDuty, is_for_shards
from quorumlog.sharding.server import ORDERS, Said, Server, Serving

PLACEMENT: Final = Placement(("p", "q"), FrozenMap({"x": "p", "y": "q"}))


class World:
    """A coordinator and two shards, of one server each, with what they have said."""

    def __init__(self) -> None:
        opening = FrozenMap({"x": 5})
        self.serving = {
            "c": Serving.of(TransferCoordination(PLACEMENT), CoordinatorDuty(PLACEMENT.shards)),
            "p": Serving.of(ShardedLedger("p", PLACEMENT, opening), ShardDuty("p")),
            "q": Serving.of(ShardedLedger("q", PLACEMENT), ShardDuty("q")),
        }
        self.servers: dict[str, Server] = {}
        self.answers: list[Say[Any]] = []
        self.letters: list[Letter] = []
        for name, serving in self.serving.items():
            self.servers[name] = serving.begin(f"{name}1", (f"{name}1", f"{name}2"), 8)
            self.lead(name)

    def lead(self, name: str) -> None:
        """A server stands, and wins."""
        self.take(name, ElectionTimeout())
        self.take(name, Sync())
        self.take(name, VoteReply(sender=f"{name}2", to=f"{name}1", term=1))
        self.sync(name)

    def take(self, name: str, taken: Any) -> None:
        """A server takes an input of consensus."""
        self.note(name, self.serving[name].take(self.servers[name], taken))

    def note(self, name: str, outcome: tuple[Server, Said]) -> None:
        """A server is further."""
        self.servers[name], said = outcome
        self.answers += said.answers
        self.letters += said.letters

    def sync(self, name: str) -> None:
        """The disks of both servers catch up, so all is decided."""
        replica = self.servers[name].node.replica
        if replica.commit_index == len(replica.log):
            return
        self.take(name, Sync())
        last = len(replica.log)
        self.take(name, AppendReply(sender=f"{name}2", to=f"{name}1", term=1, accepted=True, index=last))

    def ask(self, name: str, number: int, command: Command, rate: int = 50) -> None:
        """A client asks."""
        request = Request("k1", number, number - 1, None, command)
        self.note(name, self.serving[name].ask(self.servers[name], [("router", request, rate)]))
        self.sync(name)

    def hear(self, letter: Letter) -> None:
        """A letter arrives."""
        name = letter.shard if is_for_shards(letter) else "c"
        self.note(name, self.serving[name].hear(self.servers[name], [letter]))
        self.sync(name)

    def settle(self) -> list[Letter]:
        """Letters arrive until there are none; what they were."""
        said: list[Letter] = []
        while self.letters:
            letter = self.letters.pop(0)
            said.append(letter)
            assert len(said) < 100, "they go on for ever"
            self.hear(letter)
        return said

    def told(self) -> list[object]:
        """What clients were told since the last time."""
        said, self.answers = [each.answer.said for each in self.answers], []
        return said


def test_a_transfer_is_answered_when_it_has_ended_and_then_forgotten() -> None:
    world = World()
    world.ask("c", 1, Pay("x", "y", 4))
    assert world.told() == []
    said = world.settle()
    assert world.told() == [True]
    assert {type(each).__name__ for each in said} == {"Prepare", "Vote", "Decision", "Acknowledgement"}
    assert len(said) == 8
    assert world.servers["c"].committed.over == 1
    for letter in world.serving["c"].speak(world.servers["c"]):
        assert isinstance(letter, Over)
        world.hear(letter)
    assert [len(world.servers[shard].committed.part.stage) for shard in "pq"] == [0, 0]
    assert [len(world.serving[shard].speak(world.servers[shard])) for shard in "pq"] == [0, 0]
    assert world.servers["p"].committed.find("x") == (1, 1)


def test_an_exchange_between_shards_tells_what_it_has_brought() -> None:
    world = World()
    world.ask("c", 1, Exchange("x", "y", 4), rate=75)
    world.settle()
    assert world.told() == [Received(3)]
    assert world.servers["p"].committed.find("exchange") == (1, 1)


def test_who_asks_again_hears_the_same_and_a_letter_that_was_heard_is_answered_again() -> None:
    world = World()
    world.ask("c", 1, Pay("x", "y", 4))
    first, *rest = world.letters
    world.letters = []
    world.hear(first)
    vote = world.letters.pop()
    assert isinstance(vote, Vote)
    world.hear(first)
    assert world.letters == [vote]
    world.letters += rest
    world.settle()
    world.ask("c", 1, Pay("x", "y", 4))
    assert world.told() == [True, True]


def test_while_a_decision_is_not_committed_no_answer_makes_the_coordinator_ask_again() -> None:
    world = World()
    world.ask("c", 1, Pay("x", "y", 9))
    said: list[Vote | Acknowledgement] = [Vote("1", "p", "no"), Acknowledgement("1", "p")]
    world.note("c", world.serving["c"].hear(world.servers["c"], said))
    world.letters = []
    for _ in range(3):
        world.note("c", world.serving["c"].hear(world.servers["c"], said))
    assert world.letters == []
    world.sync("c")
    assert Decision("1", "q", False) in world.letters
    world.settle()
    assert world.told() == [False]


def test_while_it_is_not_committed_that_a_transfer_is_over_nobody_hears_again_what_it_has_acknowledged() -> None:
    world = World()
    for number in (1, 2):
        world.ask("c", number, Pay("x", "y", 1))
    yes: list[Letter] = [Vote(transfer, shard, "yes") for transfer in "12" for shard in "pq"]
    world.note("c", world.serving["c"].hear(world.servers["c"], yes))
    world.sync("c")
    world.letters = []
    heard: list[Letter] = [Acknowledgement("1", "p"), Acknowledgement("1", "q"), Acknowledgement("2", "p")]
    for letter in heard * 2:
        world.note("c", world.serving["c"].hear(world.servers["c"], [letter]))
    assert world.servers["c"].committed.over == 0
    assert world.letters == []
    world.sync("c")
    assert world.servers["c"].committed.over == 1


def test_a_transfer_that_takes_too_long_has_failed() -> None:
    world = World()
    world.ask("c", 1, Pay("x", "y", 4))
    world.letters = []
    world.note("c", world.serving["c"].give_up(world.servers["c"], "1"))
    world.sync("c")
    assert world.told() == [None]
    assert all(isinstance(each, Decision) and not each.commit for each in world.letters)
    world.settle()
    assert world.servers["c"].committed.over == 1
    with pytest.raises(Refused):
        world.serving["p"].give_up(world.servers["p"], "1")


def test_a_leader_that_is_deposed_forgets_who_waits_and_what_it_has_heard() -> None:
    world = World()
    world.ask("c", 1, Pay("x", "y", 4))
    vote = Vote("1", "p", "yes")
    world.hear(vote)
    assert world.servers["c"].tally.votes
    assert world.servers["c"].held
    later = VoteRequest(sender="c2", term=99, last_term=99, last_index=99)
    world.note("c", world.serving["c"].take(world.servers["c"], later))
    assert not world.servers["c"].leads
    assert (world.servers["c"].tally.votes, world.servers["c"].held) == (frozenset(), ())
    with pytest.raises(Refused):
        world.serving["c"].hear(world.servers["c"], [vote])
    with pytest.raises(Refused):
        world.serving["c"].speak(world.servers["c"])


def test_letters_for_others_are_refused_and_clients_have_no_word_for_orders() -> None:
    world = World()
    pay = Transfer("1", "x", "y", 4, "p", "q")
    for name, letter in (("c", Prepare(pay, "p")), ("q", Prepare(pay, "p")), ("p", Vote("1", "p", "yes"))):
        with pytest.raises(Refused):
            world.serving[name].hear(world.servers[name], [letter])
    order = Request(f"{ORDERS}1", 1, 0, None, Deposit("x", 9))
    before = world.servers["p"]
    assert world.serving["p"].ask(before, [("router", order, 50)]) == (before, Said())


def test_answers_to_orders_do_not_pile_up() -> None:
    world = World()
    for number in range(1, 20):
        world.ask("p", number, Deposit("x", 4))
        world.ask("c", number, Pay("x", "y", 4))
        world.settle()
    sessions = world.servers["p"].node.gate.table.sessions
    assert [len(each.kept) < 4 for name, each in sessions.items() if name.startswith(ORDERS)] == [True]


def test_a_read_is_answered_from_the_shard() -> None:
    world = World()
    world.ask("p", 1, Balance("x"))
    assert world.told() == [(5, 0)]
