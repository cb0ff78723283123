"""Spec and code walking side by side, one step after another: what a walk is made of, whoever chooses its steps.

The spec is stepped by its memory (`engine/stepper.py`), the code by being executed, every time. After each step the
states are compared; where one side takes what the other refuses, or raises, the walk has found something.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.check.explain import why_not
from tlastep.check.lockstep import check_fit
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.layout import Resplit
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.spec_system import SpecSystem
from tlastep.engine.stepper import Stepper
from tlastep.engine.translation import CodeSteps, HiddenState, Translation
from tlastep.errors import UnusableInput
from tlastep.values import Value

SHRINKS: Final = 4_000  # replays that shrinking may take


class Place:
    """Where a walk is: one state on both sides, and the way to it."""

    __slots__ = ("before", "code", "depth", "label", "start", "state")

    def __init__(self, state: int, code: Any, start: int, before: Place | None = None, label: Label | None = None):
        self.state = state
        self.code = code
        self.start = start
        self.before = before
        self.label = label
        self.depth: int = before.depth + 1 if before else 0


class Script(NamedTuple):
    """A walk to be taken again: the number of the start among the binding's, and the labels."""

    start: int
    labels: tuple[Label, ...]


class Found(Exception):
    """The walk has found something in `place`, on trying `label`."""

    def __init__(self, kind: str, summary: str, place: Place, label: Label | None, after: Any = None) -> None:
        super().__init__(summary)
        self.kind = kind
        self.summary = summary
        self.place = place
        self.label = label
        self.after = after

    @property
    def script(self) -> Script:
        """The labels that lead here, that of the differing step included."""
        found = script_of(self.place)
        return Script(found.start, (*found.labels, self.label)) if self.label is not None else found


def script_of(place: Place) -> Script:
    """The way to a place."""
    labels: list[Label] = []
    at: Place | None = place
    while at is not None and at.label is not None:
        labels.append(at.label)
        at = at.before
    return Script(place.start, tuple(reversed(labels)))


