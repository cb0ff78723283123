"""Lock-step: spec and code explored side by side, level by level, and compared after each level.

The two sides share nothing but the engine: each has its own states, its own steps and its own digest. As long as the
digests agree, the code has taken exactly the steps that the spec allows, from exactly the same states, and has refused
exactly what the spec refuses. Where they first disagree, the difference is found state by state and step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.check.explain import why_not
from tlastep.check.verdict import Finding, Lockstep
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import Search, collector_off
from tlastep.engine.machine import Machine
from tlastep.engine.search import PROGRESS_EVERY, Progress
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import UnusableInput
from tlastep.values import Value


def lockstep(name: str, spec: CompiledSpec, model: BoundModel[Any], *, on_progress: Progress | None = None) -> Lockstep:
    """Steps a compiled spec and a bound model together through all states within the bound.

    Raises `UnusableInput` if the binding does not fit the spec: an action or a variable is missing or unknown.
    """
    check_fit(spec, model)
    start = perf_counter()
    with collector_off():
        pair = _Pair(_Side(SpecMachine(spec)), _Side(CodeMachine(model)))
        finding = pair.run(on_progress)
    one, other = pair.spec.explorer.totals, pair.code.explorer.totals
    return Lockstep(
        model=name,
        spec_states=one.distinct,
        code_states=other.distinct,
        spec_transitions=one.transitions,
        code_transitions=other.transitions,
        boundary=one.boundary,
        refusals=one.refusals,
        digest=f"{one.digest:032x}",
        seconds=perf_counter() - start,
        depth=len(pair.spec.explorer.levels),
        generated=one.generated,
        actions=dict(other.actions),
        code_calls=pair.code.explorer.outcomes.calls,
        finding=finding,
    )


def check_fit(spec: CompiledSpec, model: BoundModel[Any]) -> None:
    """One clear line if the binding lacks an action of the spec, has one too many, or shows other variables."""
    where = f"binding of {model.binding.module}"
    wanted = {step.action for step in spec.steps}
    bound = {action.name for action in model.actions}
    if missing := sorted(wanted - bound):
        raise UnusableInput(f"lacks the action {missing[0]} of {spec.name}", where)
    if unknown := sorted(bound - wanted):
        raise UnusableInput(f"has an action {unknown[0]} that {spec.name} has not", where)
    shown = set(model.binding.observed(model.initial()[0]))
    if unknown := sorted(shown - set(spec.variables)):
        raise UnusableInput(f"observes {unknown[0]}, which is no variable of {spec.name}", where)
    if missing := sorted(set(spec.variables) - shown):
        raise UnusableInput(f"does not observe the variable {missing[0]} of {spec.name}", where)


class _Side(Search):
    """One machine and its search."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, digest=True)


