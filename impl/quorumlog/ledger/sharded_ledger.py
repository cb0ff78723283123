"""The ledger of one shard, with transfers in doubt beside everything else. Spec: ShardedLedger.

It is put together of two parts that know nothing of each other: the ledger says what a command becomes and what an
event books, and the participant of two-phase commit what transfers between shards reserve. A command is decided on what
may be spent, so no reserved money goes out. It is declined only if the account is short whatever becomes of what is in
doubt; if it is short only because of that, there is no event, and whoever asked may ask again. So it is with a question
about something in doubt.
"""

from __future__ import annotations

from typing import Final, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.two_phase_commit import participant
from quorumlog.core.two_phase_commit.messages import Decision, Prepare, ShardId, TransferId
from quorumlog.core.two_phase_commit.participant import ABORTED, Ended, Finding, Read, ShardState, Staged
from quorumlog.ledger import events
from quorumlog.ledger.books import EXCHANGE, Books, Posting, postings
from quorumlog.ledger.commands import Account, Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.events import Asked, AskedTotal, Declined, Exchanged
from quorumlog.ledger.forgetting import Closed, Over, number_of
from quorumlog.ledger.ledger import Ledger, Rate, Received
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap

Order: TypeAlias = Prepare | Decision | Over
"""What the coordinator asks of a shard. Clients have no words for it."""

Event: TypeAlias = events.Event | Staged | Ended | Closed
Answer: TypeAlias = bool | Received | Finding | None
"""True or false, what an exchange has brought, what was found and in which version; None if nothing has happened."""

LEDGER: Final = Ledger()
NOTHING_YET: Final = ShardState(HashMap(), 0, FrozenMap({}), frozenset(), FrozenMap({}))


class ShardBooks(Struct, frozen=True, cache_hash=True):
    """The state of a shard. Spec: ShardedLedger!ShardOK.

    `part` is what two-phase commit knows: what may be spent of each account, how far transfers are that are not over,
    and how often the balances have changed. EXCHANGE is held in parts, one on each shard. `outside` is what the world
    outside has given (below zero) or got, and transfers with a number up to `over` are over.
    """

    part: ShardState = NOTHING_YET
    outside: int = 0
    over: int = 0

    def find(self, account: Account | None) -> Finding | None:
        """What is on an account, or on all of them, and the version; None if it is in doubt. Spec: ShardedLedger!Found.

        The part of EXCHANGE that is here is in doubt as soon as anything is.
        """
        if participant.blocked(self.part, Read("", None if account == EXCHANGE else account, 1)):
            return None
        return participant.found(self.part, Read("", account, 1)), self.part.version

    @property
    def spendable(self) -> Books:
        """What may be spent, as books. Rules only look up what is in them, and any map does for that."""
        return Books(cast("FrozenMap[Account, int]", self.part.free), self.outside)

    def is_over(self, transfer: TransferId) -> bool:
        """Whether a transfer is over, so that whatever is said of it comes late."""
        return number_of(transfer) <= self.over


