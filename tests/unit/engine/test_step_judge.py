"""Steps that are told, judged by what has changed, against the direct system that judges everything."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.compile.compiled import CompiledSpec, State
from tlastep.compile.reads import DOMAIN, Read, Reader, Reads
from tlastep.compile.specialised import Specialiser
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.snapshot import Snapshot
from tlastep.engine.spec_system import SpecSystem
from tlastep.engine.step_judge import EVERYTHING, StepJudge
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError

PROJECT = find_project(Path(__file__).parent)
SPECS = Path(__file__).parent / "specs"
WALKED = ("Branching", "Conditions", "Domains", "Enabled", "Growing", "Guarded", "Instances", "Jugs", "Keywords")
ALSO_WALKED = ("LazyLets", "Mutex", "Nested", "Operators", "Queue", "Recursion", "Refined", "Shapes", "StepBroken")


def compiled(name: str) -> CompiledSpec:
    if name.startswith("Replication"):
        model = PROJECT.model(name)
        return load(PROJECT.spec(model), PROJECT.config(model))
    return load(SPECS / f"{name}.tla", SPECS / f"{name}.cfg")


def moved(judge: StepJudge, spec: CompiledSpec, before: Snapshot, values: State) -> tuple[Snapshot, int]:
    """The state with these values, and what of the one before it changes."""
    assignment = dict(zip(spec.variables, values, strict=True))
    found = judge.following(before, [(name, None, value) for name, value in assignment.items()])
    return found if found is not None else (judge.begin(assignment), EVERYTHING)


def everything(system: SpecSystem, before: State, after: State) -> Broken | str | None:
    """What the direct system says of a step, all properties judged."""
    try:
        return system.check_state(after) or system.check_step(before, after)
    except EvaluationError as error:
        return error.message


def judged(judge: StepJudge, before: Snapshot, after: Snapshot, changed: int) -> Broken | str | None:
    """What the judge says of a step, by what it changes."""
    try:
        return judge.broken(before, after, changed)
    except EvaluationError as error:
        return error.message


def plain(said: Broken | str | None) -> str:
    """What was said, as text; the two write strings in another way."""
    return str(said).replace('"', "").replace("\\'", "").replace("'", "")


def steps_from(system: SpecSystem, source: random.Random, count: int) -> Iterator[tuple[State, list[Any]]]:
    """States on a walk, each with all steps from it."""
    state = next(system.initial())
    for _ in range(count):
        steps = list(system.steps(state))
        if not steps:
            return
        yield state, steps
        state = source.choice(steps)[1]


def disagreement(judge: StepJudge, system: SpecSystem, seed: int, count: int = 40) -> str:
    """Walks at random; where the judge says something else of a step than the system does. Nothing if it never does."""
    source = random.Random(seed)
    seen: list[State] = []
    for state, steps in steps_from(system, source, count):
        seen.append(state)
        before = judge.begin(dict(zip(system.variables, state, strict=True)))
        for label, _ in steps:
            allowed = {following for other, following in steps if other == label}
            if set(judge.after(before, label)) != allowed:
                return f"{label} leads elsewhere"
        if everything(system, state, state) is not None:
            return ""
        # Steps of the spec, and leaps that are none, to states that are none: to be told is enough to be judged.
        mixed = [tuple([source.choice(seen)[index] for index in range(len(state))]) for _ in range(8)]
        for after in [*(following for _, following in steps), *mixed]:
            before = judge.begin(dict(zip(system.variables, state, strict=True)))
            following, changed = moved(judge, system.spec, before, after)
            if following.values != after:
                return "the state is another"
            mine, expected = judged(judge, before, following, changed), everything(system, state, after)
            if after != state and plain(mine) != plain(expected):
                return f"{mine} instead of {expected}"
    return ""


@pytest.mark.parametrize("name", [*WALKED, *ALSO_WALKED, "ReplicationTiny", "ReplicationOldVote"])
def test_what_has_not_changed_need_not_be_judged(name: str) -> None:
    spec = compiled(name)
    judge, system = StepJudge(spec, limit=300), SpecSystem(spec)
    for seed in range(4):
        assert disagreement(judge, system, seed) == ""
    assert judge.held <= 600


def test_a_read_that_is_overlooked_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: a judge that takes one of two reads for none is found out."""
    formula = Reader.formula

    def short_sighted(self: Reader, parameters: list[str], code: str) -> Reads | None:
        found = formula(self, parameters, code)
        return found and Reads(frozenset(sorted(found.of, key=str)[:1]), found.used)

    monkeypatch.setattr(Reader, "formula", short_sighted)
    spec = compiled("ReplicationTiny")
    assert any(disagreement(StepJudge(spec), SpecSystem(spec), seed) for seed in range(4))


