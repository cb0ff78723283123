"""The coordinator's application: transfers and exchanges between accounts of different shards. Spec: ShardedLedger.

It is the coordinator of two-phase commit, with three things beside: it gives each transfer its number, fixes what an
exchange brings when it begins, so that all who take part know it from the event, and closes what is over.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.two_phase_commit import coordinator
from quorumlog.core.two_phase_commit.coordinator import (
    BEGUN,
    COMMITTED,
    COORDINATION,
    REFUSED,
    Begin,
    Begun,
    Decided,
    Decisions,
    Known,
    Settle,
    Tally,
)
from quorumlog.core.two_phase_commit.messages import Transfer, TransferId
from quorumlog.ledger import commands
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.forgetting import Close, Closed, name_of, number_of
from quorumlog.ledger.ledger import Rate, Received
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap

Order: TypeAlias = Settle | Close
"""What the coordinator's leader asks of itself. Clients have no words for it."""

Event: TypeAlias = Begun | Decided | Closed

FORGOTTEN: Final = "forgotten"
Ending: TypeAlias = bool | Received | Literal["forgotten"] | None
"""It took effect; the source was short; nothing has happened (None); or nobody knows any more."""

KEPT: Final = 10_000
"""How many endings are kept at least for clients who have not heard them; at most twice as many are."""

NO_ENDINGS: Final[HashMap[TransferId, bool | Received | None]] = HashMap()


class Coordinated(Struct, frozen=True, cache_hash=True):
    """The state of the coordinator: the transfers that are not over, by number; how many have begun, and are over.

    Endings are kept for clients that ask again: `recent` ones, and those before them in `older`.
    """

    decisions: Decisions = FrozenMap({})
    begun: int = 0
    over: int = 0
    recent: HashMap[TransferId, bool | Received | None] = NO_ENDINGS
    older: HashMap[TransferId, bool | Received | None] = NO_ENDINGS

    def ending(self, transfer: TransferId) -> Ending:
        """How a transfer ended that is not open. Spec: ShardedLedger!Ending."""
        if transfer in self.recent:
            return self.recent[transfer]
        if transfer in self.older:
            return self.older[transfer]
        return FORGOTTEN

    def is_open(self, transfer: TransferId) -> bool:
        """Whether a transfer has not ended."""
        return coordinator.is_open(self.decisions, transfer)

    def closable(self, tally: Tally) -> int:
        """The last number up to which all transfers are over, as far as the leader has heard."""
        number = self.over
        while name_of(number + 1) in self.decisions:
            known = self.decisions[name_of(number + 1)]
            if known.stage == BEGUN or not all((known.transfer.id, s) in tally.acks for s in known.transfer.shards):
                break
            number += 1
        return number


class TransferCoordination(Struct, frozen=True):
    """The application of the coordinator's group."""

    placement: Placement
    kept: int = KEPT

    def start(self) -> Coordinated:
        """No transfer has begun."""
        return Coordinated()

    def decide(self, state: Coordinated, command: commands.Command | Order, randomness: Rate) -> tuple[Event, ...]:
        """The one event that follows, or none. What a client asks for twice, two transfers come of.

        That a client is taken at its word once is the work of its session.
        """
        match command:
            case commands.Transfer(source, to) | commands.Exchange(source, to) if EXCHANGE not in (source, to):
                return COORDINATION.decide(state.decisions, Begin(self.named(state, command, randomness)))
            case Settle():
                return COORDINATION.decide(state.decisions, command)
            case Close(number) if number > state.over:
                return (Closed(number),)
            case _:
                return ()

    def named(self, state: Coordinated, command: commands.Transfer | commands.Exchange, rate: Rate) -> Transfer:
        """The transfer that begins, with the next number. Spec: ShardedLedger!Begin."""
        source, to, amount = command.source, command.to, command.amount
        received = amount * rate // 100 if isinstance(command, commands.Exchange) else None
        homes = self.placement.home(source), self.placement.home(to)
        return Transfer(name_of(state.begun + 1), source, to, amount, *homes, received)

    def evolve(self, state: Coordinated, event: Event) -> Coordinated:
        """The state after one more event."""
        if isinstance(event, Closed):
            left = {name: known for name, known in state.decisions.items() if number_of(name) > event.number}
            return replace(state, decisions=FrozenMap(left), over=event.number)
        after = replace(state, decisions=COORDINATION.evolve(state.decisions, event))
        if isinstance(event, Begun):
            return replace(after, begun=state.begun + 1)
        recent = state.recent.set(event.transfer, ending_of(after.decisions[event.transfer]))
        if len(recent) > self.kept:
            return replace(after, recent=NO_ENDINGS, older=recent)
        return replace(after, recent=recent)

    def answer(self, state: Coordinated, events: tuple[Event, ...]) -> TransferId | None:
        """The name of the transfer that has begun: its ending is told when there is one, not now."""
        return next((event.transfer.id for event in events if isinstance(event, Begun)), None)


def ending_of(known: Known) -> bool | Received | None:
    """What a client is told of a transfer that has ended."""
    if known.stage == COMMITTED:
        received = known.transfer.received
        return True if received is None else Received(received)
    return False if known.stage == REFUSED else None
