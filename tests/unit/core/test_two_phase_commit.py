"""What no model has at hand of two-phase commit and of try, confirm and cancel: the unknown, and totals."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import fold
from quorumlog.core.two_phase_commit import coordinator, participant, try_confirm_cancel
from quorumlog.core.two_phase_commit.coordinator import COORDINATION, Begin, Begun, Decided, Settle, Tally
from quorumlog.core.two_phase_commit.messages import Decision, Prepare, Transfer, Vote
from quorumlog.core.two_phase_commit.participant import Deposit, Participation, Read, total

PAY = Transfer("pay", "x", "y", 3, "p", "q")
GOT = participant.Staged(PAY, "prepared")


def test_a_vote_for_a_transfer_that_nobody_knows_is_late() -> None:
    assert coordinator.count_vote(Tally(), COORDINATION.start(), Vote("pay", "p", "yes")) == (Tally(), None)


def test_the_last_vote_commits() -> None:
    known = fold(COORDINATION, COORDINATION.start(), [Begun(PAY)])
    tally, command = coordinator.count_vote(Tally(), known, Vote("pay", "p", "yes"))
    assert (tally.votes, command) == (frozenset({("pay", "p")}), None)
    assert coordinator.count_vote(tally, known, Vote("pay", "q", "yes")) == (Tally(), Settle("pay", "committed"))


def test_what_is_decided_is_not_given_up() -> None:
    events: list[coordinator.Event] = [Begun(PAY), Decided("pay", "committed")]
    known = fold(COORDINATION, COORDINATION.start(), events)
    with pytest.raises(Refused):
        coordinator.give_up(Tally(), known, "pay")
    assert COORDINATION.decide(known, Settle("pay", "aborted")) == ()
    assert COORDINATION.decide(known, Begin(PAY)) == ()
    assert coordinator.outcome(known, "pay") == "committed"
    assert coordinator.outcome(known, "another") is None


def test_the_coordinator_answers_with_the_outcome_once_it_is_committed() -> None:
    assert COORDINATION.answer(COORDINATION.start(), (Begun(PAY),)) is None
    assert COORDINATION.answer(COORDINATION.start(), (Decided("pay", "refused"),)) == "refused"


def test_a_shard_answers_what_was_found() -> None:
    shard = Participation({"x": 5, "z": 2})
    state, found = shard.start(), []
    for command in (Deposit("d", "z", 4), Read("one", "z", 1), Read("all", None, 2)):
        events = shard.decide(state, command)
        state = fold(shard, state, events)
        found.append(shard.answer(state, events))
        assert shard.decide(state, command) == ()
    assert found == [1, 6, 11]


def test_only_reads_of_what_is_in_doubt_wait() -> None:
    shard = Participation({"x": 5, "z": 2})
    state = fold(shard, shard.start(), shard.decide(shard.start(), Prepare(PAY, "p")))
    assert shard.decide(state, Read("of x", "x", 1)) == ()
    assert shard.decide(state, Read("of all", None, 1)) == ()
    assert shard.decide(state, Read("of z", "z", 1)) != ()


@pytest.mark.parametrize(("already", "expected"), [((), "refused"), ((GOT,), "conflicted")])
def test_a_transfer_is_refused_only_if_nothing_in_doubt_could_help(
    already: tuple[participant.Event, ...], expected: str
) -> None:
    """Three come to y, of which there are none: five are never there, and three may be."""
    target = Participation({"y": 0})
    state = fold(target, target.start(), already)
    (event,) = target.decide(state, Prepare(Transfer("on", "y", "x", 3, "q", "p"), "q"))
    assert isinstance(event, participant.Staged)
    assert event.stage == expected


def test_a_total_stands_if_nothing_has_changed() -> None:
    assert total({"p": (5, 1), "q": (2, 0)}, {"p": (5, 1), "q": (2, 0)}) == 7
    assert total({"p": (5, 1), "q": (2, 0)}, {"p": (5, 3), "q": (2, 0)}) is None


def test_a_cancel_before_its_try_is_recorded_and_moves_nothing() -> None:
    shard = try_confirm_cancel.TryConfirmCancel({"x": 5})
    state = fold(shard, shard.start(), shard.decide(shard.start(), Decision("pay", "p", commit=False)))
    assert (state.available["x"], state.frozen["x"]) == (5, 0)
    assert shard.decide(state, Prepare(PAY, "p")) == ()
    assert shard.decide(state, Decision("pay", "p", commit=True)) == ()


def test_a_look_sees_what_is_frozen_as_gone() -> None:
    shard = try_confirm_cancel.TryConfirmCancel({"x": 5})
    state = fold(shard, shard.start(), shard.decide(shard.start(), Prepare(PAY, "p")))
    looked = shard.decide(state, try_confirm_cancel.Look("look", "x"))
    assert shard.answer(fold(shard, state, looked), looked) == 2
