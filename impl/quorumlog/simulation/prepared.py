"""Clusters in the middle of a story, so that what takes many steps to come about is few steps away.

The functions at the end restate the starts of the spec's models (`Init` and the function's name, in MCReplication).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.effects import Durable
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    Message,
    ServerId,
    VoteReply,
    VoteRequest,
)
from quorumlog.core.consensus.replica import Replica, start
from quorumlog.core.consensus.state import CANDIDATE, LEADER, everyone
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.cluster import Cluster, Decided

Three: TypeAlias = tuple[ServerId, ServerId, ServerId]
Start: TypeAlias = Callable[[Three, int, str], Cluster]


class Story(Struct, frozen=True):
    """The beginning of a story: who the servers are, and what each has been through. Everything is durable."""

    servers: tuple[ServerId, ...]
    batch: int
    replicas: FrozenMap[ServerId, Replica]

    @classmethod
    def of(cls, servers: Iterable[ServerId], batch: int = 1) -> Story:
        """Nothing has happened to anybody."""
        members = tuple(servers)
        return cls(members, batch, FrozenMap({server: start(server, members, batch) for server in members}))

    def follows(
        self, server: ServerId, term: int, voted_for: ServerId | None = None, log: Log = (), *, commit_index: int = 0
    ) -> Story:
        """The server is in this term, has voted so, holds these entries, and knows so many of them to be decided."""
        follower = start(server, self.servers, self.batch, Durable(term, voted_for, log))
        return self.replace(follower.change(commit_index=commit_index))

    def stands(self, server: ServerId, term: int, log: Log = (), votes: Iterable[ServerId] = ()) -> Story:
        """The server is a candidate in this term, and has these votes besides its own."""
        candidate = start(server, self.servers, self.batch, Durable(term, server, log))
        return self.replace(candidate.change(role=CANDIDATE, votes=frozenset({server, *votes})))

    def leads(
        self,
        server: ServerId,
        term: int,
        log: Log,
        *,
        following: int,
        acknowledged: Mapping[ServerId, int] | None = None,
        commit_index: int = 0,
    ) -> Story:
        """The server leads this term, will send everybody entry `following` next, and knows this to be acknowledged."""
        leader = start(server, self.servers, self.batch, Durable(term, server, log)).change(
            role=LEADER,
            next_index=everyone(self.servers, following),
            match_index=FrozenMap({**dict.fromkeys(self.servers, 0), **(acknowledged or {})}),
            commit_index=commit_index,
        )
        return self.replace(leader)

    def replace(self, replica: Replica) -> Story:
        """The story with another beginning for one server."""
        return Story(self.servers, self.batch, self.replicas.set(replica.identity, replica))

    def begin(self, decided: Decided = (), network: Iterable[Message] = ()) -> Cluster:
        """The cluster from which the story goes on."""
        return Cluster(self.servers, self.replicas, frozenset(network), decided)


def no_op(term: int) -> Entry:
    """The first entry of a leader."""
    return Entry(term, None)


# -- the starts of the spec's models ------------------------------------------------------------------------


def nothing(servers: Three, batch: int, _: str) -> Cluster:
    """Nothing has happened. Spec: Replication!Init."""
    return Cluster.of(servers, batch)


def figure8(servers: Three, batch: int, _: str) -> Cluster:
    """Figure 8 of the Raft paper before (c): a led term 1, b term 2; now a leads term 3, and sends its old entry."""
    a, b, c = servers
    story = Story.of(servers, batch).follows(b, 2, b, (no_op(2),)).follows(c, 3, a)
    return story.leads(a, 3, (no_op(1), no_op(3)), following=1).begin()


def leader(servers: Three, batch: int, _: str) -> Cluster:
    """Server a leads term 1, everybody has its first entry, and a alone knows that it is decided."""
    a, b, c = servers
    first = (no_op(1),)
    story = Story.of(servers, batch).follows(b, 1, a, first).follows(c, 1, a, first)
    return story.leads(a, 1, first, following=2, acknowledged={b: 1, c: 1}, commit_index=1).begin(first)


def candidates(servers: Three, batch: int, _: str) -> Cluster:
    """Servers a and b stand in term 1 at the same time, and both requests are on their way."""
    a, b, _c = servers
    requests = [VoteRequest(sender=sender, term=1, last_index=0, last_term=0) for sender in (a, b)]
    return Story.of(servers, batch).stands(a, 1).stands(b, 1).begin(network=requests)


def old_vote(servers: Three, batch: int, _: str) -> Cluster:
    """Server b stood in term 1, and c's vote for it comes only now, when a leads term 2 and b stands in term 2 too."""
    a, b, c = servers
    story = Story.of(servers, batch).leads(a, 2, (no_op(2),), following=1).stands(b, 2).follows(c, 2, a)
    return story.begin(network=[VoteReply(sender=c, to=b, term=1)])


