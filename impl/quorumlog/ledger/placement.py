"""Which group has what: a pure function, the same for clients, shards and the coordinator."""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct

from quorumlog.core.two_phase_commit.messages import ShardId
from quorumlog.ledger.commands import Account
from quorumlog.persistent.frozen_map import FrozenMap


class Placement(Struct, frozen=True, cache_hash=True):
    """The shards, in an order that never changes, the accounts whose place is `fixed`, and the coordinator's group.

    Every other account lives where the checksum of its name says, so that nobody has to be asked.
    """

    shards: tuple[ShardId, ...]
    fixed: FrozenMap[Account, ShardId] = FrozenMap({})
    coordinator: str = "c"

    def home(self, account: Account) -> ShardId:
        """The shard that holds an account."""
        if account in self.fixed:
            return self.fixed[account]
        return self.shards[crc32(account.encode()) % len(self.shards)]
