"""Transfers, and what a coordinator and the shards say to each other about them. Spec: TransactionCoordinator!Message.

Every message names its transfer and its shard, and each may come late, twice or not at all.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

TransferId: TypeAlias = str
ShardId: TypeAlias = str
AccountId: TypeAlias = str
RequestId: TypeAlias = str

YES: Final = "yes"
NO: Final = "no"
CONFLICT: Final = "conflict"

Opinion: TypeAlias = Literal["yes", "no", "conflict"]
"""Ready to commit; short whatever comes of transfers in doubt; short only because of them."""


class Transfer(Struct, frozen=True, cache_hash=True):
    """A transfer, and where its two accounts live. Its identity is never used for another one.

    What the target receives is the amount, unless `received` says otherwise: then it is an exchange.
    """

    id: TransferId
    source: AccountId
    target: AccountId
    amount: int
    source_shard: ShardId
    target_shard: ShardId
    received: int | None = None

    @property
    def brings(self) -> int:
        """What the target receives."""
        return self.amount if self.received is None else self.received

    @property
    def shards(self) -> frozenset[ShardId]:
        """The shards that take part. Spec: TransactionCoordinator!Involved."""
        return frozenset((self.source_shard, self.target_shard))


class Prepare(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """Asks a shard to promise that it will commit. Spec: TransactionCoordinator!Prepare."""

    transfer: Transfer
    shard: ShardId


class Vote(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """A shard's answer. Spec: TransactionCoordinator!Vote."""

    transfer: TransferId
    shard: ShardId
    vote: Opinion


class Decision(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """Tells a shard how a transfer was decided. Spec: TransactionCoordinator!Decision."""

    transfer: TransferId
    shard: ShardId
    commit: bool


class Acknowledgement(Struct, frozen=True, cache_hash=True, tag_field="f", tag=str.lower):
    """A shard has nothing left to do for a transfer. Spec: TransactionCoordinator!Acknowledgement."""

    transfer: TransferId
    shard: ShardId


Message: TypeAlias = Prepare | Vote | Decision | Acknowledgement