class Pair:
    """A compiled spec and a bound model to be walked together. With `conjuncts`, what is evaluated is noted there."""

    def __init__(self, spec: CompiledSpec, model: BoundModel[Any], *, conjuncts: Conjuncts | None = None) -> None:
        check_fit(spec, model)
        self.spec = spec
        self.model = model
        self.stepper = Stepper(SpecMachine(spec, conjuncts=conjuncts))
        self.code = CodeSteps(model)
        self._alike: dict[str, tuple[tuple[Label, ...], tuple[Label, ...]]] = {}
        self.begin()

    def begin(self) -> None:
        """(Again) from the initial states; to be called after `Repacked`, when earlier places mean nothing."""
        self.translation = Translation(self.stepper, self.model)
        known = set(self.stepper.initial())
        self.starts: list[Place] = []
        for number, code in enumerate(self.model.initial()):
            place = Place(self.translation.pack(code), code, number)
            if place.state not in known:
                raise Found("difference", "an initial state that only the code has", place, None)
            self.starts.append(place)
        if missing := known - {place.state for place in self.starts}:
            place = Place(min(missing), None, 0)
            raise Found("difference", "an initial state that only the spec has", place, None)

    # -- steps -----------------------------------------------------------------------------------------------

    def take(self, place: Place, label: Label, expected: tuple[int, ...] | None = None) -> Place | None:
        """One step on both sides, compared: the next place, or None where both refuse. Raises `Found`.

        `expected` are the next states of the spec, if they are known already.
        """
        if expected is None:
            expected = self.stepper.after(place.state, label)
        try:
            code = self.code.take(place.code, label)
        except UnusableInput:
            raise
        except Exception as error:
            summary = f"exception {type(error).__name__} in {label}: {error}"
            raise Found("exception", summary, place, label) from error
        if code is None:
            if expected:
                raise Found("difference", f"the spec takes {label}, the code does not", place, label)
            return None
        if not expected:
            raise Found("difference", f"the code takes {label}, the spec does not", place, label, code)
        state = self._shown(place, label, code)
        if state not in expected:
            changed = ", ".join(self.stepper.changed(state, expected[0]))
            raise Found("difference", f"{label} leads to different states: {changed}", place, label, code)
        return Place(state, code, place.start, place, label)

    def _shown(self, place: Place, label: Label, code: Any) -> int:
        try:
            return self.translation.pack(code)
        except HiddenState as error:
            raise Found("hidden state", str(error), place, label, code) from error
        except Resplit as error:
            raise Found("difference", f"{label} changes the domain of {error.whole}", place, label, code) from error

    def judge(self, place: Place) -> None:
        """Raises `Found` if an invariant is false here, or a property of the step that led here."""
        broken = self.stepper.broken(place.state, place.before.state if place.before else None)
        if broken is None and place.before is not None:
            broken = self.stepper.broken_step(place.before.state, place.state)
        if broken is not None:
            raise Found("property", f"{broken.result} ({broken.place})", place, None)

    def sweep(self, place: Place) -> int:
        """Offers both sides everything that any state may take, refused here or not. How much that was."""
        tried = 0
        for action in self.stepper.actions:
            self.same_offers(place, action)
            for label, following in self.stepper.offers(place.state, action, ever=True):
                self.take(place, label, following)
                tried += 1
        return tried

    def same_offers(self, place: Place, action: str) -> None:
        """Raises `Found` unless the code offers the same arguments of an action as the spec."""
        labels = self.stepper.labels(place.state, action), self.code.labels(place.code, action)
        known = self._alike.get(action)
        if known is not None and all(one is other for one, other in zip(known, labels, strict=True)):
            return
        self._alike[action] = labels
        mine, others = map(set, labels)
        for label in sorted(mine ^ others, key=str):
            who = "spec" if label in mine else "code"
            raise Found("difference", f"only the {who} offers {label}", place, label)

    # -- scripts ---------------------------------------------------------------------------------------------

    def run(self, script: Script) -> Found | None:
        """Takes the steps of a script, passing over those that both sides refuse; what it finds, if anything."""
        place = self.starts[script.start]
        try:
            self.judge(place)
            for label in script.labels:
                following = self.take(place, label)
                if following is not None:
                    place = following
                    self.judge(place)
        except Found as found:
            return found
        return None

    def shrink(self, found: Found) -> Found:
        """What is found by as few steps as can be left: steps are removed, many at once and then one by one."""
        best, left = found, SHRINKS
        for start in range(len(self.starts)):
            other = self.run(Script(start, best.script.labels[-1:]))
            if other is not None and other.kind == found.kind:
                return other
        size = len(best.script.labels) // 2
        while size and left > 0:
            script, at, shorter = best.script, 0, False
            while at < len(script.labels) and left > 0:
                left -= 1
                other = self.run(Script(script.start, script.labels[:at] + script.labels[at + size :]))
                if other is not None and other.kind == found.kind and len(other.script.labels) < len(script.labels):
                    best, script, shorter = other, other.script, True
                else:
                    at += size
            if not (size == 1 and shorter):
                size //= 2
        return best

    # -- what is said of it ----------------------------------------------------------------------------------

    def finding(self, found: Found) -> Finding:
        """What was found, as a verdict: the behaviour, both next states, and the conjuncts of the spec."""
        places: list[Place] = []
        at: Place | None = found.place
        while at is not None:
            places.append(at)
            at = at.before
        steps = tuple(Step(each.label, self.stepper.assignment(each.state)) for each in reversed(places))
        label, after = found.label, found.after
        spec_next = None
        if label is not None and (following := self.stepper.after(found.place.state, label)):
            spec_next = self.stepper.assignment(following[0])
        code_next = self.model.binding.observed(after) if after is not None else None
        why = self._why(steps[-1], label, code_next) if label is not None and code_next is not None else ()
        return Finding(found.kind, found.summary, Behaviour(steps), label, spec_next, code_next, why)

    def _why(self, last: Step, label: Label, after: dict[str, Value]) -> tuple[str, ...]:
        names = self.stepper.variables
        before = tuple(last.state[name] for name in names)
        return tuple(why_not(SpecSystem(self.spec), before, label, tuple(after[name] for name in names)))
