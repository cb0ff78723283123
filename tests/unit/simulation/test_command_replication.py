"""Why commands are not replicated: the story in which a client's answer stops being true."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.command_replication import CommandReplication, State, answers_stand, states_agree

RATES = {"at 2": 2, "at 3": 3}


def exchange(state: State, event: str) -> State:
    assert isinstance(state, int)
    return state * RATES[event]


def world(*rates: str) -> CommandReplication:
    start = CommandReplication.of(("a", "b"), {"exchange": rates}, 5, exchange, leader="a")
    return start.replicate("exchange")


def test_another_leader_holds_another_event_than_was_answered() -> None:
    answered = world("at 2", "at 3").execute("a", "at 2").answer()
    assert answered.answered == ("at 2",)
    assert answers_stand(answered)
    deposed = answered.lead("b").execute("b", "at 3")
    assert not answers_stand(deposed)
    assert not states_agree(deposed)
    assert [deposed.state[node] for node in deposed.nodes] == [10, 15]


def test_a_restart_is_enough() -> None:
    restarted = world("at 2", "at 3").execute("a", "at 2").answer().restart("a")
    assert restarted.state["a"] == 5
    assert not answers_stand(restarted.execute("a", "at 3"))


def test_all_is_well_if_a_command_becomes_only_one_event() -> None:
    executed = world("at 2").execute("a", "at 2").answer().lead("b").execute("b", "at 2")
    assert answers_stand(executed)
    assert states_agree(executed)


def test_what_is_not_possible_is_refused() -> None:
    asked = world("at 2")
    for step in (
        asked.answer,
        lambda: asked.execute("a", "at 3"),
        lambda: asked.execute("a", "at 2").execute("a", "at 2"),
    ):
        with pytest.raises(Refused):
            step()
