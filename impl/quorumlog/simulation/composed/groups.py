"""A group of servers with a network between them, as one immutable value: what each of them does, consensus included.

What a server does is `quorumlog.sharding.server`; here is who takes what, and what becomes of what is sent.
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
from quorumlog.core.leader_output import LeaderOutput, Request, Table
from quorumlog.core.two_phase_commit.coordinator import Tally
from quorumlog.core.two_phase_commit.messages import TransferId
from quorumlog.ledger.forgetting import Letter
from quorumlog.ledger.ledger import Rate
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.duties import NOTHING_HEARD, Duty, GroupId
from quorumlog.sharding.server import Answers, Said, Server, Serving, TheApplication, TheNode, TheService
from quorumlog.simulation.cluster import Cluster, told

TheTable: TypeAlias = Table[Any, Any, Any]

NONE_HELD: Final[Answers] = ()


class Group(Struct, frozen=True):
    """Nodes, the messages between them, and what any of them was ever told to be decided.

    `tallies` are what a leader of the coordinator's group has heard from shards, and `held` the answers that wait there
    until a transfer has ended.
    """

    name: GroupId
    serving: Serving
    nodes: FrozenMap[ServerId, TheNode]
    network: tuple[Message, ...]
    decided: tuple[Entry, ...]
    tallies: FrozenMap[ServerId, Tally]
    held: FrozenMap[ServerId, Answers]

    @classmethod
    def of(cls, name: GroupId, application: TheApplication, duty: Duty, size: int, batch: int) -> Group:
        """Nodes that have never run."""
        serving = Serving.of(application, duty)
        members = tuple(f"{name}{number}" for number in range(1, size + 1))
        nodes = FrozenMap({each: serving.begin(each, members, batch).node for each in members})
        tallies = FrozenMap(dict.fromkeys(members, NOTHING_HEARD))
        return cls(name, serving, nodes, (), (), tallies, FrozenMap(dict.fromkeys(members, NONE_HELD)))

    @property
    def service(self) -> TheService:
        """The steps of its nodes."""
        return self.serving.service

    @property
    def cluster(self) -> Cluster:
        """The part of it that the spec Replication is about."""
        replicas = FrozenMap({name: node.replica for name, node in self.nodes.items()})
        return Cluster(tuple(self.nodes), replicas, frozenset(self.network), self.decided)

    def server(self, i: ServerId) -> Server:
        """One of the servers."""
        return Server(self.nodes[i], self.tallies[i], self.held[i])

    def with_server(self, i: ServerId, server: Server) -> Group:
        """The group when a server is further."""
        return replace(
            self,
            nodes=self.nodes.set(i, server.node),
            tallies=self.tallies.set(i, server.tally),
            held=self.held.set(i, server.held),
        )

    # -- consensus --------------------------------------------------------------------------------------------

    def timeout(self, i: ServerId) -> tuple[Group, Said]:
        """A node stands for election. Spec: Replication!Timeout."""
        return self.take(i, ElectionTimeout())

    def sync(self, i: ServerId) -> tuple[Group, Said]:
        """A node's disk catches up. Spec: Replication!Sync."""
        return self.take(i, Sync())

    def replicate(self, i: ServerId, j: ServerId) -> tuple[Group, Said]:
        """A leader sends the next slice of its log. Spec: Replication!Replicate."""
        return self.take(i, Replicate(j))

    def deliver(self, i: ServerId, message: Message) -> tuple[Group, Said]:
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
        return self.with_server(i, self.serving.restart(self.server(i)))

    def take(self, i: ServerId, taken: Input) -> tuple[Group, Said]:
        """A node takes an input of consensus."""
        return self.after(i, *self.serving.take(self.server(i), taken))

    def after(self, i: ServerId, server: Server, said: Said) -> tuple[Group, Said]:
        """The group after a server's step, and what the server says."""
        changed = replace(self.with_server(i, server), decided=decided(self.decided, said.effects))
        sent = [effect.message for effect in said.effects if isinstance(effect, Send)]
        return replace(changed, network=with_more(self.network, sent)), said

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

    # -- requests and letters ----------------------------------------------------------------------------------

    def ask(self, i: ServerId, by: int, request: Request[Any], rate: Rate) -> tuple[Group, Said]:
        """A client's request arrives, and this is the rate of the moment. Spec: LeaderOutput!OnRequest."""
        return self.after(i, *self.serving.ask(self.server(i), [(by, request, rate)]))

    def hear(self, i: ServerId, letter: Letter) -> tuple[Group, Said]:
        """A letter from another group arrives at a leader."""
        return self.after(i, *self.serving.hear(self.server(i), [letter]))

    def give_up(self, i: ServerId, transfer: TransferId) -> tuple[Group, Said]:
        """A transfer has taken too long for the coordinator's leader."""
        return self.after(i, *self.serving.give_up(self.server(i), transfer))

    def speak(self, i: ServerId) -> tuple[Letter, ...]:
        """All that a leader has to say to other groups."""
        return self.serving.speak(self.server(i))


class Views(Struct, frozen=True):
    """What read models make of a group's entries: what its nodes make of them."""

    rules: LeaderOutput[Any, Any, Any, Any, Rate, Any]

    def start(self) -> TheTable:
        """Nothing has been executed."""
        return self.rules.empty()

    def evolve(self, state: TheTable, event: Any) -> TheTable:
        """The table after one more entry."""
        return self.rules.fold(state, (event,))


def decided(known: tuple[Entry, ...], effects: Effects) -> tuple[Entry, ...]:
    """What is decided once a node has said what it knows."""
    for effect in effects:
        if isinstance(effect, Committed):
            known = told(known, effect)
    return known


def with_more(network: tuple[Message, ...], sent: Iterable[Message]) -> tuple[Message, ...]:
    """The messages on their way, in the order in which they were first sent."""
    return tuple(dict.fromkeys((*network, *sent)))
