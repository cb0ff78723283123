"""Contracts on the pure functions of the consensus core: each answers what the spec's own operator answers.

A log is given by the terms of its entries, for events are copied and never looked into. Its events are all different,
so that it is seen which entry came from where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from quorumlog.core.consensus import durability, election, follower, leader, log, progress, quorum, replica, state
from quorumlog.core.consensus.effects import Durable, ElectionTimeout, Refused, Replicate, Send, Sync
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, Message, VoteReply, VoteRequest
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import CANDIDATE, FOLLOWER, LEADER, ROLES
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog_bindings.replication import entries, message, of_replica, server
from tlastep.check.contract import Contracts, Operators, assume, pick
from tlastep.values import Fn, Value, to_value

contracts = Contracts("Replication", model="ReplicationTiny")

NAMES: Final = ("a", "b", "c", "d", "e", "f", "g")
ME, PEER, OTHER = NAMES[:3]


# -- values to begin with -----------------------------------------------------------------------------------


def log_of(terms: Sequence[int], word: str = "mine") -> tuple[Entry, ...]:
    """A log of entries of these terms."""
    return tuple([Entry(term, f"{word} {place}") for place, term in enumerate(terms)])


def replica_of(mine: Log, role: state.Role = FOLLOWER, term: int = 0, *, batch: int = 1, **parts: Any) -> Replica:
    """A server of three, with a log, of which nothing is on the disk yet."""
    begun = state.start(ME, NAMES[:3], batch).change(log=mine, role=role, term=term)
    return begun.change(**parts)


def indexes(mine: int, peer: int, other: int) -> FrozenMap[str, int]:
    """An index for each server."""
    return FrozenMap({ME: mine, PEER: peer, OTHER: other})


KNOWN: Final[Mapping[state.Role, Mapping[str, Any]]] = {
    FOLLOWER: {},
    CANDIDATE: {"votes": frozenset({ME})},
    LEADER: {"match_index": indexes(1, 2, 3), "next_index": indexes(4, 3, 4)},
}
"""What a server knows in each role that it has to forget as a follower."""


def variables(of: Replica) -> dict[str, Value]:
    """The variables of a spec in which there is this server alone, in a silent network."""
    identity, shown = of_replica(of.identity, of)
    alone: dict[str, Value] = {name: Fn({identity: to_value(value)}) for name, value in shown.items()}
    return {**alone, "network": frozenset(), "decided": ()}


def as_in_spec(spec: Operators, action: str, before: Replica, taken: Message, after: Replica, names: str) -> bool:
    """Whether a message changes these variables of a server as the spec's action does."""
    (following,) = spec.take(action, variables(before), server(ME), message(taken))
    shown = variables(after)
    return all(following[name] == shown[name] for name in names.split())


def rising(terms: Sequence[int], last: int) -> bool:
    """Whether terms never fall along a log, nor from its end to a term."""
    return all(one <= other for one, other in pairwise([*terms, last]))


def matching(one: Sequence[int], other: Sequence[int]) -> bool:
    """Log matching: where two logs have one term, they have had one term at each place before."""
    equal = [mine == theirs for mine, theirs in zip(one, other, strict=False)]
    return all(before or not after for before, after in pairwise(equal))


# -- quorums ------------------------------------------------------------------------------------------------


@contracts.of(quorum.majority, operator="")
def majority(spec: Operators, size: int) -> bool:
    """Two majorities share a server, and no smaller number of servers is enough for that."""
    needed = quorum.majority(size)
    return 2 * needed > size >= 2 * (needed - 1)


@contracts.of(quorum.is_quorum, operator="IsQuorum", chosen=7)
def is_quorum(spec: Operators, chosen: list[bool]) -> bool:
    """Any servers of any group are a quorum exactly when the spec says so."""
    members = NAMES[: len(tuple(chosen))]
    servers = frozenset([name for name, is_in in zip(members, chosen, strict=False) if is_in])
    same = spec.where(Server=frozenset(map(server, members)))
    return bool(quorum.is_quorum(servers, members) == same.IsQuorum(frozenset(map(server, servers))))


