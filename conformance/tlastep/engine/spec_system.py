"""A compiled spec as a `System`, state by state, on plain values: the oracle of everything faster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import starmap
from typing import Any

from tlastep.behaviour import Label
from tlastep.compile.compiled import CompiledSpec, State, Step
from tlastep.compile.runtime import state_class
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError
from tlastep.predicates import Part, Predicate, bindings
from tlastep.values import Value, show


class SpecSystem:
    """Steps a compiled spec. Errors of evaluation name their place in the spec.

    With `conjuncts`, what `steps_of` evaluates of the actions is noted there.
    """

    def __init__(self, spec: CompiledSpec, *, conjuncts: Conjuncts | None = None) -> None:
        self.spec = spec
        self._runs = {id(step): conjuncts.watching(step) for step in spec.steps} if conjuncts else {}
        self.variables = spec.variables
        self._view = state_class("View", spec.variables)
        self._viewed: State | None = None
        self._last: Any = None
        self._next = spec.namespace["Next"]

    def view(self, state: State) -> Any:
        """The state as generated code sees it. The last one is kept: many steps are tried in one state."""
        if state is not self._viewed:
            self._viewed, self._last = state, self._view()
            for name, value in zip(self.variables, state, strict=True):
                setattr(self._last, name, value)
        return self._last

    def _snapshot(self, following: Any) -> State:
        try:
            return tuple([getattr(following, name) for name in self.variables])
        except AttributeError as error:
            name = str(error).rpartition(".")[2] or str(error)
            raise EvaluationError(f"the next state gives no value to {name}", self.spec.name) from error

    def initial(self) -> Iterator[State]:
        following = self._next()
        try:
            for _ in self.spec.initial(following):
                yield self._snapshot(following)
        except EvaluationError as error:
            raise self.spec.located(error) from error

    def steps(self, state: State) -> Iterator[tuple[Label, State]]:
        view = self.view(state)
        try:
            for step in self.spec.steps:
                for bound in bindings(step.quantified, view):
                    label = Label(step.action, step.arguments(*bound))
                    following = self._next()
                    for _ in step.run(view, following, *bound):
                        yield label, self._snapshot(following)
        except EvaluationError as error:
            raise self.spec.located(error) from error

    def steps_of(self, step: Step, state: State, bound: tuple[Value, ...]) -> Iterator[State]:
        """The next states of one action with its variables bound."""
        following = self._next()
        try:
            for _ in self._runs.get(id(step), step.run)(self.view(state), following, *bound):
                yield self._snapshot(following)
        except EvaluationError as error:
            raise self.spec.located(error) from error

    def offers(self, state: State) -> Iterator[tuple[Step, tuple[Value, ...], Label]]:
        """Every action with every binding of its variables, enabled or not."""
        view = self.view(state)
        for step in self.spec.steps:
            for bound in bindings(step.quantified, view):
                yield step, bound, Label(step.action, step.arguments(*bound))

    def in_bound(self, state: State) -> bool:
        view = self.view(state)
        return all(self.failing(constraint, view) is None for constraint in self.spec.constraints)

    def in_bound_step(self, state: State, following: State) -> bool:
        if not self.spec.action_constraints:
            return True
        views = self.view(state), self.view(following)
        return all(self.failing(constraint, *views) is None for constraint in self.spec.action_constraints)

    def check_initial(self, state: State) -> Broken | None:
        return self._first_broken("property", self.spec.initial_properties, self.view(state))

    def check_state(self, state: State) -> Broken | None:
        view = self.view(state)
        return self._first_broken("invariant", self.spec.invariants, view) or self._first_broken(
            "property", self.spec.always_properties, view
        )

    def check_step(self, state: State, following: State) -> Broken | None:
        if not self.spec.step_properties:
            return None
        return self._first_broken("property", self.spec.step_properties, self.view(state), self.view(following))

    def check_assumptions(self) -> Broken | None:
        """An ASSUME that is false."""
        broken = self._first_broken("assumption", self.spec.assumptions, None)
        return Broken("assumption", f"{broken.place} ({broken.result.removeprefix('assumption ')})") if broken else None

    def observe(self, state: State) -> Mapping[str, Value]:
        return dict(zip(self.variables, state, strict=True))

    def _first_broken(self, kind: str, predicates: Iterable[Predicate], *views: Any) -> Broken | None:
        for predicate in predicates:
            place = self.failing(predicate, *views)
            if place is not None:
                return Broken(f"{kind} {predicate.name}", place)
        return None

    def failing(self, predicate: Predicate, *views: Any) -> str | None:
        """The place of a conjunct that is false, or None if all hold."""
        try:
            for part in predicate.parts:
                bound = failing_binding(part, views)
                if bound is not None:
                    return f"{part.place}{bound}"
        except EvaluationError as error:
            raise self.spec.located(error) from error
        return None


def failing_binding(part: Part, views: tuple[Any, ...]) -> str | None:
    """Text for a binding under which the conjunct is false ("" if it binds nothing), or None."""
    for bound in bindings(part.quantified, views[0]):
        if not part.test(*views, *bound):
            pairs = zip((variable.name for variable in part.quantified), bound, strict=True)
            text = ", ".join(starmap(lambda name, value: f"{name} = {show(value)}", pairs))
            return f" with {text}" if text else ""
    return None