class ShardedLedger(Struct, frozen=True):
    """The application of one shard. What is on its accounts at first is `opening`."""

    shard: ShardId
    placement: Placement
    opening: FrozenMap[Account, int] = FrozenMap({})

    def start(self) -> ShardBooks:
        """Nothing has happened. Spec: ShardedLedger!Init."""
        return ShardBooks(replace(NOTHING_YET, free=HashMap(dict(self.opening.items()))), -sum(self.opening.values()))

    def decide(self, state: ShardBooks, command: Command | Order, randomness: Rate) -> tuple[Event, ...]:
        """The one event that follows, or none: an order was obeyed before, or a command meets what is in doubt."""
        match command:
            case Prepare(transfer):
                part = opened(state.part, self.ours(transfer.source, transfer.target))
                return () if state.is_over(transfer.id) else participant.decide_prepare(part, transfer)
            case Decision():
                return () if state.is_over(command.transfer) else participant.decide_decision(state.part, command)
            case Over(number=number):
                return (Closed(number),) if number > state.over else ()
            case _:
                return self.decide_command(state, command, randomness)

    def decide_command(self, state: ShardBooks, command: Command, rate: Rate) -> tuple[Event, ...]:
        """What a client's command becomes. Spec: ShardedLedger!DecideCommand."""
        if not self.may_be_asked(command):
            return ()
        if isinstance(command, Balance | Total):
            return () if state.find(account_read(command)) is None else asked(command)
        (event,) = LEDGER.decide(state.spendable, command, rate)
        if isinstance(event, Declined) and is_covered_perhaps(state.part, command):
            return ()
        return (event,)

    def evolve(self, state: ShardBooks, event: Event) -> ShardBooks:
        """The state after one more event. Spec: ShardedLedger!Evolve."""
        match event:
            case Staged(transfer):
                part = opened(state.part, self.ours(transfer.source, transfer.target))
                return replace(state, part=participant.staged(part, event))
            case Ended():
                return replace(state, part=self.ended(state.part, event))
            case Closed(number):
                stage = FrozenMap({name: at for name, at in state.part.stage.items() if number_of(name) > number})
                return replace(state, part=replace(state.part, stage=stage), over=number)
            case _:
                return posted(state, postings(event))

    def answer(self, state: ShardBooks, decided: tuple[Event, ...]) -> Answer:
        """What a client is told of what its command became, from the state right after it. Spec: ShardedLedger!Told."""
        for event in decided:
            match event:
                case Exchanged(received=received):
                    return Received(received)
                case Asked(account):
                    return state.find(account)
                case AskedTotal():
                    return state.find(None)
                case Staged() | Ended() | Closed():
                    return None
                case _:
                    return not isinstance(event, Declined)
        return None

    # -- inside -------------------------------------------------------------------------------------------------

    def ours(self, *accounts: Account) -> list[Account]:
        """Those of these accounts that live here."""
        return [each for each in accounts if self.placement.home(each) == self.shard]

    def may_be_asked(self, command: Command) -> bool:
        """Whether a command is for this shard. EXCHANGE belongs to nobody: it can be read here, and not be used."""
        match command:
            case Total() | Balance("exchange"):
                return True
            case Deposit(account) | Withdraw(account) | Balance(account):
                return account != EXCHANGE and bool(self.ours(account))
            case Transfer(source, to) | Exchange(source, to):
                return EXCHANGE not in (source, to) and len(self.ours(source, to)) == 2

    def ended(self, part: ShardState, event: Ended) -> ShardState:
        """A transfer ends. The shard of its source books what an exchange has brought more or less than was given."""
        after = participant.ended(part, event)
        for transfer in part.in_doubt - after.in_doubt:
            if event.stage != ABORTED and transfer.received is not None and transfer.source_shard == self.shard:
                after = replace(after, free=added(after.free, EXCHANGE, transfer.amount - transfer.received))
        return after


def account_read(command: Balance | Total) -> Account | None:
    """The account that is asked for; none if it is all of them."""
    return command.account if isinstance(command, Balance) else None


def asked(command: Balance | Total) -> tuple[Event, ...]:
    """The event of a question, which changes nothing: it has its place in the log."""
    return (Asked(command.account) if isinstance(command, Balance) else AskedTotal(),)


def is_covered_perhaps(part: ShardState, command: Command) -> bool:
    """Whether there would be enough if transfers in doubt that leave were aborted and those that come were committed.

    Spec: ShardedLedger!Most.
    """
    match command:
        case Withdraw(account, amount) | Transfer(account, _, amount) | Exchange(account, _, amount):
            held = part.free.get(account, 0) + part.reserved(account) + part.coming(account)
            return held >= amount
        case _:
            return True


def opened(part: ShardState, accounts: list[Account]) -> ShardState:
    """The state in which these accounts are known, though nothing be on them."""
    free = part.free
    for account in accounts:
        if account not in free:
            free = free.set(account, 0)
    return part if free is part.free else replace(part, free=free)


def added(free: HashMap[Account, int], account: Account, amount: int) -> HashMap[Account, int]:
    """The balances with so much more on an account."""
    return free.set(account, free.get(account, 0) + amount)


def posted(state: ShardBooks, posting: tuple[Posting, ...]) -> ShardBooks:
    """The state with all of this added. A version is used once, and stands for balances that never change."""
    if not posting:
        return state
    free, outside = state.part.free, state.outside
    for account, amount in posting:
        if account is None:
            outside += amount
        else:
            free = added(free, account, amount)
    return replace(state, part=replace(state.part, free=free, version=state.part.version + 1), outside=outside)
