"""Where models of ReadModel begin, and their projection: MCReadModel's definitions once more."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.read_model import News, NodeId, ReaderId, ShardId, Source
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.read_model import Event, Events, Readings, Setting, nothing


class Number(Struct, frozen=True):
    """A projection in which the order of the events matters: MCReadModel!Number."""

    first: Event

    def start(self) -> int:
        """The number before the first event."""
        return 0

    def evolve(self, state: int, event: Event) -> int:
        """The number after one more."""
        return (2 * state + (1 if event == self.first else 2)) % 13


def subscribed(setting: Setting) -> Readings:
    """All follow the first node and were told that there is nothing yet: MCReadModel!InitSubscribed."""
    first = setting.nodes[0]
    silent = Readings.of(setting, [first] * len(setting.readers))
    told = FrozenMap(dict.fromkeys(setting.shards, 1))
    sent = Source(FrozenMap({r: 0 if r in setting.pushed else None for r in setting.readers}))
    node = replace(silent.nodes[first], sources=FrozenMap(dict.fromkeys(setting.shards, sent)))
    return silent.change(
        nodes=silent.nodes.set(first, node),
        readers=FrozenMap({name: replace(reader, since=told) for name, reader in silent.readers.items()}),
    )


def behind(setting: Setting, event: Event, source: NodeId, other: NodeId, asker: ReaderId) -> Readings:
    """Another node knows an event that all read models' source does not know: MCReadModel!InitBehind."""
    silent = Readings.of(setting, [source] * len(setting.readers))
    none, one = nothing(setting.shards), FrozenMap(dict.fromkeys(setting.shards, 1))
    events: FrozenMap[ShardId, Events] = FrozenMap(dict.fromkeys(setting.shards, (event,)))
    node = replace(silent.nodes[other], log=events, commit_index=one)
    knew = {n: (none, one if n == other else none) for n in setting.nodes}
    return silent.change(
        decided=events,
        nodes=silent.nodes.set(other, node),
        now=2,
        network=frozenset(News(source, asker, shard, 0, (), 0, 2) for shard in setting.shards),
        knew=FrozenMap(knew),
    )


def new_source(setting: Setting, event: Event) -> list[Readings]:
    """The same for any other node, and any read model that was told: MCReadModel!InitNewSource."""
    first, *others = setting.nodes
    return [behind(setting, event, first, other, asker) for other in others for asker in setting.readers]
