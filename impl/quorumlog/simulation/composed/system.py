"""The whole system as one immutable value, with one method for everything that can happen next in it.

Two shards and a coordinator, each a group of nodes; a proxy through which clients reach them; read models. Methods
raise `Refused` where something cannot happen. Who steps is a node, a client, a read model or the world, never two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quorumlog.core.client import Proxy
from quorumlog.core.read_model import (
    ReaderId,
    ReadModel,
    start,
)
from quorumlog.core.two_phase_commit.messages import AccountId, ShardId
from quorumlog.ledger.coordinated import TransferCoordination
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import ShardedLedger
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Line, idle
from quorumlog.sharding.duties import CoordinatorDuty, GroupId, ShardDuty
from quorumlog.simulation.composed.groups import Group, TheTable, Views
from quorumlog.simulation.composed.reading import Reading
from quorumlog.simulation.composed.state import ClientId, unsubscribed

COORDINATOR: Final[GroupId] = "c"
KEPT: Final = 20  # endings of transfers that clients may ask for again: few, so that some are forgotten


class System(Reading, frozen=True):
    """Everything."""


def begin(accounts: Mapping[AccountId, tuple[ShardId, int]], clients: int, size: int, batch: int) -> System:
    """A system that has never run: the accounts by name, where they live and what is on them."""
    homes = FrozenMap({account: home for account, (home, _) in accounts.items()})
    placement = Placement(tuple(dict.fromkeys(homes.values())), homes, COORDINATOR)
    duty = CoordinatorDuty(placement.shards)
    groups = {COORDINATOR: Group.of(COORDINATOR, TransferCoordination(placement, KEPT), duty, size, batch)}
    for shard in placement.shards:
        here = FrozenMap({account: amount for account, (home, amount) in accounts.items() if home == shard})
        groups[shard] = Group.of(shard, ShardedLedger(shard, placement, here), ShardDuty(shard), size, batch)
    shards = [group for name, group in groups.items() if name != COORDINATOR]
    pulling = [reader(f"r{n}", shard, subscribes=False) for n, shard in enumerate(shards, 1)]
    pushed = [reader(f"r{n}", shard, subscribes=True) for n, shard in enumerate(shards, len(shards) + 1)]
    readers = [*pulling, *pushed]
    nodes = [node for group in groups.values() for node in group.nodes]
    callers = FrozenMap({name: idle(name, placement, number) for number, name in enumerate(names(clients), 1)})
    return System(
        placement=placement,
        groups=FrozenMap(groups),
        callers=callers,
        proxy=Proxy(1),
        requests=(),
        answers=(),
        letters=(),
        queries=(),
        questions=(),
        replies=(),
        sources=FrozenMap(dict.fromkeys(nodes, unsubscribed([each.name for each in readers]))),
        readers=FrozenMap({each.name: each for each in readers}),
        tokens=FrozenMap(dict.fromkeys(callers, FrozenMap(dict.fromkeys([each.name for each in shards], 0)))),
        asks=(),
        news=(),
        history=opening(accounts),
        processes=clients + 1,
        operations=0,
        now=1,
    )


def opening(accounts: Mapping[AccountId, tuple[ShardId, int]]) -> tuple[Line, ...]:
    """What is on the accounts at first, as deposits of a process of its own."""
    lines: list[Line] = []
    for account, (_, amount) in accounts.items():
        value = {"account": account, "amount": amount}
        lines += [Line(0, "invoke", "deposit", value), Line(0, "ok", "deposit", True)]
    return tuple(lines)


def names(clients: int) -> list[ClientId]:
    """What clients are called."""
    return [f"k{number}" for number in range(1, clients + 1)]


def reader(name: ReaderId, shard: Group, *, subscribes: bool) -> ReadModel[TheTable, Any]:
    """A read model of a shard, which begins with its first node."""
    return start(name, next(iter(shard.nodes)), (shard.name,), Views(shard.service.rules), subscribes)
