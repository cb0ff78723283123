"""The simulation beside the compiled spec: sound runs are behaviours of the spec, and what differs from it is found."""

from __future__ import annotations

import pytest
from tests.house.project import ROOT

from quorumlog.core.consensus import progress
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.replica import restart
from quorumlog.core.consensus.state import Indexes
from quorumlog.simulation.schedule_text import parse
from tlastep.binding import Binding
from tlastep.check.bindings import binding_of
from tlastep.check.models import find_project
from tlastep.check.simulated import Beside, simulate_beside, simulation_of
from tlastep.errors import UnusableInput

PROJECT = find_project(ROOT)
REPLICATION = binding_of(PROJECT, "Replication")


def test_runs_are_behaviours_of_the_spec_and_take_every_action() -> None:
    found = simulate_beside(PROJECT, REPLICATION, schedules=15)
    assert (found.result, found.schedules) == ("ok", 15)
    assert set(found.actions) == set(REPLICATION.actions)
    assert found.steps == sum(found.actions.values())


def retreats_too_far(next_index: Indexes, match_index: Indexes, peer: ServerId, index: int) -> Indexes:
    """The mutant that sends again what is known to be there; it breaks no property, so that only the spec knows."""
    return next_index.set(peer, min(next_index[peer] - 1, index) + 1)


def test_what_breaks_no_property_is_found_beside_the_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "backed_off", retreats_too_far)
    spec = Beside(PROJECT, REPLICATION, properties=False)
    found = simulate_beside(PROJECT, REPLICATION, schedules=600, profile="stories", beside=spec)
    assert found.result == "spec difference"
    assert "nextIndex" in found.finding
    again = simulation_of(REPLICATION).run(
        parse(found.schedule), spec.opinion(simulation_of(REPLICATION).constants(parse(found.schedule)), {})
    )
    assert again.finding is not None
    assert again.finding.text() == found.finding


def test_a_restart_that_the_spec_does_not_know_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that remembers after a crash what it knew to be decided: no property forbids it, the spec does."""
    monkeypatch.setattr(
        "quorumlog.simulation.process.restart",
        lambda replica: restart(replica).change(commit_index=min(replica.commit_index, len(replica.disk.log))),
    )
    found = simulate_beside(PROJECT, REPLICATION, schedules=60)
    assert found.kind in ("spec", "end to end")


def test_a_binding_without_a_simulation_is_told_so() -> None:
    with pytest.raises(UnusableInput, match="names no simulation"):
        simulation_of(Binding("Nothing"))
