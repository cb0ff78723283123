"""The coordinator of transfers, an event-sourced state machine over a replicated log. Spec: TransactionCoordinator.

A transfer begins, and is decided once. Its decision is committed before anybody can hear of it, since all that the
coordinator says comes from its committed state, and is said again until it is acknowledged. What the leader has heard,
votes and acknowledgements, is volatile: the next one asks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit.messages import (
    NO,
    YES,
    Acknowledgement,
    Decision,
    Message,
    Prepare,
    ShardId,
    Transfer,
    TransferId,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap

BEGUN: Final = "begun"
COMMITTED: Final = "committed"
REFUSED: Final = "refused"
ABORTED: Final = "aborted"

Outcome: TypeAlias = Literal["committed", "refused", "aborted"]
"""It took effect; it did not, and the source is short; it did not for another reason."""


class Begun(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Event: a client asked for this transfer."""

    transfer: Transfer


class Decided(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Event: this is how a transfer ended."""

    transfer: TransferId
    outcome: Outcome


class Begin(Struct, frozen=True):
    """Command: begin this transfer, unless it has begun."""

    transfer: Transfer


class Settle(Struct, frozen=True, tag_field="f", tag=str.lower):
    """Command: end a transfer in this way, unless it has ended."""

    transfer: TransferId
    outcome: Outcome


class Known(Struct, frozen=True, cache_hash=True):
    """A transfer, and how far it is."""

    transfer: Transfer
    stage: Literal["begun", "committed", "refused", "aborted"]


Event: TypeAlias = Begun | Decided
Command: TypeAlias = Begin | Settle
Decisions: TypeAlias = FrozenMap[TransferId, Known]
Heard: TypeAlias = frozenset[tuple[TransferId, ShardId]]


class Coordination:
    """The coordinator as an application of the log. Nothing in it is random."""

    def start(self) -> Decisions:
        """No transfer has begun."""
        return FrozenMap({})

    def evolve(self, state: Decisions, event: Event) -> Decisions:
        """The transfers after one more event. Spec: TransactionCoordinator!Decide."""
        if isinstance(event, Begun):
            return state.set(event.transfer.id, Known(event.transfer, BEGUN))
        return state.set(event.transfer, Known(state[event.transfer].transfer, event.outcome))

    def decide(self, state: Decisions, command: Command, randomness: None = None) -> tuple[Event, ...]:
        """A transfer begins once and ends once, however often it is asked for."""
        if isinstance(command, Begin):
            return () if command.transfer.id in state else (Begun(command.transfer),)
        if not is_open(state, command.transfer):
            return ()
        return (Decided(command.transfer, command.outcome),)

    def answer(self, state: Decisions, events: tuple[Event, ...]) -> Outcome | None:
        """How the transfer ended, if these events end it."""
        return next((event.outcome for event in events if isinstance(event, Decided)), None)


COORDINATION: Final = Coordination()


def is_open(decisions: Decisions, transfer: TransferId) -> bool:
    """Whether a transfer has begun and not ended."""
    return transfer in decisions and decisions[transfer].stage == BEGUN


def outcome(decisions: Decisions, transfer: TransferId) -> Outcome | None:
    """How a transfer ended: the client may be told so if it is asked of the committed state.

    Spec: TransactionCoordinator!AnswersTransfer.
    """
    stage = decisions[transfer].stage if transfer in decisions else BEGUN
    return None if stage == BEGUN else stage


class Tally(Struct, frozen=True, cache_hash=True):
    """What the leader has heard: who has voted for a transfer, and who has acknowledged its end. A new one: nothing."""

    votes: Heard = frozenset()
    acks: Heard = frozenset()


def count_vote(tally: Tally, draft: Decisions, vote: Vote) -> tuple[Tally, Settle | None]:
    """A vote arrives: all votes for a transfer commit it, one against it ends it; afterwards a vote is late.

    Decided on the speculative state. Spec: TransactionCoordinator!CountsVote.
    """
    transfer = vote.transfer
    if not is_open(draft, transfer):
        return tally, None
    if vote.vote != YES:
        return settle(tally, transfer, REFUSED if vote.vote == NO else ABORTED)
    heard = tally.votes | {(transfer, vote.shard)}
    if heard >= {(transfer, shard) for shard in draft[transfer].transfer.shards}:
        return settle(tally, transfer, COMMITTED)
    return replace(tally, votes=heard), None


def note_acknowledgement(tally: Tally, acknowledgement: Acknowledgement) -> Tally:
    """A shard need not be told again. Spec: TransactionCoordinator!NotesAcknowledgement."""
    return replace(tally, acks=tally.acks | {(acknowledgement.transfer, acknowledgement.shard)})


def give_up(tally: Tally, draft: Decisions, transfer: TransferId) -> tuple[Tally, Settle]:
    """A transfer has taken too long: only while no decision exists. Spec: TransactionCoordinator!GivesUp."""
    if not is_open(draft, transfer):
        raise Refused(f"{transfer} is not open")
    return settle(tally, transfer, ABORTED)


def settle(tally: Tally, transfer: TransferId, ended: Outcome) -> tuple[Tally, Settle]:
    """The leader ends a transfer, and needs its votes no longer. Spec: TransactionCoordinator!Settles."""
    votes = frozenset((other, shard) for other, shard in tally.votes if other != transfer)
    return replace(tally, votes=votes), Settle(transfer, ended)


def messages(decisions: Decisions, tally: Tally) -> Iterator[Message]:
    """All that there is to say, from the committed state. Spec: TransactionCoordinator!CoordinatorSays."""
    for transfer, known in decisions.items():
        for shard in sorted(known.transfer.shards):
            if known.stage == BEGUN:
                if (transfer, shard) not in tally.votes:
                    yield Prepare(known.transfer, shard)
            elif (transfer, shard) not in tally.acks:
                yield Decision(transfer, shard, known.stage == COMMITTED)