def conflict(servers: Three, batch: int, event: str) -> Cluster:
    """Server a led term 1, appended an event that nobody else has, and crashed; b leads term 2, elected by c."""
    a = servers[0]
    return successor(servers, batch).follows(a, 1, a, (no_op(1), Entry(1, event))).begin((no_op(1),))


def deposed(servers: Three, batch: int, event: str) -> Cluster:
    """The same, but a has not crashed and does not know that it is deposed: two servers lead."""
    a, b, c = servers
    log = (no_op(1), Entry(1, event))
    story = successor(servers, batch).leads(a, 1, log, following=2, acknowledged={b: 1, c: 1}, commit_index=1)
    return story.begin((no_op(1),))


def longer(servers: Three, batch: int, event: str) -> Cluster:
    """Server b leads term 2 and agrees with a on two entries; a third one, of term 1, is on a's disk alone."""
    a, b, c = servers
    shared = (no_op(1), Entry(1, event))
    story = Story.of(servers, batch).follows(a, 2, None, (*shared, Entry(1, event))).follows(c, 2, b, shared[:1])
    return story.leads(b, 2, (*shared, no_op(2)), following=2).begin(shared[:1])


def late(servers: Three, batch: int, event: str) -> Cluster:
    """Two entries are decided; an old request to b, and b's old answer to it, are about to arrive once more."""
    a, b, c = servers
    log = (no_op(1), Entry(1, event))
    story = Story.of(servers, batch).follows(b, 1, a, log, commit_index=2).follows(c, 1, a)
    story = story.leads(a, 1, log, following=3, acknowledged={b: 2}, commit_index=2)
    request = AppendRequest(a, b, 1, prev_index=0, prev_term=0, entries=log[:1], commit_index=1)
    return story.begin(log, [request, AppendReply(b, a, 1, accepted=True, index=1)])


def elected(servers: Three, batch: int, _: str) -> Cluster:
    """Server a has just been elected for term 1 by everybody, and its first entry is not on its disk."""
    return newly_elected(servers, batch, (no_op(1),))


def proposed(servers: Three, batch: int, event: str) -> Cluster:
    """The same, and an event has been appended, too."""
    return newly_elected(servers, batch, (no_op(1), Entry(1, event)))


def newly_elected(servers: Three, batch: int, log: Log) -> Cluster:
    """Server a leads term 1 with a log that is nowhere but in its memory."""
    a, b, c = servers
    story = Story.of(servers, batch).leads(a, 1, (), following=1).follows(b, 1, a).follows(c, 1, a)
    return story.replace(story.replicas[a].change(log=log)).begin()


def successor(servers: Three, batch: int) -> Story:
    """The first entry of term 1 is on all disks, and b leads term 2, elected by c."""
    _, b, c = servers
    story = Story.of(servers, batch).follows(c, 2, b, (no_op(1),))
    return story.leads(b, 2, (no_op(1), no_op(2)), following=2)


STARTS: Final[Mapping[str, Start]] = {
    "Init": nothing,
    "InitFigure8": figure8,
    "InitLeader": leader,
    "InitCandidates": candidates,
    "InitOldVote": old_vote,
    "InitConflict": conflict,
    "InitDeposed": deposed,
    "InitLonger": longer,
    "InitLate": late,
}
"""By the name of the operator of the spec that says the same: called with the servers, the batch and an event."""

LIVE_STARTS: Final[Mapping[str, Start]] = {"ElectedSpec": elected, "ProposedSpec": proposed}
"""The same of the models of liveness, which start in the middle of an election."""
