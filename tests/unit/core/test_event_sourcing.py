"""The machine without peers: it serves commands, and a restart knows what was decided and nothing else."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Machine, fold, replayed, serve
from quorumlog.simulation.small_applications import Exchanging

BEGUN = Machine.of(Exchanging())


def test_a_command_is_decided_folded_and_answered() -> None:
    done, answer = serve(BEGUN.submit("exchange"), 3)
    assert answer == ("exchangedAt3", "charged")
    assert (done.commands, done.events, done.state, done.folded) == ((), answer, 2, 2)


def test_the_answer_is_about_this_command_alone() -> None:
    done, _ = serve(BEGUN.submit("deposit").submit("withdraw"), 2)
    assert done.commands == ("withdraw",)
    assert serve(done, 2)[1] == ("withdrawn",)


def test_a_restart_forgets_the_state_and_makes_it_again_from_the_events() -> None:
    done, _ = serve(BEGUN.submit("exchange").submit("deposit"), 2)
    restarted = done.restart()
    assert (restarted.commands, restarted.events, restarted.state, restarted.folded) == (
        ("deposit",),
        done.events,
        1,
        0,
    )
    assert replayed(restarted) == done


def test_what_was_stored_is_all_that_a_machine_needs() -> None:
    done, _ = serve(BEGUN.submit("exchange").submit("deposit"), 3)
    assert replayed(Machine.of(done.application, done.events, done.commands)) == done


def test_a_machine_that_has_not_replayed_decides_nothing() -> None:
    decided = BEGUN.submit("deposit").submit("deposit").decide(2)
    with pytest.raises(Refused, match="to be folded"):
        decided.decide(2)
    with pytest.raises(Refused, match="no command"):
        BEGUN.decide(2)
    with pytest.raises(Refused, match="every event"):
        BEGUN.fold()


def test_fold_takes_events_in_their_order() -> None:
    application = Exchanging()
    assert fold(application, 1, ("deposited", "exchangedAt3")) == 6
    assert fold(application, 1, ("exchangedAt3", "deposited")) == 4
