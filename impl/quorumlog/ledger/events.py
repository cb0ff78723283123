"""What can be decided in a ledger. All that was open, the rate among it, is fixed in an event. Spec: Ledger!Events."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from quorumlog.ledger.commands import Account


class Deposited(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Money came in."""

    account: Account
    amount: int


class Withdrawn(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Money went out."""

    account: Account
    amount: int


class Transferred(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Money moved between two accounts."""

    source: Account
    to: Account
    amount: int


class Exchanged(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Money moved between two accounts, at the rate of that moment."""

    source: Account
    to: Account
    amount: int
    received: int


class Declined(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """The account held less than was asked for, and nothing changed."""


class Asked(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Somebody asked what an account holds."""

    account: Account


class AskedTotal(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Somebody asked what all accounts hold together."""


Event: TypeAlias = Deposited | Withdrawn | Transferred | Exchanged | Declined | Asked | AskedTotal
