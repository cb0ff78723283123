"""Steps that somebody tells, one after another, beside the spec: is each one that the spec allows, and what must hold?

Who tells them is of no interest here: a transcript of a test, a simulation. Each step is judged on its own, from the
state before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import msgspec

from tlastep.behaviour import Assignment, Label
from tlastep.check.coverage import Coverage, covered
from tlastep.check.mutant_kill import Killer
from tlastep.compile.compiled import State, compile_spec
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import EvaluationError, Place
from tlastep.language.config import Config, Name
from tlastep.language.xml_reader import read_spec
from tlastep.predicates import bindings
from tlastep.toolchain import sany
from tlastep.values import Value, show

Constants: TypeAlias = frozenset[tuple[str, Value]]


class Told(msgspec.Struct, frozen=True):
    """A step that was tried: where that is said, its label, the state before it, and the state after it.

    There is no state after a step that was refused.
    """

    place: str
    label: Label
    before: Assignment
    after: Assignment | None


def disagreements(spec: SpecSystem, steps: Iterable[Told]) -> Iterator[str]:
    """A line of text for each step that the spec does not allow, or that breaks what must hold."""
    for step in steps:
        for said in judge(spec, step):
            yield f"{step.place}: {said}"


def judge(spec: SpecSystem, step: Told) -> Iterator[str]:
    """What is wrong with a step, if anything."""
    before = in_order(spec, step.before)
    allowed = [following for label, following in steps_of(spec, before, step.label.action) if label == step.label]
    if step.after is None:
        if allowed:
            yield f"the code refuses {step.label}, and the spec allows it"
        return
    after = in_order(spec, step.after)
    if not allowed:
        yield f"the code takes {step.label}, and the spec refuses it"
    elif after not in allowed:
        yield f"{step.label} leads elsewhere: {difference(spec, after, allowed[0])}"
    for broken in (spec.check_state(after), spec.check_step(before, after)):
        if broken is not None:
            yield f"after {step.label} {broken.result} is false: {broken.place}"


def steps_of(spec: SpecSystem, state: State, action: str) -> Iterator[tuple[Label, State]]:
    """All steps of one action, whatever its arguments."""
    view = spec.view(state)
    for step in spec.spec.steps:
        if step.action == action:
            for bound in bindings(step.quantified, view):
                for following in spec.steps_of(step, state, bound):
                    yield Label(action, step.arguments(*bound)), following


def in_order(spec: SpecSystem, assignment: Assignment) -> State:
    """The values of the variables in the spec's order."""
    return tuple([assignment[name] for name in spec.variables])


def difference(spec: SpecSystem, code: State, its: State) -> str:
    """The variables in which two states differ."""
    pairs = zip(spec.variables, code, its, strict=True)
    return "; ".join([f"{name} is {show(ours)}, not {show(theirs)}" for name, ours, theirs in pairs if ours != theirs])


def with_constants(
    spec: Path, constants: Mapping[str, Value], invariants: Iterable[str], properties: Iterable[str]
) -> SpecSystem:
    """A spec compiled with these constants and no bound; `invariants` and `properties` are what must hold."""
    return _compiled(spec, frozenset(constants.items()), tuple(invariants), tuple(properties))


@lru_cache(maxsize=32)
def _compiled(spec: Path, constants: Constants, invariants: tuple[str, ...], properties: tuple[str, ...]) -> SpecSystem:
    place = Place(str(spec))
    config = Config(
        spec,
        {Name(name, place): value for name, value in constants},
        init=Name("Init", place),
        next=Name("Next", place),
        invariants=[Name(name, place) for name in invariants],
        properties=[Name(name, place) for name in properties],
    )
    return SpecSystem(compile_spec(read_spec(sany.parse(spec)), config))


def reached(model: str, module: str, spec: SpecSystem, steps: Sequence[Told], layer: str) -> Coverage:
    """What these steps reach of the spec, however they are judged."""
    conjuncts = Conjuncts(spec.spec)
    for _ in disagreements(SpecSystem(spec.spec, conjuncts=conjuncts), steps):
        pass
    taken = [step for step in steps if step.after is not None]
    actions = {step.action: 0 for step in spec.spec.steps} | Counter([step.label.action for step in taken])
    distinct = {(in_order(spec, step.before), step.label) for step in taken}
    return covered(layer, model, module, actions, conjuncts, len(distinct))


def killed(layer: str, model: str, spec: SpecSystem, steps: Sequence[Told]) -> Iterator[Killer]:
    """What the first disagreement, if there is one, says of a mutant; a spec that cannot be evaluated has one, too."""
    for number, step in enumerate(steps, start=1):
        try:
            said = next(judge(spec, step), None)
        except EvaluationError:
            said, kind = "", "error"
        else:
            kind = "difference"
        if said is not None:
            yield Killer(layer, model, kind, number)
            return
