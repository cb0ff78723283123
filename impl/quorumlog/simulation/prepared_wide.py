"""Clusters of five and more servers in the middle of a story: where random walks begin.

The functions restate the starts of MCReplicationWide (`Init` and the function's name). Servers after the fifth sleep.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, ServerId, VoteReply, VoteRequest
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.prepared import Story, no_op

FIRST: Final = (no_op(1),)


def alike(story: Story, servers: Iterable[ServerId], term: int, voted_for: ServerId | None, log: Log) -> Story:
    """Several servers are in this term, have voted alike and hold the same entries."""
    for server in servers:
        story = story.follows(server, term, voted_for, log)
    return story


def nothing(servers: tuple[ServerId, ...], batch: int, _: str) -> Cluster:
    """Nothing has happened. Spec: Replication!Init."""
    return Cluster.of(servers, batch)


def leader(servers: tuple[ServerId, ...], batch: int, _: str) -> Cluster:
    """Server a leads term 1; b, c and d have its first entry, and a alone knows that it is decided."""
    a, b, c, d, *_others = servers
    story = alike(Story.of(servers, batch), (b, c, d), 1, a, FIRST)
    return story.leads(a, 1, FIRST, following=2, acknowledged={b: 1, c: 1, d: 1}, commit_index=1).begin(FIRST)


def lagging(servers: tuple[ServerId, ...], batch: int, event: str) -> Cluster:
    """Server a leads term 1 and three entries are decided; e has none of them, and a does not know it."""
    a, b, c, d, *_others = servers
    three = (*FIRST, Entry(1, event), Entry(1, event))
    story = alike(Story.of(servers, batch), (c, d), 1, a, three).follows(b, 1, a, three, commit_index=2)
    story = story.leads(a, 1, three, following=4, acknowledged={b: 3, c: 3, d: 3}, commit_index=3)
    return story.begin(three)


def figure8(servers: tuple[ServerId, ...], batch: int, _: str) -> Cluster:
    """Figure 8 of the Raft paper before (c): a leads term 4, with an entry of term 2 that e, of term 3, has not."""
    a, b, c, d, e, *_others = servers
    story = alike(Story.of(servers, batch), (c, d), 4, a, FIRST).follows(b, 4, a, (*FIRST, no_op(2)))
    story = story.follows(e, 3, e, (*FIRST, no_op(3)))
    return story.leads(a, 4, (*FIRST, no_op(2), no_op(4)), following=2).begin(FIRST)


def successor(servers: tuple[ServerId, ...], batch: int, event: str) -> Story:
    """Server b leads term 2, elected by c, d and e, and e has an entry of a's that b has not."""
    _, b, c, d, e, *_others = servers
    story = alike(Story.of(servers, batch), (c, d), 2, b, FIRST).follows(e, 2, b, (*FIRST, Entry(1, event)))
    return story.leads(b, 2, (*FIRST, no_op(2)), following=2)


def conflict(servers: tuple[ServerId, ...], batch: int, event: str) -> Cluster:
    """Server a led term 1, wrote two events that are not decided, and crashed; now b leads term 2."""
    a = servers[0]
    log = (*FIRST, Entry(1, event), Entry(1, event))
    return successor(servers, batch, event).follows(a, 1, a, log).begin(FIRST)


def deposed(servers: tuple[ServerId, ...], batch: int, event: str) -> Cluster:
    """The same, but a does not know that it is deposed: two servers lead."""
    a, b, c, d, e, *_others = servers
    log = (*FIRST, Entry(1, event), Entry(1, event))
    known = {b: 1, c: 1, d: 1, e: 2}
    story = successor(servers, batch, event).leads(a, 1, log, following=2, acknowledged=known, commit_index=1)
    return story.begin(FIRST)


def longer(servers: tuple[ServerId, ...], batch: int, event: str) -> Cluster:
    """Server b leads term 2 and agrees with a on two entries, but each has a third one of its own."""
    a, b, c, d, e, *_others = servers
    shared = (*FIRST, Entry(1, event))
    story = alike(Story.of(servers, batch), (c, d, e), 2, b, FIRST).follows(a, 2, None, (*shared, Entry(1, event)))
    return story.leads(b, 2, (*shared, no_op(2)), following=2).begin(FIRST)


def candidates(servers: tuple[ServerId, ...], batch: int, _: str) -> Cluster:
    """Servers a, b and c stand in term 1, and their requests are on their way."""
    a, b, c, *_others = servers
    requests = [VoteRequest(sender=sender, term=1, last_index=0, last_term=0) for sender in (a, b, c)]
    return Story.of(servers, batch).stands(a, 1).stands(b, 1).stands(c, 1).begin(network=requests)


def old_vote(servers: tuple[ServerId, ...], batch: int, _: str) -> Cluster:
    """Votes for b of term 1 come only now, when a leads term 2 and b stands in term 2 too."""
    a, b, c, d, e, *_others = servers
    story = alike(Story.of(servers, batch), (c, d, e), 2, a, ()).stands(b, 2).leads(a, 2, (no_op(2),), following=1)
    return story.begin(network=[VoteReply(sender=voter, to=b, term=1) for voter in (c, d, e)])


def late(servers: tuple[ServerId, ...], batch: int, event: str) -> Cluster:
    """Two entries are decided; an old request to b, and b's old answer to it, are about to arrive once more."""
    a, b, c, d, *_others = servers
    two = (*FIRST, Entry(1, event))
    story = alike(Story.of(servers, batch), (c, d), 1, a, two).follows(b, 1, a, two, commit_index=2)
    story = story.leads(a, 1, two, following=3, acknowledged={b: 2, c: 2, d: 2}, commit_index=2)
    request = AppendRequest(a, b, 1, prev_index=0, prev_term=0, entries=FIRST, commit_index=1)
    return story.begin(two, [request, AppendReply(b, a, 1, accepted=True, index=1)])


STARTS: Final = (nothing, leader, lagging, figure8, conflict, deposed, longer, candidates, old_vote, late)


def starts(servers: tuple[ServerId, ...], batch: int, event: str) -> list[Cluster]:
    """All of them. Spec: MCReplicationWide!Starts."""
    return [start(servers, batch, event) for start in STARTS]
