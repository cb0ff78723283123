"""What liveness of the code rests on: it is looked at in every state, and each premise can fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tlastep.binding import Binding, Refused
from tlastep.check.models import Model, Project
from tlastep.check.premises import Premises, check_premises
from tlastep.errors import UnusableInput

COUNTER: Final = """
---- MODULE Counter ----
(* Counts up to three, and may be set back. *)
EXTENDS Naturals
VARIABLE count
Init == count = 0
Increase == count < 3 /\\ count' = count + 1
Reset == count > 0 /\\ count' = 0
Stay == count = 3 /\\ count' = count
Next == Increase \\/ Reset \\/ Stay
====
"""
LIVE: Final = """
---- MODULE MCCounterLive ----
(* Nobody sets it back. *)
EXTENDS Counter
LiveNext == Increase \\/ Stay%s
LiveSpec == Init /\\ [][LiveNext]_count /\\ WF_count(Increase)
SecondSpec == count = 2 /\\ [][LiveNext]_count /\\ WF_count(Increase)
Counts == <>(count = 3)
====
"""


@dataclass(frozen=True)
class Counter:
    count: int = 0
    most: int = 3


def binding(*, most: int = 3, stays: bool = True) -> Binding[Counter]:
    """A class that is the counter; or one that never ends, or that misses the step that changes nothing."""
    found: Binding[Counter] = Binding("Counter")

    @found.start("Init")
    def init(constants: object) -> Counter:
        return Counter(most=most)

    @found.observe
    def observe(counter: Counter) -> dict[str, object]:
        return {"count": counter.count}

    @found.action
    def Increase(counter: Counter) -> Counter:
        if counter.count >= counter.most:
            raise Refused
        return replace(counter, count=counter.count + 1)

    @found.action
    def Reset(counter: Counter) -> Counter:
        if not counter.count:
            raise Refused
        return replace(counter, count=0)

    @found.action
    def Stay(counter: Counter) -> Counter:
        if counter.count != counter.most or not stays:
            raise Refused
        return counter

    return found


def checked(folder: Path, code: Binding[Counter], *, extra: str = "", start: str = "LiveSpec") -> Premises:
    (folder / "Counter.tla").write_text(COUNTER, encoding="utf-8")
    (folder / "MCCounterLive.tla").write_text(LIVE % extra, encoding="utf-8")
    (folder / "Live.cfg").write_text(f"SPECIFICATION {start}\nPROPERTY Counts\n", encoding="utf-8")
    model = Model("Live", "Counter", "MCCounterLive.tla", "Live.cfg", "It counts.", kind="liveness")
    project = Project(root=folder, list=folder / "models.toml", models=(model,), bindings=())
    return check_premises(project, model, code)


def test_spec_and_code_have_the_same_steps_wherever_the_model_comes(tmp_path: Path) -> None:
    found = checked(tmp_path, binding())
    # Increase from three states, Stay in one; and Reset from three, which the model does not take.
    assert (found.result, found.states, found.steps, found.enabled) == ("ok", 4, 4, 7)
    assert found.left_out == ("Reset",)


def test_what_the_model_leaves_out_is_named_although_another_step_leads_elsewhere(tmp_path: Path) -> None:
    found = checked(tmp_path, binding(), extra=" \\/ (count > 1 /\\ Reset)")
    assert found.left_out == ("Reset",)  # from one
    assert checked(tmp_path, binding(), extra=" \\/ Reset").left_out == ()


def test_a_step_that_the_code_refuses_is_found_with_the_way_to_it(tmp_path: Path) -> None:
    found = checked(tmp_path, binding(most=2))
    assert found.finding is not None
    assert found.result == "difference: a step Increase of the spec that the code does not take"
    assert [step.state["count"] for step in found.finding.behaviour.steps] == [0, 1, 2]
    assert [str(step.label) for step in found.finding.behaviour.steps[1:]] == ["Increase", "Increase"]


def test_a_step_that_changes_nothing_is_a_step(tmp_path: Path) -> None:
    found = checked(tmp_path, binding(stays=False))
    assert found.result == "difference: a step Stay of the spec that the code does not take"


def test_a_model_must_not_do_what_its_module_cannot(tmp_path: Path) -> None:
    found = checked(tmp_path, binding(), extra=" \\/ (count = 1 /\\ count' = 3)")
    assert found.finding is not None
    assert found.finding.kind == "environment"
    assert found.finding.behaviour.steps[-1].state["count"] == 1


def test_a_start_that_the_binding_does_not_know_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="has no start SecondSpec, and Init does not make the initial states"):
        checked(tmp_path, binding(), start="SecondSpec")