@contracts.of(quorum.reached, operator="IsQuorum", reached_by=5)
def reached(spec: Operators, reached_by: list[int]) -> bool:
    """A quorum has come so far, and none any farther."""
    found = tuple(reached_by)
    assume(len(found) >= 2)
    members = NAMES[: len(found)]
    index = quorum.reached(found, len(found))
    same = spec.where(Server=frozenset(map(server, members)))
    there = frozenset([server(name) for name, each in zip(members, found, strict=True) if each >= index])
    beyond = frozenset([server(name) for name, each in zip(members, found, strict=True) if each > index])
    return bool(same.IsQuorum(there)) and not same.IsQuorum(beyond)


# -- the log ------------------------------------------------------------------------------------------------


@contracts.of(log.term_at, operator="TermAt", terms=4)
def term_at(spec: Operators, terms: list[int], index: int) -> bool:
    """The term of an entry, and 0 before the first."""
    mine = log_of(terms)
    assume(0 <= index <= len(mine))
    return bool(log.term_at(mine, index) == spec.TermAt(entries(mine), index))


@contracts.of(log.last_term, operator="LastTerm", terms=4)
def last_term(spec: Operators, terms: list[int]) -> bool:
    """The term of the last entry, and 0 if there is none."""
    mine = log_of(terms)
    return bool(log.last_term(mine) == spec.LastTerm(entries(mine)))


@contracts.of(log.is_as_complete, operator="UpToDate", terms=4)
def is_as_complete(spec: Operators, terms: list[int], index: int, term: int) -> bool:
    """Whether another log holds at least as much as this one."""
    mine = log_of(terms)
    return bool(log.is_as_complete(index, term, mine) == spec.UpToDate(term, index, entries(mine)))


@contracts.of(log.merge, operator="Merge", terms=4, received=4)
def merge(spec: Operators, terms: list[int], prev: int, received: list[int]) -> bool:
    """A log that takes in a slice keeps what agrees, and loses what conflicts and all behind it."""
    mine, theirs = log_of(terms), log_of(received, "theirs")
    assume(0 <= prev <= len(mine))
    return bool(entries(log.merge(mine, prev, theirs)) == spec.Merge(entries(mine), prev, entries(theirs)))


@contracts.of(log.kept, operator="IsPrefix", given="logs that match", old=4, new=4)
def kept(spec: Operators, old: list[int], new: list[int]) -> bool:
    """The longest beginning of the new log with which the old one begins, too, if the logs match."""
    one, other = log_of(old), log_of(new)
    assume(matching(old, new))
    count = log.kept(one, other)
    shared = spec.IsPrefix(entries(other[:count]), entries(one))
    return bool(shared) and (count == len(other) or not spec.IsPrefix(entries(other[: count + 1]), entries(one)))


@contracts.of(log.fits, operator="OnAppendRequest", given="up to one place beyond the log", terms=3)
def fits(spec: Operators, terms: list[int], prev: int, prev_term: int) -> bool:
    """A slice is accepted where it fits; `prev` is up to one beyond the log."""
    mine = log_of(terms)
    index = pick(prev, range(len(mine) + 2))
    request = AppendRequest(PEER, ME, 0, index, prev_term, (), 0)
    (following,) = spec.take("OnAppendRequest", variables(replica_of(mine)), server(ME), message(request))
    (reply,) = following["owed"][server(ME)]
    return bool(reply["accepted"]) == log.fits(mine, index, prev_term)


@contracts.of(leader.hand_on, operator="Replicate", given="logs of up to 4, terms 1, 2, 3, 4")
def hand_on(spec: Operators, length: int, following: int) -> bool:
    """The slice that is sent, and where the next one begins."""
    mine = log_of(range(1, pick(length, range(5)) + 1))
    begin = pick(following, range(1, len(mine) + 2))
    known = indexes(1, begin, 1)
    before = replica_of(mine, LEADER, len(mine), batch=spec.constant("Batch"), next_index=known)
    (spoken,) = spec.take("Replicate", variables(before), server(ME), server(PEER))
    after, (sent,) = leader.hand_on(before, Replicate(PEER))
    assert isinstance(sent, Send)
    said = {**variables(after), "network": frozenset({message(sent.message)})}
    return all(spoken[name] == said[name] for name in ("network", "nextIndex", "log"))


# -- rules --------------------------------------------------------------------------------------------------


