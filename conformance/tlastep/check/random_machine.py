"""Hypothesis machines generated from a spec: one rule an action, compared with the bound code after each step.

    TestReplication = machine_class("ReplicationFive").TestCase

That line in a test module (with its import, three in all) is a test: Hypothesis draws actions and arguments from the
spec's own quantifier domains, from any of the prepared starts, and shrinks what it finds. What it prints last is a
script in the spec's own action names, and a pytest file is written that takes the same steps without Hypothesis.

It is an ordinary `RuleBasedStateMachine`, so whatever drives these drives it. `hypofuzz`, which is not installed with
this project, takes the test module as pytest does, and goes on until it is stopped:

    hypothesis fuzz --no-dashboard -n 1 -- -p no:cacheprovider test_replication.py

For long walks the steered runner (`check/machine.py`) reaches further in the same time; here it is shrinking and replay
that count.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis import target
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check.bindings import binding_of
from tlastep.check.explore import load
from tlastep.check.models import MACHINE, Project, find_project
from tlastep.check.reproduce import write_script
from tlastep.check.steering import Shapes
from tlastep.check.walk import Found, Pair, Place
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.stepper import Repacked, Taken
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config

FINDINGS: Final = Path("build/findings")


def machine_class(
    model: str, *, binding: Binding[Any] | None = None, project: Project | None = None, folder: Path | None = None
) -> type[RuleBasedStateMachine]:
    """The state machine of a model of the project, for its own binding or another one.

    Pytest files for what is found are written to `folder`, by default `build/findings` in the project.
    """
    chosen = project or find_project()
    found = chosen.model(model)
    if found.kind not in (MACHINE, "safety"):
        raise UnusableInput(f"{model} is a model of kind {found.kind}, which a machine can't walk", str(chosen.list))
    spec = load(chosen.spec(found), chosen.config(found))
    bound = BoundModel(binding or binding_of(chosen, found.module), read_config(chosen.config(found)))
    return machine_of(spec, bound, model, folder or chosen.root / FINDINGS)


def machine_of(spec: CompiledSpec, model: BoundModel[Any], name: str, folder: Path) -> type[RuleBasedStateMachine]:
    """The state machine of a compiled spec and a bound model."""
    pair = Pair(spec, model)
    rules = {action: _rule(action) for action in pair.stepper.actions}
    members: dict[str, Any] = {"pair": pair, "model": name, "folder": folder, "offer": _refusal(), **rules}
    return type(f"{name}Machine", (_Machine,), members)


class _Machine(RuleBasedStateMachine):
    """What the machines of all specs share."""

    pair: Pair
    model: str
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.place: Place = self.pair.starts[0]
        self.shapes = Shapes(self.pair)
        self.kinds: set[Any] = set()

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Begins at one of the starts."""
        self.place = data.draw(st.sampled_from(self.pair.starts), "start")
        self._look(lambda: self.pair.judge(self.place))

    def enabled(self, action: str) -> list[Taken]:
        """The steps of an action that stay within the bound."""
        stepper = self.pair.stepper
        steps = stepper.steps(self.place.state, action)
        return [each for each in steps if stepper.stays_within(self.place.state, each.following)]

    def go(self, label: Label) -> None:
        """Takes a step on both sides and compares."""

        def step() -> None:
            following = self.pair.take(self.place, label)
            assert following is not None, "the spec takes the step"
            self.place = following
            self.pair.judge(following)

        self._look(step)
        self.kinds.add(self.shapes.kind(self.place.state))

    def offer_refused(self, label: Label) -> None:
        """Offers the code what the spec refuses."""
        self._look(lambda: self.pair.take(self.place, label, ()))

    def _look(self, task: Callable[[], object]) -> None:
        try:
            task()
        except Repacked:
            self.pair.begin()
            self.place = self.pair.starts[self.place.start]
        except Found as found:
            path = write_script(self.model, found.kind, found.summary, found.script, self.folder)
            lines = "\n".join(f"    {each}" for each in found.script.labels)
            said = f"{found.kind}: {found.summary}\nfrom start {found.script.start}:\n{lines}\nwritten to {path}"
            raise AssertionError(said) from found

    def teardown(self) -> None:
        """Tells Hypothesis how much there was to see: runs that see more kinds of states are worth varying."""
        target(float(len(self.kinds)), label="kinds of states")


def _rule(action: str) -> Any:
    def take(self: _Machine, data: st.DataObject) -> None:
        steps = self.enabled(action)
        self.go(data.draw(st.sampled_from(steps), "step").label)

    take.__name__ = action
    take.__doc__ = f"A step of {action} that the spec allows."
    return precondition(lambda self: bool(self.enabled(action)))(rule(data=st.data())(take))


def _refusal() -> Any:
    def offer(self: _Machine, data: st.DataObject) -> None:
        """Something that the spec refuses in this state."""
        action = data.draw(st.sampled_from(self.pair.stepper.actions), "action")
        refused = [each.label for each in self.pair.stepper.offers(self.place.state, action) if not each.following]
        if refused:
            self.offer_refused(data.draw(st.sampled_from(refused), "refused"))

    return rule(data=st.data())(offer)
