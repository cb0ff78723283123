"""What must hold of every cluster and of every step of one, written from the spec's words and not from its text.

The functions bear the names of the spec's properties. Each is about one server, two servers or one message, so that
it reads no more than it needs; a `Rule` says it of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final, Literal, TypeAlias

from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import (
    AppendReply,
    AppendRequest,
    Message,
    ServerId,
    VoteReply,
    VoteRequest,
)
from quorumlog.core.consensus.state import LEADER, ROLES
from quorumlog.simulation.cluster import Cluster


def starts_with(whole: Log, beginning: Log) -> bool:
    """Whether one sequence begins with the other."""
    return whole[: len(beginning)] == beginning


Over: TypeAlias = Literal["i", "j", "m"]


@dataclass(frozen=True)
class Rule:
    """A property: `test` holds of a cluster (or of two, before and after a step) for all that it is `over`.

    `i` and `j` are servers, `m` is a message on its way.
    """

    test: Callable[..., bool]
    over: tuple[Over, ...] = ()

    def __call__(self, *clusters: Cluster) -> bool:
        """Whether the property holds."""
        cluster = clusters[0]
        ranges: Mapping[Over, Iterable[object]] = {"i": cluster.servers, "j": cluster.servers, "m": cluster.network}
        return all(self.test(*clusters, *chosen) for chosen in product(*(ranges[name] for name in self.over)))


def are_most(count: int, cluster: Cluster) -> bool:
    """Whether so many servers are more than half of all."""
    return count > len(cluster.servers) - count


# -- in every state -----------------------------------------------------------------------------------------


def replica_ok(cluster: Cluster, server: ServerId) -> bool:
    """Every field is of its type, as far as Python's types leave it open: numbers are natural, maps complete."""
    replica, servers = cluster.replicas[server], names_of(cluster.servers)
    return (
        min(replica.term, replica.disk.term, replica.commit_index, *replica.match_index.values()) >= 0
        and min(replica.next_index.values()) > 0
        and (replica.voted_for is None or replica.voted_for in servers)
        and (replica.disk.voted_for is None or replica.disk.voted_for in servers)
        and replica.votes <= servers
        and replica.role in ROLES
        and servers == set(replica.next_index) == set(replica.match_index)
        and log_ok(replica.log)
        and log_ok(replica.disk.log)
        and all(message_ok(cluster, message) for message in replica.owed)
    )


@lru_cache(maxsize=1 << 12)
def log_ok(log: Log) -> bool:
    """The same for a log, which many states share."""
    return all(entry.term >= 0 for entry in log)


@lru_cache(maxsize=64)
def names_of(servers: tuple[ServerId, ...]) -> frozenset[ServerId]:
    """All servers as a set."""
    return frozenset(servers)


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
    return min(numbers) >= 0 and names <= names_of(cluster.servers)


def election_safety(cluster: Cluster, i: ServerId, j: ServerId) -> bool:
    """No term has two leaders."""
    one, other = cluster.replicas[i], cluster.replicas[j]
    return i == j or not (one.role == other.role == LEADER and one.term == other.term)


def log_matching(cluster: Cluster, i: ServerId, j: ServerId) -> bool:
    """Where two logs hold an entry of one term at one place, they agree up to there."""
    return i <= j or logs_match(cluster.replicas[i].log, cluster.replicas[j].log)


@lru_cache(maxsize=1 << 12)
def logs_match(one: Log, other: Log) -> bool:
    """The same for two logs: once they have differed, no place has one term in both."""
    differed = False
    for mine, theirs in zip(one, other, strict=False):
        differed = differed or mine != theirs
        if differed and mine.term == theirs.term:
            return False
    return True


def leader_completeness(cluster: Cluster, i: ServerId) -> bool:
    """The leader of the highest term holds everything that was ever decided."""
    replica = cluster.replicas[i]
    if replica.role != LEADER or starts_with(replica.log, cluster.decided):
        return True
    return any(cluster.replicas[server].term > replica.term for server in cluster.servers)


