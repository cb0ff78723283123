"""What a peer says that none says who follows the protocol: anybody who connects may claim to be one.

Consensus tells most of it itself. What stands here would reach the disk, or is about who speaks.
"""

from __future__ import annotations

from quorumlog.core.consensus.messages import AppendReply, AppendRequest, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consistent_read import Reply
from quorumlog.persistent.strand import Dropped
from quorumlog.runtime.wire import PeerMessage


def is_strange(replica: Replica, peer: ServerId, message: PeerMessage) -> bool:
    """Whether a peer speaks in another's name, to another, or of entries that there are not."""
    if isinstance(message, AppendReply) and message.term == replica.term and message.index > len(replica.log):
        return True
    return message.sender != peer or (isinstance(message, Reply) and message.to != replica.identity)


def contradicts(replica: Replica, request: AppendRequest) -> bool:
    """Whether a leader would replace what is decided. Of an earlier term it may: then nobody listens to it.

    The slice of one who follows the protocol begins, as a rule, where nothing is decided yet: then this costs nothing.
    """
    decided = replica.commit_index - request.prev_index
    if decided <= 0 or not request.entries or request.term < replica.term:
        return False
    entries = request.entries[:decided]
    try:
        known = replica.log[request.prev_index : request.prev_index + len(entries)]
        return any(entry != there for entry, there in zip(entries, known, strict=True))
    except Dropped:
        return False  # what is dropped is not taken either
