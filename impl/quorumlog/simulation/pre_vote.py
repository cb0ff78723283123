"""Servers that ask before they stand, and all that is on its way between them: one immutable value, one method a step.

It is a `Cluster` whose servers have something more in mind, and the steps of consensus are the same. Spec: PreVote.
"""

from __future__ import annotations

from typing import Final, Self, TypeAlias, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import ElectionTimeout, Input, Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.replica import restart, step
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.pre_vote import (
    HEARD,
    Ask,
    Asking,
    Contact,
    PreVote,
    Tick,
    judge,
    learnt,
)
from quorumlog.simulation import cluster
from quorumlog.simulation.cluster import Cluster

Canvass: TypeAlias = frozenset[PreVote]


class Asker(Struct, frozen=True, cache_hash=True):
    """One server: what it knows of the others' being there, and how often it has asked, in all its lives.

    The number is the world's, so that none is used twice; without it what a server knows cannot be told in the spec's
    words, for which attempt it is that others are for is a number there.
    """

    contact: Contact
    attempt: int = 0


WAITS: Final = Asker(HEARD)
"""A server in the beginning."""


class Parts(cluster.Parts, total=False):
    """The parts of an electorate that a step may replace."""

    askers: FrozenMap[ServerId, Asker]
    canvass: Canvass


class Electorate(Cluster, frozen=True, cache_hash=True):
    """A cluster, what its servers know of each other, and the pre-votes on their way.

    The steps of a cluster are steps here, too: PreVote!Sync, PreVote!Propose, PreVote!Replicate,
    PreVote!OnVoteRequest, PreVote!OnVoteReply, PreVote!OnAppendRequest, PreVote!OnAppendReply, PreVote!Lose.
    """

    askers: FrozenMap[ServerId, Asker]
    canvass: Canvass

    @classmethod
    def among(cls, bare: Cluster) -> Electorate:
        """A cluster in which every server waits as if it had just heard a leader. Spec: PreVote!Init."""
        askers = FrozenMap(dict.fromkeys(bare.servers, WAITS))
        return cls(bare.servers, bare.replicas, bare.network, bare.decided, askers, frozenset())

    def change(self, **parts: Unpack[Parts]) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def knows(self, i: ServerId, contact: Contact) -> Self:
        """The same with what one server knows."""
        return self.change(askers=self.askers.set(i, Asker(contact, self.askers[i].attempt)))

    def contact(self, i: ServerId) -> Contact:
        """What a server knows of the others' being there."""
        return self.askers[i].contact

    def take(self, i: ServerId, taken: Input | Asking) -> Self:
        """The electorate after one server's step."""
        before, contact = self.replicas[i], self.contact(i)
        judged = judge(contact, before, taken)
        parts = Parts()
        if judged.sent is not None:
            parts["canvass"] = self.canvass | frozenset((judged.sent,))
        known = judged.contact
        if judged.then is not None:
            after, effects = step(before, judged.then)
            known = learnt(judged, before, after)
            parts = Parts(**parts, **self.carry_out(effects))
            if after is not before:
                parts["replicas"] = self.replicas.set(i, after)
        if known != contact:
            parts["askers"] = self.askers.set(i, Asker(known, self.askers[i].attempt))
        return self.change(**parts) if parts else self

    # -- steps that consensus does not have ------------------------------------------------------------------

    def ask(self, i: ServerId) -> Self:
        """A server asks whether it may stand. Spec: PreVote!Ask."""
        number = self.askers[i].attempt + 1
        after = self.take(i, Ask(number))
        return after.change(askers=after.askers.set(i, Asker(after.contact(i), number)))

    def timeout(self, i: ServerId) -> Self:
        """A server stands, if a quorum is for it. Spec: PreVote!Timeout."""
        return self.take(i, ElectionTimeout())

    def tick(self, i: ServerId) -> Self:
        """An election time-out has passed on a server's clock. Spec: PreVote!Tick."""
        return self.take(i, Tick())

    def crash(self, i: ServerId) -> Self:
        """A server stops, and starts again with what its disk holds. Spec: PreVote!Crash."""
        return self.change(replicas=self.replicas.set(i, restart(self.replicas[i]))).knows(i, HEARD)

    def hear(self, i: ServerId, message: PreVote, kind: type[PreVote]) -> Self:
        """A pre-vote of this kind arrives, and stays. Spec: PreVote!On and the name of the kind."""
        if not isinstance(message, kind) or message not in self.canvass:
            raise Refused(f"{message} is no {kind.__name__} on its way")
        return self.take(i, message)

    def lose_pre_vote(self, message: PreVote) -> Self:
        """A pre-vote is lost. Spec: PreVote!LosePreVote."""
        if message not in self.canvass:
            raise Refused(f"{message} is not on its way")
        return self.change(canvass=self.canvass - frozenset((message,)))

    # -- the design without pre-votes ------------------------------------------------------------------------

    def stand_unasked(self, i: ServerId) -> Self:
        """Whoever has heard nobody stands. Spec: MCPreVote!Stand."""
        if self.contact(i).heard:
            raise Refused(f"{i} has heard a leader")
        members = frozenset(self.servers)
        return self.knows(i, replace(self.contact(i), grants=members)).timeout(i)
