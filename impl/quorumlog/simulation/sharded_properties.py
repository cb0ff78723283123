"""What must hold of the ledger on shards, written from the specs' words and not from their text.

The law, AtomicBooks, is a predicate of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from quorumlog.core.two_phase_commit.messages import Transfer
from quorumlog.ledger.books import EXCHANGE, booked, postings
from quorumlog.ledger.ledger import Received
from quorumlog.simulation.sharded_ledger import ShardedWorld
from quorumlog.simulation.sharded_setting import (
    FAILED,
    IDLE,
    LEDGER,
    OPEN,
    OperationId,
    Standing,
    books_of,
    standing,
)

RATES: Final = (50, 100, 150)
"""What is drawn in models."""


class Kept(Struct, frozen=True):
    """An answer of a shard, as the spec keeps it."""

    said: str
    n: int = 0
    version: int = 0


def kept(answer: Any) -> Kept:
    """An answer of a shard: nothing, no, yes, a number; what was found has a version. Spec: ShardedLedger!Told."""
    if answer is None:
        return Kept("nothing")
    if isinstance(answer, tuple):
        return Kept("yes", *answer)
    if isinstance(answer, Received):
        return Kept("yes", answer.received)
    return Kept("yes", 1) if answer else Kept("no")


def told_as(ending: bool | Received | None) -> Standing:
    """How a transfer ended, as a client is told. Spec: ShardedLedger!Tells."""
    return FAILED if ending is None else standing(ending)


# -- in every state -----------------------------------------------------------------------------------------


def types_are_right(world: ShardedWorld) -> bool:
    """What Python's types leave open: the coordinator knows exactly what is not over, and shards know no more."""
    state = world.coordination
    numbers = range(state.over + 1, len(world.transfer) + 1)
    stages = {str(k): world.transfer[k - 1].stage for k in numbers}
    known = {name: "open" if known.stage == "begun" else known.stage for name, known in state.decisions.items()}
    logs = world.shard.values()
    return (
        known == stages
        and all(log.state.over <= state.over for log in logs)
        and all(log.state.over < int(name) <= len(world.transfer) for log in logs for name in log.state.part.stage)
        and all(len(world.setting.doing(o).groups) == len(world.setting.placement.shards) for o in world.again)
    )


def due(transfer: Transfer, account: str) -> int:
    """What a transfer brings to an account when it is applied at its shard."""
    if account == EXCHANGE:
        return transfer.amount - transfer.brings
    return transfer.brings * (transfer.target == account) - transfer.amount * (transfer.source == account)


def held(world: ShardedWorld, account: str) -> int:
    """What is on an account, taken from the shards and the decisions."""
    total = 0
    for shard, log in world.shard.items():
        part, state = log.state.part, log.state
        if account == EXCHANGE or world.setting.placement.home(account) == shard:
            total += part.free.get(account, 0) + part.reserved(account)
            for number, begun in enumerate(world.transfer, 1):
                known = begun.known
                applied = number <= state.over or part.stage.get(known.id, "none") == "committed"
                here = known.source_shard == shard if account == EXCHANGE else shard in known.shards
                if begun.stage == "committed" and here and not applied:
                    total += due(known, account)
    return total


def ledger_is_held(world: ShardedWorld) -> bool:
    """The ghost ledger is what the shards hold, with all that is decided."""
    return all(world.ledger[each] == held(world, each) for each in (*world.setting.initial, EXCHANGE))


def is_balanced(world: ShardedWorld) -> bool:
    """Whatever was added to one account was taken from another."""
    return sum(world.ledger.values()) == 0


def no_debt(world: ShardedWorld) -> bool:
    """Nobody spends what is not there."""
    frees = [each for log in world.shard.values() for each in log.state.part.free.items()]
    return books_of(world.ledger).is_covered() and all(held >= 0 for account, held in frees if account != EXCHANGE)


def over_is_over(world: ShardedWorld) -> bool:
    """No shard has a promise left to keep of what is over."""
    closed = world.transfer[: world.coordination.over]
    doubtful = {each.id for log in world.shard.values() for each in log.state.part.in_doubt}
    return all(begun.stage != "open" and begun.known.id not in doubtful for begun in closed)


# -- of every step ------------------------------------------------------------------------------------------


def taken(world: ShardedWorld) -> dict[OperationId, Standing]:
    """What has taken effect, and how it must be answered."""
    effects: dict[OperationId, Standing] = {}
    for begun in world.transfer:
        if begun.stage == "committed":
            received = begun.known.received
            effects[begun.op] = standing(True if received is None else Received(received))
    for log in world.shard.values():
        for (o, _), said in log.said.items():
            if said is True or isinstance(said, Received):
                effects[o] = standing(said)
    return effects


def refines_atomic_books(before: ShardedWorld, after: ShardedWorld) -> bool:
    """Whether a step is one of the ledger of one machine, or none."""
    old, new = taken(before), taken(after)
    effective = [o for o in new if o not in old]
    answered = [o for o in before.op if before.op[o] != after.op[o]]
    if len(effective) + len(answered) > 1 or any(new.get(o) != old[o] for o in old):
        return False
    if effective:
        return takes_effect(before, after, effective[0], new[effective[0]])
    if books_of(before.ledger) != books_of(after.ledger):
        return False
    return not answered or answers(before, after.op[answered[0]], answered[0], old)


def takes_effect(before: ShardedWorld, after: ShardedWorld, o: OperationId, answer: Standing) -> bool:
    """Whether exactly this operation has changed the books, and might, and is to be answered so."""
    command, books = before.setting.commands[o], books_of(before.ledger)
    for rate in RATES:
        events = LEDGER.decide(books, command, rate)
        changed = booked(books, postings(events[0]))
        if before.op[o] == OPEN and postings(events[0]) and changed == books_of(after.ledger):
            return standing(LEDGER.answer(changed, events)) == answer
    return False


def answers(before: ShardedWorld, answer: Standing, o: OperationId, old: Mapping[OperationId, Standing]) -> bool:
    """Whether an operation may be called, or answered so."""
    if before.op[o] == IDLE:
        return answer == OPEN
    if before.op[o] != OPEN:
        return False
    return answer == old[o] if o in old else answer == FAILED or answer in before.possible[o]


def brings_stands(before: ShardedWorld, after: ShardedWorld) -> bool:
    """A rate is drawn once."""
    old, new = before.transfer, after.transfer
    return [each.known.brings for each in old] == [each.known.brings for each in new[: len(old)]]


Over: TypeAlias = tuple[str, ...]
INVARIANTS: Final[Mapping[str, tuple[Over, Callable[[ShardedWorld], bool]]]] = {
    "TypeOK": ((), types_are_right),
    "LedgerIsHeld": ((), ledger_is_held),
    "IsBalanced": ((), is_balanced),
    "NoDebt": ((), no_debt),
    "OverIsOver": ((), over_is_over),
}
STEP_PROPERTIES: Final[Mapping[str, tuple[Over, Callable[[ShardedWorld, ShardedWorld], bool]]]] = {
    "RefinesAtomicBooks": ((), refines_atomic_books),
    "StepsOfAtomicBooks": ((), refines_atomic_books),
    "BringsStands": ((), brings_stands),
}
