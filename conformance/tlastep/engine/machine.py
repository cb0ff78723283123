"""What the fast engine explores: named steps and predicates that see a state through recording stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tlastep.behaviour import Label
from tlastep.compile.compiled import CompiledSpec, Predicate, Quantified, Step
from tlastep.errors import EvaluationError
from tlastep.values import Value, encode


class Action(NamedTuple):
    """A named action. `run(view, bound)` gives, for each way to take it, the variables' next values by name.

    A variable that is missing, or still the view's own stand-in, keeps its value.
    """

    name: str
    tlc_name: str
    quantified: tuple[Quantified, ...]
    run: Callable[[Any, tuple[Any, ...]], Iterable[Mapping[str, object]]]
    label: Callable[[tuple[Any, ...]], Label]


class Machine(Protocol):
    """A compiled spec or bound code, seen variable by variable."""

    name: str
    variables: tuple[str, ...]
    actions: tuple[Action, ...]
    constraints: tuple[Predicate, ...]
    invariants: tuple[Predicate, ...]
    always_properties: tuple[Predicate, ...]
    initial_properties: tuple[Predicate, ...]
    step_properties: tuple[Predicate, ...]

    def initial(self) -> Sequence[tuple[Any, ...]]:
        """The initial states: the variables' values, in order; one for each way to find it."""

    def view(self, variables: Mapping[str, object]) -> Any:
        """An object with an attribute a variable, as actions and predicates expect it."""

    def observe(self, variable: str, key: Any, value: Any) -> Iterable[tuple[str, bytes, bytes]]:
        """What a part of the state shows of the spec's variables: (variable, encoded key, encoded value) each.

        `key` is None for a variable that is not split by its keys.
        """

    def located(self, error: EvaluationError) -> EvaluationError:
        """The error with its place in the spec or the code."""


class SpecMachine:
    """A compiled spec for the fast engine: the same generated code, run on stand-ins."""

    def __init__(self, spec: CompiledSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.variables = spec.variables
        self.actions = tuple(self._action(step) for step in spec.steps)
        self.constraints = spec.constraints
        self.invariants = spec.invariants
        self.always_properties = spec.always_properties
        self.initial_properties = spec.initial_properties
        self.step_properties = spec.step_properties
        self._next = spec.namespace["Next"]
        self._view_class = type("View", (), {"__slots__": spec.variables})

    def _action(self, step: Step) -> Action:
        def run(view: Any, bound: tuple[Value, ...]) -> Iterator[Mapping[str, object]]:
            following = self._next()
            for _ in step.run(view, following, *bound):
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
        yield variable, b"" if key is None else encode(key), encode(value)

    def located(self, error: EvaluationError) -> EvaluationError:
        return self.spec.located(error)
