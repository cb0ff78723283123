"""What must hold of transfers in every state and of every step, written from the specs' words and not from their text.

Some of it is the laws, TransactionCommit and AtomicLedger, as predicates of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from quorumlog.core.two_phase_commit.coordinator import COMMITTED, Decisions
from quorumlog.core.two_phase_commit.messages import (
    Acknowledgement,
    Decision,
    Message,
    ShardId,
    Transfer,
    TransferId,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.replicated_two_phase_commit import ReplicatedTwoPhaseCommit as World
from quorumlog.simulation.transfers import FAILED, IDLE, OPEN, OperationId, Standing, Transfers

AnyWorld: TypeAlias = Transfers[Any, Any]

Seen: TypeAlias = Literal["working", "prepared", "committed", "aborted"]
SEEN: Final[Mapping[str, Seen]] = {
    "none": "working",
    "prepared": "prepared",
    "tried": "prepared",
    "committed": "committed",
    "confirmed": "committed",
}
"""What the law of atomic commitment sees; all other stages are an abort."""


def decided(decisions: Decisions, transfer: TransferId) -> str:
    """How far a transfer is for the coordinator."""
    return decisions[transfer].stage if transfer in decisions else "none"


def unapplied(decisions: Decisions, transfers: Iterable[Transfer], stage: FrozenMap[TransferId, str]) -> list[Transfer]:
    """The transfers that are decided to commit, and that a shard with these stages has yet to apply."""
    return [
        each
        for each in transfers
        if decided(decisions, each.id) == COMMITTED and SEEN.get(stage.get(each.id, "none")) != "committed"
    ]


def due(transfers: Iterable[Transfer], account: str) -> int:
    """What these transfers bring to an account, less what they take."""
    return sum(each.amount * ((each.target == account) - (each.source == account)) for each in transfers)


# -- in every state -----------------------------------------------------------------------------------------


def types_are_right(world: World) -> bool:
    """What Python's types leave open: maps have the keys that they must have, and names are known ones."""
    setting = world.setting
    return (
        set(world.coordination.state) <= set(setting.transfers)
        and world.tally.votes | world.tally.acks <= {(t, s) for t in setting.transfers for s in setting.shards}
        and set(world.op) == set(world.possible) == set(setting.operations)
        and set(world.ledger) == set(setting.initial)
        and set(setting.totals).issuperset(world.again)
    )


def shard_is_right(world: World, s: ShardId) -> bool:
    """The same for one shard: it holds its accounts, its version never falls below zero, and its suffix may be held."""
    log = world.shards[s]
    return (
        set(log.state.free) == set(world.setting.at(s))
        and log.state.version >= 0
        and set(log.state.stage) <= set(world.setting.transfers)
    )


def ledger_is_held(world: World, a: str) -> bool:
    """The ghost ledger is what the shards hold, with all that is decided."""
    state = world.shards[world.setting.home[a]].state
    stages: FrozenMap[TransferId, str] = FrozenMap(dict(state.stage.items()))
    missing = unapplied(world.coordination.state, world.setting.transfers.values(), stages)
    return bool(world.ledger[a] == state.balance(a) + due(missing, a))


def conserved(world: World) -> bool:
    """Deposits are the only source of money, and nothing swallows it."""
    setting = world.setting
    made = [d for d in setting.deposits if (d, 1) in world.shards[setting.home_of(d)].state.done]
    return sum(world.ledger.values()) == sum(setting.initial.values()) + sum(setting.deposits[d] for d in made)


def no_debt(world: World, a: str) -> bool:
    """Nobody spends what is not there."""
    return world.ledger[a] >= 0 and world.shards[world.setting.home[a]].state.free[a] >= 0


def stage(world: World, s: ShardId, t: TransferId) -> str:
    """How far a transfer is at a shard."""
    return world.shards[s].state.stage.get(t, "none")


def acknowledged_is_over(world: World, m: Message) -> bool:
    """Who acknowledges has no promise left to keep."""
    return not isinstance(m, Acknowledgement) or stage(world, m.shard, m.transfer) not in ("none", "prepared")


def vote_stands(world: World, m: Message) -> bool:
    """A vote for a transfer stands until the coordinator has decided."""
    if not isinstance(m, Vote) or m.vote != "yes":
        return True
    kept = stage(world, m.shard, m.transfer) in ("prepared", "committed")
    return kept or decided(world.coordination.state, m.transfer) in ("refused", "aborted")


def told_is_decided(world: AnyWorld, m: Message) -> bool:
    """What is told is decided, for ever."""
    if not isinstance(m, Decision):
        return True
    return (decided(world.coordination.state, m.transfer) == COMMITTED) == m.commit and decided(
        world.coordination.state, m.transfer
    ) not in ("none", "begun")


# -- the laws -----------------------------------------------------------------------------------------------


