"""What consensus did in a walk of the whole system, in the words of the spec Replication: one list of steps a group.

To consensus an event is a name. The entries that gates write are given names in the order in which they first appear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Durable
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendRequest, Entry, Message, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.duties import GroupId
from quorumlog.sharding.server import TheNode
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.moves import Move, take
from quorumlog.simulation.composed.system import System

NAMES: Final = tuple(f"e{number}" for number in range(50))
"""What events are called; a walk has fewer."""

INPUTS: Final = {"timeout": "Timeout", "sync": "Sync", "replicate": "Replicate", "lose": "Lose", "crash": "Crash"}

Step: TypeAlias = tuple[str, tuple[Any, ...], Cluster, Cluster]
"""An action of Replication, its arguments, and the group before and after it."""


class Taken(Struct, frozen=True):
    """A move, and the system before and after it."""

    move: Move
    before: System
    after: System


def taken(start: System, moves: Sequence[Move]) -> Iterator[Taken]:
    """The moves of a walk, with the states between them."""
    system = start
    for move in moves:
        after = take(system, move)
        assert after is not None, "a walk holds only what was taken"
        yield Taken(move, system, after)
        system = after


class Consensus:
    """Tells the steps of one group, move by move."""

    def __init__(self, group: GroupId) -> None:
        self.group = group
        self._names: dict[object, str] = {}
        self._entries: dict[Entry, Entry] = {}
        self._logs: dict[Log, tuple[Entry, ...]] = {}
        self._replicas: dict[Replica, Replica] = {}
        self._messages: dict[Message, Message] = {}
        self._nodes: tuple[FrozenMap[ServerId, TheNode], FrozenMap[ServerId, Replica]] | None = None
        self._network: tuple[tuple[Message, ...], frozenset[Message]] = ((), frozenset())
        self._last: tuple[Group, Cluster] | None = None

    def steps(self, each: Taken) -> list[Step]:
        """The steps of consensus in this group that a move was made of: one, several or none."""
        return list(self._steps(each))

    def rest(self) -> list[Step]:
        """Nothing: all is told at once."""
        return []

    def _steps(self, each: Taken) -> Iterator[Step]:
        before, after = each.before.groups[self.group], each.after.groups[self.group]
        if before is after and each.move.arguments[:1] != (self.group,):
            return
        first, last = self.cluster(before), self.cluster(after)
        name, arguments = each.move
        if name in INPUTS:
            rest = arguments[1:]
            yield INPUTS[name], (self.renamed(rest[0]),) if name == "lose" else rest, first, last
        elif name == "deliver":
            _, i, message = arguments
            yield f"On{type(message).__name__}", (i, self.renamed(message)), first, last
        else:
            yield from self.proposals(before, after, first, last)

    def proposals(self, before: Group, after: Group, first: Cluster, last: Cluster) -> Iterator[Step]:
        """What a leader's gate has appended."""
        for i, node in after.nodes.items():
            for entry in node.replica.log[len(before.nodes[i].replica.log) :]:
                yield "Propose", (i, self.entry(entry).event), first, last

    # -- names for events -----------------------------------------------------------------------------------------

    def cluster(self, group: Group) -> Cluster:
        """The group as consensus sees it. What has not changed is the very same value as before."""
        if self._last is not None and self._last[0] is group:
            return self._last[1]
        if self._nodes is None or self._nodes[0] is not group.nodes:
            renamed = FrozenMap({name: self.replica(node.replica) for name, node in group.nodes.items()})
            self._nodes = group.nodes, renamed
        if self._network[0] is not group.network:
            self._network = group.network, frozenset(map(self.renamed, group.network))
        cluster = Cluster(tuple(group.nodes), self._nodes[1], self._network[1], self.log(group.decided))
        self._last = group, cluster
        return cluster

    def replica(self, replica: Replica) -> Replica:
        """A server whose log holds names."""
        if replica not in self._replicas:
            disk = Durable(replica.disk.term, replica.disk.voted_for, self.log(replica.disk.log))
            owed = frozenset(map(self.renamed, replica.owed))
            self._replicas[replica] = replica.change(log=self.log(replica.log), disk=disk, owed=owed)
        return self._replicas[replica]

    def renamed(self, message: Message) -> Message:
        """A message whose entries hold names."""
        if not isinstance(message, AppendRequest):
            return message
        if message not in self._messages:
            self._messages[message] = replace(message, entries=self.log(message.entries))
        return self._messages[message]

    def log(self, entries: Log) -> tuple[Entry, ...]:
        """A log of names."""
        if entries not in self._logs:
            self._logs[entries] = tuple(map(self.entry, entries))
        return self._logs[entries]

    def entry(self, entry: Entry) -> Entry:
        """An entry that holds a name."""
        if entry.event is None:
            return entry
        if entry not in self._entries:
            name = self._names.setdefault(entry.event, NAMES[len(self._names)])
            self._entries[entry] = Entry(entry.term, name)
        return self._entries[entry]
