"""Follows one behaviour through a compiled spec, step by step, and keeps nothing but the state that it has come to.

    follower = Follower(spec)
    follower.begin(assignment)
    assert follower.step("Timeout", (server,), {("term", server): 3}) is None

The action runs on plain values and fills the next state, which becomes the state: nothing is made twice. What it has
changed is compared with what is claimed, part by part, and of the properties those conjuncts are evaluated that may
read something of that (`StepJudge` knows them). Nothing is remembered, for the states of a long behaviour never come
again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from tlastep.behaviour import Label
from tlastep.compile.compiled import CompiledSpec, Step
from tlastep.compile.direct import FAILURES
from tlastep.compile.runtime import attribute
from tlastep.engine.step_judge import EVERYTHING, StepJudge
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError
from tlastep.values import Fn, Value

Claims: TypeAlias = Mapping[tuple[str, Value | None], Value]
"""What a step is said to have changed: a variable, or a function at a key. Whatever is not named is as it was."""

View: TypeAlias = Any
"""A state: an object with an attribute a variable. It is never changed once it is a state."""


class Differs(NamedTuple):
    """A step that the spec does not allow: what it was to lead to, and where the spec leads (nowhere if it refuses)."""

    after: tuple[Value, ...]
    allowed: list[tuple[Value, ...]]
    error: str = ""


class _Slot(NamedTuple):
    """A variable, and the bits that stand for its parts: one a key of a function, or one for all of it."""

    name: str
    attribute: str
    bits: dict[Value | None, int]


_Run: TypeAlias = Callable[..., Iterable[None]]
_Test: TypeAlias = Callable[..., bool]
_Directly: TypeAlias = tuple[_Run, tuple[_Test, ...], tuple[int, ...]]
"""How an action is run, what its variables must be in, and which argument each is, if they are in another order."""


def _domains_of(step: Step) -> tuple[_Test, ...]:
    """What asks whether each variable of an action is in its domain, given those before it."""

    def test(number: int) -> _Test:
        domain = step.quantified[number].domain
        return lambda view, *bound: bound[number] in domain(view, *bound[:number])

    return tuple(map(test, range(len(step.quantified))))


class Follower:
    """A behaviour of a spec, as far as it goes. `changed` are the parts that the last step has changed, as bits.

    Of the variables `unsaid` nothing is ever claimed: whatever the spec makes of them is right.
    """

    def __init__(self, spec: CompiledSpec, unsaid: Collection[str] = ()) -> None:
        self.spec = spec
        self._unsaid = unsaid
        self.changed = 0
        self._judge = StepJudge(spec)
        self._next: Callable[[], View] = spec.namespace["Next"]
        self._direct: dict[str, list[_Directly]] = {}
        self._slots: list[_Slot] = []
        self._compare: Callable[[View, View, Claims | None], tuple[int, bool, int]]
        self.state: View = None

    def begin(self, assignment: Mapping[str, Value]) -> None:
        """Start, or go on, in this state."""
        self.state = self._judge.begin(assignment).view
        self.changed = EVERYTHING
        bits: dict[str, dict[Value | None, int]] = {name: {} for name in self.spec.variables}
        for place, (name, key) in enumerate(self._judge.snapshots.components):
            bits[name][key] = 1 << place
        self._slots = [_Slot(name, attribute(name), own) for name, own in bits.items()]
        self._compare = self._comparing()

    def values(self, view: View) -> tuple[Value, ...]:
        """The values of all variables."""
        return self._judge.snapshots.values(view)

    # -- steps -------------------------------------------------------------------------------------------------

    def step(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        """Take a step, if the spec has it and it does what is claimed; without claims whatever it does is right."""
        before = self.state
        for run, domains, order in self._direct.get(action) or self._directly(action):
            try:
                bound = tuple([arguments[place] for place in order]) if order else arguments
                if self._in_domains(domains, before, bound):
                    following = self._next()
                    for _ in run(before, following, *bound):
                        if self._fits(before, following, claims):
                            return None
            except FAILURES:
                break  # it may be that the spec has this step, or that it has no value: look at it with care
        return self._with_care(action, arguments, claims)

    def outside(self, claims: Claims) -> None:
        """What others have done, taken on trust: it is the state from now on."""
        before, following = self.state, self._next()
        for _, place, _ in self._slots:
            setattr(following, place, getattr(before, place))
        for (name, key), value in claims.items():
            place = attribute(name)
            new = value if key is None else Fn({**getattr(following, place).mapping, key: value})
            setattr(following, place, new)
        self.state, self.changed = following, 0

    def part(self, variable: str, key: Value | None) -> Value:
        """The value of a variable, or of its function at this key."""
        whole = getattr(self.state, attribute(variable))
        found: Value = whole if key is None else whole.mapping[key]
        return found

    def _directly(self, action: str) -> list[_Directly]:
        """How an action is run when nothing goes wrong, where its variables are its arguments, in whatever order."""
        direct = self._judge.direct
        found: list[_Directly] = []
        for step, tests in self._judge.tests_of(action):
            names, arguments = [binder.name for binder in step.code.binders], step.code.arguments or ()
            if tests is not None:
                found.append((direct.run(step), tests, ()))
            elif sorted(arguments) == sorted(names):
                found.append((direct.run(step), _domains_of(step), tuple(map(arguments.index, names))))
        self._direct[action] = found
        return found

    @staticmethod
    def _in_domains(domains: tuple[_Test, ...], before: View, arguments: tuple[Value, ...]) -> bool:
        if len(domains) != len(arguments):
            return False
        return all(is_in_domain(before, *arguments[:index]) for index, is_in_domain in enumerate(domains, start=1))

    def _with_care(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        allowed: list[tuple[Value, ...]] = []
        before = self.state
        try:
            for run, bound in self._judge.runs(action, before, arguments):
                following = self._next()
                for _ in run(before, following, *bound):
                    if self._fits(before, following, claims):
                        return None
                    allowed.append(self.values(following))
        except EvaluationError as error:
            return Differs(self._claimed(before, claims), [], str(self.spec.located(error)))
        after = self._claimed(before, claims)
        if allowed and self._unsaid:
            said = zip(self.spec.variables, after, allowed[0], strict=True)
            after = tuple([its if name in self._unsaid else ours for name, ours, its in said])
        return Differs(after, allowed)

    def _fits(self, before: View, following: View, claims: Claims | None) -> bool:
        """Whether the spec's next state is what is claimed; if so, it is the state from now on."""
        try:
            changed, fits, left = self._compare(before, following, claims)
        except (KeyError, AttributeError):
            return self._reshaped(before, following, claims)
        if not fits or (claims is not None and len(claims) != left and not self._idle(before, claims, changed)):
            return False
        self.state, self.changed = following, changed
        return True

    def _comparing(self) -> Callable[[View, View, Claims | None], tuple[int, bool, int]]:
        """A function that says what has changed, whether that is what is claimed, and how much it is.

        It is written out for the variables that there are, since it runs at every step. A function that gets another
        domain makes it fail.
        """
        constants: dict[str, Any] = {"NOTHING": object(), "Fn": Fn}
        lines = ["def compare(before, following, claims):", "    changed = left = 0", "    fits = True"]
        for name, place, bits in self._slots:
            lines += [f"    new = following.{place}", f"    if new is not before.{place}:"]
            inner = "        "
            if None not in bits:
                lines += [f"{inner}was, becomes = before.{place}.mapping, new.mapping"]
                lines += [f"{inner}if len(becomes) != {len(bits)}:", f"{inner}    raise KeyError"]
            for key, bit in bits.items():
                known = f"k{len(constants)}"
                constants[known], constants[f"{known}c"] = key, (name, key)
                old = f"before.{place}" if key is None else f"was[{known}]"
                lines += [f"{inner}old = {old}"] + ([f"{inner}new = becomes[{known}]"] if key is not None else [])
                lines += [f"{inner}if new is not old and new != old:", f"{inner}    changed |= {bit}"]
                if name in self._unsaid:
                    continue
                lines += [f"{inner}    left += 1"]
                lines += [f"{inner}    if claims is not None and claims.get({known}c, NOTHING) != new:"]
                lines += [f"{inner}        fits = False"]
        exec("\n".join([*lines, "    return changed, fits, left"]), constants)
        made: Callable[[View, View, Claims | None], tuple[int, bool, int]] = constants["compare"]
        return made

    def _idle(self, before: View, claims: Claims, changed: int) -> bool:
        """Whether the claims about parts that the spec leaves alone are that they are as they were."""
        for name, place, bits in self._slots:
            for key, bit in bits.items():
                if not bit & changed and (name, key) in claims:
                    old = getattr(before, place)
                    if claims[name, key] != (old if key is None else old.mapping[key]):
                        return False
        known = {(name, key) for name, _, bits in self._slots for key in bits}
        return claims.keys() <= known

    def _reshaped(self, before: View, following: View, claims: Claims | None) -> bool:
        """The same where a function gets another domain: from now on its variable is one part."""
        values = self.values(following)
        claimed = values if claims is None else self._claimed(before, claims)
        pairs = zip(self.spec.variables, claimed, values, strict=True)
        if any(ours != its for name, ours, its in pairs if name not in self._unsaid):
            return False
        for name, place, bits in self._slots:
            new: Any = getattr(following, place)
            if None not in bits and (type(new) is not Fn or new.mapping.keys() != bits.keys()):
                self._judge.snapshots.take_whole(name)
        self.begin(dict(zip(self.spec.variables, values, strict=True)))
        return True

    def _claimed(self, before: View, claims: Claims | None) -> tuple[Value, ...]:
        """The values to which a step is said to have led."""
        found: dict[str, Any] = dict(zip(self.spec.variables, self.values(before), strict=True))
        for (name, key), value in (claims or {}).items():
            found[name] = value if key is None else Fn({**found[name].mapping, key: value})
        return tuple(found.values())

    # -- properties ----------------------------------------------------------------------------------------------

    def broken(self, before: View, changed: int) -> Broken | None:
        """The first property that is false in the state, or of the step from the one before, which changed this."""
        return self._judge.first_broken(before, self.state, changed)

    def label(self, action: str, arguments: tuple[Value, ...]) -> Label:
        """The label of a step."""
        return Label(action, arguments)
