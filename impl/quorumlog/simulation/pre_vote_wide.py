"""Electorates of five servers in the middle of a story: where random walks begin.

The clusters are those where walks of consensus begin. Each function restates what servers know of each other there, as
the operator of MCPreVoteWide that bears its name in another spelling.
"""

from __future__ import annotations

from typing import Final

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.state import LEADER
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.pre_vote import NOBODY, Contact, PreVoteReply
from quorumlog.simulation import prepared_wide
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.pre_vote import Asker, Electorate


def all_wait(bare: Cluster) -> Electorate:
    """All who do not lead wait for a leader."""
    electorate = Electorate.among(bare)
    for server, replica in bare.replicas.items():
        if replica.role == LEADER:
            electorate = electorate.knows(server, NOBODY)
    return electorate


def nobody_hears(bare: Cluster) -> Electorate:
    """Nobody has heard anybody for long."""
    return have_asked(bare, 0)


def have_asked(bare: Cluster, times: int) -> Electorate:
    """Nobody has heard anybody, and each has asked so often, but nobody asks now."""
    return Electorate.among(bare).change(askers=FrozenMap(dict.fromkeys(bare.servers, Asker(NOBODY, times))))


def late_grants(bare: Cluster) -> Electorate:
    """The same, and grants of attempts before the last ones of b and e are still on their way."""
    _, b, c, d, e, *_others = bare.servers
    grants = frozenset(PreVoteReply(sender=i, to=j, attempt=1) for i in (c, d) for j in (b, e))
    return have_asked(bare, 2).change(canvass=grants)


def may_stand(bare: Cluster) -> Electorate:
    """Nothing is on its way, and all who do not lead may stand."""
    _, b, c, d, *_others = bare.servers
    electorate = have_asked(bare, 1)
    for server, replica in bare.replicas.items():
        if replica.role != LEADER:
            electorate = electorate.knows(server, Contact(heard=False, grants=frozenset((b, c, d, server)), attempt=1))
    return electorate


KNOWN: Final = (all_wait, nobody_hears, late_grants, may_stand)


def starts(servers: tuple[ServerId, ...], batch: int, event: str) -> list[Electorate]:
    """Everything that may be known, in each cluster. Spec: MCPreVoteWide!Starts."""
    return [known(bare) for bare in prepared_wide.starts(servers, batch, event) for known in KNOWN]