@contracts.of(durability.commit_by_counting, operator="Decidable", given="3 servers, rising terms", terms=2)
def commit_rule(spec: Operators, terms: list[int], term: int, synced: int, commit: int, one: int, other: int) -> bool:
    """What a leader may call decided, if terms never fall along its log."""
    mine = log_of(terms)
    assume(rising(terms, term))
    durable, known = pick(synced, range(len(mine) + 1)), pick(commit, range(len(mine) + 1))
    disk = Durable(term, ME, mine[:durable])
    before = replica_of(mine, LEADER, term, disk=disk, commit_index=known, match_index=indexes(0, one, other))
    after, _ = durability.commit_by_counting(before)
    view = spec.state(variables(before))
    return bool(after.commit_index == spec.Decidable(view, server(ME), durable, view.matchIndex[server(ME)]))


@contracts.of(replica.receive, operator="OnVoteRequest", given="from a log that is behind", terms=2)
def term_rule(spec: Operators, terms: list[int], role: int, mine: int, theirs: int, index: int, last: int) -> bool:
    """The past is late, and a later term makes a follower of everybody. The vote is refused for the log here."""
    own = log_of(terms)
    assume(not log.is_as_complete(index, last, own))
    plays = ROLES[pick(role, range(3))]
    before = replica_of(own, plays, mine, voted_for=OTHER, **KNOWN[plays])
    request = VoteRequest(PEER, theirs, index, last)
    after, _ = replica.receive(before, request)
    names = "term votedFor role votes nextIndex matchIndex log owed"
    return as_in_spec(spec, "OnVoteRequest", before, request, after, names)


@contracts.of(replica.receive, operator="OnAppendRequest", terms=2)
def late(spec: Operators, terms: list[int], role: int, kind: int, mine: int, theirs: int) -> bool:
    """Whatever comes from an earlier term changes nothing."""
    assume(theirs < mine)
    plays = ROLES[pick(role, range(3))]
    before = replica_of(log_of(terms), plays, mine, voted_for=OTHER, **KNOWN[plays])
    sent = (VoteReply(PEER, ME, theirs), AppendRequest(PEER, ME, theirs, 0, 0, (), 0))[pick(kind, range(2))]
    after, effects = replica.receive(before, sent)
    action = f"On{type(sent).__name__}"
    names = "term votedFor role votes log disk owed nextIndex matchIndex commitIndex"
    return effects == () and as_in_spec(spec, action, before, sent, after, names)


@contracts.of(election.consider_vote, operator="OnVoteRequest", given="in one term", terms=3)
def vote_rule(spec: Operators, terms: list[int], voted: int, index: int, last: int) -> bool:
    """One vote a term, and only for a log that is as complete as one's own."""
    vote = (None, PEER, OTHER)[pick(voted, range(3))]
    before = replica_of(log_of(terms), term=1, voted_for=vote)
    request = VoteRequest(PEER, 1, index, last)
    after, _ = election.consider_vote(before, request)
    return as_in_spec(spec, "OnVoteRequest", before, request, after, "term votedFor role owed")


@contracts.of(election.count_vote, operator="OnVoteReply", given="3 servers", terms=3)
def count_vote(spec: Operators, terms: list[int], term: int, before_it: int) -> bool:
    """A majority makes a leader, whose first entry is a no-op of its term; whatever votes were there before."""
    votes = (frozenset[str](), frozenset({ME}), frozenset({ME, OTHER}))[pick(before_it, range(3))]
    before = replica_of(log_of(terms), CANDIDATE, term, votes=votes)
    reply = VoteReply(PEER, ME, term)
    after, _ = election.count_vote(before, reply)
    return as_in_spec(spec, "OnVoteReply", before, reply, after, "role votes log nextIndex matchIndex")


@contracts.of(leader.advance_peer, operator="OnAppendReply", given="an empty log")
def advance_peer(spec: Operators, accepted: bool, index: int, known: int, following: int) -> bool:
    """What is known of a peer never shrinks, and a refusal never falls behind it."""
    ahead, begin = indexes(0, known, 0), indexes(1, following, 1)
    before = replica_of((), LEADER, 1, match_index=ahead, next_index=begin)
    reply = AppendReply(PEER, ME, 1, accepted, index)
    after, _ = leader.advance_peer(before, reply)
    return as_in_spec(spec, "OnAppendReply", before, reply, after, "matchIndex nextIndex commitIndex")


