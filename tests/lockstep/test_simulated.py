"""The simulation beside the compiled spec: sound runs are behaviours of the spec, and what differs from it is found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace
from tests.house.project import ROOT

from quorumlog.core.consensus import progress
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.replica import restart
from quorumlog.core.consensus.state import Indexes
from quorumlog.simulation.schedule_text import parse
from tlastep.binding import Binding, Objection, Opinion, Simulation
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
        parse(found.schedule), spec.opinion(simulation_of(REPLICATION).constants(parse(found.schedule)), {}), False
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


def growing(wrong: int | None = None, *, secret: bool = False) -> Binding[Any]:
    """A simulation of the spec Domains, whose variable is a function over ever more numbers; one step may be wrong."""
    binding: Binding[Any] = Binding("Domains", parts=("known", "besides"))

    @binding.start("Init")
    def init(constants: object) -> Known:
        return Known(((0, 0),))

    @binding.action
    def Grow(state: Known) -> Known:
        return state.grown(0)

    @binding.observe_part("known")
    def of_known(known: tuple[tuple[int, int], ...]) -> dict[str, object]:
        return {"known": dict(known)}

    @binding.observe_part("besides")
    def of_besides(besides: str) -> dict[str, object]:
        return {}

    def run(schedule: int, opinion: Opinion, judges: bool) -> Ran:
        states = [Known(((0, 0),))]
        for number in range(1, 6):
            states.append(states[-1].grown(7 if number == wrong else 0))
        if secret:
            states[3:] = [Known(each.known, "something else") for each in states[3:]]
        steps = [("Grow", (), before, after) for before, after in pairwise(states)]
        return Ran(len(steps), opinion(steps))

    binding.simulation = Simulation(lambda seed, servers, profile: seed, str, run, lambda schedule: {})
    return binding


class Known(Struct, frozen=True):
    """The numbers that are known, and something that nobody shows."""

    known: tuple[tuple[int, int], ...]
    besides: str = ""

    def grown(self, value: int) -> Known:
        """One number more."""
        return Known((*self.known, (len(self.known), value)))


class Ran:
    """What came of a run."""

    kind = "spec"

    def __init__(self, steps: int, said: Objection | None) -> None:
        self.steps = steps if said is None else said[0] + 1
        self.step = self.steps
        self.name = said[1] if said else ""
        self.finding = self if said else None
        self._says = said[2] if said else ""

    def text(self) -> str:
        """All of it."""
        return f"{self.name} after step {self.step}: {self._says}"


GROWING = replace(PROJECT, list=ROOT / "tests" / "unit" / "engine" / "specs" / "models.toml")


def test_a_function_whose_domain_grows_is_judged_like_any_other() -> None:
    beside = Beside(GROWING, growing())
    for _ in range(2):
        found = simulate_beside(GROWING, growing(), schedules=3, beside=beside)
        assert (found.result, found.steps, found.actions) == ("ok", 15, {"Grow": 15})
    assert beside.reached(found).actions == {"Grow": 15}


@pytest.mark.parametrize("wrong", [1, 2, 4])
def test_a_wrong_step_is_found_where_the_domain_has_grown(wrong: int) -> None:
    found = simulate_beside(GROWING, growing(wrong), schedules=1)
    assert found.finding == f"difference after step {wrong}: after Grow the code differs from the spec in known"


def test_what_no_variable_shows_is_a_hidden_state() -> None:
    found = simulate_beside(GROWING, growing(secret=True), schedules=1)
    assert found.finding.startswith("hidden state after step 3")
    assert "besides" in found.finding


def test_so_little_is_remembered_as_one_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is forgotten is found out anew: nothing that was sound is unsound, and what differs still does."""
    beside = Beside(PROJECT, REPLICATION, limit=30)
    assert simulate_beside(PROJECT, REPLICATION, schedules=3, beside=beside).result == "ok"
    assert beside.held < 2_000
    monkeypatch.setattr(progress, "backed_off", retreats_too_far)
    assert (
        simulate_beside(PROJECT, REPLICATION, schedules=600, profile="stories", beside=beside).result
        == "spec difference"
    )


def test_memory_does_not_grow_with_the_schedules() -> None:
    beside, held = Beside(PROJECT, REPLICATION, limit=1_000), []
    for seed in range(0, 12, 4):
        simulate_beside(PROJECT, REPLICATION, schedules=4, seed=seed, beside=beside)
        held.append(beside.held)
    assert all(0 < each <= 10_000 for each in held), held


def test_a_broken_property_is_found_by_its_name_whoever_judges_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to judge a run, the properties by the spec or by the simulation alone, end in the same line."""
    monkeypatch.setattr(progress, "accepted", lambda match_index, peer, index: match_index.set(peer, index))
    found = [
        simulate_beside(PROJECT, REPLICATION, schedules=20, beside=Beside(PROJECT, REPLICATION, properties=properties))
        for properties in (False, True)
    ]
    assert found[0].finding == found[1].finding
    assert found[0].result == "property MatchOnlyGrows"
