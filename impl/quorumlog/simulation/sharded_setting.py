"""What there is in the world of the ledger on shards: logs of shards, what never changes, and the ghosts' books."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.event_sourcing import fold
from quorumlog.core.two_phase_commit.messages import AccountId, ShardId, Transfer
from quorumlog.ledger.books import EXCHANGE, Books, postings
from quorumlog.ledger.commands import Command
from quorumlog.ledger.events import Event as LedgerEvent
from quorumlog.ledger.ledger import Ledger, Received
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import Answer, Event, ShardBooks, ShardedLedger
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Doing, Operation

OperationId: TypeAlias = str
Round: TypeAlias = Literal[1, 2]

LEDGER: Final = Ledger()
OUTSIDE: Final = "outside"
Balances: TypeAlias = FrozenMap[AccountId, int]
"""Books with every account in them, whether it holds anything or not, and with the world outside."""


class Standing(Struct, frozen=True, cache_hash=True):
    """What became of an operation; its answer, if it has one. Spec: ShardedLedger!Done."""

    state: Literal["idle", "open", "failed", "done"]
    said: Literal["nothing", "yes", "no"] = "nothing"
    n: int = 0


IDLE: Final = Standing("idle")
OPEN: Final = Standing("open")
FAILED: Final = Standing("failed")


def standing(value: bool | int | Received | dict[str, int]) -> Standing:
    """What a client is told, as the spec has it."""
    if value is False:
        return Standing("done", "no")
    if value is True:
        return Standing("done", "yes", 1)
    if isinstance(value, int):
        return Standing("done", "yes", value)
    return Standing("done", "yes", value.received if isinstance(value, Received) else value["received"])


class Noted(Struct, frozen=True, cache_hash=True):
    """An entry of a shard's log: something of a transfer."""

    event: Event


class Executed(Struct, frozen=True, cache_hash=True):
    """An entry of a shard's log: what a command became, one event or none."""

    op: OperationId
    round: Round
    events: tuple[Event, ...]


Entry: TypeAlias = Noted | Executed


class Log(Struct, frozen=True, cache_hash=True):
    """A shard: the fold of what is committed, the answers that are kept, and the leader's suffix."""

    state: ShardBooks
    said: FrozenMap[tuple[OperationId, Round], Answer] = FrozenMap({})
    suffix: tuple[Entry, ...] = ()

    def apply(self, app: ShardedLedger, entry: Entry) -> Log:
        """The log when one more entry is committed. Spec: ShardedLedger!Evolve."""
        if isinstance(entry, Noted):
            return replace(self, state=app.evolve(self.state, entry.event))
        state = fold(app, self.state, entry.events)
        said = self.said.set((entry.op, entry.round), app.answer(state, entry.events))
        return replace(self, state=state, said=said)

    def draft(self, app: ShardedLedger) -> Log:
        """What the leader decides on. Spec: ShardedLedger!Speculative."""
        log = self
        for entry in self.suffix:
            log = log.apply(app, entry)
        return log


class Begun(Struct, frozen=True, cache_hash=True):
    """A transfer of which the coordinator has spoken, and how it ended."""

    op: OperationId
    known: Transfer
    stage: Literal["open", "committed", "refused", "aborted"]


class Setting(Struct, frozen=True, cache_hash=True):
    """What never changes: who there is, what may be asked for, and what the world may do."""

    placement: Placement
    initial: FrozenMap[AccountId, int]
    commands: FrozenMap[OperationId, Command]
    hasty: frozenset[OperationId]
    electing: frozenset[ShardId]

    def doing(self, o: OperationId) -> Doing:
        """An operation that a client has just begun."""
        return Doing(Operation(o, self.commands[o]), self.placement)

    def is_across(self, o: OperationId) -> bool:
        """Whether the coordinator is asked for it. Spec: ShardedLedger!IsAcross."""
        return self.doing(o).groups == (self.placement.coordinator,)

    def truth(self, o: OperationId, ledger: Balances) -> frozenset[Standing]:
        """What it would truly answer now, if it has no effect. Spec: AtomicBooks!Truth."""
        books = books_of(ledger)
        events = LEDGER.decide(books, self.commands[o], 100)
        return frozenset() if postings(events[0]) else frozenset({standing(LEDGER.answer(books, events))})


def books_of(ledger: Balances) -> Books:
    """The same as books."""
    held = {account: ledger[account] for account in ledger if account != OUTSIDE}
    return Books(FrozenMap({account: amount for account, amount in held.items() if amount}), ledger[OUTSIDE])


def posted(ledger: Balances, event: LedgerEvent) -> Balances:
    """The books after an event. Spec: Ledger!Booked."""
    for account, amount in postings(event):
        name = OUTSIDE if account is None else account
        ledger = ledger.set(name, ledger[name] + amount)
    return ledger


def application(setting: Setting, s: ShardId) -> ShardedLedger:
    """What decides and evolves at a shard. Its accounts are known from the beginning."""
    here = {account: held for account, held in setting.initial.items() if setting.placement.home(account) == s}
    return ShardedLedger(s, setting.placement, FrozenMap({**here, EXCHANGE: 0}))
