"""A shard in two-phase commit, an event-sourced state machine over a replicated log. Spec: ReplicatedTwoPhaseCommit.

To prepare a transfer reserves its money and is a promise, so it is an event, and the vote is spoken from the committed
state. From then on the transfer is in doubt, and only the coordinator ends it. A read is an event without effect,
appended only where nothing that it reads is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.two_phase_commit.messages import (
    CONFLICT,
    NO,
    YES,
    AccountId,
    Acknowledgement,
    Decision,
    Message,
    Opinion,
    Prepare,
    RequestId,
    ShardId,
    Transfer,
    TransferId,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap

NONE: Final = "none"
PREPARED: Final = "prepared"
ABORTED: Final = "aborted"

Stage: TypeAlias = Literal["none", "prepared", "refused", "conflicted", "committed", "aborted"]
VOTES: Final[Mapping[Stage, Opinion]] = {PREPARED: YES, "refused": NO, "conflicted": CONFLICT}
Round: TypeAlias = Literal[1, 2]
Finding: TypeAlias = tuple[int, int]
"""What a read found: the value, and the version of the shard's balances."""


class Staged(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Event: a transfer was prepared, or could not be."""

    transfer: Transfer
    stage: Literal["prepared", "refused", "conflicted"]


class Ended(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Event: the coordinator has decided."""

    transfer: TransferId
    stage: Literal["committed", "aborted"]


class Deposited(Struct, frozen=True, cache_hash=True):
    """Event: money came from outside."""

    request: RequestId
    account: AccountId
    amount: int


class Read(Struct, frozen=True, cache_hash=True):
    """Event without effect: a read has its place in the log. Without an account it reads all of the shard."""

    request: RequestId
    account: AccountId | None
    round: Round


class Deposit(Struct, frozen=True):
    """Command: deposit so much, once."""

    request: RequestId
    account: AccountId
    amount: int


Event: TypeAlias = Staged | Ended | Deposited | Read
Command: TypeAlias = Prepare | Decision | Deposit | Read


class ShardState(Struct, frozen=True, cache_hash=True):
    """A shard's state, the fold of its events. Spec: ReplicatedTwoPhaseCommit!ShardOK.

    `free`: what may be spent of each account; `version`: how often the balances have changed; `stage`: how far each
    transfer is; `in_doubt`: those that are prepared; `done`: what deposits and reads have found.
    """

    free: HashMap[AccountId, int]
    version: int
    stage: FrozenMap[TransferId, Stage]
    in_doubt: frozenset[Transfer]
    done: FrozenMap[tuple[RequestId, Round], Finding]

    def reserved(self, account: AccountId) -> int:
        """What transfers in doubt take from an account. Spec: ReplicatedTwoPhaseCommit!Reserved."""
        return sum(transfer.amount for transfer in self.in_doubt if transfer.source == account)

    def coming(self, account: AccountId) -> int:
        """What transfers in doubt bring to it. Spec: ReplicatedTwoPhaseCommit!Coming."""
        return sum(transfer.brings for transfer in self.in_doubt if transfer.target == account)

    def balance(self, account: AccountId) -> int:
        """What is on it while nothing in doubt is decided. Spec: ReplicatedTwoPhaseCommit!BalanceOf."""
        return self.free[account] + self.reserved(account)


class Participation:
    """A shard as an application of the log. Nothing in it is random."""

    def __init__(self, initial: Mapping[AccountId, int]) -> None:
        self.initial = HashMap(initial)

    def start(self) -> ShardState:
        """The balances, and nothing else."""
        return ShardState(self.initial, 0, FrozenMap({}), frozenset(), FrozenMap({}))

    def evolve(self, state: ShardState, event: Event) -> ShardState:
        """The state after one more event. Spec: ReplicatedTwoPhaseCommit!Evolve."""
        if isinstance(event, Staged):
            return staged(state, event)
        if isinstance(event, Ended):
            return ended(state, event)
        version = state.version
        if isinstance(event, Read):
            return replace(state, done=state.done.set((event.request, event.round), (found(state, event), version)))
        done = state.done.set((event.request, 1), (1, version + 1))
        return replace(state, free=add(state.free, event.account, event.amount), version=version + 1, done=done)

    def decide(self, state: ShardState, command: Command, randomness: None = None) -> tuple[Event, ...]:
        """The events that follow from a command in the speculative state: one, or none where it was obeyed before."""
        if isinstance(command, Prepare):
            return decide_prepare(state, command.transfer)
        if isinstance(command, Decision):
            return decide_decision(state, command)
        if isinstance(command, Read):
            return decide_read(state, command)
        if (command.request, 1) in state.done:
            return ()
        return (Deposited(command.request, command.account, command.amount),)

    def answer(self, state: ShardState, events: tuple[Event, ...]) -> int | None:
        """What a deposit or a read found, if these events are one."""
        requests = (each for each in events if isinstance(each, Deposited | Read))
        return next((state.done[(each.request, getattr(each, "round", 1))][0] for each in requests), None)


def add(free: HashMap[AccountId, int], account: AccountId, amount: int) -> HashMap[AccountId, int]:
    """The balances with so much more on an account, if it lives here. Spec: ReplicatedTwoPhaseCommit!Add."""
    return free.set(account, free[account] + amount) if account in free else free


def staged(state: ShardState, event: Staged) -> ShardState:
    """A transfer is prepared, and its money reserved; or it is refused."""
    transfer = event.transfer
    stage = state.stage.set(transfer.id, event.stage)
    if event.stage != PREPARED:
        return replace(state, stage=stage)
    free = add(state.free, transfer.source, -transfer.amount)
    return replace(state, free=free, stage=stage, in_doubt=state.in_doubt | {transfer})


def ended(state: ShardState, event: Ended) -> ShardState:
    """A transfer in doubt is applied, or its money released; one that was never heard of is noted."""
    doubtful = frozenset(transfer for transfer in state.in_doubt if transfer.id == event.transfer)
    free, version = state.free, state.version
    for transfer in doubtful:
        amount = transfer.amount if event.stage == ABORTED else transfer.brings
        free = add(free, transfer.source if event.stage == ABORTED else transfer.target, amount)
    if event.stage != ABORTED:
        version += 1
    stage = state.stage.set(event.transfer, event.stage)
    return replace(state, free=free, version=version, stage=stage, in_doubt=state.in_doubt - doubtful)


def found(state: ShardState, read: Read) -> int:
    """What a read finds here. Spec: ReplicatedTwoPhaseCommit!Found."""
    if read.account is not None:
        return state.balance(read.account) if read.account in state.free else 0
    return sum(state.free.values()) + sum(each.amount for each in state.in_doubt if each.source in state.free)


def decide_prepare(state: ShardState, transfer: Transfer) -> tuple[Staged, ...]:
    """A transfer is prepared once, and refused only if the source is short whatever comes of transfers in doubt.

    Spec: ReplicatedTwoPhaseCommit!DecidePrepare.
    """
    source, amount = transfer.source, transfer.amount
    if transfer.id in state.stage:
        return ()
    if source not in state.free or state.free[source] >= amount:
        return (Staged(transfer, PREPARED),)
    short = state.balance(source) + state.coming(source) < amount
    return (Staged(transfer, "refused" if short else "conflicted"),)


def decide_decision(state: ShardState, decision: Decision) -> tuple[Ended, ...]:
    """A decision is applied once. An abort before the request to prepare is recorded, and will stand in its way.

    Spec: ReplicatedTwoPhaseCommit!DecideDecision.
    """
    stage = state.stage.get(decision.transfer, NONE)
    if decision.commit:
        return (Ended(decision.transfer, "committed"),) if stage == PREPARED else ()
    return (Ended(decision.transfer, ABORTED),) if stage in (NONE, PREPARED) else ()


def blocked(state: ShardState, read: Read) -> bool:
    """Whether something is in doubt that would be read. Spec: ReplicatedTwoPhaseCommit!Blocked."""
    if read.account is None:
        return bool(state.in_doubt)
    return any(read.account in (transfer.source, transfer.target) for transfer in state.in_doubt)


def decide_read(state: ShardState, read: Read) -> tuple[Event, ...]:
    """A read is made once, and not while something of it is in doubt. Spec: ReplicatedTwoPhaseCommit!DecideRead."""
    return () if (read.request, read.round) in state.done or blocked(state, read) else (read,)


def messages(state: ShardState, shard: ShardId) -> Iterator[Message]:
    """All that there is to say, from the committed state: votes, and acknowledgements where no promise is left.

    Spec: ReplicatedTwoPhaseCommit!ShardSays.
    """
    for transfer, stage in state.stage.items():
        if stage in VOTES:
            yield Vote(transfer, shard, VOTES[stage])
        if stage != PREPARED:
            yield Acknowledgement(transfer, shard)


def total(first: Mapping[ShardId, Finding], second: Mapping[ShardId, Finding]) -> int | None:
    """The total over all shards, if nothing has changed between two rounds; None if it has.

    Spec: ReplicatedTwoPhaseCommit!AnswerTotal.
    """
    if dict(first) != dict(second):
        return None
    return sum(value for value, _ in second.values())