def test_reads_are_found_through_operators_and_promises() -> None:
    source = "def Deep(s, k):\n    x = Lazy(lambda: apply(s.log, now(k)))\n    return length(now(x))\n"
    reader = Reader(source, ("log", "term", "net"))

    def reads(code: str) -> set[tuple[str, str | None]] | None:
        found = reader.formula(["s", "i"], code)
        return None if found is None else {(read.variable, read.key) for read in found.of}

    assert reads("equal(Deep(s, i), apply(s.term, i))") == {("log", "i"), ("term", "i")}
    assert reads("equal(Deep(s, Lazy(lambda: i)), 0)") == {("log", "i")}
    assert reads("all(at_least(apply(s.term, i), 0) for i in members(Server))") == {("term", None)}
    assert reads("equal(domain(s.term), Server)") == {("term", DOMAIN)}
    assert reads("apply(s.term, plus(i, 1))") == {("term", None)}
    assert reads("unknown(s)") is None


def test_a_parameter_that_is_more_than_a_key_is_said_so() -> None:
    reader = Reader("", ("term",))
    assert reader.formula(["s", "i"], "apply(s.term, i)") == Reads(frozenset({Read("s", "term", "i")}), frozenset())
    assert reader.formula(["s", "i"], "equal(apply(s.term, i), i)") == Reads(
        frozenset({Read("s", "term", "i")}), frozenset({"i"})
    )


def test_a_formula_about_all_members_is_taken_apart() -> None:
    reader = Reader("", ("net", "owed"))
    each = reader.each(["s"], "all(good(m) for m in members(s.net))")
    assert each == (Read("s", "net", None), "m", "good(m)")
    each = reader.each(["s", "i"], "member(apply(s.owed, i), PowerSet(Message()))")
    assert each == (Read("s", "owed", "i"), "item", "member(item, Message())")
    assert reader.each(["s"], "all(good(m) for m in members(s.net) if m)") is None
    assert reader.each(["s", "m"], "all(good(m) for m in members(s.net))") is None


def test_a_formula_says_the_same_when_it_is_specialised() -> None:
    spec = compiled("ReplicationTiny")
    system = SpecSystem(spec)
    for state, _ in steps_from(system, random.Random(5), 30):
        view = system.view(state)
        for predicate in spec.invariants:
            for part in predicate.parts:
                names = [each.name for each in part.quantified]
                if len(names) == 1:
                    (server, *_) = part.quantified[0].domain(None)
                    made = Specialiser(spec.source, spec.namespace, spec.filename).test(
                        ["s"], {names[0]: server}, part.code, []
                    )
                    assert made(view) == part.test(view, server)


@pytest.mark.parametrize("name", ["Branching", "Instances", "Nested", "ReplicationTiny"])
def test_the_lines_that_are_noted_are_those_that_a_tracer_sees(name: str) -> None:
    spec = compiled(name)
    conjuncts, seen = Conjuncts(spec), set[int]()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != spec.filename:
            return None
        if event == "line":
            seen.add(frame.f_lineno)
        return trace

    noting = SpecSystem(spec, conjuncts=conjuncts)
    for state, _ in steps_from(SpecSystem(spec), random.Random(3), 12):
        for step, bound, _label in SpecSystem(spec).offers(state):
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                plain = list(SpecSystem(spec).steps_of(step, state, bound))
            finally:
                sys.settrace(before)
            assert list(noting.steps_of(step, state, bound)) == plain
    assert conjuncts.reached == {conjuncts._names[line] for line in seen if line in conjuncts._names}
    assert conjuncts.reached
