"""Electorates in the middle of a story. Each function restates a start of MCPreVote, `Init` and its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from quorumlog.core.consensus.messages import ServerId, VoteRequest
from quorumlog.pre_vote import NOBODY, PreVote, PreVoteReply
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.pre_vote import Asker, Electorate
from quorumlog.simulation.prepared import Story, Three, leader, no_op

Start: TypeAlias = Callable[[Three, int], Electorate]


def nothing(servers: Three, batch: int) -> Electorate:
    """Nothing has happened."""
    return Electorate.among(Cluster.of(servers, batch))


def led(servers: Three, batch: int) -> Electorate:
    """Server a leads term 1, and everybody hears it."""
    return Electorate.among(leader(servers, batch, "")).knows(servers[0], NOBODY)


def returning(servers: Three, batch: int) -> Electorate:
    """Server c comes back. It had asked before a was elected, and what b said then is still on its way."""
    _, b, c = servers
    return asked_before(led(servers, batch), c, frozenset({PreVoteReply(sender=b, to=c, attempt=1)}))


def later(servers: Three, batch: int) -> Electorate:
    """Server c comes back in a later term, in which it has stood when b was for it, and nobody has heard of it."""
    a, b, c = servers
    first = (no_op(1),)
    story = Story.of(servers, batch).follows(b, 1, a, first).stands(c, 2, first)
    story = story.leads(a, 1, first, following=2, acknowledged={b: 1, c: 1}, commit_index=1)
    return asked_before(Electorate.among(story.begin(first)).knows(a, NOBODY), c, frozenset())


def shorter(servers: Three, batch: int) -> Electorate:
    """Server a led term 1 and has started again. Server c lacks the entry that is decided."""
    a, b, c = servers
    first = (no_op(1),)
    story = Story.of(servers, batch).follows(a, 1, a, first).follows(b, 1, a, first).follows(c, 1)
    return Electorate.among(story.begin(first)).knows(b, NOBODY).knows(c, NOBODY)


def outvoted(servers: Three, batch: int) -> Electorate:
    """The same, but server c has stood in the next term already, and its request is on its way."""
    c = servers[2]
    gone = shorter(servers, batch)
    stands = Story.of(servers, batch).stands(c, 2).replicas[c]
    request = VoteRequest(sender=c, term=2, last_index=0, last_term=0)
    return gone.change(replicas=gone.replicas.set(c, stands), network=frozenset({request}))


def asked_before(electorate: Electorate, server: ServerId, canvass: frozenset[PreVote]) -> Electorate:
    """The server has asked once, and has heard no leader since it was cut off."""
    return electorate.change(askers=electorate.askers.set(server, Asker(NOBODY, 1)), canvass=canvass)


STARTS: Final[Mapping[str, Start]] = {
    "Init": nothing,
    "InitLed": led,
    "InitReturning": returning,
    "InitLater": later,
    "InitShorter": shorter,
    "InitOutvoted": outvoted,
    "DeafSpec": led,
    "UncheckedSpec": led,
    "LaterSpec": later,
}
