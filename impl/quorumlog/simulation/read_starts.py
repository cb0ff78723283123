"""Servers with gates in the middle of a story: where the models of ConsistentRead begin.

The functions bear the names of the initial predicates of MCConsistentRead, without the `Init`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consistent_read import Gate, ReadEvent, Reply
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.consistent_read import OPEN, Log, Member, Network, Operation, ReadCluster, Setting

Start: TypeAlias = Callable[[Setting], list[ReadCluster]]


class Chapter(Struct, frozen=True):
    """A group in the middle of its story: nobody has been answered yet."""

    world: ReadCluster

    @classmethod
    def of(cls, setting: Setting, decided: Log) -> Chapter:
        """Nobody knows anything, and yet this is decided."""
        return cls(ReadCluster.of(setting).change(decided=decided))

    def holds(self, servers: Iterable[ServerId], term: int, log: Log, commit_index: int = 0) -> Chapter:
        """These servers are in this term and have this log."""
        world = self.world
        nobody = FrozenMap(dict.fromkeys(world.setting.servers, 0))
        for server in servers:
            world = world.change(members=world.members.set(server, Member(term, log, commit_index, nobody)))
        return Chapter(world)

    def leads(self, server: ServerId, acknowledged: Mapping[ServerId, int]) -> Chapter:
        """This server leads its term, and knows how much of its log others have."""
        world = self.world
        member = world.members[server]
        known = FrozenMap({each: acknowledged.get(each, 0) for each in world.setting.servers})
        member = Member(member.term, member.log, member.commit_index, known)
        return Chapter(
            world.change(
                members=world.members.set(server, member),
                gates=world.gates.set(server, world.gates[server].change(leads=member.term)),
            )
        )

    def opened(self, operations: Iterable[Operation]) -> Chapter:
        """These operations have been called, before any write was decided."""
        world = self.world
        for operation in operations:
            world = world.change(phase=world.phase.set(operation, OPEN))
        return Chapter(world)

    def gate(self, server: ServerId, **fields: object) -> Chapter:
        """The gate of this server is in the middle of something."""
        made: Gate = self.world.gates[server].change(**fields)  # type: ignore[arg-type]  # names and types: Changes
        return Chapter(self.world.change(gates=self.world.gates.set(server, made)))

    def sent(self, network: Network) -> ReadCluster:
        """The story goes on with these replies on their way."""
        return self.world.change(network=network)


def no_op(term: int) -> Entry:
    """The first entry of a leader."""
    return Entry(term, None)


def nothing(setting: Setting) -> list[ReadCluster]:
    """Nothing has happened. Spec: ConsistentRead!Init."""
    return [ReadCluster.of(setting)]


def leader(setting: Setting) -> list[ReadCluster]:
    """The first server leads term 1, and everybody has its entry. Spec: ConsistentRead!InitLeader."""
    a, *others = setting.servers
    log = (no_op(1),)
    story = Chapter.of(setting, log).holds(setting.servers, 1, log).holds((a,), 1, log, commit_index=1)
    return [story.leads(a, dict.fromkeys(others, 1)).world]


def deposed(setting: Setting, term: int, write: Operation) -> Chapter:
    """The first server does not know that the second one leads, with a write. Spec: ConsistentRead!Deposed."""
    a, b, *others = setting.servers
    log = (no_op(term),)
    story = Chapter.of(setting, log).holds((a,), term, log, commit_index=1).holds(others, term + 1, log)
    story = story.holds((b,), term + 1, (*log, no_op(term + 1), Entry(term + 1, write)))
    return story.leads(a, dict.fromkeys((b, *others), 1)).leads(b, {}).opened((write,))


def reply(setting: Setting) -> list[ReadCluster]:
    """So it is, and a reply of the third server is on its way. Spec: ConsistentRead!InitReply."""
    a, _, c, *_others = setting.servers
    found = []
    for write in setting.writes:
        story = deposed(setting, 3, write)
        for read in setting.index_reads:
            asks = story.gate(a, asking=frozenset((read,)), round=1, confirmed=frozenset((a,))).opened((read,))
            found.append(asks.sent(frozenset((Reply(c, a, term=3, round=1),))))
        asked = story.gate(a, round=1)
        found.append(asked.sent(frozenset((Reply(c, a, term=3, round=1),))))
        found.append(asked.sent(frozenset((Reply(c, a, term=1, round=2),))))
    return found


def minority(setting: Setting) -> list[ReadCluster]:
    """Of five servers two do not know what the others have decided. Spec: ConsistentRead!InitMinority."""
    a, b, c, *others = setting.servers
    old = (no_op(1),)
    found = []
    for write in setting.writes:
        new = (*old, no_op(2), Entry(2, write))
        story = Chapter.of(setting, new).holds((a,), 1, old, commit_index=1).holds((c,), 1, old)
        story = story.holds((b, *others), 2, new, commit_index=3).opened((write,))
        story = story.leads(a, dict.fromkeys((b, c, *others), 1)).leads(b, dict.fromkeys(others, 3))
        found.append(story.world)
    return found


def successor(setting: Setting) -> list[ReadCluster]:
    """The second server has what is decided and does not know it. Spec: ConsistentRead!InitSuccessor."""
    a, b, c = setting.servers
    found = []
    for write in setting.writes:
        log = (no_op(1), Entry(1, write))
        story = Chapter.of(setting, log).holds((a,), 1, log, commit_index=2).holds((b,), 1, log, commit_index=1)
        story = story.holds((c,), 1, log[:1], commit_index=1).leads(a, {b: 2, c: 1})
        found.append(story.opened((write,)).world)
    return found


def logged(setting: Setting) -> list[ReadCluster]:
    """A deposed leader has a read in its log that others have acknowledged. Spec: ConsistentRead!InitLogged."""
    a, b, c = setting.servers
    found = []
    for write, read in product(setting.writes, setting.log_reads):
        old = (no_op(1), Entry(1, ReadEvent(read)))
        story = Chapter.of(setting, old[:1]).holds((a,), 1, old, commit_index=1).holds((c,), 2, old)
        story = story.holds((b,), 2, (*old, no_op(2), Entry(2, write))).leads(b, {}).leads(a, {b: 2, c: 2})
        found.append(story.gate(a, logged=frozenset((read,))).opened((write, read)).world)
    return found


def anything(setting: Setting) -> list[ReadCluster]:
    """Where random walks begin. Spec: ConsistentRead!InitAny."""
    return [*nothing(setting), *leader(setting), *reply(setting)]


STARTS: Final[Mapping[str, Start]] = {
    "Init": nothing,
    "InitLeader": leader,
    "LiveSpec": leader,
    "InitReply": reply,
    "InitMinority": minority,
    "InitSuccessor": successor,
    "InitLogged": logged,
    "InitAny": anything,
}
