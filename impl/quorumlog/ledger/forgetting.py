"""How transfers between shards are forgotten, so that nobody keeps every one for ever. Spec: ShardedLedger.

The coordinator numbers transfers as they begin, and the number is the transfer's name. A transfer is *over* when it
has ended and all its shards have acknowledged that, and transfers are closed in the order of their numbers: one number
says of all of them which are. Whoever holds it needs to remember nothing of those transfers, and yet knows a late
letter, whatever it asks for. A shard that cannot be reached holds the number up for as long as it is away.
"""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

from msgspec import Struct

from quorumlog.core.two_phase_commit.messages import Message, ShardId, TransferId


class Over(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """The coordinator tells a shard that all transfers up to this number are over. Spec: ShardedLedger!OnOver."""

    shard: ShardId
    number: int


class Close(Struct, frozen=True, tag_field="f", tag=str.lower):
    """Command to the coordinator: all transfers up to this number are over."""

    number: int


class Closed(Struct, frozen=True, cache_hash=True, tag_field="was", tag=str.lower):
    """Event, of the coordinator and of shards: all transfers up to this number are over, and forgotten."""

    number: int


Letter: TypeAlias = Message | Over
"""What groups say to each other."""
LETTERS: Final = frozenset(get_args(Letter))
"""The classes of that."""


def name_of(number: int) -> TransferId:
    """What the transfer of this number is called."""
    return str(number)


def number_of(transfer: TransferId) -> int:
    """The number of a transfer."""
    return int(transfer)
