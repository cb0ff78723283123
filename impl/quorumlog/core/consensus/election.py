"""How a leader is chosen: standing, voting, counting votes, and stepping down."""

from __future__ import annotations

from quorumlog.core.consensus import durability, log
from quorumlog.core.consensus.effects import NOTHING, ElectionTimeout, Resign
from quorumlog.core.consensus.messages import Entry, VoteReply, VoteRequest
from quorumlog.core.consensus.quorum import is_quorum
from quorumlog.core.consensus.state import CANDIDATE, FOLLOWER, LEADER, Outcome, Replica, everyone


def stand(replica: Replica, _: ElectionTimeout) -> Outcome:
    """Stand for election in a new term, with one's own vote. Spec: Replication!Timeout.

    The request waits for the disk: a server whose crash took the term back might stand in it again with another log,
    and count votes that were given to the first.
    """
    standing = replica.change(
        term=replica.term + 1,
        voted_for=replica.identity,
        role=CANDIDATE,
        votes=frozenset({replica.identity}),
    )
    if len(replica.members) == 1:  # nobody is there to be asked
        return durability.owe(standing, VoteReply(sender=replica.identity, to=replica.identity, term=standing.term))
    request = VoteRequest(
        sender=replica.identity,
        term=standing.term,
        last_index=log.last_index(replica.log),
        last_term=log.last_term(replica.log),
    )
    return durability.owe(standing, request)


def consider_vote(replica: Replica, request: VoteRequest) -> Outcome:
    """Vote once a term, for a log that is at least as good as one's own. Spec: Replication!OnVoteRequest.

    A request that comes again is answered again, for the first answer may be lost.
    """
    if replica.voted_for not in (None, request.sender):
        return replica, NOTHING
    if not log.is_as_complete(request.last_index, request.last_term, replica.log):
        return replica, NOTHING
    reply = VoteReply(sender=replica.identity, to=request.sender, term=replica.term)
    return durability.owe(replica.change(voted_for=request.sender), reply)


def count_vote(replica: Replica, reply: VoteReply) -> Outcome:
    """Count a vote, and lead with a majority. Spec: Replication!OnVoteReply."""
    votes = replica.votes | {reply.sender}
    if is_quorum(votes, replica.members):
        return lead(replica), NOTHING
    return replica.change(votes=votes), NOTHING


def lead(replica: Replica) -> Replica:
    """Become leader. The first entry holds no event: once it is decided, so is all that earlier leaders left behind."""
    no_op = Entry(replica.term, None)
    return replica.change(
        role=LEADER,
        votes=frozenset(),
        next_index=everyone(replica.members, log.last_index(replica.log) + 1),
        match_index=everyone(replica.members, 0),
        log=log.append(replica.log, (no_op,)),
    )


def resign(replica: Replica, _: Resign) -> Outcome:
    """Lead no more, in the same term. Spec: Replication!Resign."""
    return follow(replica), NOTHING


def enter_term(replica: Replica, term: int) -> Replica:
    """A later term has begun elsewhere: no vote is given in it yet, and whatever one was, one follows."""
    return follow(replica.change(term=term, voted_for=None))


def follow(replica: Replica) -> Replica:
    """Forget what only candidates and leaders know. Spec: Replication!BecomeFollower."""
    if replica.role == FOLLOWER:
        return replica
    return replica.change(
        role=FOLLOWER,
        votes=frozenset(),
        next_index=everyone(replica.members, 1),
        match_index=everyone(replica.members, 0),
    )