def may_turn(before: Seen, after: Seen, others: Iterable[Seen]) -> bool:
    """Whether a member's stage may change so, beside these others. TransactionCommit."""
    if before == "working":
        return after == "prepared" or (after == "aborted" and "committed" not in others)
    if before != "prepared":
        return False
    if after == "committed":
        return set(others) <= {"prepared", "committed"}
    return after == "aborted" and "committed" not in others


def commits_atomically(stages: Mapping[ShardId, tuple[str, str]]) -> bool:
    """Whether the stages of one transfer, before and after a step, obey the law: one member moves, as it may."""
    seen = {s: (SEEN.get(old, "aborted"), SEEN.get(new, "aborted")) for s, (old, new) in stages.items()}
    moved = [s for s, (old, new) in seen.items() if old != new]
    if not moved:
        return True
    if len(moved) > 1:
        return False
    others = [old for s, (old, _) in seen.items() if s not in moved]
    return may_turn(*seen[moved[0]], others)


def keeps_the_law(before: AnyWorld, after: AnyWorld, took: Mapping[OperationId, tuple[bool, bool]]) -> bool:
    """Whether a step is one of the atomic ledger, or none. `took`: what had taken effect, before and after."""
    answered = [o for o in before.op if before.op[o] != after.op[o]]
    effective = [o for o in took if took[o][0] != took[o][1]]
    if len(answered) + len(effective) > 1:
        return False
    if effective:
        return takes_effect(before, after, effective[0])
    if dict(before.ledger.items()) != dict(after.ledger.items()):
        return False
    return not answered or answers(before, after.op[answered[0]], answered[0], took.get(answered[0], (False, False))[0])


def takes_effect(before: AnyWorld, after: AnyWorld, o: OperationId) -> bool:
    """Whether exactly this operation has changed the ledger, and might."""
    if before.op[o] != OPEN:
        return False
    setting, ledger = before.setting, dict(before.ledger.items())
    if o in setting.deposits:
        ledger[setting.account_of[o]] += setting.deposits[o]
    else:
        transfer = setting.transfers[o]
        if ledger[transfer.source] < transfer.amount:
            return False
        ledger[transfer.source] -= transfer.amount
        ledger[transfer.target] += transfer.amount
    return dict(after.ledger.items()) == ledger


def answers(before: AnyWorld, answer: Standing, o: OperationId, took: bool) -> bool:
    """Whether an operation may be called, or answered so."""
    if before.op[o] == IDLE:
        return answer == OPEN
    if before.op[o] != OPEN:
        return False
    if took:
        return answer == Standing("done", 1)
    return answer == FAILED or (answer.state == "done" and answer.value in before.possible[o])


def refines_transaction_commit(before: World, after: World, t: TransferId) -> bool:
    """Transfers are committed atomically."""
    involved = before.setting.transfers[t].shards
    return commits_atomically({s: (stage(before, s, t), stage(after, s, t)) for s in involved})


def taken(world: World, o: OperationId) -> bool:
    """Whether an operation has taken effect."""
    if o in world.setting.transfers:
        return decided(world.coordination.state, o) == COMMITTED
    return (o, 1) in world.shards[world.setting.home_of(o)].state.done


def refines_atomic_ledger(before: World, after: World) -> bool:
    """Transfers, deposits and reads are operations on one ledger."""
    effective = (*before.setting.transfers, *before.setting.deposits)
    return keeps_the_law(before, after, {o: (taken(before, o), taken(after, o)) for o in effective})


def decision_stands(before: AnyWorld, after: AnyWorld) -> bool:
    """A decision is never taken back."""
    old, new = before.coordination.state, after.coordination.state
    return all(t in new and (old[t].stage == "begun" or new[t] == old[t]) for t in old)


Over: TypeAlias = tuple[str, ...]
INVARIANTS: Final[Mapping[str, list[tuple[Over, Callable[..., bool]]]]] = {
    "TypeOK": [((), types_are_right), (("s",), shard_is_right)],
    "LedgerIsHeld": [(("a",), ledger_is_held)],
    "Conserved": [((), conserved)],
    "NoDebt": [(("a",), no_debt)],
    "AcknowledgedIsOver": [(("m",), acknowledged_is_over)],
    "VoteStands": [(("m",), vote_stands)],
    "ToldIsDecided": [(("m",), told_is_decided)],
}
STEP_PROPERTIES: Final[Mapping[str, tuple[Over, Callable[..., bool]]]] = {
    "RefinesTransactionCommit": (("t",), refines_transaction_commit),
    "RefinesAtomicLedger": ((), refines_atomic_ledger),
    "StepsOfTransactionCommit": (("t",), refines_transaction_commit),
    "StepsOfAtomicLedger": ((), refines_atomic_ledger),
    "DecisionStands": ((), decision_stands),
}
