"""A compiled spec as the fast engine explores it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tlastep.behaviour import Label
from tlastep.compile.compiled import CompiledSpec, Step
from tlastep.compile.runtime import state_class
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.machine import Action, shown
from tlastep.errors import EvaluationError
from tlastep.values import Value


class SpecMachine:
    """A compiled spec for the fast engine: the same generated code, run on stand-ins.

    With `conjuncts`, what is evaluated of the actions is noted there.
    """

    pure = True  # generated code has nothing but its arguments
    objects = False

    def __init__(self, spec: CompiledSpec, *, conjuncts: Conjuncts | None = None) -> None:
        self.spec = spec
        self._run_of: Callable[[Step], Callable[..., Iterator[None]]] = (
            conjuncts.watching if conjuncts else lambda step: step.run
        )
        self.name = spec.name
        self.variables = spec.variables
        self.actions = tuple(self._action(step) for step in spec.steps)
        self.constraints = spec.constraints
        self.invariants = spec.invariants
        self.always_properties = spec.always_properties
        self.initial_properties = spec.initial_properties
        self.step_properties = spec.step_properties
        self._next = spec.namespace["Next"]
        self._view_class = state_class("View", spec.variables)

    def _action(self, step: Step) -> Action:
        run_step = self._run_of(step)

        def run(view: Any, bound: tuple[Value, ...]) -> Iterator[Mapping[str, object]]:
            following = self._next()
            for _ in run_step(view, following, *bound):
                try:
                    yield {name: getattr(following, name) for name in self.variables}
                except AttributeError as error:
                    raise EvaluationError(f"{step.action} leaves a variable without a next value") from error

        def label(bound: tuple[Value, ...]) -> Label:
            return Label(step.action, step.arguments(*bound))

        return Action(step.action, step.tlc_name, step.quantified, run, label)

    def initial(self) -> Sequence[tuple[Value, ...]]:
        following = self._next()
        found = []
        try:
            for _ in self.spec.initial(following):
                found.append(tuple([getattr(following, name) for name in self.variables]))
        except EvaluationError as error:
            raise self.located(error) from error
        return found

    def view(self, variables: Mapping[str, object]) -> Any:
        view = self._view_class()
        for name, value in variables.items():
            setattr(view, name, value)
        return view

    def observe(self, variable: str, key: Any, value: Any) -> Iterable[tuple[str, bytes, bytes]]:
        return shown(variable, value, key)

    def located(self, error: EvaluationError) -> EvaluationError:
        return self.spec.located(error)
