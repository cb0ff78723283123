"""What must hold of electorates and of their steps, from the words of the spec PreVote and not from its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, TypeAlias, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.state import LEADER
from quorumlog.pre_vote import PRE_VOTES, PreVote, PreVoteRequest
from quorumlog.simulation import invariants
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.pre_vote import Electorate

Part: TypeAlias = tuple[tuple[str, ...], Callable[..., bool]]
"""What a property is about (servers `i`, a pre-vote `p`), and a test of one of each."""


def contact_ok(electorate: Electorate, i: ServerId) -> bool:
    """What a server knows is of the types that it should be of."""
    contact, servers = electorate.contact(i), set(electorate.servers)
    return contact.grants <= servers and contact.replied <= servers and electorate.askers[i].attempt >= 0


def pre_vote_ok(electorate: Electorate, p: PreVote) -> bool:
    """A pre-vote is one of the two kinds, between servers."""
    named = {p.sender} if isinstance(p, PreVoteRequest) else {p.sender, p.to}
    return isinstance(p, PRE_VOTES) and named <= set(electorate.servers)


def askers_hear_nobody(electorate: Electorate, i: ServerId) -> bool:
    """Whoever asks does not lead, and has heard no leader, unless it has just made room."""
    contact = electorate.contact(i)
    if not contact.grants:
        return True
    made_room = len(contact.grants) == len(electorate.servers)
    return electorate.replicas[i].role != LEADER and (made_room or not contact.heard)


def only_leaders_count(electorate: Electorate, i: ServerId) -> bool:
    """Leaders alone count replies, and nobody counts its own."""
    replied = electorate.contact(i).replied
    return i not in replied and (electorate.replicas[i].role == LEADER or not replied)


def numbers_were_drawn(electorate: Electorate, p: PreVote) -> bool:
    """A number on its way is none of an attempt to come."""
    return p.attempt <= electorate.askers[p.sender if isinstance(p, PreVoteRequest) else p.to].attempt


def nobody_begins_a_term(before: Electorate, after: Electorate, i: ServerId) -> bool:
    """Whoever enters a term finds somebody who is in it, or beyond it."""
    return any(after.replicas[i].term <= before.replicas[j].term for j in before.servers)


def refines_replication(before: Electorate, after: Electorate) -> bool:
    """What consensus sees of a step is one of its own steps, or none."""
    here, there = consensus(before), consensus(after)
    return here == there or there in followers(here, there)


def consensus(electorate: Electorate) -> Cluster:
    """The electorate without what is new in it."""
    return Cluster(electorate.servers, electorate.replicas, electorate.network, electorate.decided)


def followers(here: Cluster, there: Cluster) -> Iterator[Cluster]:
    """All clusters a step from here; of events only those that have been appended there are tried."""
    steps: list[Callable[[], Cluster]] = [partial(here.lose, m) for m in here.network]
    for i in here.servers:
        steps += [partial(here.timeout, i), partial(here.sync, i), partial(here.crash, i), partial(here.resign, i)]
        steps += [partial(here.replicate, i, j) for j in here.servers]
        steps += [partial(here.deliver, i, m, type(m)) for m in here.network]
        steps += [partial(here.propose, i, cast(str, entry.event)) for entry in there.replicas[i].log[-1:]]
    for step in steps:
        try:
            yield step()
        except Refused:
            continue


INVARIANTS: Final[Mapping[str, tuple[Part, ...]]] = {
    "TypeOK": (
        *((rule.over, rule.test) for rule in invariants.INVARIANTS["TypeOK"]),
        (("i",), contact_ok),
        (("p",), pre_vote_ok),
    ),
    "AskersHearNobody": ((("i",), askers_hear_nobody),),
    "OnlyLeadersCount": ((("i",), only_leaders_count),),
    "NumbersWereDrawn": ((("p",), numbers_were_drawn),),
}

STEP_PROPERTIES: Final[Mapping[str, tuple[Part, ...]]] = {
    "RefinesReplication": (((), refines_replication),),
    "NobodyBeginsATerm": ((("i",), nobody_begins_a_term),),
}
