"""Replay of behaviours on the rejected design, which is small: each way to differ from the spec is found."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from quorumlog.simulation.command_replication import CommandReplication
from quorumlog_bindings.command_replication import command_replication
from tlastep.behaviour import Behaviour, Label, Step
from tlastep.binding import Binding
from tlastep.check.explore import load
from tlastep.check.replay import Replayed, replay
from tlastep.check.sides import SpecSide
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config
from tlastep.values import Value, function, model_value

SPECS = Path(__file__).parents[2] / "spec"
CONFIG = SPECS / "MCCommandReplicationFixed.cfg"
N, OTHER = model_value("n"), model_value("o")


@pytest.fixture(scope="module")
def spec() -> CompiledSpec:
    return load(SPECS / "MCCommandReplication.tla", CONFIG)


def changed(**actions: Callable[..., Any]) -> Binding[CommandReplication]:
    """The binding with some actions replaced: mutants of the code."""
    binding = copy.copy(command_replication)
    binding.actions = {**binding.actions, **actions}
    return binding


def run(spec: CompiledSpec, behaviour: Behaviour, binding: Binding[Any] = command_replication) -> Replayed:
    return replay("Fixed", spec, BoundModel(binding, read_config(CONFIG)), [behaviour])


def told(spec: CompiledSpec, *labels: Label, named: bool = True) -> Behaviour:
    """The behaviour of the spec from node n as leader; each step named as TLC names it, or not at all."""
    side = SpecSide(spec)
    state = next(each for each in side.system.initial() if side.shown(each)["leader"] is N)
    steps = [Step(None, side.shown(state))]
    for label in labels:
        state = next(step.following for step in side.steps(state) if step.label == label)
        steps.append(Step(Label(label.action) if named else None, side.shown(state)))
    return Behaviour(tuple(steps))


STORY = (
    Label("Replicate", ("deposit",)),
    Label("Execute", (N, "deposited")),
    Label("Answer", ()),
    Label("Lead", (OTHER,)),
    Label("Execute", (OTHER, "deposited")),
    Label("Restart", (N,)),
)


@pytest.mark.parametrize("named", [True, False])
def test_arguments_are_recovered(spec: CompiledSpec, named: bool) -> None:
    found = run(spec, told(spec, *STORY, named=named))
    assert found.result == "ok"
    assert (found.behaviours, found.steps, found.ambiguous) == (1, 6, 0)
    assert found.actions == {"Answer": 1, "Execute": 2, "Lead": 1, "Replicate": 1, "Restart": 1}
    assert found.untaken == ()
    (end,) = found.ends
    assert (end.leader, end.events["n"], end.events["o"]) == ("o", (), ("deposited",))


def test_a_step_that_several_labels_fit_is_tried_with_each(spec: CompiledSpec) -> None:
    """Restarting either node, or electing the leader again, changes nothing at first."""
    found = run(spec, told(spec, Label("Restart", (N,)), named=False))
    assert (found.result, found.steps, found.ambiguous, found.transitions) == ("ok", 1, 1, 3)
    only = run(spec, told(spec, Label("Restart", (N,)), named=False), changed(Restart=refuse))
    assert (only.result, only.actions) == ("ok", {"Lead": 1})


def refuse(world: CommandReplication, n: str) -> CommandReplication:
    raise command_replication.refused("never")  # type: ignore[operator]  # one exception, not a tuple of them


def altered(behaviour: Behaviour, at: int, **variables: Value) -> Behaviour:
    steps = list(behaviour.steps)
    steps[at] = Step(steps[at].label, {**steps[at].state, **variables})
    return Behaviour(tuple(steps))


def test_an_altered_state_is_caught_and_named(spec: CompiledSpec) -> None:
    found = run(spec, altered(told(spec, *STORY), 2, state=function({N: 7, OTHER: 1})))
    assert found.finding is not None
    assert found.result.startswith("behaviour: the step that behaviour 1 calls Execute is none of the spec")
    assert found.finding.label == Label("Execute", (N, "deposited"))
    assert found.finding.differing == ("state",)
    assert len(found.finding.behaviour) == 2
    assert found.finding.conjuncts == ("CommandReplication.tla:63:8",)


def test_a_wrong_name_is_caught(spec: CompiledSpec) -> None:
    behaviour = told(spec, *STORY[:1])
    wrong = Behaviour((behaviour.steps[0], Step(Label("Answer"), behaviour.steps[1].state)))
    found = run(spec, wrong)
    assert (
        found.result == 'difference: the step that behaviour 1 calls Answer is a step Replicate("deposit") of the spec'
    )


def test_wrong_arguments_are_caught(spec: CompiledSpec) -> None:
    behaviour = told(spec, *STORY[:1])
    wrong = Behaviour((behaviour.steps[0], Step(Label("Replicate", ("exchange",)), behaviour.steps[1].state)))
    assert run(spec, wrong).finding is not None


def test_an_action_that_does_nothing_is_caught(spec: CompiledSpec) -> None:
    found = run(spec, told(spec, *STORY), changed(Answer=lambda world: world))
    assert found.result == "difference: Answer leads to different states: answered"
    assert found.finding is not None
    assert found.finding.differing == ("answered",)
    assert len(found.finding.behaviour) == 3
    assert found.finding.conjuncts


def test_an_action_that_refuses_is_caught(spec: CompiledSpec) -> None:
    found = run(spec, told(spec, *STORY), changed(Restart=refuse))
    assert found.result == "difference: the spec takes Restart(n), the code does not"


def test_an_action_that_raises_is_caught(spec: CompiledSpec) -> None:
    def break_down(world: CommandReplication) -> CommandReplication:
        raise RuntimeError("out of order")

    found = run(spec, told(spec, *STORY), changed(Answer=break_down))
    assert found.result == "exception: the code: RuntimeError in Answer: out of order"


def test_another_beginning_is_caught(spec: CompiledSpec) -> None:
    behaviour = altered(told(spec), 0, answered=("deposited",))
    assert run(spec, behaviour).result == "difference: behaviour 1 begins in a state in which the code does not"


def test_the_step_back_into_a_loop_is_taken(spec: CompiledSpec) -> None:
    behaviour = told(spec, Label("Lead", (OTHER,)))
    found = run(spec, Behaviour(behaviour.steps, loop=0))
    assert (found.result, found.steps, found.actions) == ("ok", 2, {"Lead": 2})
    no_way_back = Behaviour(told(spec, *STORY[:1]).steps, loop=0)
    assert run(spec, no_way_back).finding is not None


def test_a_loop_with_something_hidden_is_caught(spec: CompiledSpec) -> None:
    def lead(world: CommandReplication, n: str) -> CommandReplication:
        return CommandReplication(**{**fields(world), "leader": n, "start": fields(world)["start"] + 1})

    behaviour = told(spec, Label("Lead", (OTHER,)))
    assert run(spec, behaviour, changed(Lead=lead)).result == "ok"
    found = run(spec, Behaviour(behaviour.steps, loop=0), changed(Lead=lead))
    assert found.result.startswith("hidden state: behaviour 1 comes back to what shows the same as state 1")


def fields(world: CommandReplication) -> dict[str, Any]:
    return {name: getattr(world, name) for name in world.__struct_fields__}


def test_stuttering_is_no_step(spec: CompiledSpec) -> None:
    behaviour = told(spec, *STORY)
    found = run(spec, Behaviour(behaviour.steps, stutters=True))
    assert (found.result, found.steps) == ("ok", 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: {"leader": N}, "gives no value to the variable commands"),
        (lambda state: {**state, "colour": 1}, "gives a value to colour, which is no variable"),
    ],
)
def test_a_behaviour_of_something_else_is_unusable(
    spec: CompiledSpec, change: Callable[[Mapping[str, Value]], Mapping[str, Value]], message: str
) -> None:
    behaviour = Behaviour((Step(None, change(told(spec).steps[0].state)),))
    with pytest.raises(UnusableInput, match=message):
        run(spec, behaviour)
