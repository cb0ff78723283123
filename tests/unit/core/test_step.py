"""One step at a time: terms, votes, what waits for the disk, what is committed, and what changes nothing."""

from __future__ import annotations

import msgspec
import pytest

from quorumlog.core.consensus.effects import (
    BLANK,
    Committed,
    Durable,
    ElectionTimeout,
    ImpossibleInput,
    Input,
    Propose,
    Refused,
    Replicate,
    Send,
    Store,
    Sync,
)
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.core.consensus.replica import Replica, restart, start, step
from quorumlog.persistent.frozen_map import FrozenMap

MEMBERS = ("a", "b", "c")
REQUEST = VoteRequest(sender="b", term=1, last_index=0, last_term=0)


def after(replica: Replica, *inputs: Input) -> Replica:
    for taken in inputs:
        replica, _ = step(replica, taken)
    return replica


def leader(*, batch: int = 2) -> Replica:
    """Server a, leader of term 1, its no-op not yet durable."""
    return after(start("a", MEMBERS, batch), ElectionTimeout(), Sync(), VoteReply(sender="b", to="a", term=1))


def accepted(sender: str, index: int) -> AppendReply:
    return AppendReply(sender=sender, to="a", term=1, accepted=True, index=index)


def appending(term: int, prev: tuple[int, int], *terms: int, commit_index: int = 0) -> AppendRequest:
    """Entries of these terms from b for a, after the place `prev` (index and term)."""
    entries = tuple(Entry(entry, "x") for entry in terms)
    return AppendRequest(
        sender="b",
        to="a",
        term=term,
        prev_index=prev[0],
        prev_term=prev[1],
        entries=entries,
        commit_index=commit_index,
    )


# -- illegal inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "taken",
    [
        Sync(),
        Propose(("x",)),
        Replicate("b"),
        VoteReply(sender="b", to="c", term=9),
        VoteRequest(sender="a", term=9, last_index=0, last_term=0),
        VoteReply(sender="b", to="a", term=9),
    ],
)
def test_an_illegal_input_changes_nothing(taken: Input) -> None:
    replica = start("a", MEMBERS, 2)
    with pytest.raises((Refused, ImpossibleInput)):
        step(replica, taken)
    assert replica == start("a", MEMBERS, 2)


@pytest.mark.parametrize("to", ["a", "z"])
def test_a_leader_sends_nothing_to_itself_or_to_strangers(to: str) -> None:
    with pytest.raises(Refused):
        step(leader(), Replicate(to))


def test_values_cannot_be_changed() -> None:
    for value, name in [
        (REQUEST, "term"),
        (leader(), "term"),
        (Entry(1, None), "event"),
        (BLANK, "log"),
        (Sync(), "x"),
    ]:
        with pytest.raises(AttributeError):
            setattr(value, name, 7)
    votes = FrozenMap({"a": 1})
    assert votes.set("a", 2)["a"] == 2
    assert votes["a"] == 1


