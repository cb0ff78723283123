"""What a server does with the entries that a leader sends."""

from __future__ import annotations

from quorumlog.core.consensus import durability, log
from quorumlog.core.consensus.election import follow
from quorumlog.core.consensus.messages import AppendReply, AppendRequest
from quorumlog.core.consensus.state import Outcome, Replica


def accept_entries(replica: Replica, request: AppendRequest) -> Outcome:
    """Take the entries in if they fit, else say where to try next. Spec: Replication!OnAppendRequest.

    What the leader calls decided is believed only as far as this request shows that the two logs agree.
    """
    if not log.fits(replica.log, request.prev_index, request.prev_term):
        index = min(log.last_index(replica.log), request.prev_index - 1)
        return durability.owe(replica, answer(replica, request, accepted=False, index=index))
    last = request.prev_index + len(request.entries)
    merged = log.merge(replica.log, request.prev_index, request.entries)
    copied, told = durability.commit(replica.change(log=merged), min(request.commit_index, last))
    owing, said = durability.owe(copied, answer(replica, request, accepted=True, index=last))
    return owing, (*said, *told)


def yield_to_leader(replica: Replica, request: AppendRequest) -> Outcome:
    """Somebody else has won this election. Spec: Replication!OnAppendRequest."""
    return accept_entries(follow(replica), request)


def answer(replica: Replica, request: AppendRequest, *, accepted: bool, index: int) -> AppendReply:
    """The reply to a request, in the request's own term."""
    return AppendReply(sender=replica.identity, to=request.sender, term=request.term, accepted=accepted, index=index)