def state_machine_safety(cluster: Cluster, i: ServerId) -> bool:
    """What a server believes to be decided is in its log, and is what was decided."""
    replica = cluster.replicas[i]
    known = replica.log[: replica.commit_index]
    return len(known) == replica.commit_index and starts_with(cluster.decided, known)


def decided_is_durable(cluster: Cluster) -> bool:
    """What is decided is on the disks of a majority."""
    holders = [i for i in cluster.servers if starts_with(cluster.replicas[i].disk.log, cluster.decided)]
    return are_most(len(holders), cluster)


def leader_has_own_entry(cluster: Cluster, i: ServerId) -> bool:
    """A leader has put an entry of its own term at the end of its log."""
    replica = cluster.replicas[i]
    return replica.role != LEADER or (len(replica.log) > 0 and replica.log[-1].term == replica.term)


def match_is_durable(cluster: Cluster, i: ServerId, j: ServerId) -> bool:
    """What a leader believes of a disk, its own included, is true, as long as that disk knows of no later term."""
    believer = cluster.replicas[i]
    if believer.role != LEADER:
        return True
    disk = cluster.replicas[j].disk
    if disk.term > believer.term:
        return True
    matched = len(believer.disk.log) if i == j else believer.match_index[j]
    return matched <= len(believer.log) and starts_with(disk.log, believer.log[:matched])


def sent_is_durable(cluster: Cluster, message: Message) -> bool:
    """What is on its way would still be true after a crash of its sender.

    A reply also proves that its addressee had made its own term durable.
    """
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


def refines(before: Cluster, after: Cluster) -> bool:
    """The law of the event log: what is decided stays decided, in its place."""
    return starts_with(after.decided, before.decided)


def commit_only_grows(before: Cluster, after: Cluster, i: ServerId) -> bool:
    """A server never goes back on what it knows to be decided, unless it crashes and forgets all of it."""
    now = after.replicas[i].commit_index
    return now == 0 or now >= before.replicas[i].commit_index


def match_only_grows(before: Cluster, after: Cluster, i: ServerId) -> bool:
    """While a server leads, what it believes to be acknowledged only grows."""
    old, new = before.replicas[i], after.replicas[i]
    if old.role != LEADER or new.role != LEADER:
        return True
    return all(new.match_index[peer] >= old.match_index[peer] for peer in before.servers)


def disk_only_grows(before: Cluster, after: Cluster, i: ServerId) -> bool:
    """No disk goes back to an earlier term, or changes its vote within one."""
    old, new = before.replicas[i].disk, after.replicas[i].disk
    if new.term != old.term:
        return new.term > old.term
    return old.voted_for in (None, new.voted_for)


INVARIANTS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "TypeOK": (Rule(replica_ok, ("i",)), Rule(message_ok, ("m",))),
    "ElectionSafety": (Rule(election_safety, ("i", "j")),),
    "LogMatching": (Rule(log_matching, ("i", "j")),),
    "LeaderCompleteness": (Rule(leader_completeness, ("i",)),),
    "StateMachineSafety": (Rule(state_machine_safety, ("i",)),),
    "DecidedIsDurable": (Rule(decided_is_durable),),
    "LeaderHasOwnEntry": (Rule(leader_has_own_entry, ("i",)),),
    "MatchIsDurable": (Rule(match_is_durable, ("i", "j")),),
    "SentIsDurable": (Rule(sent_is_durable, ("m",)),),
}

STEP_PROPERTIES: Final[Mapping[str, Rule]] = {
    "Refines": Rule(refines),
    "CommitOnlyGrows": Rule(commit_only_grows, ("i",)),
    "MatchOnlyGrows": Rule(match_only_grows, ("i",)),
    "DiskOnlyGrows": Rule(disk_only_grows, ("i",)),
}


def holds(name: str, cluster: Cluster) -> bool:
    """Whether an invariant holds of a cluster."""
    return all(rule(cluster) for rule in INVARIANTS[name])
