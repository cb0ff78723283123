"""How much of its log a server may drop: what a snapshot stands for, and nobody will ask it for any more.

A follower that was away is sent what it lacks, from whoever leads then. So nothing is dropped before all members have
it on their disks, and that is for a leader to know: it says so to the others. It never becomes false, for what is
decided stays; so it may be lost, late or repeated. A member that is away for long holds everything up for as long.

Read models ask for the events from the first one on. For them the latest `retain` entries are kept, and whoever asks
for earlier ones is told that they are gone.
"""

from __future__ import annotations

from bisect import bisect_right

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import LEADER
from quorumlog.runtime.event_queue import EventQueue
from quorumlog.runtime.messages import Gone, Held


class Behind:
    """What a server knows of that."""

    def __init__(self, retain: int, dropped: int = 0) -> None:
        self.everywhere = 0
        """What stands up to this index is on the disks of all members."""
        self.dropped = dropped
        """The first so many entries are no longer on this one's."""
        self._retain = retain

    def learn(self, replica: Replica) -> Held | None:
        """What a leader knows of all disks; there is nothing to be said if that is nothing new."""
        if replica.role != LEADER:
            return None
        matched = [index for peer, index in replica.match_index.items() if peer != replica.identity]
        index = min([replica.commit_index, len(replica.disk.log), *matched])
        if index <= self.everywhere:
            return None
        self.everywhere = index
        return Held(replica.identity, index)

    def hear(self, held: Held) -> None:
        """A leader has said so, perhaps long ago."""
        self.everywhere = max(self.everywhere, held.index)

    def below(self, kept: int) -> int:
        """Entries below this index may be dropped once a snapshot of index `kept` is there."""
        return max(min(self.everywhere, kept - self._retain), 0)

    def gone(self, server: ServerId, shard: str, queue: EventQueue) -> Gone:
        """What a read model is told that asks for what was dropped."""
        return Gone(server, shard, self.dropped - bisect_right(queue.others, self.dropped))
