"""The stepper against the direct system on random walks: the same steps, the same bound, the same judgements."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from quorumlog.simulation.cluster import Cluster
from quorumlog_bindings.replication import replication
from tlastep.behaviour import Label
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.entries import Family, Instance, Outcome, Outcomes
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.spec_system import SpecSystem
from tlastep.engine.stepper import Repacked, Stepper
from tlastep.engine.translation import CodeSteps, HiddenState, Translation
from tlastep.language.config import read_config
from tlastep.values import Fn, Value, model_value

PROJECT = find_project(Path(__file__).parent)
MODEL = PROJECT.model("ReplicationTiny")
SPECS = Path(__file__).parent / "specs"


@pytest.fixture(scope="module")
def spec() -> CompiledSpec:
    return load(PROJECT.spec(MODEL), PROJECT.config(MODEL))


def bound_model() -> BoundModel[Cluster]:
    return BoundModel(replication, read_config(PROJECT.config(MODEL)))


def disagreement(stepper: Stepper, system: SpecSystem, seed: int, steps: int = 60) -> str:
    """Walks at random, and says where stepper and system differ; nothing if they never do."""
    source = random.Random(seed)
    state = stepper.initial()[0]
    for _ in range(steps):
        values = tuple(stepper.assignment(state).values())
        mine = {(step.label, tuple(stepper.assignment(step.following).values())) for step in stepper.steps(state)}
        theirs = {(label, following) for label, following in system.steps(values)}
        if mine != theirs:
            return f"steps: {sorted(str(label) for label, _ in mine ^ theirs)}"
        if stepper.within(state) != system.in_bound(values) or stepper.broken(state) != system.check_state(values):
            return "judgements of a state"
        label, following = source.choice(stepper.steps(state))
        if following not in stepper.after(state, label):
            return f"after {label}"
        if stepper.broken_step(state, following) != system.check_step(values, values_of(stepper, following)):
            return "judgements of a step"
        if stepper.within(following):
            state = following
    return ""


def values_of(stepper: Stepper, state: int) -> tuple[Value, ...]:
    return tuple(stepper.assignment(state).values())


@pytest.mark.parametrize("seed", range(4))
def test_on_random_walks_it_takes_the_steps_of_the_direct_system_and_judges_as_it_does(
    spec: CompiledSpec, seed: int
) -> None:
    assert disagreement(Stepper(SpecMachine(spec)), SpecSystem(spec), seed) == ""


def test_a_wrong_outcome_is_noticed_on_a_walk(spec: CompiledSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Outcomes.outcomes

    def wrong(self: Outcomes, family: Family, instance: Instance, state: int) -> tuple[Outcome, ...]:
        return () if family.action.name == "Crash" else real(self, family, instance, state)

    monkeypatch.setattr(Outcomes, "outcomes", wrong)
    assert "Crash" in disagreement(Stepper(SpecMachine(spec)), SpecSystem(spec), 1)


def test_a_state_in_which_an_invariant_is_false_is_judged_as_the_direct_system_judges_it(spec: CompiledSpec) -> None:
    stepper, system = Stepper(SpecMachine(spec)), SpecSystem(spec)
    values = stepper.assignment(stepper.initial()[0])
    a, b, c = map(model_value, "abc")
    values["role"] = Fn({a: "leader", b: "leader", c: "follower"})
    broken = stepper.broken(stepper.pack(values))
    assert broken is not None
    assert broken.result == "invariant ElectionSafety"
    assert broken == system.check_state(tuple(values[name] for name in system.variables))


def test_what_is_not_offered_leads_nowhere(spec: CompiledSpec) -> None:
    stepper = Stepper(SpecMachine(spec))
    (state,) = stepper.initial()
    assert stepper.after(state, Label("Timeout", (model_value("z"),))) == ()
    assert stepper.after(state, Label("Unknown", ())) == ()
    assert {offer.label.action for offer in stepper.offers(state, "Sync")} == {"Sync"}
    assert stepper.steps(state, "Sync") == []


def test_the_code_stepped_beside_it_shows_the_same_packed_states(spec: CompiledSpec) -> None:
    stepper, model = Stepper(SpecMachine(spec)), bound_model()
    translation, code = Translation(stepper, model), CodeSteps(model)
    source, state, cluster = random.Random(2), stepper.initial()[0], model.initial()[0]
    assert translation.pack(cluster) == state
    for _ in range(200):
        for offer in stepper.offers(state):
            after = code.take(cluster, offer.label)
            assert offer.following == (() if after is None else (translation.pack(after),)), str(offer.label)
        label, state = source.choice([step for step in stepper.steps(state) if stepper.within(step.following)])
        following = code.take(cluster, label)
        assert following is not None
        cluster = following


def test_a_part_that_shows_too_little_is_a_hidden_state(spec: CompiledSpec) -> None:
    stepper, model = Stepper(SpecMachine(spec)), bound_model()
    translation = Translation(stepper, model)
    cluster = model.initial()[0]
    translation.pack(cluster)
    larger_slices = msgspec.structs.replace(cluster.replicas["a"], batch=7)
    other = cluster.change(replicas=cluster.replicas.set("a", larger_slices))
    with pytest.raises(HiddenState, match=r"replicas\[a\]"):
        translation.pack(other)


def test_a_function_whose_domain_grows_is_packed_anew_and_said_so() -> None:
    stepper = Stepper(SpecMachine(load(SPECS / "Domains.tla")))
    with pytest.raises(Repacked, match="known"):
        stepper.steps(stepper.initial()[0])
    (state,) = stepper.initial()
    seen = [len(stepper.assignment(state)["known"])]  # type: ignore[arg-type]  # a function has a length
    for _ in range(2):
        state = stepper.steps(state)[0].following
        seen.append(len(stepper.assignment(state)["known"]))  # type: ignore[arg-type]  # likewise
    assert seen == [1, 2, 3]
