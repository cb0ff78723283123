"""Contracts on the ledger: it decides and books what the spec's operators say, and what must hold of any ledger.

Books are given by what the accounts x, y and `exchange` hold; the rest of all money is outside. Rates are a few, since
no solver multiplies well.
"""

from __future__ import annotations

from typing import Final

from quorumlog.core.event_sourcing import fold
from quorumlog.ledger import books
from quorumlog.ledger.books import EXCHANGE, Books
from quorumlog.ledger.commands import LARGEST, Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.events import Asked, AskedTotal, Declined, Deposited, Event, Exchanged, Transferred, Withdrawn
from quorumlog.ledger.ledger import Ledger, Received
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog_bindings import event_sourcing as shown
from tlastep.check.contract import Contracts, Operators, assume, pick

contracts = Contracts("EventSourcing", model="EventSourcingLedger")

LEDGER: Final = Ledger()
RATES: Final = (50, 150)
FEW: Final = "rates of 50 and 150"
X, Y = "x", "y"


# -- values to begin with -----------------------------------------------------------------------------------


def held(x: int, y: int, exchange: int) -> Books:
    """Books that balance, in which no client's account is overdrawn."""
    assume(x >= 0)
    assume(y >= 0)
    accounts = {X: x, Y: y, EXCHANGE: exchange}
    return Books(FrozenMap({account: held for account, held in accounts.items() if held != 0}), -(x + y + exchange))


def command_of(kind: int, amount: int) -> Command:
    """A command of each kind."""
    assume(0 < amount <= LARGEST)
    every = (
        Deposit(X, amount),
        Withdraw(X, amount),
        Transfer(X, Y, amount),
        Exchange(Y, X, amount),
        Balance(Y),
        Total(),
    )
    return every[pick(kind, range(len(every)))]


def event_of(kind: int, amount: int, received: int) -> Event:
    """An event of each kind."""
    assume(amount > 0)
    assume(received >= 0)
    every: tuple[Event, ...] = (
        Deposited(X, amount),
        Withdrawn(Y, amount),
        Transferred(Y, X, amount),
        Exchanged(X, Y, amount, received),
        Declined(),
        Asked(X),
        AskedTotal(),
    )
    return every[pick(kind, range(len(every)))]


# -- what the spec says --------------------------------------------------------------------------------------


@contracts.of(Ledger.decide, operator="LedgerDecided", given=FEW)
def decide(spec: Operators, kind: int, amount: int, x: int, y: int, rate: int) -> bool:
    """A command becomes what the spec says, whatever the accounts hold."""
    state, command, drawn = held(x, y, 0), command_of(kind, amount), pick(rate, RATES)
    decided = tuple(map(shown.ledger_event, LEDGER.decide(state, command, drawn)))
    return bool(decided == spec.LedgerDecided(shown.books(state), shown.ledger_command(command), drawn))


@contracts.of(Ledger.evolve, operator="LedgerBooked")
def evolve(spec: Operators, kind: int, amount: int, received: int, x: int, y: int, exchange: int) -> bool:
    """An event changes the books as the spec says."""
    state, event = held(x, y, exchange), event_of(kind, amount, received)
    return bool(
        shown.books(LEDGER.evolve(state, event)) == spec.LedgerBooked(shown.books(state), shown.ledger_event(event))
    )


# -- what must hold of any ledger ----------------------------------------------------------------------------


@contracts.of(books.postings, operator="")
def double_entry(spec: Operators, kind: int, amount: int, received: int) -> bool:
    """Whatever is added to one account is taken from another."""
    return sum([added for _, added in books.postings(event_of(kind, amount, received))]) == 0


@contracts.of(Ledger.decide, operator="", given=FEW)
def sound(spec: Operators, kind: int, amount: int, x: int, y: int, exchange: int, rate: int) -> bool:
    """No command overdraws a client's account, and only deposits and withdrawals change the total, by their amount."""
    state = held(x, y, exchange)
    (event,) = LEDGER.decide(state, command_of(kind, amount), pick(rate, RATES))
    after = LEDGER.evolve(state, event)
    change = amount * (isinstance(event, Deposited) - isinstance(event, Withdrawn))
    return after.is_covered() and after.total() == state.total() + change


@contracts.of(Ledger.evolve, operator="")
def deterministic(spec: Operators, kind: int, amount: int, received: int, x: int, y: int, exchange: int) -> bool:
    """The same event does the same to books that are equal, whoever made them, and leaves these as they were."""
    state, twin = held(x, y, exchange), held(x, y, exchange)
    event = event_of(kind, amount, received)
    return LEDGER.evolve(state, event) == LEDGER.evolve(twin, event_of(kind, amount, received)) and state == twin


@contracts.of(Ledger.answer, operator="", given=FEW)
def answers(spec: Operators, kind: int, amount: int, x: int, y: int, exchange: int, rate: int) -> bool:
    """What is answered can be checked against the accounts before and after."""
    state, command = held(x, y, exchange), command_of(kind, amount)
    decided = LEDGER.decide(state, command, pick(rate, RATES))
    after = fold(LEDGER, state, decided)
    answer = LEDGER.answer(after, decided)
    if isinstance(command, Balance):
        return answer == state.balance(command.account) and after == state
    if isinstance(command, Total):
        return answer == x + y + exchange and after == state
    if isinstance(command, Exchange) and isinstance(answer, Received):
        return after.balance(command.to) == state.balance(command.to) + answer.received
    return (answer is True) == (after != state)
