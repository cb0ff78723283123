"""Bound code as a `System`: state by state, each step executed. Nothing here knows the compiled spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from tlastep.behaviour import Label
from tlastep.binding import Binding, Constants, Property, S
from tlastep.engine.system import Broken
from tlastep.errors import UnusableInput
from tlastep.language.config import Config
from tlastep.predicates import Part, Predicate, Quantified, bindings
from tlastep.values import Value


@dataclass(frozen=True)
class CodeAction:
    """A bound action: its function, and what its arguments range over and look like in the spec."""

    name: str
    quantified: tuple[Quantified, ...]
    function: Any
    specs: tuple[Any, ...]

    def label(self, bound: tuple[Any, ...]) -> Label:
        """The label of a step with these arguments."""
        return Label(self.name, tuple(spec(each) for spec, each in zip(self.specs, bound, strict=True)))


class BoundModel(Generic[S]):
    """A binding under the configuration of one model."""

    def __init__(self, binding: Binding[S], config: Config) -> None:
        self.binding = binding
        self.constants: Constants = {
            **{name.text: value for name, value in config.constants.items()},
            **{name.text: definition.text for name, definition in config.overrides.items()},
        }
        relation = config.next.text if config.next else ""
        self.actions = tuple(self._action(*each) for each in binding.actions_of(relation).items())
        self._start = binding.require("start", binding.starts, config.start)
        self.constraints = tuple(self._constraint(name.text) for name in config.constraints)
        names = [name.text for name in [*config.invariants, *config.properties]]
        self.invariants = self._predicates(names, binding.invariants)
        self.initial_properties = self._predicates(names, binding.initial_properties)
        self.step_properties = self._predicates(names, binding.step_properties)
        known = {*binding.invariants, *binding.initial_properties, *binding.step_properties}
        for name in names:
            if name not in known:
                raise UnusableInput(f"does not say what {name} means for the code", f"binding of {binding.module}")

    def initial(self) -> list[S]:
        """The initial states of the code."""
        made = self._start(self.constants)
        if isinstance(made, (list, tuple, set, frozenset)):
            return list(made)
        return [made]  # type: ignore[list-item]  # what is no collection is a state

    def _action(self, name: str, function: Callable[..., S]) -> CodeAction:
        names = self.binding.arguments(function)
        specs = tuple(self.binding.parameters[each].spec for each in names)
        return CodeAction(name, self._quantified(names), function, specs)

    def _quantified(self, names: Iterable[str]) -> tuple[Quantified, ...]:
        found = []
        for name in names:
            parameter = self.binding.parameters[name]
            if parameter.of_state:
                found.append(Quantified(name, lambda view, *_, of=parameter.domain: list(of(view)), constant=False))
            else:
                values = list(parameter.domain(self.constants))
                found.append(Quantified(name, lambda _view, *_, values=values: values, constant=True))
        return tuple(found)

    def _constraint(self, name: str) -> Predicate:
        make = self.binding.require("bound", self.binding.bounds, name)
        return Predicate(name, tuple(self._part(name, each) for each in make(self.constants)))

    def _part(self, name: str, part: Property) -> Part:
        return Part(self._quantified(part.over), part.test, f"{name} in the binding of {self.binding.module}")

    def _predicates(self, names: Iterable[str], registry: Mapping[str, list[Property]]) -> tuple[Predicate, ...]:
        return tuple(
            Predicate(name, tuple(self._part(name, each) for each in registry[name]))
            for name in names
            if name in registry
        )


class CodeSystem(Generic[S]):
    """Executes the bound code at every step: slow, direct, and the oracle of the fast engine on code."""

    def __init__(self, model: BoundModel[S], variables: tuple[str, ...] = ()) -> None:
        self.model = model
        self.binding = model.binding
        self.variables = variables or tuple(sorted(model.binding.observed(model.initial()[0])))

    def initial(self) -> Iterable[S]:
        return self.model.initial()

    def offers(self, state: S) -> Iterator[tuple[CodeAction, tuple[Any, ...], Label]]:
        """Every action with all its arguments, whether the code refuses it or not."""
        for action in self.model.actions:
            for bound in bindings(action.quantified, state):
                yield action, bound, action.label(bound)

    def take(self, action: CodeAction, state: S, bound: tuple[Any, ...]) -> S | None:
        """The next state, or None where the code refuses."""
        try:
            following: S = action.function(state, *bound)
        except self.binding.refused:
            return None
        return following

    def steps(self, state: S) -> Iterator[tuple[Label, S]]:
        for action, bound, label in self.offers(state):
            following = self.take(action, state, bound)
            if following is not None:
                yield label, following

    def in_bound(self, state: S) -> bool:
        return self._first_false(self.model.constraints, state) is None

    def in_bound_step(self, state: S, following: S) -> bool:
        return True

    def check_initial(self, state: S) -> Broken | None:
        return self._broken("property", self.model.initial_properties, state)

    def check_state(self, state: S) -> Broken | None:
        return self._broken("invariant", self.model.invariants, state)

    def check_step(self, state: S, following: S) -> Broken | None:
        return self._broken("property", self.model.step_properties, state, following)

    def observe(self, state: S) -> Mapping[str, Value]:
        return self.binding.observed(state)

    def _broken(self, kind: str, predicates: tuple[Predicate, ...], *states: S) -> Broken | None:
        found = self._first_false(predicates, *states)
        return Broken(f"{kind} {found[0]}", found[1]) if found else None

    @staticmethod
    def _first_false(predicates: tuple[Predicate, ...], *states: S) -> tuple[str, str] | None:
        for predicate in predicates:
            for part in predicate.parts:
                for bound in bindings(part.quantified, states[0]):
                    if not part.test(*states, *bound):
                        return predicate.name, part.place
        return None
