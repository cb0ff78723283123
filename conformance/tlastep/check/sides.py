"""The two sides of a replay, state by state on plain values: what the spec allows, and what the code does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple

from tlastep.behaviour import Assignment, Label
from tlastep.binding import S
from tlastep.compile.compiled import CompiledSpec, State
from tlastep.engine.code_system import BoundModel, CodeAction, CodeSystem
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.machine import Raised
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import UnusableInput
from tlastep.predicates import bindings
from tlastep.values import Value


class Taken(NamedTuple):
    """A step of the spec: the name that TLC gives it, its label with arguments, and the next state."""

    tlc_name: str
    label: Label
    following: State


class SpecSide:
    """A compiled spec. The steps from each state are remembered."""

    def __init__(self, spec: CompiledSpec, *, conjuncts: Conjuncts | None = None) -> None:
        self.spec = spec
        self.system = SpecSystem(spec, conjuncts=conjuncts)
        self.variables = spec.variables
        self._steps: dict[State, tuple[Taken, ...]] = {}
        self._same: dict[State, State] = {}  # one object a state: comparing it with itself costs nothing

    def state(self, assignment: Assignment, where: str) -> State:
        """The state with these values. Raises `UnusableInput` if they are not those of the spec's variables."""
        if missing := [name for name in self.variables if name not in assignment]:
            raise UnusableInput(f"gives no value to the variable {missing[0]} of {self.spec.name}", where)
        if unknown := [name for name in assignment if name not in self.variables]:
            raise UnusableInput(f"gives a value to {unknown[0]}, which is no variable of {self.spec.name}", where)
        state = tuple([assignment[name] for name in self.variables])
        return self._same.setdefault(state, state)

    def shown(self, state: State) -> dict[str, Value]:
        """The state as values by name."""
        return dict(zip(self.variables, state, strict=True))

    def steps(self, state: State) -> tuple[Taken, ...]:
        """All steps from a state, in the order of the spec, those that leave the bound included."""
        known = self._steps.get(state)
        if known is None:
            same = self._same.setdefault
            known = self._steps[state] = tuple(
                Taken(step.tlc_name, label, same(following, following))
                for step, bound, label in self.system.offers(state)
                for following in self.system.steps_of(step, state, bound)
            )
        return known

    def fitting(self, before: State, named: Label | None, after: State) -> list[Label]:
        """The labels, with arguments, of the steps between two states that may bear the name that TLC gave."""
        found = [each for each in self.steps(before) if each.following == after and _may_be(each, named)]
        return list(dict.fromkeys(each.label for each in found))


def _may_be(step: Taken, named: Label | None) -> bool:
    """Whether a step may be what TLC calls so. A wrapper, the `tlc_name`, has other arguments than the step."""
    if named is None:
        return True
    if named.action == step.label.action:
        return named.arguments is None or named.arguments == step.label.arguments
    return named.action == step.tlc_name


def tlc_names(spec: CompiledSpec) -> dict[str, str]:
    """The name that TLC gives the steps of each action."""
    names: dict[str, str] = {}
    for step in spec.steps:
        if names.setdefault(step.action, step.tlc_name) != step.tlc_name:
            raise UnusableInput(
                f"TLC calls the steps of {step.action} by two names, {names[step.action]} and {step.tlc_name}",
                spec.name,
            )
    return names


class CodeSide(Generic[S]):
    """Bound code. What it does in each state, and what each state shows, is remembered: the code is pure."""

    def __init__(self, model: BoundModel[S]) -> None:
        self.model = model
        self.system = CodeSystem(model)
        self._steps: dict[S, Mapping[Label, S | Raised]] = {}
        self._shown: dict[S, Mapping[str, Value]] = {}
        self._same: dict[S, S] = {}  # one object a state, as on the other side
        self._fits: dict[S, State] = {}
        self._labels: dict[tuple[str, tuple[Any, ...]], Label] = {}

    def starts(self, assignment: Assignment) -> list[S]:
        """The initial states that show these values."""
        return [state for state in dict.fromkeys(self.system.initial()) if self.shown(state) == assignment]

    def shown(self, state: S) -> Mapping[str, Value]:
        """The variables of the spec that a state shows."""
        known = self._shown.get(state)
        if known is None:
            known = self._shown[state] = self.system.observe(state)
        return known

    def shows(self, state: S, expected: State, variables: tuple[str, ...]) -> bool:
        """Whether a state shows exactly these values of the variables. Of one object it is asked once."""
        if self._fits.get(state) is expected:
            return True
        if self.shown(state) != dict(zip(variables, expected, strict=True)):
            return False
        self._fits[state] = expected
        return True

    def steps(self, state: S) -> Mapping[Label, S | Raised]:
        """What every action leads to in a state; without those that are refused, and with those that raise."""
        known = self._steps.get(state)
        if known is None:
            known = self._steps[state] = self._take_all(state)
        return known

    def _take_all(self, state: S) -> dict[Label, S | Raised]:
        found: dict[Label, S | Raised] = {}
        for action in self.model.actions:
            for bound in bindings(action.quantified, state):
                try:
                    following = self.system.take(action, state, bound)
                except UnusableInput:
                    raise
                except Exception as error:
                    label = self._label(action, bound)
                    found[label] = Raised(label, error)
                    continue
                if following is not None:
                    found[self._label(action, bound)] = self._same.setdefault(following, following)
        return found

    def _label(self, action: CodeAction, bound: tuple[Any, ...]) -> Label:
        known = self._labels.get((action.name, bound))
        if known is None:
            known = self._labels[action.name, bound] = action.label(bound)
        return known
