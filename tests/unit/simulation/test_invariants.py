"""Every property can fail: a cluster, or a step, that breaks it and, where that is possible, nothing else."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Durable
from quorumlog.core.consensus.messages import AppendReply, Entry, Message, VoteReply, VoteRequest
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.invariants import INVARIANTS, STEP_PROPERTIES, holds
from quorumlog.simulation.prepared import Story, deposed, leader, no_op

SERVERS = ("a", "b", "c")
LEADER = leader(SERVERS, 1, "x")
DEPOSED = deposed(SERVERS, 1, "x")
BLANK = Story.of(SERVERS)


def carrying(message: Message) -> Cluster:
    """Servers that have never run, and a message between them all the same."""
    return BLANK.begin(network=[message])


BROKEN: list[tuple[str, Cluster]] = [
    ("TypeOK", LEADER.change(replicas=LEADER.replicas.set("c", LEADER.replicas["c"].change(voted_for="z")))),
    ("TypeOK", carrying(AppendReply("a", "b", 0, False, -1))),
    ("TypeOK", BLANK.leads("a", 1, (no_op(1),), following=0).begin()),
    ("ElectionSafety", BLANK.leads("a", 1, (no_op(1),), following=1).leads("b", 1, (no_op(1),), following=1).begin()),
    ("LogMatching", BLANK.follows("a", 1, log=(Entry(1, "x"),)).follows("b", 1, log=(Entry(1, "y"),)).begin()),
    (
        "LogMatching",
        BLANK.follows("a", 3, log=(no_op(1), no_op(3))).follows("b", 3, log=(no_op(2), no_op(3))).begin(),
    ),
    ("LeaderCompleteness", LEADER.change(decided=(no_op(1), Entry(1, "x")))),
    ("LeaderCompleteness", LEADER.change(decided=(Entry(1, "x"),))),
    ("StateMachineSafety", LEADER.change(decided=())),
    (
        "StateMachineSafety",
        LEADER.change(replicas=LEADER.replicas.set("c", LEADER.replicas["c"].change(commit_index=2))),
    ),
    ("DecidedIsDurable", BLANK.follows("a", 1, log=(no_op(1),)).begin(decided=(no_op(1),))),
    ("LeaderHasOwnEntry", BLANK.leads("a", 2, (no_op(1),), following=1).begin()),
    ("LeaderHasOwnEntry", BLANK.leads("a", 2, (), following=1).begin()),
    ("MatchIsDurable", BLANK.leads("a", 1, (no_op(1),), following=2, acknowledged={"b": 1}).begin()),
    ("SentIsDurable", carrying(VoteRequest("a", 1, 0, 0))),
    ("SentIsDurable", carrying(VoteReply("a", "b", 0))),
    ("SentIsDurable", carrying(AppendReply("a", "b", 0, True, 1))),
    ("SentIsDurable", BLANK.follows("a", 1, "b").begin(network=[VoteReply("a", "b", 1)])),
]


@pytest.mark.parametrize(("name", "cluster"), BROKEN)
def test_an_invariant_can_fail(name: str, cluster: Cluster) -> None:
    assert not holds(name, cluster)


def test_each_invariant_has_an_example() -> None:
    assert {name for name, _ in BROKEN} == set(INVARIANTS)


def test_a_deposed_leader_may_lack_what_was_decided() -> None:
    later = (no_op(1), no_op(2))
    assert holds("LeaderCompleteness", DEPOSED.change(decided=later))


def changed(disk: Durable) -> Cluster:
    return LEADER.change(replicas=LEADER.replicas.set("a", LEADER.replicas["a"].change(disk=disk)))


A = LEADER.replicas["a"]
WRONG_STEPS: list[tuple[str, Cluster]] = [
    ("Refines", LEADER.change(decided=())),
    ("Refines", LEADER.change(decided=(no_op(2), no_op(2)))),
    (
        "MatchOnlyGrows",
        LEADER.change(replicas=LEADER.replicas.set("a", A.change(match_index=A.match_index.set("b", 0)))),
    ),
    ("DiskOnlyGrows", changed(Durable(0, "a", A.log))),
    ("DiskOnlyGrows", changed(Durable(1, "b", A.log))),
]


@pytest.mark.parametrize(("name", "after"), WRONG_STEPS)
def test_a_property_of_steps_can_fail(name: str, after: Cluster) -> None:
    assert not STEP_PROPERTIES[name](LEADER, after)
    assert STEP_PROPERTIES[name](LEADER, LEADER)


def test_a_commit_index_falls_only_to_zero() -> None:
    grows = STEP_PROPERTIES["CommitOnlyGrows"]
    ahead = LEADER.change(replicas=LEADER.replicas.set("a", A.change(commit_index=2)))
    assert grows(LEADER, ahead)
    assert not grows(ahead, LEADER)
    assert grows(LEADER, LEADER.crash("a"))


def test_each_property_of_steps_has_an_example() -> None:
    assert {name for name, _ in WRONG_STEPS} | {"CommitOnlyGrows"} == set(STEP_PROPERTIES)