def test_a_frozen_map_is_its_pairs() -> None:
    one, other = FrozenMap({"a": 1, "b": 2}), FrozenMap({"b": 2, "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one != one.set("b", 3)
    assert (list(one), len(one), "b" in one, "c" in one) == (["a", "b"], 2, True, False)


def test_equal_messages_hash_alike_and_survive_the_wire() -> None:
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(REQUEST), type=VoteRequest)
    assert {REQUEST, again} == {REQUEST}


# -- elections ----------------------------------------------------------------------------------------------


def test_a_vote_is_given_once_a_term_and_answered_again() -> None:
    voted = after(start("a", MEMBERS, 2), REQUEST)
    assert voted.voted_for == "b"
    assert voted.owed == {VoteReply(sender="a", to="b", term=1)}
    assert after(voted, REQUEST) == voted
    rival = VoteRequest(sender="c", term=1, last_index=5, last_term=0)
    assert after(voted, rival) == voted


def test_no_vote_for_a_log_that_is_worse() -> None:
    replica = start("a", MEMBERS, 2, Durable(1, None, (Entry(1, "x"),)))
    refused = after(replica, VoteRequest(sender="b", term=2, last_index=0, last_term=0))
    assert (refused.term, refused.voted_for, refused.owed) == (2, None, frozenset())


def test_a_later_term_makes_a_follower_of_everybody() -> None:
    deposed = after(leader(), VoteRequest(sender="b", term=2, last_index=0, last_term=0))
    assert (deposed.role, deposed.term, deposed.votes) == ("follower", 2, frozenset())
    assert deposed.voted_for is None  # its log is longer


def test_an_earlier_term_is_late() -> None:
    replica = after(leader(), appending(2, (0, 0)))
    assert after(replica, REQUEST, appending(1, (0, 0), 1)) == replica


def test_a_new_leader_appends_a_no_op() -> None:
    assert leader().log == (Entry(1, None),)
    assert leader().next_index["b"] == 1


# -- the disk -----------------------------------------------------------------------------------------------


def test_a_vote_and_its_request_wait_for_the_disk() -> None:
    standing, effects = step(start("a", MEMBERS, 2), ElectionTimeout())
    assert effects == ()
    assert standing.disk == BLANK
    synced, effects = step(standing, Sync())
    request = VoteRequest(sender="a", term=1, last_index=0, last_term=0)
    assert effects == (Store(Durable(1, "a", ()), kept=0), Send(request))
    assert synced.owed == frozenset()


def test_a_crash_keeps_only_what_was_synced() -> None:
    replica = after(leader(), Sync(), Propose(("x",)))
    restarted = restart(replica)
    assert restarted == start("a", MEMBERS, 2, Durable(1, "a", (Entry(1, None),)))
    assert restarted.role == "follower"


def test_an_acknowledgement_waits_and_is_stored_first() -> None:
    replica, effects = step(start("a", MEMBERS, 2), appending(1, (0, 0), 1))
    assert effects == ()
    _, effects = step(replica, Sync())
    assert effects == (
        Store(Durable(1, None, (Entry(1, "x"),)), kept=0),
        Send(AppendReply(sender="a", to="b", term=1, accepted=True, index=1)),
    )


# -- replication --------------------------------------------------------------------------------------------


def test_a_slice_is_cut_to_the_batch_and_the_next_one_follows_at_once() -> None:
    replica = after(leader(), Propose(("x", "y")))
    replica, effects = step(replica, Replicate("b"))
    first = AppendRequest("a", "b", 1, 0, 0, (Entry(1, None), Entry(1, "x")), 0)
    assert effects == (Send(first),)
    _, effects = step(replica, Replicate("b"))
    assert effects == (Send(AppendRequest("a", "b", 1, 2, 1, (Entry(1, "y"),), 0)),)


def test_a_batch_is_as_many_events_proposed_one_by_one() -> None:
    assert after(leader(), Propose(("x", "y"))) == after(leader(), Propose(("x",)), Propose(("y",)))


def test_a_refusal_says_where_to_try_next() -> None:
    replica = start("a", MEMBERS, 2, Durable(1, None, (Entry(1, "x"),)))
    refused = after(replica, appending(1, (5, 1), 1))
    assert refused.owed == {AppendReply(sender="a", to="b", term=1, accepted=False, index=1)}
    assert refused.log == replica.log


def test_a_late_refusal_does_not_take_back_what_is_known() -> None:
    replica = after(leader(), Propose(("x", "y")), accepted("b", 2))
    late = AppendReply(sender="b", to="a", term=1, accepted=False, index=0)
    retried = after(replica, late)
    assert (retried.match_index["b"], retried.next_index["b"]) == (2, 3)


def test_replies_that_overtake_each_other_lower_nothing() -> None:
    replica = after(leader(), Propose(("x", "y")), Sync(), accepted("b", 3))
    assert after(replica, accepted("b", 1)) == replica


def test_a_leader_commits_when_a_majority_is_durable_and_counts_itself_once() -> None:
    replica = after(leader(), Propose(("x",)))
    unsynced, effects = step(replica, accepted("b", 2))
    assert (unsynced.commit_index, effects) == (0, ())
    synced, effects = step(unsynced, Sync())
    assert synced.commit_index == 2
    assert effects[-1] == Committed(0, (Entry(1, None), Entry(1, "x")))
    assert after(after(leader(), Sync())).commit_index == 0


def test_old_entries_are_committed_with_one_of_the_own_term_only() -> None:
    replica = start("a", MEMBERS, 2, Durable(1, None, (Entry(1, "x"),)))
    replica = after(replica, ElectionTimeout(), Sync(), VoteReply(sender="b", to="a", term=2), Sync())
    old = AppendReply(sender="b", to="a", term=2, accepted=True, index=1)
    assert after(replica, old).commit_index == 0
    new = AppendReply(sender="b", to="a", term=2, accepted=True, index=2)
    _, effects = step(replica, new)
    assert effects == (Committed(0, (Entry(1, "x"), Entry(2, None))),)


def test_a_follower_believes_a_commit_only_as_far_as_the_logs_agree() -> None:
    replica = start("a", MEMBERS, 2, Durable(1, None, (Entry(1, "x"), Entry(1, "y"))))
    told, effects = step(replica, appending(2, (1, 1), commit_index=2))
    assert told.commit_index == 1
    assert effects == (Committed(0, (Entry(1, "x"),)),)
    assert step(told, appending(2, (1, 1), commit_index=2))[1] == ()
