"""Judges steps that are told, by the compiled spec on plain values: for states that never come again.

    judge = StepJudge(spec)
    before = judge.begin(assignment)
    after, changed = judge.following(before, [("term", server, 3)])
    assert after.values in judge.after(before, Label("Timeout", (server,)))
    assert judge.broken(before, after, changed) is None

A search meets the same parts of states again and again, so `engine/entries.py` remembers what follows from them. A
simulation hardly ever does. Here the action of a step is evaluated, every time, and of the properties only the
conjuncts that read something of what the step has changed: what they may read is known from their text
(`compile/reads.py`). A conjunct about each member of a set is evaluated for new members only, if nothing else that it
reads has changed. What was found true is remembered by the numbers of what was read, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from operator import itemgetter
from typing import Any, Final

from tlastep.behaviour import Label
from tlastep.compile.cells import Asked
from tlastep.compile.compiled import CompiledSpec, Step
from tlastep.compile.reads import DOMAIN, Read, Reader
from tlastep.compile.runtime import attribute
from tlastep.compile.specialised import Specialiser, membership
from tlastep.compile.symmetric import Pairs
from tlastep.engine.checks import Check, checks_of
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.snapshot import Reshaped, Snapshot, Snapshots, Update
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError
from tlastep.language.operations import apply
from tlastep.predicates import Predicate, bindings
from tlastep.values import Value

REMEMBERED: Final = 100_000  # values and verdicts that are remembered
EVERYTHING: Final = -1


@dataclass
class _Conjunct:
    """A conjunct, the components that it may read, and the numbers of these for which it was found true."""

    kind: str
    check: Check
    specialised: Callable[[], Callable[..., Any]] = field(repr=False)
    reads: int
    key: Callable[[list[int]], Any] | None
    known: set[Any]
    of_set: _Members | None = None
    asked: Asked | None = None
    """None where it is not known what it reads."""

    @cached_property
    def test(self) -> Callable[..., Any]:
        """The formula with its parameters filled in: made when it is first needed, for of many that is never."""
        return self.specialised()

    def broken(self) -> Broken:
        """The finding that it is false."""
        return self.check.broken(self.kind)


@dataclass
class _Members:
    """A conjunct about each member of a set: the set, what is said of a member, and what is read for that.

    Where nothing is read, members of which it is true are `known`.
    """

    of: Callable[[Any], Any]
    specialised: Callable[[], Callable[..., Any]] = field(repr=False)
    reads: int
    known: set[Value] | None
    asked: Asked

    @cached_property
    def test(self) -> Callable[..., Any]:
        """What is said of a member, with the parameters filled in."""
        return self.specialised()


@dataclass
class _Action:
    """A disjunct of the next-state relation. `domains` ask whether an argument is in its domain."""

    run: Callable[..., Iterable[None]]
    step: Step
    domains: tuple[Callable[..., bool], ...] | None


@dataclass
class _Concerned:
    """The conjuncts that a change concerns, in the order in which they are judged."""

    states: list[_Conjunct] = field(default_factory=list)
    steps: list[_Conjunct] = field(default_factory=list)


class StepJudge:
    """A compiled spec that judges steps. With `conjuncts`, what is evaluated of its actions is noted there."""

    def __init__(self, spec: CompiledSpec, *, conjuncts: Conjuncts | None = None, limit: int = REMEMBERED) -> None:
        self._spec = spec
        self._limit = limit
        self.snapshots = Snapshots(spec.variables)
        self._reader = Reader(spec.source, spec.variables)
        self._next = spec.namespace["Next"]
        self._actions: dict[str, list[_Action]] = {step.action: [] for step in spec.steps}
        for step in spec.steps:
            run = conjuncts.watching(step) if conjuncts else step.run
            self._actions[step.action].append(_Action(run, step, self._domains(step)))
        self._pairs = Pairs(spec.source)
        self._specialiser = Specialiser(spec.source, spec.namespace, spec.filename)
        self._known_items: dict[str, set[Value]] = {}
        self._shape: list[tuple[str, Value | None]] = []
        self._states: list[_Conjunct] = []
        self._steps: list[_Conjunct] = []
        self._concerned: dict[int, _Concerned] = {}
        self._held = 0

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of all actions."""
        return tuple(self._actions)

    @property
    def held(self) -> int:
        """How much is remembered."""
        return self._held + self.snapshots.held

    # -- states ----------------------------------------------------------------------------------------------

    def begin(self, assignment: Mapping[str, Value]) -> Snapshot:
        """A state by itself, of which nothing is known."""
        found = self.snapshots.begin(assignment)
        if self.snapshots.components != self._shape:
            self._shape = self.snapshots.components
            self._arrange()
        return found

    def following(self, before: Snapshot, updates: Sequence[Update]) -> tuple[Snapshot, int] | None:
        """The state that differs by these values, and what they change; None if it has to be begun anew."""
        if self.held > self._limit:
            self._forget()
        try:
            return self.snapshots.following(before, updates)
        except Reshaped:
            return None

    def changed(self, values: Sequence[Value], others: Sequence[Value]) -> tuple[str, ...]:
        """The variables in which two states differ."""
        pairs = zip(self.snapshots.variables, values, others, strict=True)
        return tuple([name for name, one, other in pairs if one != other])

    def _forget(self) -> None:
        self.snapshots.forget()
        for known in [*(each.known for each in self._states), *self._known_items.values()]:
            known.clear()
        self._held = 0

    # -- actions ---------------------------------------------------------------------------------------------

    def after(self, before: Snapshot, label: Label) -> list[tuple[Value, ...]]:
        """The values of the variables to which the action with these arguments leads: none where it is refused."""
        found = []
        try:
            for action in self._actions.get(label.action, ()):
                for bound in self._bound(action, before.view, label):
                    following = self._next()
                    for _ in action.run(before.view, following, *bound):
                        found.append(self.snapshots.values(following))
        except EvaluationError as error:
            raise self._spec.located(error) from error
        return found

    def tests_of(self, action: str) -> list[tuple[Step, tuple[Callable[..., bool], ...] | None]]:
        """The disjuncts that have this action, and what asks whether an argument is in its domain, if that is all."""
        return [(each.step, each.domains) for each in self._actions.get(action, ())]

    def runs(
        self, action: str, view: Any, arguments: tuple[Value, ...]
    ) -> Iterator[tuple[Callable[..., Iterable[None]], tuple[Value, ...]]]:
        """How an action is run with these arguments: each disjunct that has it, and what its variables are bound to."""
        for each in self._actions.get(action, ()):
            for bound in self._bound(each, view, Label(action, arguments)):
                yield each.run, bound

    def _bound(self, action: _Action, view: Any, label: Label) -> Iterable[tuple[Value, ...]]:
        """How the variables of an action are bound where it has this label."""
        arguments = label.arguments or ()
        if action.domains is None:
            every = bindings(action.step.quantified, view)
            return [bound for bound in every if action.step.arguments(*bound) == arguments]
        if len(arguments) != len(action.domains):
            return ()
        for index, is_in_domain in enumerate(action.domains):
            if not is_in_domain(view, *arguments[: index + 1]):
                return ()
        return (arguments,)

    def _domains(self, step: Step) -> tuple[Callable[..., bool], ...] | None:
        """Tests of membership in the domains of an action's variables, where these are its arguments and no more."""
        binders = step.code.binders
        names = [binder.name for binder in binders]
        if step.code.arguments != tuple(names):
            return None
        tests = []
        for index, binder in enumerate(binders):
            test = membership(names[index], binder.domain)
            if test is None:
                return None
            tests.append(self._spec.function(["s", *names[: index + 1]], test))
        return tuple(tests)

    # -- properties ------------------------------------------------------------------------------------------

    def broken(self, before: Snapshot, after: Snapshot, changed: int = EVERYTHING) -> Broken | None:
        """The first property that is false after the step, or of it. Those that read nothing `changed` held before."""
        if self._held > self._limit:
            self._forget()
        concerned = self._concerned.get(changed) or self._concern(changed)
        for conjunct in concerned.states:
            if not self._holds(conjunct, before, after, changed):
                return conjunct.broken()
        for conjunct in concerned.steps:
            if not self._test(conjunct, before.view, after.view):
                return conjunct.broken()
        return None

    def first_broken(self, before: Any, after: Any, changed: int) -> Broken | None:
        """The same of states as generated code sees them, without remembering anything."""
        concerned = self._concerned.get(changed) or self._concern(changed)
        for conjunct in concerned.states:
            if not _holds_plainly(conjunct.check, after):
                return conjunct.broken()
        for conjunct in concerned.steps:
            if not _holds_plainly(conjunct.check, before, after):
                return conjunct.broken()
        return None

    def asked(self, changed: int) -> list[Asked] | None:
        """What has to be asked after a change; None if something has to that is not known well enough."""
        concerned = self._concerned.get(changed) or self._concern(changed)
        found: list[Asked] = []
        for conjunct in (*concerned.states, *concerned.steps):
            if conjunct.asked is None:
                return None
            members = conjunct.of_set
            found.append(conjunct.asked if members is None or members.reads & changed else members.asked)
        return self._pairs.once(found)

    def _holds(self, conjunct: _Conjunct, before: Snapshot, after: Snapshot, changed: int) -> bool:
        members = conjunct.of_set
        if members is not None and not members.reads & changed:
            return self._holds_of_new(conjunct, members, before.view, after.view)
        if conjunct.key is None:
            return self._test(conjunct, after.view)
        key = conjunct.key(after.numbers)
        if key in conjunct.known:
            return True
        holds = self._test(conjunct, after.view)
        if holds:
            conjunct.known.add(key)
            self._held += 1
        return holds

    def _holds_of_new(self, conjunct: _Conjunct, members: _Members, before: Any, after: Any) -> bool:
        old, new = members.of(before), members.of(after)
        if type(old) is not frozenset or type(new) is not frozenset:
            return self._test(conjunct, after)
        known, test, view = members.known, members.test, after
        try:
            for item in new - old:
                if known is None:
                    if not test(view, item):
                        return False
                elif item not in known:
                    if not test(view, item):
                        return False
                    known.add(item)
                    self._held += 1
        except EvaluationError as error:
            raise EvaluationError(error.message, error.place or conjunct.check.part.place) from error
        return True

    @staticmethod
    def _test(conjunct: _Conjunct, *views: Any) -> bool:
        try:
            return bool(conjunct.test(*views))
        except EvaluationError as error:
            raise EvaluationError(error.message, error.place or conjunct.check.part.place) from error

    def _concern(self, changed: int) -> _Concerned:
        found = _Concerned()
        found.states = [each for each in self._states if each.reads & changed or changed == EVERYTHING]
        found.steps = [each for each in self._steps if each.reads & changed or changed == EVERYTHING]
        if len(self._concerned) > self._limit:
            self._concerned.clear()
        self._concerned[changed] = found
        return found

    def _arrange(self) -> None:
        """Finds what the conjuncts read of the components that there are now."""
        spec = self._spec
        self._concerned.clear()
        self._known_items.clear()
        named = [("invariant", each) for each in spec.invariants]
        named += [("property", each) for each in spec.always_properties]
        self._states = [each for kind, predicate in named for each in self._conjuncts(kind, predicate, ["s"])]
        steps = [self._conjuncts("property", predicate, ["s", "t"]) for predicate in spec.step_properties]
        self._steps = [each for conjuncts in steps for each in conjuncts]
        self._held = 0

    def _conjuncts(self, kind: str, predicate: Predicate, states: list[str]) -> Iterable[_Conjunct]:
        shared: dict[Any, set[Any]] = {}
        for check in checks_of(predicate):
            names = [variable.name for variable in check.part.quantified]
            bound = dict(zip(names, check.bound, strict=True))
            reads = self._reader.formula([*states, *names], check.part.code) if check.part.code else None
            if reads is None:
                yield _Conjunct(kind, check, partial(partial, _test_of, check), EVERYTHING, None, set())
                continue
            places = [place for read in sorted(reads.of, key=_in_order) for place in self._places(read, bound)]
            keyed = self._keyed(reads.of, bound)
            # Where parameters are keys and no more, the conjunct says the same of the same values at other keys.
            by_key = len(keyed) == sum(read.key not in (None, DOMAIN) for read in reads.of)
            same = tuple([bound[name] for name in names if not by_key or name in reads.used])
            key = itemgetter(*places) if places and states == ["s"] else None
            test = partial(self._specialiser.test, states, bound, check.part.code, keyed)
            known = shared.setdefault((id(check.part), same), set())
            of_set = self._members(check, names, bound) if states == ["s"] else None
            asked = Asked(bound, check.part.code, states != ["s"])
            yield _Conjunct(kind, check, test, _bits(places), key, known, of_set, asked)

    def _keyed(self, reads: Iterable[Read], bound: Mapping[str, Value]) -> list[Read]:
        """The reads of one key that is a component."""
        keyed = [(read, read.key) for read in reads if read.key not in (None, DOMAIN)]
        return [read for read, key in keyed if key and self.snapshots.has(read.variable, bound[key])]

    def _places(self, read: Read, bound: Mapping[str, Value]) -> list[int]:
        snapshots = self.snapshots
        if read.key == DOMAIN:
            # What a split variable is defined on never changes, or it would be split no longer.
            return [] if snapshots.is_split(read.variable) else snapshots.places(read.variable)
        return snapshots.places(read.variable, bound[read.key] if read.key else None)

    def _members(self, check: Check, names: list[str], bound: Mapping[str, Value]) -> _Members | None:
        each = self._reader.each(["s", *names], check.part.code)
        reads = self._reader.formula(["s", *names], each.test) if each else None
        if each is None or reads is None or each.set.key == DOMAIN:
            return None
        places = [place for read in reads.of for place in self._places(read, bound)]
        variable, key = each.set.variable, bound[each.set.key] if each.set.key else None
        whole = self._spec.function(["s"], f"s.{attribute(variable)}")
        of = whole if key is None else lambda view: apply(whole(view), key)
        test = partial(self._specialiser.test, ["s"], bound, each.test, self._keyed(reads.of, bound), each.item)
        alike = not reads.of and not reads.used
        known = self._known_items.setdefault(f"{each.item}: {each.test}", set()) if alike else None
        said = f"s.{attribute(variable)}" if key is None else f"apply(s.{attribute(variable)}, {each.set.key})"
        return _Members(of, test, _bits(places), known, Asked(bound, each.test, members=(said, each.item)))


def _test_of(check: Check, *views: Any) -> bool:
    return check.test(*views, *check.bound)


def _holds_plainly(check: Check, *views: Any) -> bool:
    try:
        return bool(_test_of(check, *views))
    except EvaluationError as error:
        raise EvaluationError(error.message, error.place or check.part.place) from error


def _in_order(read: Read) -> tuple[str, str, str]:
    return read.state, read.variable, read.key or ""


def _bits(places: Iterable[int]) -> int:
    found = 0
    for place in places:
        found |= 1 << place
    return found
