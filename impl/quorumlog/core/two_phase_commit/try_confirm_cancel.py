"""A shard in try, confirm and cancel, a second protocol over the same coordinator. Spec: TryConfirmCancel.

To try moves money from the available part of an account to a frozen part, for everybody to see. To confirm takes it out
of that part, and to cancel brings it back. Nobody waits for a transfer in doubt, and a look may see half of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.two_phase_commit.messages import (
    CONFLICT,
    YES,
    AccountId,
    Acknowledgement,
    Decision,
    Message,
    Prepare,
    RequestId,
    ShardId,
    Transfer,
    TransferId,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap

TRIED: Final = "tried"
REJECTED: Final = "rejected"
CONFIRMED: Final = "confirmed"
CANCELLED: Final = "cancelled"

Stage: TypeAlias = Literal["tried", "rejected", "confirmed", "cancelled"]
Balances: TypeAlias = FrozenMap[AccountId, int]


class Tried(Struct, frozen=True, cache_hash=True):
    """Event: a transfer was tried, or could not be."""

    transfer: Transfer
    stage: Literal["tried", "rejected"]


class Closed(Struct, frozen=True, cache_hash=True):
    """Event: a transfer was confirmed or cancelled."""

    transfer: TransferId
    stage: Literal["confirmed", "cancelled"]


class Look(Struct, frozen=True, cache_hash=True):
    """Command and event: somebody wants to know what is available."""

    request: RequestId
    account: AccountId


Event: TypeAlias = Tried | Closed | Look
Command: TypeAlias = Prepare | Decision | Look


class ShardState(Struct, frozen=True, cache_hash=True):
    """A shard's state, the fold of its events. Spec: TryConfirmCancel!ShardOK.

    `trying`: the transfers that were tried and have not ended.
    """

    available: Balances
    frozen: Balances
    stage: FrozenMap[TransferId, Stage]
    trying: frozenset[Transfer]
    done: FrozenMap[RequestId, int]


class TryConfirmCancel:
    """A shard as an application of the log. Nothing in it is random."""

    def __init__(self, initial: Mapping[AccountId, int]) -> None:
        self.initial = FrozenMap(initial)

    def start(self) -> ShardState:
        """Everything is available."""
        nothing = FrozenMap(dict.fromkeys(self.initial, 0))
        return ShardState(self.initial, nothing, FrozenMap({}), frozenset(), FrozenMap({}))

    def evolve(self, state: ShardState, event: Event) -> ShardState:
        """The state after one more event. Spec: TryConfirmCancel!Evolve."""
        if isinstance(event, Look):
            return replace(state, done=state.done.set(event.request, state.available[event.account]))
        return attempted(state, event) if isinstance(event, Tried) else closed(state, event)

    def decide(self, state: ShardState, command: Command, randomness: None = None) -> tuple[Event, ...]:
        """The events that follow from a command in the speculative state: one, or none where it was obeyed before."""
        if isinstance(command, Look):
            return () if command.request in state.done else (command,)
        if isinstance(command, Prepare):
            return decide_try(state, command.transfer)
        return decide_confirm(state, command) if command.commit else decide_cancel(state, command)

    def answer(self, state: ShardState, events: tuple[Event, ...]) -> int | None:
        """What a look found, if these events are one."""
        return next((state.done[event.request] for event in events if isinstance(event, Look)), None)


def add(balances: Balances, account: AccountId, amount: int) -> Balances:
    """The balances with so much more on an account, if it lives here. Spec: TryConfirmCancel!Add."""
    return balances.set(account, balances[account] + amount) if account in balances else balances


def attempted(state: ShardState, event: Tried) -> ShardState:
    """Money is frozen, unless the try is rejected."""
    transfer = event.transfer
    state = replace(state, stage=state.stage.set(transfer.id, event.stage))
    if event.stage == REJECTED:
        return state
    available = add(state.available, transfer.source, -transfer.amount)
    frozen = add(state.frozen, transfer.source, transfer.amount)
    return replace(state, available=available, frozen=frozen, trying=state.trying | {transfer})


def closed(state: ShardState, event: Closed) -> ShardState:
    """Frozen money leaves the account, or is available again; and the money that was to come is there."""
    transfer = tried(state, event.transfer)
    state = replace(state, stage=state.stage.set(event.transfer, event.stage))
    if transfer is None:
        return state
    frozen = add(state.frozen, transfer.source, -transfer.amount)
    to = transfer.target if event.stage == CONFIRMED else transfer.source
    available = add(state.available, to, transfer.amount)
    return replace(state, available=available, frozen=frozen, trying=state.trying - {transfer})


def decide_try(state: ShardState, transfer: Transfer) -> tuple[Event, ...]:
    """A transfer is tried once, and never after it was cancelled. Spec: TryConfirmCancel!DecideTry."""
    if transfer.id in state.stage:
        return ()
    enough = transfer.source not in state.available or state.available[transfer.source] >= transfer.amount
    return (Tried(transfer, TRIED if enough else REJECTED),)


def tried(state: ShardState, identity: TransferId) -> Transfer | None:
    """The transfer, if it was tried and has not ended."""
    return next((transfer for transfer in state.trying if transfer.id == identity), None)


def decide_confirm(state: ShardState, decision: Decision) -> tuple[Event, ...]:
    """What was tried is confirmed once. Spec: TryConfirmCancel!DecideConfirm."""
    return (Closed(decision.transfer, CONFIRMED),) if tried(state, decision.transfer) else ()


def decide_cancel(state: ShardState, decision: Decision) -> tuple[Event, ...]:
    """What was tried is cancelled once, and what never was, without effect. Spec: TryConfirmCancel!DecideCancel."""
    ended = decision.transfer in state.stage and not tried(state, decision.transfer)
    return () if ended else (Closed(decision.transfer, CANCELLED),)


def messages(state: ShardState, shard: ShardId) -> Iterator[Message]:
    """All that there is to say, from the committed state: votes, and acknowledgements where nothing is left to do.

    Spec: TryConfirmCancel!ShardSays.
    """
    for transfer, stage in state.stage.items():
        if stage in (TRIED, REJECTED):
            yield Vote(transfer, shard, YES if stage == TRIED else CONFLICT)
        if stage != TRIED:
            yield Acknowledgement(transfer, shard)
