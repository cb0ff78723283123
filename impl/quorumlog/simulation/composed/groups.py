"""A group of nodes with a network between them, as one immutable value: what each of them does, consensus included.

A group serves one application: a shard its accounts, the coordinator its transfers. What a node says to the other
groups follows from its committed state, and only a leader says it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import (
    Committed,
    Effects,
    ElectionTimeout,
    Input,
    Refused,
    Replicate,
    Send,
    Sync,
)
from quorumlog.core.consensus.messages import Entry, Message, ServerId, is_addressed
from quorumlog.core.consistent_read import GateEffect, ReadId, Reply
from quorumlog.core.event_sourcing import Application
from quorumlog.core.frozen_map import FrozenMap
from quorumlog.core.leader_output import LeaderOutput, Request, Say, SessionId, Table, no_messages
from quorumlog.core.two_phase_commit.coordinator import Tally
from quorumlog.node import Node, Service, Spoken
from quorumlog.simulation.cluster import Cluster, told

GroupId: TypeAlias = str
TheNode: TypeAlias = Node[Any, Any, Any]
TheService: TypeAlias = Service[Any, Any, Any, Any, None, Any]
TheTable: TypeAlias = Table[Any, Any, Any]
Answers: TypeAlias = tuple[Say[Any], ...]


NOTHING_HEARD: Final = Tally()
ITSELF: Final = "itself"  # who asks where a leader orders something on behalf of another group


class Group(Struct, frozen=True):
    """Nodes, the messages between them, and what any of them was ever told to be decided.

    `tallies` are what a leader of the coordinator's group has heard from shards: votes and acknowledgements.
    """

    name: GroupId
    service: TheService
    nodes: FrozenMap[ServerId, TheNode]
    network: tuple[Message, ...]
    decided: tuple[Entry, ...]
    tallies: FrozenMap[ServerId, Tally]

    @classmethod
    def of(cls, name: GroupId, application: Application[Any, Any, Any, Any, None], size: int, batch: int) -> Group:
        """Nodes that have never run."""
        service: TheService = Service(LeaderOutput(application, no_messages))
        members = tuple(f"{name}{number}" for number in range(1, size + 1))
        nodes = FrozenMap({each: service.begin(each, members, batch) for each in members})
        return cls(name, service, nodes, (), (), FrozenMap(dict.fromkeys(members, NOTHING_HEARD)))

    @property
    def cluster(self) -> Cluster:
        """The part of it that the spec Replication is about."""
        replicas = FrozenMap({name: node.replica for name, node in self.nodes.items()})
        return Cluster(tuple(self.nodes), replicas, frozenset(self.network), self.decided)

    # -- consensus --------------------------------------------------------------------------------------------

    def timeout(self, i: ServerId) -> tuple[Group, Answers]:
        """A node stands for election. Spec: Replication!Timeout."""
        return self.take(i, ElectionTimeout())

    def sync(self, i: ServerId) -> tuple[Group, Answers]:
        """A node's disk catches up. Spec: Replication!Sync."""
        return self.take(i, Sync())

    def replicate(self, i: ServerId, j: ServerId) -> tuple[Group, Answers]:
        """A leader sends the next slice of its log. Spec: Replication!Replicate."""
        return self.take(i, Replicate(j))

    def deliver(self, i: ServerId, message: Message) -> tuple[Group, Answers]:
        """A message arrives, and may arrive again. Spec: Replication!On and the name of the kind."""
        if message not in self.network or not is_addressed(message, i):
            raise Refused(f"{message} is not on its way to {i}")
        return self.take(i, message)

    def lose(self, message: Message) -> Group:
        """A message is lost. Spec: Replication!Lose."""
        if message not in self.network:
            raise Refused(f"{message} is not on its way")
        return replace(self, network=tuple([each for each in self.network if each != message]))

    def crash(self, i: ServerId) -> Group:
        """A node stops, and starts again with what its disk holds. Spec: Replication!Crash."""
        node = self.service.restart(self.nodes[i])
        return replace(self, nodes=self.nodes.set(i, node), tallies=self.tallies.set(i, NOTHING_HEARD))

    def take(self, i: ServerId, taken: Input) -> tuple[Group, Answers]:
        """A node takes an input of consensus."""
        return self.after(i, *self.service.take(self.nodes[i], taken))

    def after(self, i: ServerId, node: TheNode, spoken: Spoken[Any]) -> tuple[Group, Answers]:
        """The group after a node's step, and the answers that it gives."""
        changed = replace(self, nodes=self.nodes.set(i, node), decided=decided(self.decided, spoken.effects))
        if node.leads != self.nodes[i].leads:
            changed = replace(changed, tallies=self.tallies.set(i, NOTHING_HEARD))
        sent = [effect.message for effect in spoken.effects if isinstance(effect, Send)]
        return replace(changed, network=with_more(self.network, sent)), spoken.answers

    # -- reads that ask a quorum ------------------------------------------------------------------------------

    def read(self, i: ServerId, read: ReadId) -> Group:
        """A read arrives at a leader. Spec: ConsistentRead!ReadByIndex."""
        return replace(self, nodes=self.nodes.set(i, self.service.read(self.nodes[i], read)))

    def ask_quorum(self, i: ServerId) -> tuple[Group, tuple[GateEffect, ...]]:
        """A leader puts its question. Spec: ConsistentRead!Ask."""
        node, effects = self.service.ask_quorum(self.nodes[i])
        return replace(self, nodes=self.nodes.set(i, node)), effects

    def on_reply(self, i: ServerId, reply: Reply) -> tuple[Group, tuple[GateEffect, ...]]:
        """A reply to the question arrives. Spec: ConsistentRead!OnReply."""
        if reply.to != i:
            raise Refused("it is not for this node")
        node, effects = self.service.on_reply(self.nodes[i], reply)
        return replace(self, nodes=self.nodes.set(i, node)), effects

    # -- requests ---------------------------------------------------------------------------------------------

    def ask(self, i: ServerId, by: int, request: Request[Any]) -> tuple[Group, Answers]:
        """A client's request arrives. Spec: LeaderOutput!OnRequest."""
        return self.after(i, *self.service.ask(self.nodes[i], by, request, None))

    def order(self, i: ServerId, session: SessionId, command: object) -> Group:
        """A leader orders what another group has asked for, unless that is done; nobody waits for an answer."""
        node = self.nodes[i]
        draft = node.gate.draft
        if draft is None:
            raise Refused(f"{i} does not lead")
        if not self.service.rules.application.decide(draft.state, command, None):
            return self
        number = draft.session(session).last + 1
        request = Request(session, number, 0, None, command)
        group, _ = self.after(i, *self.service.ask(node, ITSELF, request, None))
        return group


class Views(Struct, frozen=True):
    """What read models make of a group's entries: what its nodes make of them."""

    rules: LeaderOutput[Any, Any, Any, Any, None, Any]

    def start(self) -> TheTable:
        """Nothing has been executed."""
        return self.rules.empty()

    def evolve(self, state: TheTable, event: Any) -> TheTable:
        """The table after one more entry."""
        return self.rules.apply(state, event)


def decided(known: tuple[Entry, ...], effects: Effects) -> tuple[Entry, ...]:
    """What is decided once a node has said what it knows."""
    for effect in effects:
        if isinstance(effect, Committed):
            known = told(known, effect)
    return known


def with_more(network: tuple[Message, ...], sent: Iterable[Message]) -> tuple[Message, ...]:
    """The messages on their way, in the order in which they were first sent."""
    return tuple(dict.fromkeys((*network, *sent)))
