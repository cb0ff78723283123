"""The state of a ledger, kept by double entry: whatever is added to one account is taken from another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.ledger.commands import Account
from quorumlog.ledger.events import Deposited, Event, Exchanged, Transferred, Withdrawn
from quorumlog.persistent.frozen_map import FrozenMap

EXCHANGE: Final[Account] = "exchange"
"""The account that makes good the difference between what is given and what is received; it may fall below zero."""

Posting: TypeAlias = tuple[Account | None, int]
"""What is added to an account, or taken from it. None is the world outside."""


class Books(Struct, frozen=True, cache_hash=True):
    """What each account holds, if it holds anything, and what the world outside has given (below zero) or got."""

    balances: FrozenMap[Account, int]
    outside: int

    def balance(self, account: Account) -> int:
        """What an account holds."""
        return self.balances.get(account, 0)

    def total(self) -> int:
        """What all accounts hold together. Spec: Ledger!Total."""
        return sum(self.balances.values())

    def is_covered(self) -> bool:
        """Whether no account holds less than nothing, EXCHANGE excepted. Spec: Ledger!IsCovered."""
        return all(held >= 0 or account == EXCHANGE for account, held in self.balances.items())


BLANK: Final = Books(FrozenMap({}), 0)
"""Nobody has anything. Spec: Ledger!Blank."""


def postings(event: Event) -> tuple[Posting, ...]:
    """What an event adds to each account. All of it together is nothing. Spec: Ledger!Booked."""
    match event:
        case Deposited(account, amount):
            return ((None, -amount), (account, amount))
        case Withdrawn(account, amount):
            return ((account, -amount), (None, amount))
        case Transferred(source, to, amount):
            return ((source, -amount), (to, amount))
        case Exchanged(source, to, amount, received):
            return ((source, -amount), (to, received), (EXCHANGE, amount - received))
        case _:
            return ()


def booked(books: Books, posted: Iterable[Posting]) -> Books:
    """The books with all of this added. An account that holds nothing is as one that never was."""
    balances = dict(books.balances.items())
    outside = books.outside
    for account, amount in posted:
        if account is None:
            outside += amount
        elif held := balances.get(account, 0) + amount:
            balances[account] = held
        else:
            balances.pop(account, None)
    return Books(FrozenMap(balances), outside)
