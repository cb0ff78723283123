"""What must hold of try, confirm and cancel in every state and of every step, written from the spec's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from quorumlog.core.two_phase_commit.coordinator import COMMITTED
from quorumlog.core.two_phase_commit.messages import AccountId, Acknowledgement, Message, ShardId, TransferId
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.ledger_properties import (
    Over,
    commits_atomically,
    decided,
    due,
    keeps_the_law,
    unapplied,
)
from quorumlog.simulation.try_confirm_cancel import TryConfirmCancel as World


def types_are_right(world: World) -> bool:
    """What Python's types leave open: maps have the keys that they must have, and names are known ones."""
    setting = world.setting
    return (
        set(world.coordination.state) <= set(setting.transfers)
        and world.tally.votes | world.tally.acks <= {(t, s) for t in setting.transfers for s in setting.shards}
        and set(world.op) == set(world.possible) == set(setting.operations)
        and set(world.ledger) == set(setting.initial)
    )


def shard_is_right(world: World, s: ShardId) -> bool:
    """The same for one shard: it holds its accounts."""
    state = world.shards[s].state
    return set(state.available) == set(state.frozen) == set(world.setting.at(s))


def ledger_is_held(world: World, a: AccountId) -> bool:
    """The ghost ledger is what is available and what is frozen, with all that is decided."""
    state = world.shards[world.setting.home[a]].state
    stages_here = stages(world, world.setting.home[a])
    missing = unapplied(world.coordination.state, world.setting.transfers.values(), stages_here)
    return world.ledger[a] == state.available[a] + state.frozen[a] + due(missing, a)


def conserved(world: World) -> bool:
    """Nothing is made, and nothing is lost."""
    return sum(world.ledger.values()) == sum(world.setting.initial.values())


def no_debt(world: World, a: AccountId) -> bool:
    """Nobody spends what is not there."""
    return world.ledger[a] >= 0 and world.shards[world.setting.home[a]].state.available[a] >= 0


def stages(world: World, s: ShardId) -> FrozenMap[TransferId, str]:
    """How far each transfer is that a shard has heard of."""
    return FrozenMap(dict(world.shards[s].state.stage.items()))


def stage(world: World, s: ShardId, t: TransferId) -> str:
    """How far a transfer is at a shard."""
    return stages(world, s).get(t, "none")


def frozen_is_tried(world: World, a: AccountId) -> bool:
    """Frozen is what transfers that were tried and not ended have set aside."""
    home = world.setting.home[a]
    mine = [each for each in world.setting.transfers.values() if each.source == a]
    tried = [each.amount for each in mine if stage(world, home, each.id) == "tried"]
    return world.shards[home].state.frozen[a] == sum(tried)


def acknowledged_is_over(world: World, m: Message) -> bool:
    """Who acknowledges has nothing left to confirm or to cancel."""
    return not isinstance(m, Acknowledgement) or stage(world, m.shard, m.transfer) not in ("none", "tried")


def refines_transaction_commit(before: World, after: World, t: TransferId) -> bool:
    """Transfers are committed atomically."""
    involved = before.setting.transfers[t].shards
    return commits_atomically({s: (stage(before, s, t), stage(after, s, t)) for s in involved})


def refines_atomic_ledger(before: World, after: World) -> bool:
    """With its looks this is no atomic ledger, and this is false of some step."""
    old, new = before.coordination.state, after.coordination.state
    taken = {t: (decided(old, t) == COMMITTED, decided(new, t) == COMMITTED) for t in before.setting.transfers}
    return keeps_the_law(before, after, taken)


def end_is_final(before: World, after: World, s: ShardId) -> bool:
    """What a shard has once ended stays so."""
    old, new = before.shards[s].state.stage, after.shards[s].state.stage
    return all(old[t] == "tried" or (t in new and new[t] == old[t]) for t in old)


INVARIANTS: Final[Mapping[str, list[tuple[Over, Callable[..., bool]]]]] = {
    "TypeOK": [((), types_are_right), (("s",), shard_is_right)],
    "LedgerIsHeld": [(("a",), ledger_is_held)],
    "Conserved": [((), conserved)],
    "NoDebt": [(("a",), no_debt)],
    "FrozenIsTried": [(("a",), frozen_is_tried)],
    "AcknowledgedIsOver": [(("m",), acknowledged_is_over)],
}
STEP_PROPERTIES: Final[Mapping[str, tuple[Over, Callable[..., bool]]]] = {
    "RefinesTransactionCommit": (("t",), refines_transaction_commit),
    "RefinesAtomicLedger": ((), refines_atomic_ledger),
    "EndIsFinal": (("s",), end_is_final),
}
