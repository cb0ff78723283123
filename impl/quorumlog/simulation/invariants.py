"""What must hold of every cluster and of every step of one, written from the spec's words and not from its text.

The functions bear the names of the spec's properties and read one server, or one pair, at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from quorumlog.core.consensus.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    Message,
    ServerId,
    VoteReply,
    VoteRequest,
)
from quorumlog.core.consensus.state import LEADER, ROLES
from quorumlog.simulation.cluster import Cluster

Sequence = tuple[Entry, ...]


def starts_with(whole: Sequence, beginning: Sequence) -> bool:
    """Whether one sequence begins with the other."""
    return whole[: len(beginning)] == beginning


def pairs(cluster: Cluster) -> Iterator[tuple[ServerId, ServerId]]:
    """Each two different servers once."""
    for position, first in enumerate(cluster.servers):
        for second in cluster.servers[position + 1 :]:
            yield first, second


def are_most(count: int, cluster: Cluster) -> bool:
    """Whether so many servers are more than half of all."""
    return count > len(cluster.servers) - count


# -- in every state -----------------------------------------------------------------------------------------


def type_ok(cluster: Cluster) -> bool:
    """Everything is of its type, as far as Python's types leave it open."""
    return all(replica_ok(cluster, server) for server in cluster.servers) and all(
        message_ok(cluster, message) for message in cluster.network
    )


def replica_ok(cluster: Cluster, server: ServerId) -> bool:
    """The same for one server: numbers are natural, names are of servers, maps are complete."""
    replica, servers = cluster.replicas[server], set(cluster.servers)
    return (
        min(replica.term, replica.disk.term, replica.commit_index, *replica.match_index.values()) >= 0
        and min(replica.next_index.values()) > 0
        and {replica.voted_for, replica.disk.voted_for} <= servers | {None}
        and replica.votes <= servers
        and replica.role in ROLES
        and set(replica.next_index) == set(replica.match_index) == servers
        and all(entry.term >= 0 for entry in (*replica.log, *replica.disk.log))
        and all(message_ok(cluster, message) for message in replica.owed)
    )


def message_ok(cluster: Cluster, message: Message) -> bool:
    """The same for one message."""
    numbers = [message.term]
    names = {message.sender}
    if isinstance(message, VoteRequest):
        numbers += [message.last_index, message.last_term]
    else:
        names.add(message.to)
    if isinstance(message, AppendRequest):
        numbers += [message.prev_index, message.prev_term, message.commit_index]
    if isinstance(message, AppendReply):
        numbers.append(message.index)
    return min(numbers) >= 0 and names <= set(cluster.servers)


def election_safety(cluster: Cluster) -> bool:
    """No term has two leaders."""
    for first, second in pairs(cluster):
        one, other = cluster.replicas[first], cluster.replicas[second]
        if one.role == other.role == LEADER and one.term == other.term:
            return False
    return True


def log_matching(cluster: Cluster) -> bool:
    """Where two logs hold an entry of one term at one place, they agree up to there."""
    return all(logs_match(cluster.replicas[i].log, cluster.replicas[j].log) for i, j in pairs(cluster))


def logs_match(one: Sequence, other: Sequence) -> bool:
    """The same for two logs: once they have differed, no place has one term in both."""
    differed = False
    for mine, theirs in zip(one, other, strict=False):
        differed = differed or mine != theirs
        if differed and mine.term == theirs.term:
            return False
    return True


def leader_completeness(cluster: Cluster) -> bool:
    """The leader of the highest term holds everything that was ever decided."""
    latest = max(cluster.replicas[server].term for server in cluster.servers)
    for server in cluster.servers:
        replica = cluster.replicas[server]
        if replica.role == LEADER and replica.term == latest and not starts_with(replica.log, cluster.decided):
            return False
    return True


def state_machine_safety(cluster: Cluster) -> bool:
    """What a server believes to be decided is in its log, and is what was decided."""
    for server in cluster.servers:
        replica = cluster.replicas[server]
        known = replica.log[: replica.commit_index]
        if len(known) < replica.commit_index or not starts_with(cluster.decided, known):
            return False
    return True


def decided_is_durable(cluster: Cluster) -> bool:
    """What is decided is on the disks of a majority."""
    holders = [i for i in cluster.servers if starts_with(cluster.replicas[i].disk.log, cluster.decided)]
    return are_most(len(holders), cluster)


