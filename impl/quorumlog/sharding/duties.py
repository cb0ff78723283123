"""What a group owes the others: the letters that follow from its committed state, and what a letter to it asks for.

A shard keeps its part of the ledger, and the coordinator decides transfers between shards. All that either says comes
from committed state, so that a new leader says the same; a letter may come late, twice or not at all, and is said again
until it has an answer. Specs: TransactionCoordinator, ReplicatedTwoPhaseCommit, ShardedLedger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.coordinator import Begun, Decided, Settle, Tally
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, ShardId, TransferId, Vote
from quorumlog.core.two_phase_commit.participant import Ended, Staged
from quorumlog.ledger.coordinated import Coordinated
from quorumlog.ledger.forgetting import Close, Letter, Over, number_of
from quorumlog.ledger.sharded_ledger import ShardBooks
from quorumlog.persistent.frozen_map import FrozenMap

GroupId: TypeAlias = str
Wanted: TypeAlias = tuple[Tally, object | None]
"""What the leader has heard now, and what is to be ordered of the group, if anything."""

NOTHING_HEARD: Final = Tally()


class Open(Struct, frozen=True):
    """Stands for the ending of a transfer that is open yet: whoever asked has to wait."""

    transfer: TransferId


class Duty(Protocol):
    """The part of a group in what groups do together. A tally is what its leader has heard, and nobody else knows."""

    def hears(self, draft: Any, tally: Tally, letter: Letter) -> Wanted:
        """A letter arrives, and is judged on the speculative state. Raises `Refused` if it is for another group."""
        ...

    def says(self, state: Any, tally: Tally, about: Collection[TransferId] | None = None) -> Iterator[Letter]:
        """What there is to say from the committed state: of some transfers, or all that there is."""
        ...

    def told(self, state: Any, said: Any) -> Any:
        """The answer that a client is given for what the application said, or `Open`."""
        ...


class ShardDuty(Struct, frozen=True):
    """A shard obeys the coordinator, votes and acknowledges."""

    shard: ShardId

    def hears(self, draft: ShardBooks, tally: Tally, letter: Letter) -> Wanted:
        """A request, a decision, or news of what is over."""
        if isinstance(letter, Vote | Acknowledgement) or letter.shard != self.shard:
            raise Refused(f"{letter} is not for {self.shard}")
        return tally, letter

    def says(self, state: ShardBooks, tally: Tally, about: Collection[TransferId] | None = None) -> Iterator[Letter]:
        """Votes and acknowledgements. Spec: ReplicatedTwoPhaseCommit!ShardSays."""
        stages = state.part.stage
        if about is not None:
            stages = FrozenMap({transfer: stages[transfer] for transfer in about if transfer in stages})
        return participant.messages(replace(state.part, stage=stages), self.shard)

    def told(self, state: ShardBooks, said: Any) -> Any:
        """What the application said."""
        return said


class CoordinatorDuty(Struct, frozen=True):
    """The coordinator asks the shards, decides, and tells them."""

    shards: tuple[ShardId, ...]

    def hears(self, draft: Coordinated, tally: Tally, letter: Letter) -> Wanted:
        """A vote or an acknowledgement. What is over is closed once the last one has come."""
        if isinstance(letter, Vote):
            return coordinator.count_vote(tally, draft.decisions, letter)
        if not isinstance(letter, Acknowledgement):
            raise Refused(f"{letter} is not for the coordinator")
        if letter.transfer not in draft.decisions:
            return tally, None
        heard = coordinator.note_acknowledgement(tally, letter)
        heard = replace(heard, acks=frozenset([each for each in heard.acks if number_of(each[0]) > draft.over]))
        over = draft.closable(heard)
        return heard, Close(over) if over > draft.over else None

    def says(self, state: Coordinated, tally: Tally, about: Collection[TransferId] | None = None) -> Iterator[Letter]:
        """Requests and decisions, and, if it says all that there is, what is over."""
        decisions = state.decisions
        if about is not None:
            decisions = FrozenMap({each: decisions[each] for each in about if each in decisions})
        elif state.over:
            yield from (Over(shard, state.over) for shard in self.shards)
        yield from coordinator.messages(decisions, tally)

    def told(self, state: Coordinated, said: Any) -> Any:
        """The ending of the transfer that has begun, as soon as there is one; a command without one has failed."""
        if not isinstance(said, str):
            return said
        return Open(said) if state.is_open(said) else state.ending(said)

    def gives_up(self, draft: Coordinated, tally: Tally, transfer: TransferId) -> tuple[Tally, Settle]:
        """A transfer has taken too long. Raises `Refused` if it is not open."""
        return coordinator.give_up(tally, draft.decisions, transfer)


def about(events: Iterable[object]) -> Iterator[TransferId]:
    """The transfers of which these events give something to say."""
    for event in events:
        match event:
            case Begun(transfer) | Staged(transfer):
                yield transfer.id
            case Ended(transfer=name) | Decided(transfer=name):
                yield name


def is_for_shards(letter: Letter) -> bool:
    """Whether a letter is for the shard that it names, and not for the coordinator."""
    return isinstance(letter, Prepare | Decision | Over)
