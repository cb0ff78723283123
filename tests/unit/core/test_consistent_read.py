"""The gate of reads, by itself: what a runtime hands in, and what it gets out."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.consistent_read import (
    Answer,
    Append,
    Gate,
    Lost,
    PutQuestion,
    Question,
    ReadEvent,
    Reply,
    ask,
    commit,
    confirm,
    gate,
    lead,
    on_reply,
    question,
    read_by_index,
    read_by_log,
    resign,
)


def leader(*members: str) -> Gate:
    """Server a leads term 2."""
    led, effects = lead(gate("a", members or ("a", "b", "c")), 2)
    assert effects == ()
    return led


def test_a_read_by_index_needs_a_question_and_a_quorum_of_replies() -> None:
    waits, _ = read_by_index(leader(), ("x", "y"))
    asks, effects = ask(waits, commit_index=7, commit_term=2)
    assert effects == (PutQuestion(Question("a", 2, 1)),)
    assert question(asks) == Question("a", 2, 1)
    reply = confirm("b", 2, question(asks))
    after, answers = on_reply(asks, reply, commit_index=9)
    assert answers == (Answer(frozenset(("x", "y")), 9),)
    assert after.asking == after.waiting == frozenset()


def test_a_read_that_comes_while_a_question_is_open_waits_for_the_next() -> None:
    asks, _ = ask(read_by_index(leader(), ("x",))[0], 7, 2)
    more, _ = read_by_index(asks, ("y",))
    with pytest.raises(Refused, match="open already"):
        ask(more, 7, 2)
    after, answers = on_reply(more, Reply("b", "a", 2, 1), 7)
    assert answers == (Answer(frozenset(("x",)), 7),)
    again, effects = ask(after, 7, 2)
    assert effects == (PutQuestion(Question("a", 2, 2)),)
    assert again.asking == {"y"}


@pytest.mark.parametrize("reply", [Reply("b", "a", 3, 1), Reply("b", "a", 1, 1), Reply("b", "a", 2, 0)])
def test_replies_of_other_terms_and_rounds_prove_nothing(reply: Reply) -> None:
    asks, _ = ask(read_by_index(leader(), ("x",))[0], 7, 2)
    assert on_reply(asks, reply, 7) == (asks, ())


def test_a_reply_that_comes_twice_counts_once() -> None:
    asks, _ = ask(read_by_index(leader("a", "b", "c", "d", "e"), ("x",))[0], 7, 2)
    once, answers = on_reply(asks, Reply("b", "a", 2, 1), 7)
    assert once.confirmed == {"a", "b"}
    assert answers == ()
    assert on_reply(once, Reply("b", "a", 2, 1), 7) == (once, ())
    assert on_reply(once, Reply("c", "a", 2, 1), 7)[1] == (Answer(frozenset(("x",)), 7),)


def test_a_new_leader_does_not_ask_before_an_entry_of_its_own_term_is_committed() -> None:
    waits, _ = read_by_index(leader(), ("x",))
    with pytest.raises(Refused, match="does not know yet"):
        ask(waits, 7, 1)


def test_a_group_of_one_answers_at_once() -> None:
    waits, _ = read_by_index(leader("a"), ("x",))
    assert ask(waits, 7, 2)[1] == (Answer(frozenset(("x",)), 7),)


def test_whoever_knows_of_a_later_term_says_so() -> None:
    assert confirm("b", 5, Question("a", 2, 1)) == Reply("b", "a", 5, 1)
    assert confirm("b", 1, Question("a", 2, 1)) == Reply("b", "a", 2, 1)


def test_a_read_through_the_log_is_answered_at_its_own_place() -> None:
    waits, effects = read_by_log(leader(), ("x", "y"))
    assert effects == (Append((ReadEvent("x"), ReadEvent("y"))),)
    entries = (Entry(2, "pay"), Entry(2, ReadEvent("x")), Entry(2, "more"))
    after, answers = commit(waits, 4, entries)
    assert answers == (Answer(frozenset(("x",)), 6),)
    assert after.logged == {"y"}
    assert commit(after, 7, (Entry(1, ReadEvent("y")), Entry(2, ReadEvent("z")))) == (after, ())


def test_whoever_leads_no_more_gives_up_all_reads() -> None:
    waits, _ = read_by_log(read_by_index(leader(), ("x",))[0], ("y",))
    after, effects = resign(waits)
    assert after == gate("a", ("a", "b", "c"))
    assert effects == (Lost(frozenset(("x", "y"))),)
    assert lead(waits, 3)[1] == effects
    assert resign(after) == (after, ())


def test_only_a_leader_takes_reads_and_asks() -> None:
    follows = gate("a", ("a", "b", "c"))
    for read in (read_by_log, read_by_index):
        with pytest.raises(Refused, match="does not lead"):
            read(follows, ("x",))
    with pytest.raises(Refused, match="does not lead"):
        ask(follows, 0, 0)
    with pytest.raises(Refused, match="no question"):
        question(leader())
