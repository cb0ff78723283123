"""What a leader does: append events, hand them on, and learn what has arrived."""

from __future__ import annotations

from quorumlog.core.consensus import durability, log, progress
from quorumlog.core.consensus.effects import NOTHING, Propose, Refused, Replicate
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry
from quorumlog.core.consensus.state import Outcome, Replica


def append_events(replica: Replica, proposal: Propose) -> Outcome:
    """Append events that this leader decided. Spec: Replication!Propose, once for each event."""
    entries = tuple([Entry(replica.term, event) for event in proposal.events])
    return replica.change(log=log.append(replica.log, entries)), NOTHING


def hand_on(replica: Replica, flush: Replicate) -> Outcome:
    """Send the next slice to a peer, durable or not, without waiting for its answer. Spec: Replication!Replicate."""
    peer = flush.to
    if peer == replica.identity or peer not in replica.next_index:
        raise Refused(f"{peer} is no peer of {replica.identity}")
    prev_index = replica.next_index[peer] - 1
    entries = log.entries_after(replica.log, prev_index, replica.batch)
    request = AppendRequest(
        sender=replica.identity,
        to=peer,
        term=replica.term,
        prev_index=prev_index,
        prev_term=log.term_at(replica.log, prev_index),
        entries=entries,
        commit_index=replica.commit_index,
    )
    next_index = replica.next_index.set(peer, prev_index + len(entries) + 1)
    return durability.say(replica.change(next_index=next_index), request)


def advance_peer(replica: Replica, reply: AppendReply) -> Outcome:
    """Learn how far a peer is, and commit what a quorum has. Spec: Replication!OnAppendReply."""
    peer, known = reply.sender, replica.match_index
    if not reply.accepted:
        retried = progress.backed_off(replica.next_index, known, peer, reply.index)
        return replica.change(next_index=retried), NOTHING
    advanced = replica.change(
        match_index=progress.accepted(known, peer, reply.index),
        next_index=progress.continued(replica.next_index, peer, reply.index),
    )
    return durability.commit_by_counting(advanced)
