"""A server that starts from a snapshot reads nothing of what is before it, and drops what nobody will ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Final

import pytest
from msgspec.structs import replace
from tests.unit.runtime.virtual_servers import VirtualServer, VirtualServers

from quorumlog.core.consensus import log
from quorumlog.core.consensus.effects import BLANK, Replicate
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.read_model import Ask, News
from quorumlog.ledger.commands import Deposit
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.strand import Dropped, Strand
from quorumlog.runtime import hosting
from quorumlog.runtime.begun import Begun
from quorumlog.runtime.behind import Behind
from quorumlog.runtime.hosting import LEDGER, AnyHosted
from quorumlog.runtime.messages import Gone, Held
from quorumlog.runtime.wire import Limits

LIMITS: Final = Limits(batch=8, outstanding=100, snapshot=10, retain=0)
SHARD: Final = hosting.shard("a", Placement(("a",)))
BASE: Final = 20


def nothing(start: int, end: int) -> Sequence[Entry]:
    """How a disk reads that is not to be asked."""
    raise AssertionError(f"entries {start} to {end} were read")


def gone(start: int, end: int) -> Sequence[Entry]:
    """How a disk reads that has dropped the first entries."""
    raise Dropped(BASE)


def filled(size: int, hosted: AnyHosted = LEDGER, commands: int = 35) -> VirtualServers:
    """A group that has executed so many commands, one after another."""
    group = VirtualServers(size, hosted=hosted, limits=LIMITS)
    group.leader()
    group.run(300)
    for number in range(1, commands + 1):
        group.leader().ask("s", Deposit("x", 1), first=number)
        group.run(5)
    group.run(100)
    return group


def restarted(group: VirtualServers, old: VirtualServer, read: Callable[[int, int], Sequence[Entry]]) -> VirtualServer:
    """The server, started again from its newest snapshot; the disk would have to read what is before that."""
    index, _, state = old.kept[-1]
    assert group.hosted.keeping is not None
    gate, queue = group.hosted.keeping.decoded(state)
    held = old.durable.log[index - 1 :]
    old.up = False
    durable = replace(old.durable, log=Strand.behind(index - 1, read, held))
    again = VirtualServer(group, old.server.identity, durable, Begun(index, gate, queue))
    group.servers[old.server.identity] = again
    again.server.start()
    return again


def goes_on(size: int, hosted: AnyHosted) -> None:
    """All start again, elect one of them and execute the next command, and nobody reads what is before a snapshot."""
    group = filled(size, hosted)
    for each in list(group.servers.values()):
        restarted(group, each, nothing)
    leader = group.leader()
    group.run(300)
    leader.ask("s", Deposit("x", 1), first=36)
    group.run(100)
    assert [(each.number, each.answer.at) for each in leader.answered] == [(36, 36)]
    assert {each.server.status().events for each in group.servers.values()} == {36}


@pytest.mark.parametrize(("size", "hosted"), [(1, LEDGER), (3, LEDGER), (3, SHARD)])
def test_the_first_commit_reads_nothing(size: int, hosted: AnyHosted) -> None:
    goes_on(size, hosted)


def test_a_commit_that_looks_at_all_entries_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "between", lambda log, after, end: tuple(log[after:end]))
    with pytest.raises(AssertionError, match="were read"):
        goes_on(1, LEDGER)


# -- what may be dropped -----------------------------------------------------------------------------------------


def test_all_members_learn_what_all_have() -> None:
    group = filled(3)
    assert {each.server.behind.everywhere for each in group.servers.values()} != {0}
    for each in group.servers.values():
        behind, kept = each.server.behind, each.kept[-1][0]
        assert 0 < behind.everywhere <= each.server.node.replica.commit_index
        assert behind.below(kept) == min(behind.everywhere, kept)


def one_is_away() -> None:
    """Nothing is dropped that it lacks, by whoever leads; when it is back it is sent everything."""
    group = VirtualServers(3, limits=LIMITS)
    away = next(each for each in group.servers.values() if each is not group.leader())
    group.cut.add(away.server.identity)
    for number in range(1, 36):
        group.leader().ask("s", Deposit("x", 1), first=number)
        group.run(5)
    has = len(away.durable.log)
    assert all(each.kept and each.server.behind.below(each.kept[-1][0]) <= has for each in there(group))
    group.cut.clear()
    group.run(1_000)
    assert away.server.status().events == 35


def there(group: VirtualServers) -> list[VirtualServer]:
    """The members that are not cut off."""
    return [each for name, each in group.servers.items() if name not in group.cut]


def test_what_a_member_lacks_is_kept_for_it() -> None:
    one_is_away()


def test_dropping_what_a_quorum_has_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def learn(behind: Behind, replica: Replica) -> Held:
        behind.everywhere = replica.commit_index
        return Held(replica.identity, replica.commit_index)

    monkeypatch.setattr(Behind, "learn", learn)
    with pytest.raises(AssertionError):
        one_is_away()


def test_whoever_leads_no_more_learns_nothing_and_what_was_learnt_stays() -> None:
    behind = Behind(retain=5)
    behind.hear(Held("a1", 30))
    behind.hear(Held("a1", 20))
    assert [behind.below(kept) for kept in (3, 20, 90)] == [0, 15, 30]
    follower = filled(3, commands=1)
    assert [Behind(0).learn(each.server.node.replica) is None for each in follower.servers.values()].count(True) == 2


class Disks:
    """What the disks of a group hold: all that is decided, but for what each has dropped."""

    def __init__(self, group: VirtualServers) -> None:
        self.group = group
        self.dropped = dict.fromkeys(group.names, 0)
        self._decided: list[Entry] = []
        self._reads = {name: partial(self._read, name) for name in group.names}

    def _read(self, name: str, start: int, end: int) -> Sequence[Entry]:
        if start < self.dropped[name]:
            raise Dropped(self.dropped[name])
        return self._decided[start:end]

    def compact(self) -> None:
        """Each server drops what it may, as storages do: what its last but one snapshot stands for, at most."""
        for name, each in self.group.servers.items():
            replica = each.server.node.replica
            self._decided += replica.log[len(self._decided) : replica.commit_index]
            if len(each.kept) > 1:
                below = min(each.server.behind.below(each.kept[-1][0]), each.kept[-2][0])
                self.dropped[name] = max(self.dropped[name], below - 1)
                each.server.lighten(each.kept[-1][0] - 1, self._reads[name])

    def restart(self, name: str) -> None:
        """A server is killed, and starts with its disk."""
        old = self.group.servers[name]
        if old.kept:
            restarted(self.group, old, self._reads[name]).kept = old.kept
        else:
            old.crash()


def some_are_away_and_killed(seed: int) -> int:
    """Commands while servers are cut off and killed at random; all know them in the end. How much was dropped."""
    dice = Random(seed)
    group = VirtualServers(3, seed=seed, limits=LIMITS)
    disks = Disks(group)
    for number in range(1, 121):
        group.leader().ask(f"s{number}", Deposit("x", 1))
        group.run(dice.choice((5, 20, 100)))
        disks.compact()
        chance = dice.random()
        if chance < 0.1:
            group.cut = {dice.choice(group.names)}
        elif chance < 0.25:
            group.cut = set()
        elif chance < 0.35:
            disks.restart(dice.choice(group.names))
    group.cut = set()
    group.run(3_000)
    events = {each.server.status().events for each in group.servers.values()}
    assert len(events) == 1
    assert events != {0}
    return max(disks.dropped.values())


def test_whoever_was_away_is_sent_what_it_lacks_whatever_was_dropped() -> None:
    assert max(map(some_are_away_and_killed, range(8))) > 40


def test_dropping_what_some_lack_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Behind, "below", lambda behind, kept: kept)
    with pytest.raises(AssertionError):
        list(map(some_are_away_and_killed, range(8)))


# -- who asks for it all the same ----------------------------------------------------------------------------------


def test_a_member_that_has_lost_its_disk_holds_nobody_up() -> None:
    group = filled(3)
    for each in group.servers.values():
        each.server.lighten(BASE, gone)
    former = group.leader()
    former.ask("s", Deposit("x", 1), first=36)
    group.run(100)
    lost = next(each for each in group.servers.values() if each is not former)
    lost.durable = BLANK
    lost.crash()
    group.cut.add(former.server.identity)
    group.run(1_000)
    leader = group.leader()
    group.cut.clear()
    group.run(300)
    leader.refusals.clear()
    group.run(1_000)
    assert set(leader.refusals) == {Replicate(lost.server.identity)}
    assert len(leader.refusals) <= 2 * 1_000 / 50, "with a heartbeat and its answer, and not again and again"
    leader.ask("s", Deposit("x", 1), first=37)
    group.run(100)
    assert [each.number for each in leader.answered][-1] == 37


def test_a_read_model_is_told_what_is_gone_and_what_is_not() -> None:
    group = filled(3)
    source = next(each for each in group.servers.values() if each is not group.leader())
    source.server.lighten(BASE, gone)
    source.server.behind.dropped = BASE
    group.leader().ask("s", Deposit("x", 1), first=36)
    group.run(100)
    name = source.server.identity
    for after in (0, 10, 19):
        source.told.clear()
        source.server.on_ask(1, Ask("r1", name, "a", after, 7, False))
        (told,) = source.told
        if after < BASE - 1:  # one entry is the no-op of a leader
            assert told == Gone(name, "a", BASE - 1)
        else:
            assert isinstance(told, News)
            assert [entry.number for entry in told.events] == list(range(20, 28))
    assert source.server.status().dropped == BASE
