"""The cluster as a value: what its steps change, whom a message reaches, and where the ghost comes from."""

from __future__ import annotations

from itertools import pairwise

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.invariants import INVARIANTS, STEP_PROPERTIES, holds
from quorumlog.simulation.prepared import STARTS

SERVERS = ("a", "b", "c")
REQUEST = VoteRequest(sender="a", term=1, last_index=0, last_term=0)
VOTE = VoteReply(sender="b", to="a", term=1)


def elected() -> list[Cluster]:
    """How a becomes leader and commits its first entry, step by step."""
    story = [Cluster.of(SERVERS, batch=2)]
    story.append(story[-1].timeout("a"))
    story.append(story[-1].sync("a"))
    story.append(story[-1].deliver("b", REQUEST, VoteRequest))
    story.append(story[-1].sync("b"))
    story.append(story[-1].deliver("a", VOTE, VoteReply))
    story.append(story[-1].sync("a"))
    story.append(story[-1].replicate("a", "b"))
    append = AppendRequest("a", "b", 1, 0, 0, (Entry(1, None),), 0)
    story.append(story[-1].deliver("b", append, AppendRequest))
    story.append(story[-1].sync("b"))
    story.append(story[-1].deliver("a", AppendReply("b", "a", 1, True, 1), AppendReply))
    return story


def test_an_election_ends_in_a_decided_entry() -> None:
    last = elected()[-1]
    assert last.replicas["a"].role == "leader"
    assert last.decided == (Entry(1, None),)
    assert [last.replicas[server].commit_index for server in SERVERS] == [1, 0, 0]


def test_everything_holds_all_along() -> None:
    story = elected()
    assert all(holds(name, cluster) for cluster in story for name in INVARIANTS)
    assert all(rule(*step) for step in pairwise(story) for rule in STEP_PROPERTIES.values())


def test_a_step_is_a_function_of_the_cluster() -> None:
    assert elected() == elected()
    assert [hash(cluster) for cluster in elected()] == [hash(cluster) for cluster in elected()]


def test_what_was_decided_outlives_the_crash_of_all_who_knew() -> None:
    crashed = elected()[-1].crash("a")
    assert crashed.replicas["a"].commit_index == 0
    assert crashed.decided == (Entry(1, None),)


def test_delivery_leaves_the_message_in_the_network_and_loss_takes_it_out() -> None:
    asked = elected()[2]
    assert REQUEST in asked.deliver("b", REQUEST, VoteRequest).network
    assert asked.lose(REQUEST).network == frozenset()


@pytest.mark.parametrize(("to", "kind"), [("a", VoteRequest), ("b", VoteReply)])
def test_a_message_reaches_only_its_addressee_and_only_as_what_it_is(to: str, kind: type[VoteRequest]) -> None:
    with pytest.raises(Refused):
        elected()[2].deliver(to, REQUEST, kind)


def test_what_is_not_on_its_way_neither_arrives_nor_is_lost() -> None:
    with pytest.raises(Refused):
        elected()[0].deliver("b", REQUEST, VoteRequest)
    with pytest.raises(Refused):
        elected()[0].lose(REQUEST)


def test_a_step_that_changes_nothing_answers_the_same_cluster() -> None:
    leading = elected()[-1]
    assert leading.deliver("a", VOTE, VoteReply) is leading


@pytest.mark.parametrize("name", STARTS)
def test_every_prepared_start_satisfies_the_invariants(name: str) -> None:
    cluster = STARTS[name](("a", "b", "c"), 1, "x")
    assert [name for name in INVARIANTS if not holds(name, cluster)] == []
