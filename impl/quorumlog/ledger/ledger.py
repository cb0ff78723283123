"""The ledger as an application: commands become events, events change the books. Spec: Ledger."""

from __future__ import annotations

from random import Random
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.ledger.books import BLANK, Books, booked, postings
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.events import (
    Asked,
    AskedTotal,
    Declined,
    Deposited,
    Event,
    Exchanged,
    Transferred,
    Withdrawn,
)

Rate: TypeAlias = int
"""How many are received for a hundred. It is the randomness of this application, and drawn for each command."""

RATES: Final = range(50, 151)


class Received(Struct, frozen=True, cache_hash=True):
    """What an exchange has brought."""

    received: int


Answer: TypeAlias = bool | int | Received


def draw(source: Random) -> Rate:
    """The rate of this moment."""
    return source.choice(RATES)


class Ledger:
    """Accounts with deposits, withdrawals, transfers, exchanges at a random rate, and questions.

    None but the account `exchange` ever holds less than nothing; a command that would lead there is declined.
    """

    def start(self) -> Books:
        """Nobody has anything."""
        return BLANK

    def decide(self, state: Books, command: Command, randomness: Rate) -> tuple[Event, ...]:
        """The one event that a command becomes. Spec: Ledger!Decided."""
        match command:
            case Deposit(account, amount):
                return (Deposited(account, amount),)
            case Balance(account):
                return (Asked(account),)
            case Total():
                return (AskedTotal(),)
            case Withdraw(account, amount) if state.balance(account) >= amount:
                return (Withdrawn(account, amount),)
            case Transfer(source, to, amount) if state.balance(source) >= amount:
                return (Transferred(source, to, amount),)
            case Exchange(source, to, amount) if state.balance(source) >= amount:
                return (Exchanged(source, to, amount, amount * randomness // 100),)
            case _:
                return (Declined(),)

    def evolve(self, state: Books, event: Event) -> Books:
        """The books after an event. Spec: Ledger!Booked."""
        return booked(state, postings(event))

    def answer(self, state: Books, events: tuple[Event, ...]) -> Answer:
        """True or false for what was done or declined, what an exchange has brought, or the number asked for."""
        (event,) = events
        match event:
            case Exchanged(received=received):
                return Received(received)
            case Asked(account):
                return state.balance(account)
            case AskedTotal():
                return state.total()
            case _:
                return not isinstance(event, Declined)
