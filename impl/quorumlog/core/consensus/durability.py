"""The one home of durability: what must not be said before it is on the disk waits in `owed` until the next sync.

Votes, requests for votes and acknowledgements wait. So does a leader's own count: it counts what is on its disk.
"""

from __future__ import annotations

from msgspec.structs import astuple

from quorumlog.core.consensus import log, progress
from quorumlog.core.consensus.effects import NOTHING, Committed, Durable, Effect, Effects, Refused, Send, Store, Sync
from quorumlog.core.consensus.messages import Message
from quorumlog.core.consensus.state import LEADER, Outcome, Replica


def owe(replica: Replica, message: Message) -> Outcome:
    """Leave the message to the next sync."""
    return replica.change(owed=replica.owed | {message}), NOTHING


def say(replica: Replica, message: Message) -> Outcome:
    """Send at once a message that promises nothing."""
    return replica, (Send(message),)


def in_order(owed: frozenset[Message]) -> list[Message]:
    """What is owed in an order that depends on nothing else. Requests with entries are never owed."""
    return sorted(owed, key=lambda each: (type(each).__name__, astuple(each))) if len(owed) > 1 else [*owed]


def sync(replica: Replica, _: Sync) -> Outcome:
    """Everything becomes durable, what was owed is sent, and a leader counts itself. Spec: Replication!Sync."""
    if not replica.owed and not is_dirty(replica):
        raise Refused("nothing waits for the disk")
    disk = Durable(replica.term, replica.voted_for, replica.log)
    store = Store(disk, log.kept(replica.disk.log, replica.log))
    sent: list[Effect] = [Send(message) for message in in_order(replica.owed)]
    synced = replica.change(disk=disk, owed=frozenset())
    if replica.role != LEADER:
        return synced, (store, *sent)
    counted, told = commit_by_counting(synced)
    return counted, (store, *sent, *told)


def is_dirty(replica: Replica) -> bool:
    """Whether the disk lags behind."""
    disk = replica.disk
    if replica.term != disk.term or replica.voted_for != disk.voted_for:
        return True
    return log.differs(disk.log, replica.log)


def commit_by_counting(leader: Replica) -> Outcome:
    """Commit what has become durable on a quorum, if the commit rule allows it."""
    synced = log.last_index(leader.disk.log)
    replicated = progress.replicated(leader.identity, leader.members, leader.match_index, synced)
    index = min(replicated, log.last_index(leader.log))
    if index > leader.commit_index and log.may_commit(leader.log, index, leader.term):
        return commit(leader, index)
    return leader, NOTHING


def commit(replica: Replica, index: int) -> Outcome:
    """Know everything up to `index` to be decided, and say so once."""
    known = replica.commit_index
    if index <= known:
        return replica, NOTHING
    told: Effects = (Committed(known, log.between(replica.log, known, index)),)
    return replica.change(commit_index=index), told