def leader_has_own_entry(cluster: Cluster) -> bool:
    """A leader has put an entry of its own term at the end of its log."""
    for server in cluster.servers:
        replica = cluster.replicas[server]
        if replica.role == LEADER and (not replica.log or replica.log[-1].term != replica.term):
            return False
    return True


def match_is_durable(cluster: Cluster) -> bool:
    """What a leader believes of a disk is true, as long as that disk knows of no later term."""
    return all(belief_is_true(cluster, i, j) for i in cluster.servers for j in cluster.servers)


def belief_is_true(cluster: Cluster, leader: ServerId, peer: ServerId) -> bool:
    """The same for one leader and one server, which may be itself."""
    believer = cluster.replicas[leader]
    if believer.role != LEADER:
        return True
    disk = cluster.replicas[peer].disk
    if disk.term > believer.term:
        return True
    matched = len(believer.disk.log) if leader == peer else believer.match_index[peer]
    return matched <= len(believer.log) and starts_with(disk.log, believer.log[:matched])


def sent_is_durable(cluster: Cluster) -> bool:
    """Whatever is on its way would still be true after a crash of its sender."""
    return all(is_promised(cluster, message) for message in cluster.network)


def is_promised(cluster: Cluster, message: Message) -> bool:
    """The same for one message. A reply also proves that its addressee had made its own term durable."""
    disk = cluster.replicas[message.sender].disk
    if isinstance(message, (VoteReply, AppendReply)) and cluster.replicas[message.to].disk.term < message.term:
        return False
    if disk.term != message.term:
        return disk.term > message.term
    if isinstance(message, VoteReply):
        return disk.voted_for == message.to
    if isinstance(message, AppendReply):
        return not message.accepted or len(disk.log) >= message.index
    return disk.voted_for == message.sender


# -- of every step ------------------------------------------------------------------------------------------


def nothing_is_decided(cluster: Cluster) -> bool:
    """How the law begins."""
    return not cluster.decided


def append_only(before: Cluster, after: Cluster) -> bool:
    """What is decided stays decided, in its place."""
    return starts_with(after.decided, before.decided)


def commit_only_grows(before: Cluster, after: Cluster) -> bool:
    """A server never goes back on what it knows to be decided, unless it crashes and forgets all of it."""
    for server in before.servers:
        now = after.replicas[server].commit_index
        if now != 0 and now < before.replicas[server].commit_index:
            return False
    return True


def match_only_grows(before: Cluster, after: Cluster) -> bool:
    """While a server leads, what it believes to be acknowledged only grows."""
    for server in before.servers:
        old, new = before.replicas[server], after.replicas[server]
        if old.role != LEADER or new.role != LEADER:
            continue
        if any(new.match_index[peer] < old.match_index[peer] for peer in before.servers):
            return False
    return True


def disk_only_grows(before: Cluster, after: Cluster) -> bool:
    """No disk goes back to an earlier term, or changes its vote within one."""
    for server in before.servers:
        old, new = before.replicas[server].disk, after.replicas[server].disk
        if new.term < old.term:
            return False
        if new.term == old.term and old.voted_for not in (None, new.voted_for):
            return False
    return True


INVARIANTS: Final[Mapping[str, Callable[[Cluster], bool]]] = {
    "TypeOK": type_ok,
    "ElectionSafety": election_safety,
    "LogMatching": log_matching,
    "LeaderCompleteness": leader_completeness,
    "StateMachineSafety": state_machine_safety,
    "DecidedIsDurable": decided_is_durable,
    "LeaderHasOwnEntry": leader_has_own_entry,
    "MatchIsDurable": match_is_durable,
    "SentIsDurable": sent_is_durable,
}

# `Refines` says of each step what `AppendOnly` says, and of the beginning that nothing is decided.
STEP_PROPERTIES: Final[Mapping[str, Callable[[Cluster, Cluster], bool]]] = {
    "Refines": append_only,
    "AppendOnly": append_only,
    "CommitOnlyGrows": commit_only_grows,
    "MatchOnlyGrows": match_only_grows,
    "DiskOnlyGrows": disk_only_grows,
}

INITIAL_PROPERTIES: Final[Mapping[str, Callable[[Cluster], bool]]] = {"Refines": nothing_is_decided}
