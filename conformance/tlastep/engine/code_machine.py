"""Bound code for the fast engine: the code runs on a stand-in of its own class whose parts record what is read.

A step of pure code depends only on the parts that it reads, so it is executed once for each combination of these and
looked up afterwards. A binding without parts has one part, the whole state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any, Generic

from tlastep.behaviour import Label
from tlastep.binding import S
from tlastep.engine.code_system import BoundModel, CodeAction
from tlastep.engine.machine import Action, Raised, shown
from tlastep.engine.recording import WholeRef
from tlastep.errors import EvaluationError, UnusableInput
from tlastep.predicates import Part, Predicate, Quantified
from tlastep.values import Fn, Value, to_value

WHOLE = "state"


class CodeMachine(Generic[S]):
    """A bound model, seen part by part."""

    pure = False
    objects = True
    always_properties: tuple[Predicate, ...] = ()

    def __init__(self, model: BoundModel[S]) -> None:
        self.model = model
        self.binding = model.binding
        self.name = model.binding.module
        self.variables = model.binding.parts or (WHOLE,)
        self._samples = model.initial()
        self._stand_in = _stand_in_class(self._samples[0], self.variables) if model.binding.parts else None
        self.actions = tuple(self._action(action) for action in model.actions)
        self.constraints = _adapt_all(model.constraints)
        self.invariants = _adapt_all(model.invariants)
        self.initial_properties = _adapt_all(model.initial_properties)
        self.step_properties = _adapt_all(model.step_properties, states=2)

    def initial(self) -> Sequence[tuple[Any, ...]]:
        if not self.binding.parts:
            return [(state,) for state in self._samples]
        return [tuple(getattr(state, part) for part in self.variables) for state in self._samples]

    def view(self, variables: Mapping[str, object]) -> Any:
        if self._stand_in is None:
            return _Whole(variables[WHOLE])
        return self._stand_in(dict(variables))

    def _action(self, action: CodeAction) -> Action:
        def run(view: Any, bound: tuple[Any, ...]) -> Iterable[Mapping[str, object]]:
            try:
                following = action.function(_state(view), *bound)
            except self.binding.refused:
                return ()
            except UnusableInput:
                raise
            except Exception as error:
                raise Raised(action.label(bound), error) from error
            return (self._parts(following),)

        def label(bound: tuple[Any, ...]) -> Label:
            return action.label(bound)

        return Action(action.name, action.name, tuple(map(_adapt, action.quantified)), run, label)

    def _parts(self, following: Any) -> Mapping[str, object]:
        if self._stand_in is None:
            return {WHOLE: following}
        if not isinstance(following, self._stand_in):
            raise UnusableInput(
                "an action must build its result by the state's own `change(**parts)`", f"binding of {self.name}"
            )
        parts: Mapping[str, object] = following._parts
        return parts

    def observe(self, variable: str, key: Any, value: Any) -> Iterable[tuple[str, bytes, bytes]]:
        if not self.binding.parts:
            for name, each in self.binding.observed(value).items():
                yield from shown(name, each)
            return
        show = self.binding.require("observation of", self.binding.observe_parts, variable)
        spec_key, variables = (None, show(value)) if key is None else show(key, value)
        for name, each in variables.items():
            yield from shown(name, to_value(each), spec_key)

    def observed(self, parts: Mapping[str, Any]) -> dict[str, Value]:
        """The variables that a state shows; maps among its parts are given as plain dicts."""
        if not self.binding.parts:
            return self.binding.observed(parts[WHOLE])
        found: dict[str, Value] = {}
        pairs: dict[str, dict[Value, Value]] = {}
        for part, value in parts.items():
            show = self.binding.require("observation of", self.binding.observe_parts, part)
            if not isinstance(value, dict):
                found.update({name: to_value(each) for name, each in show(value).items()})
                continue
            for key, item in value.items():
                spec_key, variables = show(key, item)
                for name, each in variables.items():
                    pairs.setdefault(name, {})[spec_key] = to_value(each)
        return {**found, **{name: Fn(mapping) for name, mapping in pairs.items()}}

    def located(self, error: EvaluationError) -> EvaluationError:
        return error


class _Whole:
    """Defers reading a state without parts until an action runs on it."""

    def __init__(self, ref: object) -> None:
        self.ref = ref


def _state(view: Any) -> Any:
    if not isinstance(view, _Whole):
        return view
    return view.ref.force() if isinstance(view.ref, WholeRef) else view.ref


def _adapt(quantified: Quantified) -> Quantified:
    return Quantified(
        quantified.name, lambda view, *earlier: quantified.domain(_state(view), *earlier), quantified.constant
    )


def _adapt_all(predicates: tuple[Predicate, ...], states: int = 1) -> tuple[Predicate, ...]:
    """The predicates, for views in the place of states."""

    def adapt(part: Part) -> Part:
        def test(*operands: Any) -> bool:
            return part.test(*map(_state, operands[:states]), *operands[states:])

        return Part(tuple(map(_adapt, part.quantified)), test, part.place)

    return tuple(Predicate(each.name, tuple(map(adapt, each.parts))) for each in predicates)


def _stand_in_class(sample: object, parts: tuple[str, ...]) -> Any:
    """A class with the methods of the sample's, whose parts are stand-ins; other attributes are the sample's own."""
    sets = {part for part in parts if isinstance(getattr(sample, part), frozenset)}

    class StandIn:
        def __init__(self, values: dict[str, object]) -> None:
            self._parts = values

        def __getattr__(self, name: str) -> Any:
            if name not in parts:
                return getattr(sample, name)
            value = self._parts[name]
            return value.force() if isinstance(value, WholeRef) and name not in sets else value

        def change(self, **changed: object) -> StandIn:
            return StandIn({**self._parts, **changed})

    for owner in reversed(type(sample).__mro__):
        for name, member in vars(owner).items():
            if (
                name != "change"
                and not name.startswith("__")
                and isinstance(member, (FunctionType, property, classmethod, staticmethod))
            ):
                setattr(StandIn, name, member)
    return StandIn
