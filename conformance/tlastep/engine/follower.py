"""Follows one behaviour through a compiled spec, step by step, and keeps nothing but the state that it has come to.

    follower = Follower(spec)
    follower.begin(assignment)
    assert follower.step("Timeout", (server,), [("term", server, 3)]) is None

A state is a list of cells, and the action that is told is a function made for the server that took it, and runs on the
cells that it touches (`compile/cells.py`). The next state must be the state with what is claimed in it; what the claims
have changed is known from them, and of the properties those conjuncts are evaluated that may read something of that
(`StepJudge` knows them). Nothing is remembered, for the states of a long behaviour never come again.

Where that fails, or says no, the same is done with care, on states as all generated code knows them: only this finds
that a step is not allowed, or has no value.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, cast

from tlastep.compile.cells import Cells, Run, State
from tlastep.compile.compiled import CompiledSpec, Step
from tlastep.compile.direct import FAILURES
from tlastep.compile.partial import Layout, depending
from tlastep.compile.runtime import attribute, state_class
from tlastep.engine.step_judge import EVERYTHING, StepJudge
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError
from tlastep.recorded import Update
from tlastep.values import Fn, ModelValue, Value
from tlastep.wide_functions import WIDE, put

Claims: TypeAlias = Sequence[Update]
"""What a step is said to have changed. Whatever is not named is as it was."""

View: TypeAlias = Any
"""A state: an object with an attribute a variable. It is never changed once it is a state."""


class Differs(NamedTuple):
    """A step that the spec does not allow: what it was to lead to, and where the spec leads (nowhere if it refuses)."""

    after: tuple[Value, ...]
    allowed: list[tuple[Value, ...]]
    error: str = ""


@dataclass
class _Action:
    """An action: for the first so many arguments there is a function of its own for each of their values."""

    step: Step | None
    known: int = 0
    runs: dict[tuple[Value, ...], Run | None] = field(default_factory=dict)


class Follower:
    """A behaviour of a spec, as far as it goes. `changed` are the parts that the last step has changed, as bits.

    Of the variables `unsaid` nothing is ever claimed: whatever the spec makes of them is right. Of the constants
    `changing` no property may say anything, for they get other values (`rebind`).
    """

    def __init__(self, spec: CompiledSpec, unsaid: Collection[str] = (), changing: Collection[str] = ()) -> None:
        self.spec = spec
        self._changing = frozenset(spec.module.constants[name] for name in changing)
        self._depend = depend = depending(ast.parse(spec.source), self._changing) if changing else frozenset()
        for predicate in (*spec.invariants, *spec.always_properties, *spec.step_properties) if changing else ():
            assert not any(_names(part.code) & depend for part in predicate.parts), (
                f"{predicate.name} is of what changes"
            )
        self.changed = 0
        self.cells: State = []
        """Where the behaviour is. Whoever keeps this can go back to it."""
        self._unsaid = unsaid
        self._judge = StepJudge(spec)
        self._next: Callable[[], View] = spec.namespace["Next"]
        self._view = state_class("View", spec.variables)
        self._seen: tuple[State, View] = [], None
        self.layout = Layout(())

    def begin(self, assignment: Mapping[str, Value]) -> None:
        """Start, or go on, in this state. A function over many keys is one cell, for a copy of a state has few."""
        for name, value in assignment.items():
            if type(value) is Fn and len(value.mapping) > WIDE:
                self._judge.snapshots.take_whole(name)
        self._judge.begin(assignment)
        components = tuple(self._judge.snapshots.components)
        given: Mapping[str, Any] = assignment
        self.cells = [given[name] if key is None else given[name].mapping[key] for name, key in components]
        self.changed = EVERYTHING
        if components != self.layout.components:
            self._shape(Layout(components, [_kind(value) for value in self.cells]))
        self._check_kinds(range(len(components)))

    def rebind(self, values: Mapping[str, Value]) -> None:
        """Constants that change have these values from now on; then a state under these has to be begun."""
        self._cells.rebind(self.spec.rebind(values))

    def _check_kinds(self, places: Iterable[int]) -> None:
        """Where a cell has a value of another class than before, nothing is known of its class any more."""
        layout = self.layout
        wrong = {p for p in places if layout.kinds[p] is not None and type(self.cells[p]) is not layout.kinds[p]}
        if wrong:
            kinds = [None if place in wrong else kind for place, kind in enumerate(layout.kinds)]
            self._shape(Layout(layout.components, kinds))

    def _shape(self, layout: Layout) -> None:
        components = layout.components
        self.layout = layout
        self.places = {name: self.layout.places.get(attribute(name), {}) for name in self.spec.variables}
        """The place of each key of a variable among the cells; of the key None, if the variable is one cell."""
        self._cells = Cells(self.spec, self.layout, self._changing)
        self._actions: dict[str, _Action] = {}
        self._all_true: dict[int, Callable[[State, State], bool] | None] = {}
        self._free = frozenset(place for place, (name, _) in enumerate(components) if name in self._unsaid)

    @property
    def state(self) -> View:
        """The state, with an attribute a variable."""
        return self.view(self.cells)

    def view(self, cells: State) -> View:
        """A state, with an attribute a variable."""
        if self._seen[0] is not cells:
            view = self._view()
            for name, places in self.layout.places.items():
                whole = {key: cells[place] for key, place in places.items()}
                setattr(view, name, cells[places[None]] if None in places else Fn(cast("dict[Value, Value]", whole)))
            self._seen = cells, view
        return self._seen[1]

    def values(self, cells: State) -> tuple[Value, ...]:
        """The values of all variables."""
        return self._judge.snapshots.values(self.view(cells))

    # -- steps -------------------------------------------------------------------------------------------------

    def step(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        """Take a step, if the spec has it and it does what is claimed; without claims whatever it does is right."""
        before = self.cells
        known = self._actions.get(action) or self._action(action, arguments)
        count = known.known
        run = known.runs.get(arguments[:count], UNMADE)
        if run is UNMADE:
            run = self._run(known, arguments[:count])
        if run is not None:
            does, writes = run
            try:
                following = does(before, *arguments[count:])
                if following is not None:
                    if claims is None:
                        self._leads(before, following, writes)
                        return None
                    if self._fits(before, following, claims, writes):
                        return None
            except FAILURES:
                pass  # it may be that the spec has this step, or that it has no value: look at it with care
        return self._with_care(action, arguments, claims)

    def _fits(self, before: State, following: State, claims: Claims, writes: Iterable[int]) -> bool:
        """Whether the spec's next state is what is claimed; if so, it is the state from now on.

        The next state is the one before, but for what is written. What is claimed has been met before, more often than
        what the spec has made: its hashes are known.
        """
        expected, places, free = before.copy(), self.places, self._free
        changed, other = 0, []
        for name, key, value in claims:
            place = places[name].get(key)
            if place is None:
                place = places[name][None]
                value = _put(expected[place], key, value)
            old = before[place]
            if value is old or value == old:
                expected[place] = old
                continue
            expected[place] = value
            changed |= 1 << place
            if type(value) is not type(old):
                other.append(place)
        if free:
            # Of what nobody says it need not be known whether it is equal to what it was: comparing may take long.
            for place in free.intersection(writes):
                expected[place] = new = following[place]
                if new is not before[place]:
                    changed |= 1 << place
                    if type(new) is not type(before[place]):
                        other.append(place)
        if expected != following:
            return False
        self.cells, self.changed = expected, changed
        if other:
            self._check_kinds(other)
        return True

    def _leads(self, before: State, following: State, places: Iterable[int]) -> None:
        """The spec's next state is the state from now on, whatever it is: the one before, but for these places."""
        changed, other = 0, []
        for place in places:
            old, new = before[place], following[place]
            if new is not old and new != old:
                changed |= 1 << place
                if type(new) is not type(old):
                    other.append(place)
        self.cells, self.changed = following, changed
        if other:
            self._check_kinds(other)

    def outside(self, claims: Claims) -> None:
        """What others have done, taken on trust: it is the state from now on."""
        self.changed = 0
        try:
            self._leads(self.cells, _with(self.cells, self.places, claims), range(len(self.cells)))
        except KeyError:
            self._go_to(self._claimed(claims))

    def part(self, variable: str, key: Value | None) -> Any:
        """The value of a variable, or of its function at this key."""
        place = self.places[variable].get(key)
        if place is not None:
            return self.cells[place]
        whole = getattr(self.state, attribute(variable))
        return whole if key is None else whole.mapping[key]

    def _action(self, action: str, arguments: tuple[Value, ...]) -> _Action:
        """How an action is run: not at all here, unless it is one disjunct."""
        steps = [step for step, _ in self._judge.tests_of(action)]
        found = self._actions[action] = _Action(steps[0] if len(steps) == 1 else None)
        if found.step is not None:
            code = found.step.code
            pairs = zip(code.binders, code.arguments, arguments, strict=False)
            alike = [
                binder.constant
                and binder.name == name
                and value in self.layout.keys
                and not self._changes(binder.domain)
                for binder, name, value in pairs
            ]
            few = [self._is_of_few(found.step, arguments[:place]) for place, same in enumerate(alike) if same]
            alike = [same and few.pop(0) for same in alike]
            found.known = alike.index(False) if False in alike else len(alike)
        return found

    def _changes(self, domain: str) -> bool:
        """Whether a set may become another."""
        return bool(self._changing) and bool(_names(domain) & self._depend)

    @staticmethod
    def _is_of_few(step: Step, before: tuple[Value, ...]) -> bool:
        """Whether the variable after these has so few values that a function for each of them is worth it."""
        domain: Any = step.quantified[len(before)].domain(None, *before)
        return isinstance(domain, (frozenset, list, range)) and len(domain) <= FEW

    def _run(self, action: _Action, first: tuple[Value, ...]) -> Run | None:
        """The function for these arguments, if they are in their domains."""
        step, found = action.step, None
        if step is not None and len(action.runs) < MANY:
            domains = [each.domain(None, *first[:place]) for place, each in enumerate(step.quantified[: len(first)])]
            if all(value in domain for value, domain in zip(first, domains, strict=True)):
                names = [binder.name for binder in step.code.binders]
                found = self._cells.action(step, dict(zip(names, first, strict=False)))
            action.runs[first] = found
        return found

    # -- with care -----------------------------------------------------------------------------------------------

    def _with_care(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        before = self.view(self.cells)
        allowed: list[tuple[Value, ...]] = []
        claimed = self._claimed(claims)
        try:
            for run, bound in self._judge.runs(action, before, arguments):
                following = self._next()
                for _ in run(before, following, *bound):
                    values = self._judge.snapshots.values(following)
                    if claims is None or self._alike(claimed, values):
                        self._go_to(values)
                        return None
                    allowed.append(values)
        except EvaluationError as error:
            return Differs(claimed, [], str(self.spec.located(error)))
        if allowed and self._unsaid:
            said = zip(self.spec.variables, claimed, allowed[0], strict=True)
            claimed = tuple([its if name in self._unsaid else ours for name, ours, its in said])
        return Differs(claimed, allowed)

    def _alike(self, claimed: Sequence[Value], values: Sequence[Value]) -> bool:
        """Whether two states are the same, as far as anything is said of them."""
        if len(claimed) != len(values):
            return False
        pairs = zip(self.spec.variables, claimed, values, strict=True)
        return all(ours == its for name, ours, its in pairs if name not in self._unsaid)

    def _go_to(self, values: Sequence[Value]) -> None:
        """The state from now on. A variable whose function gets another domain is one part then."""
        given: dict[str, Any] = dict(zip(self.spec.variables, values, strict=True))
        reshaped = False
        for name in self.spec.variables:
            places = self.places[name]
            new = given[name]
            if None not in places and (type(new) is not Fn or new.mapping.keys() != places.keys()):
                self._judge.snapshots.take_whole(name)
                reshaped = True
        if reshaped:
            self.begin(given)
            return
        components = self.layout.components
        following = [given[name] if key is None else given[name].mapping[key] for name, key in components]
        self._leads(self.cells, following, range(len(following)))

    def _claimed(self, claims: Claims | None) -> tuple[Value, ...]:
        """The values to which a step is said to have led; more than there are, if something unknown is named."""
        found: dict[str, Any] = dict(zip(self.spec.variables, self.values(self.cells), strict=True))
        for name, key, value in claims or ():
            known = found.get(name)
            found[name] = Fn({**known.mapping, key: value}) if key is not None and type(known) is Fn else value
        return tuple(found.values())

    # -- properties ----------------------------------------------------------------------------------------------

    def broken(self, before: State, changed: int) -> Broken | None:
        """The first property that is false in the state, or of the step from the one before, which changed this."""
        all_true = self._all_true.get(changed, NOT_MADE)
        if all_true is NOT_MADE:
            all_true = self._asking(changed)
        if all_true is not None:
            try:
                if all_true(before, self.cells):
                    return None
            except FAILURES:
                pass  # one after the other, it is seen which of them it is, and whether it is any
        one, other = self.view(before), self.view(self.cells)
        return self._judge.first_broken(one, other, changed)

    def _asking(self, changed: int) -> Callable[[State, State], bool] | None:
        """What asks for the properties that a change concerns; nothing, if there are some that it can't ask for."""
        asked = None if changed == EVERYTHING else self._judge.asked(changed)
        found = self._all_true[changed] = self._cells.all_true(asked, changed) if asked is not None else None
        return found


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code, mode="eval")) if isinstance(node, ast.Name)}


def _kind(value: Value) -> type | None:
    """The class that a cell may be expected to keep; not of sequences, which are of several."""
    return type(value) if type(value) in KEPT else None


def _with(cells: State, places: Mapping[str, Mapping[Value | None, int]], claims: Claims) -> State:
    found = cells.copy()
    for name, key, value in claims:
        place = places[name].get(key)
        if place is not None:
            found[place] = value
        else:
            place = places[name][None]
            found[place] = _put(found[place], key, value)
    return found


def _put(function: Any, key: Value | None, value: Value) -> Value:
    """A function that is one cell, with another value for a key that it has. `KeyError` if it has none."""
    if type(function) is not Fn or key is None or key not in function.mapping:
        raise KeyError(key)
    return put(function, key, value)


KEPT: Final = frozenset({int, str, frozenset, ModelValue, Fn})
UNMADE: Final = Run(lambda *_: None, ())
"""What stands for a function that is not made yet."""
NOT_MADE: Final[Callable[[State, State], bool]] = lambda *_: False  # noqa: E731  # likewise

FEW: Final = 30  # values of a variable for each of which an own function is made
MANY: Final = 1_000  # functions that are made for one action