@contracts.of(progress.replicated, operator="Decidable", given="3 servers, one term", terms=2)
def replicated(spec: Operators, terms: list[int], synced: int, one: int, other: int) -> bool:
    """The leader counts for what is on its disk, and once: in a log of its own term, that is what it may decide."""
    mine = log_of([0 for _ in terms])
    durable = pick(synced, range(len(mine) + 1))
    assume(0 <= one <= len(mine) and 0 <= other <= len(mine))
    known = indexes(0, one, other)
    view = spec.state(variables(replica_of(mine, LEADER, match_index=known)))
    found = progress.replicated(ME, NAMES[:3], known, durable)
    return bool(found == spec.Decidable(view, server(ME), durable, view.matchIndex[server(ME)]))


@contracts.of(
    follower.accept_entries,
    operator="OnAppendRequest",
    given="in one term, commit indexes of up to 4",
    terms=2,
    received=2,
)
def accept_entries(
    spec: Operators, terms: list[int], prev: int, prev_term: int, received: list[int], commit: int, theirs: int
) -> bool:
    """What a follower takes in, acknowledges and calls decided. Nobody sends what contradicts the decided entries."""
    mine, entered = log_of(terms), log_of(received, "theirs")
    index, known = pick(prev, range(len(mine) + 2)), pick(commit, range(len(mine) + 1))
    assume(all(one.term == other.term for one, other in zip(mine[index:known], entered, strict=False)))
    before = replica_of(mine, FOLLOWER, 1, commit_index=known)
    request = AppendRequest(PEER, ME, 1, index, prev_term, entered, pick(theirs, range(5)))
    after, _ = follower.accept_entries(before, request)
    return as_in_spec(spec, "OnAppendRequest", before, request, after, "log commitIndex owed")


# -- the disk -----------------------------------------------------------------------------------------------


@contracts.of(election.stand, operator="Timeout", given="logs and terms of up to 3")
def stand(spec: Operators, length: int, candidate: bool, term: int) -> bool:
    """A server stands in a new term, and the request waits for the disk."""
    mine = log_of(range(1, pick(length, range(4)) + 1))
    before = replica_of(mine, (FOLLOWER, CANDIDATE)[int(candidate)], pick(term, range(4)))
    (following,) = spec.take("Timeout", variables(before), server(ME))
    after, effects = election.stand(before, ElectionTimeout())
    return effects == () and following == variables(after)


@contracts.of(durability.sync, operator="Sync", terms=2)
def sync(spec: Operators, terms: list[int], term: int, stored: int, synced: int, voted: bool, owes: bool) -> bool:
    """Everything is written, then what was owed is sent; a server with nothing to write refuses."""
    mine = log_of(terms)
    disk = Durable(stored, None, mine[: pick(synced, range(len(mine) + 1))])
    owed = frozenset((VoteReply(ME, PEER, 1),)[: int(owes)])
    before = replica_of(mine, FOLLOWER, term, disk=disk, owed=owed, voted_for=(None, PEER)[int(voted)])
    ways = spec.take("Sync", variables(before), server(ME))
    try:
        after, effects = durability.sync(before, Sync())
    except Refused:
        return ways == []
    sent = frozenset([message(each.message) for each in effects if isinstance(each, Send)])
    return ways == [{**variables(after), "network": sent}]


@contracts.of(state.restart, operator="Crash", terms=2)
def restart(spec: Operators, terms: list[int], role: int, term: int, stored: int, synced: int, voted: bool) -> bool:
    """A crash leaves what the disk holds, and nothing else."""
    mine = log_of(terms)
    disk = Durable(stored, (None, PEER)[int(voted)], mine[: pick(synced, range(len(mine) + 1))])
    plays = ROLES[pick(role, range(3))]
    before = replica_of(mine, plays, term, disk=disk, voted_for=OTHER, commit_index=len(mine), **KNOWN[plays])
    (following,) = spec.take("Crash", variables(before), server(ME))
    return bool(following == variables(state.restart(before)))
