"""What can be asked of a ledger. A command that makes no sense cannot be made. Spec: Ledger!Commands."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

Account: TypeAlias = str
LARGEST: Final = 2**40
"""The largest amount of one command. What an account holds is far from what has no encoding for a long time then."""


class Unfit(ValueError):
    """These arguments make no command: no amount, or one account with itself."""


class OfAmount(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """A command that moves some amount to or from an account."""

    account: Account
    amount: int

    def __post_init__(self) -> None:
        _check_amount(self.amount)


class Between(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower, rename={"source": "from"}):
    """A command that moves some amount from one account to another."""

    source: Account
    to: Account
    amount: int

    def __post_init__(self) -> None:
        _check_amount(self.amount)
        if self.source == self.to:
            raise Unfit("expected two accounts")


def _check_amount(amount: int) -> None:
    if amount <= 0:
        raise Unfit("expected an amount greater than 0")
    if amount > LARGEST:
        raise Unfit(f"expected an amount of at most {LARGEST}")


class Deposit(OfAmount, frozen=True, cache_hash=True):
    """Money comes in."""


class Withdraw(OfAmount, frozen=True, cache_hash=True):
    """Money goes out, if the account holds it."""


class Transfer(Between, frozen=True, cache_hash=True):
    """Money moves from one account to another, if the first holds it."""


class Exchange(Between, frozen=True, cache_hash=True):
    """The same at a rate that is drawn when it is decided: what is received is more or less than what is given."""


class Balance(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """What does an account hold?"""

    account: Account


class Total(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """What do all accounts hold together?"""


Command: TypeAlias = Deposit | Withdraw | Transfer | Exchange | Balance | Total
