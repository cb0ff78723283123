"""What must hold of tables, shards and routers, written from the words of the spec Routing; and where models begin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations, pairwise
from typing import Final, TypeAlias

from msgspec.structs import replace

from quorumlog.core.shard_table import (
    Assignment,
    Handover,
    Key,
    KeyState,
    Refusal,
    Released,
    ShardId,
    Taken,
    evolve,
)
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.routing import Routed

Over: TypeAlias = tuple[str, ...]


# -- in every state -----------------------------------------------------------------------------------------


def types_are_right(world: Routed) -> bool:
    """Versions are natural numbers that the table has, everybody named is known, and an answer is one of three."""
    size = len(world.table)
    drafts = [event for shard in world.shards.values() for event in shard.draft]
    handed = [message for message in world.network if isinstance(message, Handover)]
    named = [each.to for each in drafts if isinstance(each, Released)] + [message.to for message in handed]
    versions = [each.version for each in drafts if isinstance(each, Taken | Released)]
    versions += [message.version for message in world.network if isinstance(message, Handover | Refusal)]
    versions += [router.least for router in world.routers.values()]
    return (
        all(0 <= version <= size for version in versions)
        and all(shard in world.shards for shard in named)
        and all(len(shard.heard) <= size for shard in world.shards.values())
        and all(len(router.copy) <= size for router in world.routers.values())
        and all(said in ("no", "unknown", "decided") for said in world.answered.values())
    )


def holders(world: Routed, key: Key) -> list[ShardId]:
    """The shards that hold a key, by what is committed or by what their leaders hope to commit."""
    found = []
    for name, shard in world.shards.items():
        speculative = shard.keys
        for event in shard.draft:
            speculative = evolve(speculative, event)
        if shard.keys[key].holds or speculative[key].holds:
            found.append(name)
    return found


def one_holder(world: Routed, k: Key) -> bool:
    """No key is held by two shards."""
    return len(holders(world, k)) <= 1


def decided_by_owner(world: Routed, k: Key) -> bool:
    """Each decision is by the owner of the key in the version under which it was held."""
    entries = world.history[k]
    return all(
        0 < each.version <= len(world.table) and world.table[each.version - 1] == Assignment(k, each.shard)
        for each in entries
    )


def owners_in_turn(world: Routed, k: Key) -> bool:
    """Once a later owner has decided, no former one does."""
    return all(one.version <= other.version for one, other in pairwise(world.history[k]))


def decided_once(world: Routed, k: Key) -> bool:
    """No command is decided twice."""
    return all(one.command != other.command for one, other in combinations(world.history[k], 2))


def holder_knows_all(world: Routed, h: ShardId, k: Key) -> bool:
    """Who holds a key knows all that was ever decided for it."""
    state = world.shards[h].keys[k]
    return not state.holds or state.decided == tuple(each.command for each in world.history[k])


def answers_are_true(world: Routed) -> bool:
    """What a client is told to be decided is."""
    decided = {each.command for entries in world.history.values() for each in entries}
    return all(said != "decided" or command in decided for command, said in world.answered.items())


# -- of every step ------------------------------------------------------------------------------------------


def refused_is_undecided(before: Routed, after: Routed) -> bool:
    """A command is refused for an unknown key only if it is not decided."""
    decided = {each.command for entries in before.history.values() for each in entries}
    refused = [c for c, said in after.answered.items() if said == "unknown" != before.answered[c]]
    return decided.isdisjoint(refused)


def refines(before: Routed, after: Routed) -> bool:
    """The law of the event log, for the table."""
    return after.table[: len(before.table)] == before.table


INVARIANTS: Final[Mapping[str, tuple[Over, Callable[..., bool]]]] = {
    "TypeOK": ((), types_are_right),
    "OneHolder": (("k",), one_holder),
    "DecidedByOwner": (("k",), decided_by_owner),
    "OwnersInTurn": (("k",), owners_in_turn),
    "DecidedOnce": (("k",), decided_once),
    "HolderKnowsAll": (("h", "k"), holder_knows_all),
    "AnswersAreTrue": ((), answers_are_true),
}

STEP_PROPERTIES: Final[Mapping[str, Callable[..., bool]]] = {
    "RefusedIsUndecided": refused_is_undecided,
    "Refines": refines,
}


# -- prepared starts ----------------------------------------------------------------------------------------


def held(empty: Routed, key: Key, shard: ShardId) -> Routed:
    """A shard holds a key, and everybody has read the table: MCRouting!InitHeld."""
    table = (Assignment(key, shard),)
    shards = {name: replace(each, heard=table) for name, each in empty.shards.items()}
    mine = replace(shards[shard], keys=shards[shard].keys.set(key, KeyState(1, True)))
    routers = {name: replace(each, copy=table) for name, each in empty.routers.items()}
    return empty.change(
        table=table,
        shards=FrozenMap({**shards, shard: mine}),
        routers=FrozenMap(routers),
    )


def moved(empty: Routed, key: Key, shard: ShardId, other: ShardId) -> Routed:
    """The key has gone to another shard, and its first owner's new leader has not read so far: MCRouting!Moved."""
    before = held(empty, key, shard)
    table = (Assignment(key, shard), Assignment(key, other))
    shards = {name: replace(each, heard=table) for name, each in before.shards.items()}
    former = before.shards[shard]
    shards[shard] = replace(former, keys=former.keys.set(key, KeyState(1, False, (), 2, other)))
    shards[other] = replace(shards[other], keys=shards[other].keys.set(key, KeyState(2, True)))
    message = Handover(key, 2, other, ())
    return before.change(table=table, shards=FrozenMap(shards), network=frozenset((message,)))
