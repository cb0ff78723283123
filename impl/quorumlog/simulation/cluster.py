"""A group of servers, the network between them, and what they have decided: one immutable value, one method a step.

Each method is one step of one server or of the environment and raises `Refused` where that step is not possible. The
methods bear the names of the spec's actions and reach the parts only by key, so that a step depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import (
    Committed,
    Effects,
    ElectionTimeout,
    Input,
    Propose,
    Refused,
    Replicate,
    Resign,
    Send,
    Sync,
)
from quorumlog.core.consensus.messages import Entry, Message, ServerId, is_addressed
from quorumlog.core.consensus.replica import Replica, restart, start, step
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.network import SILENT, Network, lose, send

Decided: TypeAlias = tuple[Entry, ...]


class Parts(TypedDict, total=False):
    """The parts of a cluster that a step may replace."""

    replicas: FrozenMap[ServerId, Replica]
    network: Network
    decided: Decided


class Cluster(Struct, frozen=True, cache_hash=True):
    """Servers, messages, and the ghost `decided`: what anybody was ever told to be decided, taken from effects only."""

    servers: tuple[ServerId, ...]
    replicas: FrozenMap[ServerId, Replica]
    network: Network
    decided: Decided

    @classmethod
    def of(cls, servers: Iterable[ServerId], batch: int = 1) -> Cluster:
        """Servers that have never run, and silence between them. Spec: Replication!Init."""
        members = tuple(servers)
        replicas = FrozenMap({server: start(server, members, batch) for server in members})
        return cls(members, replicas, SILENT, ())

    def change(self, **parts: Unpack[Parts]) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def timeout(self, i: ServerId) -> Self:
        """A server stands for election. Spec: Replication!Timeout."""
        return self.take(i, ElectionTimeout())

    def resign(self, i: ServerId) -> Self:
        """A leader leads no more, of its own accord. Spec: Replication!Resign."""
        return self.take(i, Resign())

    def sync(self, i: ServerId) -> Self:
        """A server's disk catches up. Spec: Replication!Sync."""
        return self.take(i, Sync())

    def crash(self, i: ServerId) -> Self:
        """A server stops, and starts again with what its disk holds. Spec: Replication!Crash."""
        return self.change(replicas=self.replicas.set(i, restart(self.replicas[i])))

    def propose(self, i: ServerId, event: str) -> Self:
        """A leader appends an event. Spec: Replication!Propose."""
        return self.take(i, Propose((event,)))

    def replicate(self, i: ServerId, j: ServerId) -> Self:
        """A leader sends the next slice of its log to another server. Spec: Replication!Replicate."""
        return self.take(i, Replicate(j))

    def deliver(self, i: ServerId, message: Message, kind: type[Message]) -> Self:
        """A message of this kind arrives, and stays in the network. Spec: Replication!On and the name of the kind."""
        if not isinstance(message, kind) or not is_addressed(message, i):
            raise Refused(f"{message} is no {kind.__name__} for {i}")
        if message not in self.network:
            raise Refused(f"{message} is not on its way")
        return self.take(i, message)

    def lose(self, message: Message) -> Self:
        """A message is lost. Spec: Replication!Lose."""
        if message not in self.network:
            raise Refused(f"{message} is not on its way")
        return self.change(network=lose(self.network, message))

    def take(self, i: ServerId, taken: Input) -> Self:
        """The cluster after one server's step."""
        before = self.replicas[i]
        after, effects = step(before, taken)
        parts = self.carry_out(effects)
        if after is not before:
            parts["replicas"] = self.replicas.set(i, after)
        return self.change(**parts) if parts else self

    def carry_out(self, effects: Effects) -> Parts:
        """The parts of the environment that effects change. The disk is a part of the server already."""
        parts = Parts()
        if sent := [effect.message for effect in effects if isinstance(effect, Send)]:
            parts["network"] = send(self.network, sent)
        for effect in effects:
            if isinstance(effect, Committed):
                parts["decided"] = told(parts.get("decided", self.decided), effect)
        return parts


def told(decided: Decided, news: Committed) -> Decided:
    """What is decided once a server has said what it knows; a restarted server says again what is known already."""
    if news.after + len(news.entries) <= len(decided):
        return decided
    return decided[: news.after] + tuple(news.entries)