class _Pair:
    def __init__(self, spec: _Side, code: _Side) -> None:
        self.spec = spec
        self.code = code

    def run(self, on_progress: Progress | None) -> Finding | None:
        """Both searches to their end, or to the first difference."""
        if finding := self._broken() or self._compare_starts():
            return finding
        more, told = True, perf_counter()
        while more:
            more_spec, more_code = self.spec.advance(), self.code.advance()
            if finding := self._broken() or self._compare(more_spec, more_code):
                return finding
            more = more_spec
            if on_progress and perf_counter() - told > PROGRESS_EVERY:
                told = perf_counter()
                totals = self.spec.explorer.totals
                on_progress(totals.generated, totals.distinct, len(self.spec.explorer.levels[-1]))
        return None

    # -- properties ------------------------------------------------------------------------------------------

    def _broken(self) -> Finding | None:
        for side, who in ((self.spec, "spec"), (self.code, "code")):
            violation = side.violation
            if violation is not None:
                path = side.explorer.path_to(violation.last, violation.state)
                kind = "exception" if violation.broken.result.startswith("exception") else "property"
                summary = f"{violation.broken.result} of the {who} ({violation.broken.place})"
                return Finding(kind, summary, self._behaviour(side, path), path[-1][0])
        return None

    def _behaviour(self, side: _Side, path: list[tuple[Label | None, int]]) -> Behaviour:
        return Behaviour(tuple(Step(label, self._show(side, state)) for label, state in path))

    def _show(self, side: _Side, state: int) -> Mapping[str, Value]:
        if side is self.spec:
            return side.explorer.assignment(state)
        machine = self.code.machine
        assert isinstance(machine, CodeMachine)
        return machine.observed(side.explorer.layout.unpack(state))

    # -- differences -----------------------------------------------------------------------------------------

    def _compare_starts(self) -> Finding | None:
        spec, code = self._by_hash(self.spec), self._by_hash(self.code)
        for side, mine, others, who in ((self.spec, spec, code, "spec"), (self.code, code, spec, "code")):
            for key in mine.keys() - others.keys():
                shown = self._behaviour(side, [(None, mine[key])])
                return Finding("difference", f"an initial state that only the {who} has", shown)
        return None

    def _by_hash(self, side: _Side, level: int = -1) -> dict[int, int]:
        states = side.explorer.levels[level]
        return dict(zip(side.explorer.state_hashes(states), states, strict=True))

    def _compare(self, more_spec: bool, more_code: bool) -> Finding | None:
        spec, code = self.spec.explorer, self.code.explorer
        if spec.digest == code.digest and len(spec.levels[-1]) == len(code.levels[-1]):
            return None
        expanded = -2 if more_spec else -1
        mine = spec.profile(spec.levels[expanded])
        others = code.profile(code.levels[-2 if more_code else -1])
        for key, (steps, state) in mine.items():
            if key in others and others[key][0] != steps:
                return self._difference(state, others[key][1])
        return self._hidden()

    def _difference(self, spec_state: int, code_state: int) -> Finding:
        """The first step, in the order of labels, that only one side takes, or that the two take differently."""
        spec, code = self.spec.explorer.steps(spec_state), self.code.explorer.steps(code_state)
        behaviour = self._behaviour(self.spec, self.spec.explorer.path_to(spec_state))
        different = sorted({label for label, _ in spec.keys() ^ code.keys()}, key=str)
        if not different:
            return Finding("difference", "one side refuses what the other is not offered", behaviour)
        label = different[0]
        spec_next = [state for (each, key), state in spec.items() if each == label and (each, key) not in code]
        code_next = [state for (each, key), state in code.items() if each == label and (each, key) not in spec]
        shown_spec = self._show(self.spec, spec_next[0]) if spec_next else None
        shown_code = self._show(self.code, code_next[0]) if code_next else None
        if shown_code is None:
            summary = f"the spec takes {label}, the code does not"
        elif shown_spec is None:
            summary = f"the code takes {label}, the spec does not"
        else:
            changed = ", ".join(name for name in shown_spec if shown_spec[name] != shown_code.get(name))
            summary = f"{label} leads to different states: {changed}"
        conjuncts = self._why(behaviour, label, shown_code) if shown_code is not None else ()
        return Finding("difference", summary, behaviour, label, shown_spec, shown_code, conjuncts)

    def _why(self, behaviour: Behaviour, label: Label, after: Mapping[str, Value]) -> tuple[str, ...]:
        machine = self.spec.machine
        assert isinstance(machine, SpecMachine)
        system = SpecSystem(machine.spec)
        before = tuple(behaviour.steps[-1].state[name] for name in system.variables)
        return tuple(why_not(system, before, label, tuple(after[name] for name in system.variables)))

    def _hidden(self) -> Finding | None:
        """Two states of the code that show the same, which the spec cannot tell apart."""
        code = self.code.explorer
        known: dict[int, int] = {}
        for level in code.levels:
            for key, state in zip(code.state_hashes(level), level, strict=True):
                if key in known:
                    path = code.path_to(state)
                    first, second = code.layout.unpack(known[key]), code.layout.unpack(state)
                    parts = ", ".join(name for name in first if first[name] != second[name])
                    summary = f"two states of the code show the same and differ in {parts}"
                    return Finding("hidden state", summary, self._behaviour(self.code, path), path[-1][0])
                known[key] = state
        return None
