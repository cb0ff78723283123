"""Replay: behaviours of the spec, from TLC or from a file, taken step by step by the bound code.

TLC names at most the action of a step, so its arguments are recovered from the spec: every label whose step leads from
the one state to the other. The code must take at least one of them, and show what TLC shows. All are tried, and every
state of the code that is reached is followed, so that a state with something hidden in it cannot pass by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Generic

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.binding import S
from tlastep.check.explain import why_not
from tlastep.check.lockstep import check_fit
from tlastep.check.sides import CodeSide, SpecSide
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import CompiledSpec, State
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.machine import Raised
from tlastep.values import Value


@dataclass(frozen=True)
class Replayed:
    """What came of replaying behaviours on the code.

    `actions` counts the steps by action of the spec; `untaken` are the actions that no behaviour takes. `ambiguous`
    counts the steps that more than one label fits; `transitions` the distinct steps. `ends` are the states of the code
    in which the last behaviour ended.
    """

    model: str
    behaviours: int
    steps: int
    ambiguous: int
    transitions: int
    actions: Mapping[str, int]
    untaken: tuple[str, ...]
    seconds: float
    finding: Finding | None = None
    ends: tuple[Any, ...] = ()

    @property
    def result(self) -> str:
        """`ok`, or the kind of the finding and its summary."""
        return "ok" if self.finding is None else f"{self.finding.kind}: {self.finding.summary}"


def replay(
    name: str,
    spec: CompiledSpec,
    model: BoundModel[Any],
    behaviours: Iterable[Behaviour],
    *,
    source: str = "behaviour",
    conjuncts: Conjuncts | None = None,
) -> Replayed:
    """Replays behaviours on the code, up to the first difference.

    Raises `UnusableInput` if the binding does not fit the spec, or a behaviour is one of other variables.
    """
    check_fit(spec, model)
    begun = perf_counter()
    run = _Replay(SpecSide(spec, conjuncts=conjuncts), CodeSide(model), source)
    finding = next((found for each in behaviours if (found := run.follow(each))), None)
    return Replayed(
        model=name,
        behaviours=run.behaviours,
        steps=sum(run.actions.values()),
        ambiguous=run.ambiguous,
        transitions=len(run.transitions),
        actions=dict(sorted(run.actions.items())),
        untaken=tuple(dict.fromkeys(step.action for step in spec.steps if step.action not in run.actions)),
        seconds=perf_counter() - begun,
        finding=finding,
        ends=tuple(run.ends),
    )


class Differs(Exception):
    """A step that spec and code do not both take to the same state; the finding lacks only its behaviour."""

    def __init__(
        self,
        kind: str,
        summary: str,
        label: Label | None,
        expected: Mapping[str, Value] | None = None,
        found: Mapping[str, Value] | None = None,
        conjuncts: tuple[str, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.kind = kind
        self.label = label
        self.expected = expected
        self.found = found
        self.conjuncts = conjuncts

    def after(self, behaviour: Behaviour) -> Finding:
        """The finding, with the behaviour that leads to it."""
        return Finding(self.kind, str(self), behaviour, self.label, self.expected, self.found, self.conjuncts)


def take(spec: SpecSide, code: CodeSide[S], state: S, before: State, label: Label, after: State) -> S:
    """The state of the code after a step of the spec. Raises `Differs` if it is not taken, or shows something else."""
    following = code.steps(state).get(label)
    if following is not None and not isinstance(following, Raised) and code.shows(following, after, spec.variables):
        return following
    expected = spec.shown(after)
    if following is None:
        raise Differs("difference", f"the spec takes {label}, the code does not", label, expected)
    if isinstance(following, Raised):
        raise Differs("exception", f"the code: {str(following).removeprefix('exception ')}", label, expected)
    shown = code.shown(following)
    changed = ", ".join(name for name in expected if expected[name] != shown.get(name))
    conjuncts = tuple(why_not(spec.system, before, label, spec.state(shown, "the binding")))
    raise Differs("difference", f"{label} leads to different states: {changed}", label, expected, shown, conjuncts)


@dataclass
class _Replay(Generic[S]):
    spec: SpecSide
    code: CodeSide[S]
    source: str
    behaviours: int = 0
    ambiguous: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    transitions: set[tuple[State, Label, State]] = field(default_factory=set)
    ends: list[S] = field(default_factory=list)

    def follow(self, behaviour: Behaviour) -> Finding | None:
        """Takes one behaviour, its step back into the loop included."""
        self.behaviours += 1
        place = f"{self.source} {self.behaviours}"
        states = [self.spec.state(step.state, f"{place}, state {at}") for at, step in enumerate(behaviour.steps, 1)]
        here = self.code.starts(behaviour.steps[0].state)
        taken = [Step(None, behaviour.steps[0].state)]
        if not here:
            return Finding(
                "difference", f"{place} begins in a state in which the code does not", Behaviour((taken[0],))
            )
        passed = [here]
        hops = [(at, at + 1, behaviour.steps[at + 1].label) for at in range(len(states) - 1)]
        hops += [(len(states) - 1, behaviour.loop, None)] if behaviour.loop is not None else []
        self.ends = here
        for before, after, named in hops:
            try:
                label, here = self._step(here, states[before], named, states[after])
            except Differs as difference:
                return difference.after(Behaviour(tuple(taken)))
            taken.append(Step(label, behaviour.steps[after].state))
            passed.append(here)
            self.ends = here
        if behaviour.loop is not None and not set(passed[behaviour.loop]) & set(here):
            summary = f"{place} comes back to what shows the same as state {behaviour.loop + 1}, and is another state"
            return Finding("hidden state", summary, Behaviour(tuple(taken[:-1]), behaviour.loop), taken[-1].label)
        return None

    def _step(self, here: list[S], before: State, named: Label | None, after: State) -> tuple[Label | None, list[S]]:
        labels = self.spec.fitting(before, named, after)
        if not labels and before == after and named is None:
            return None, here  # the spec stutters, and nothing happens
        if not labels:
            raise self._no_step(before, named, after)
        self.ambiguous += len(labels) > 1
        reached: dict[S, None] = {}
        first: Label | None = None
        refused: Differs | None = None
        for label in labels:
            for state in here:
                try:
                    reached[take(self.spec, self.code, state, before, label, after)] = None
                except Differs as difference:
                    refused = refused or difference
                    continue
                first = first or label
                self.transitions.add((before, label, after))
        if first is None:
            assert refused is not None
            raise refused
        self.actions[first.action] += 1
        return first, list(reached)

    def _no_step(self, before: State, named: Label | None, after: State) -> Differs:
        """What is wrong with a step of a behaviour that the spec does not take, told by the step that comes nearest."""
        variables, steps = self.spec.variables, self.spec.steps(before)

        def distance(following: State) -> int:
            return sum(one != other for one, other in zip(following, after, strict=True))

        alike = [step for step in steps if named and named.action in (step.label.action, step.tlc_name)] or list(steps)
        called = f"the step that {self.source} {self.behaviours} calls {named}" if named else "a step"
        if not alike:
            return Differs("difference", f"{called} is taken where the spec takes none", named)
        nearest = min(alike, key=lambda step: distance(step.following))
        label = nearest.label
        wrong = [name for name, one, other in zip(variables, nearest.following, after, strict=True) if one != other]
        if not wrong:
            return Differs("difference", f"{called} is a step {label} of the spec", label)
        summary = f"{called} is none of the spec; {label}, which comes nearest, differs in {', '.join(wrong)}"
        conjuncts = tuple(why_not(self.spec.system, before, label, after))
        expected, found = self.spec.shown(nearest.following), self.spec.shown(after)
        return Differs("behaviour", summary, label, expected, found, conjuncts)
