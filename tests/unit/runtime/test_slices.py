"""A server that has much to fold is heard meanwhile: it folds a slice a turn, and speaks when it is done.

Here what an application does takes time, and a server that is busy hears and says nothing until it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import pytest
from msgspec import structs
from tests.unit.runtime.virtual_servers import VirtualServer, VirtualServers

from quorumlog.core.consensus.effects import Sync
from quorumlog.core.consensus.messages import AppendReply, AppendRequest
from quorumlog.core.leader_output import Request
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.ledger.placement import Placement
from quorumlog.node import ALL
from quorumlog.runtime import hosting, server
from quorumlog.runtime.event_queue import EventQueue
from quorumlog.runtime.hosting import LEDGER, AnyHosted
from quorumlog.runtime.slices import FEW, LARGEST, LATER, SPELL, Slices, all_at_once
from quorumlog.runtime.steps import Fold
from quorumlog.runtime.wire import Limits, NotLeader, Read, ReadAnswered
from quorumlog.simulation.agenda import MILLISECOND

ENTRIES: Final = 3_000
COST: Final = 1.0
"""Milliseconds that an event takes, once the servers have started again: three seconds in all."""
LIMITS: Final = Limits(batch=256, outstanding=10_000, snapshot=0)
SHARD: Final = hosting.shard("a", Placement(("a",)))


class Slow:
    """An application that takes its time."""

    def __init__(self, application: Any, spend: Callable[[], None]) -> None:
        self._application = application
        self._spend = spend
        self.start, self.decide, self.answer = application.start, application.decide, application.answer

    def evolve(self, state: Any, event: Any) -> Any:
        self._spend()
        return self._application.evolve(state, event)


class SlowServers(VirtualServers):
    """A group in which it takes time to evolve."""

    def __init__(self, hosted: AnyHosted = LEDGER, limits: Limits = LIMITS) -> None:
        self.cost = 0.0
        self.longest = 0.0
        """The longest that a server was busy without a break, in milliseconds."""
        self._spent = 0.0
        self._free: dict[VirtualServer, int] = {}
        super().__init__(3, hosted=replace(hosted, application=Slow(hosted.application, self._spend)), limits=limits)

    def _spend(self) -> None:
        self._spent += self.cost

    def now(self) -> float:
        return super().now() + self._spent

    def carry(self, sender: str, to: str, message: Any) -> None:
        self.agenda.after(int(self._spent * MILLISECOND), lambda: VirtualServers.carry(self, sender, to, message))

    def enter(self, server: VirtualServer, call: Callable[[], None]) -> None:
        if (free := self._free.get(server, 0)) > self.agenda.now:
            self.agenda.at(free, lambda: self.enter(server, call))
            return
        super().enter(server, call)
        self.longest = max(self.longest, self._spent)
        self._free[server] = self.agenda.now + int(self._spent * MILLISECOND)
        self._spent = 0.0

    def restart(self, cost: float = COST) -> None:
        """All of them lose power, and from now on it takes time to evolve."""
        for each in list(self.servers.values()):
            each.crash()
        self.cost = cost

    @property
    def terms(self) -> set[int]:
        """The terms that they are in."""
        return {each.server.node.replica.term for each in self.servers.values()}


def filled(hosted: AnyHosted = LEDGER, limits: Limits = LIMITS, entries: int = ENTRIES) -> SlowServers:
    """A group that has executed many commands, and has lost power."""
    group = SlowServers(hosted, limits)
    leader = group.leader()
    for first in range(1, entries + 1, 500):
        group.run(50)
        requests = [Request("s", number, number - 1, None, Deposit("x", 1)) for number in range(first, first + 500)]
        leader.server.on_requests(1, requests)
    group.run(300)
    assert leader.server.status().events == entries
    group.restart()
    return group


def elected(group: SlowServers) -> VirtualServer:
    """Who leads to consensus, whether or not it speaks."""
    for _ in range(1_000):
        found = [each for each in group.servers.values() if each.server.status().role == "leader"]
        if found:
            return found[0]
        group.run(1)
    raise AssertionError("nobody is elected")


def leads_on(group: SlowServers, entries: int = ENTRIES) -> VirtualServer:
    """The first leader after a restart folds all there is, answers nothing before, and is not given up."""
    leader = elected(group)
    terms = group.terms
    leader.ask("new", Deposit("x", 1))
    assert isinstance(leader.told[-1], NotLeader)
    leader.server.on_read(1, Read(1, (Balance("x"),)))
    assert isinstance(leader.told[-1], NotLeader)
    waited = 0
    while not leader.server.node.leads:
        group.run(10)
        waited += 1
        assert waited < 2 * entries * COST / 10, "it folds nothing"
        assert leader.server.status().role == "leader", "it was given up"
        assert not leader.answered
    assert waited * 10 > entries * COST / 2, "something took no time"
    assert leader.server.node.gate.applied >= entries
    leader.server.on_read(1, Read(2, (Balance("x"),)))
    leader.ask("new", Deposit("x", 1))
    group.run(500)
    assert [each.at for each in leader.told if isinstance(each, ReadAnswered)] == [entries]
    assert [(each.session, each.answer.at) for each in leader.answered] == [("new", entries + 1)]
    assert group.terms == terms
    assert group.longest <= 3 * SPELL
    return leader


@pytest.mark.parametrize("hosted", [LEDGER, SHARD])
def test_a_new_leader_is_heard_while_it_folds(hosted: AnyHosted) -> None:
    group = filled(hosted)
    leads_on(group)
    group.run(4_000)
    assert {each.server.node.gate.applied for each in group.servers.values()} == {ENTRIES + 1}
    assert all(each.count(Fold) > 100 for each in group.servers.values())


def test_whoever_folds_all_in_one_turn_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "Slices", lambda now: all_at_once())
    group = filled()
    elected(group)
    terms = group.terms
    group.run(3 * ENTRIES * COST)
    assert group.terms != terms
    assert group.longest >= ENTRIES * COST


def kept_before_all(group: SlowServers) -> None:
    """Snapshots are kept while a server folds, of as many entries as they say, whatever else is decided."""
    leader = leads_on(group)
    assert LEDGER.keeping is not None
    early = [each for each in leader.kept if each[0] < ENTRIES]
    assert early
    for index, _, state in leader.kept:
        gate, queue = LEDGER.keeping.decoded(state)
        assert gate.applied + len(queue.others) == queue.length + len(queue.others) == index
        assert gate.table.events == gate.applied


def test_snapshots_are_of_what_is_folded() -> None:
    kept_before_all(filled(limits=replace_limits(snapshot=700)))


def test_a_snapshot_with_the_queue_of_later_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventQueue, "at", lambda queue, _: EventQueue(queue.length, queue.others))
    with pytest.raises(AssertionError):
        kept_before_all(filled(limits=replace_limits(snapshot=700)))


def replace_limits(snapshot: int) -> Limits:
    """The limits with snapshots."""
    return Limits(batch=LIMITS.batch, outstanding=LIMITS.outstanding, snapshot=snapshot)


# -- how large slices are ----------------------------------------------------------------------------------------------


def sizes(costs: Iterable[float]) -> list[int]:
    """The sizes of slices, if in each of them an entry takes so long."""
    group = VirtualServers(1)
    node = group.leader().server.node
    node = structs.replace(node, gate=structs.replace(node.gate, drafts=None))
    clock = [0.0]
    slices, found = Slices(lambda: clock[0]), []
    for cost in costs:
        slices.new_turn()
        found.append(slices.most)
        begun = slices.begun()
        clock[0] += slices.most * cost
        slices.over(begun, node, structs.replace(node, seen=node.seen + slices.most))
    return found


def test_slices_grow_while_they_are_quick_and_shrink_when_they_are_not() -> None:
    assert sizes([0.0] * 15) == [*(2**each for each in range(13)), LARGEST, LARGEST]
    found = sizes([1.0] * 10)
    assert found[:3] == [1, 2, 4]
    assert max(found) * 1.0 <= SPELL
    assert sizes([0.01] * 8 + [1.0] * 3)[-1] * 1.0 <= SPELL
    assert sizes([100.0] * 3) == [1, 1, 1]


def test_steps_about_something_else_fold_no_more_than_a_spell_in_a_turn() -> None:
    group = VirtualServers(1)
    node = group.leader().server.node
    node = structs.replace(node, gate=structs.replace(node.gate, drafts=None))
    clock = [0.0]
    slices = Slices(lambda: clock[0], first=4)
    assert slices.allowed(node, Sync()) == 4
    begun = slices.begun()
    clock[0] += SPELL
    slices.over(begun, node, structs.replace(node, seen=node.seen + 4))
    assert slices.allowed(node, Sync()) == 0 < slices.most
    slices.new_turn()
    assert slices.allowed(node, Sync()) == slices.most
    assert all_at_once().allowed(node, Sync()) == ALL


# -- what a follower folds later ---------------------------------------------------------------------------------------


def settled() -> tuple[VirtualServers, VirtualServer, list[VirtualServer]]:
    """A group in which everybody has folded everything, its leader and the others."""
    group = VirtualServers(3)
    leader = group.leader()
    group.run(200)
    return group, leader, [each for each in group.servers.values() if each is not leader]


def folded_later() -> None:
    """A follower that has little to fold acknowledges first, and folds a little later without being asked."""
    group, leader, others = settled()
    leader.ask("s", Deposit("x", 1), Deposit("x", 2))
    group.run(5)
    leader.ask("s", Deposit("x", 3), first=3)
    group.run(5)
    assert [each.answer.at for each in leader.answered] == [1, 2, 3]
    assert {each.server.node.lags() for each in others} == {True}
    assert {each.server.node.gate.applied for each in others} == {0}
    group.run(10 * LATER)
    assert {each.server.node.gate.applied for each in others} == {3}
    leader.ask("s", *[Deposit("x", 1)] * FEW, first=4)
    group.run(5)
    leader.ask("s", Deposit("x", 1), first=4 + FEW)
    group.run(5)
    assert {each.server.node.gate.applied for each in others} == {3 + FEW}, "so many do not wait"
    folds = [each.count(Fold) for each in others]
    group.run(10 * LATER)
    assert [each.count(Fold) for each in others] == [count + 1 for count in folds], "only the last one was left"
    leader.ask("s", Deposit("x", 1), first=5 + FEW)
    group.run(5)
    leader.ask("s", Deposit("x", 1), first=6 + FEW)
    group.run(5)
    assert {each.server.node.lags() for each in others} == {True}, "it is little, whatever came before"


def test_a_follower_folds_little_later() -> None:
    folded_later()


def test_a_follower_that_folds_at_once_or_never_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in (0.0, 100 * LATER):
        monkeypatch.setattr(Slices, "pause", lambda slices, node, taken, pause=pause: pause)
        with pytest.raises(AssertionError):
            folded_later()


def acknowledged_first() -> None:
    """A follower that has much to fold acknowledges what came with that, and folds then."""
    group, leader, others = settled()
    leader.ask("s", *[Deposit("x", 1)] * FEW)
    group.run(5)
    carry = group.carry
    folded: dict[str, int] = {}

    def noted(sender: str, to: str, message: Any) -> None:
        server = group.servers[sender].server
        if isinstance(message, AppendReply) and (turn := server.driver.turn) is not None:
            folded.setdefault(sender, server.steps.node(turn.after).gate.applied)
        carry(sender, to, message)

    group.carry = noted  # type: ignore[method-assign]
    leader.ask("s", *[Deposit("x", 1)] * FEW, first=1 + FEW)
    group.run(5)
    assert folded == {each.server.identity: 0 for each in others}, "a leader waits for this"
    assert {each.server.node.gate.applied for each in others} == {FEW}


def test_a_follower_acknowledges_before_it_folds() -> None:
    acknowledged_first()


@pytest.mark.parametrize("taken", [AppendRequest, Sync])
def test_a_follower_that_folds_before_it_acknowledges_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch, taken: type
) -> None:
    allowed = Slices.allowed
    monkeypatch.setattr(
        Slices, "allowed", lambda own, node, given: own.most if type(given) is taken else allowed(own, node, given)
    )
    with pytest.raises(AssertionError, match="a leader waits for this"):
        acknowledged_first()


def test_a_fold_that_comes_before_the_end_of_the_turn_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slices, "pause", lambda own, node, taken: 0.0)
    with pytest.raises(AssertionError, match="a leader waits for this"):
        acknowledged_first()


def folds_meanwhile(group: VirtualServers, leader: VirtualServer, others: list[VirtualServer]) -> bool:
    """Whether followers fold while one command after another comes, each before it is time to fold the last."""
    for number in range(1, 41):
        leader.ask("s", Deposit("x", 1), first=number)
        group.run(2)
    return min(each.server.node.gate.applied for each in others) > 10


def test_what_comes_meanwhile_does_not_put_it_off() -> None:
    assert folds_meanwhile(*settled())


def test_a_pause_that_begins_again_with_each_step_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    fold_after = server.Server._fold_after

    def put_off(self: Any, pause: float) -> None:
        if self._folding is not None:
            self._folding.cancel()
            self._folding = None
        fold_after(self, pause)

    monkeypatch.setattr(server.Server, "_fold_after", put_off)
    assert not folds_meanwhile(*settled())


def test_a_new_leader_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a follower would."""
    monkeypatch.setattr("quorumlog.runtime.slices.LATER", 10_000.0)
    group, leader, others = settled()
    leader.ask("s", Deposit("x", 1), Deposit("x", 2), Deposit("x", 3))
    group.run(100)
    assert {each.server.node.gate.applied for each in others} == {0}
    group.cut.add(leader.server.identity)
    group.run(1_000)
    assert [each.server.node.gate.applied for each in others if each.server.node.leads] == [3]


def test_a_gate_that_leads_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if so much was folded in this turn that nobody else would be."""
    monkeypatch.setattr(Slices, "allowed", lambda slices, node, taken: 0)
    group = VirtualServers(3, hosted=SHARD)
    leader = group.leader()
    group.run(200)
    folds = leader.count(Fold)
    leader.ask("s", Deposit("x", 1))
    group.run(20)
    assert [each.answer.at for each in leader.answered] == [1]
    assert leader.count(Fold) == folds


def test_who_has_nothing_to_fold_any_more_takes_no_step() -> None:
    _, leader, _ = settled()
    folds = leader.count(Fold)
    leader.server._fold()
    assert leader.count(Fold) == folds
