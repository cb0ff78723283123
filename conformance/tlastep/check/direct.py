"""Lock-step without any memory: spec and code are executed at every single step, state by state, on plain values.

Much slower than `check/lockstep.py`, and the oracle of it: on the small models both must find the same counts and the
same digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.check.lockstep import check_fit
from tlastep.check.verdict import Finding, Lockstep
from tlastep.compile.compiled import CompiledSpec, State
from tlastep.engine.code_system import BoundModel, CodeSystem
from tlastep.engine.digest import PRIME, REFUSED, label_hash, mixed, part_hash, step_hash, verdict_hash
from tlastep.engine.fast import collector_off
from tlastep.engine.machine import shown
from tlastep.engine.search import Progress
from tlastep.engine.spec_system import SpecSystem
from tlastep.values import Value


def lockstep_directly(
    name: str, spec: CompiledSpec, model: BoundModel[Any], *, on_progress: Progress | None = None
) -> Lockstep:
    """The same verdict as `lockstep`, by executing everything. Stops at the first finding."""
    check_fit(spec, model)
    with collector_off():
        return _Direct(name, spec, model).run(on_progress)


class _Found(Exception):
    def __init__(self, kind: str, summary: str, state: State, label: Label | None = None) -> None:
        super().__init__(summary)
        self.kind = kind
        self.summary = summary
        self.state = state
        self.label = label


class _Direct:
    def __init__(self, name: str, spec: CompiledSpec, model: BoundModel[Any]) -> None:
        self._name = name
        self._spec = SpecSystem(spec)
        self._code = CodeSystem(model, spec.variables)
        self._parents: dict[State, tuple[Label | None, State | None]] = {}
        self._digests = [0, 0]  # the spec's and the code's, each made from its own side's values
        self._counts: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._hashes: dict[tuple[str, Value], int] = {}
        self._state_hashes: dict[State, int] = {}
        self._label_hashes: dict[Label, int] = {}
        self._translations: dict[Any, State] = {}
        self._checked: dict[Any, bool] = {}  # states of the code, and whether each is within the bound
        self._verdict = verdict_hash(
            {each.name for each in (*spec.invariants, *spec.always_properties, *spec.step_properties)}
        )

    def run(self, on_progress: Progress | None) -> Lockstep:
        start = perf_counter()
        finding, depth = None, 0
        try:
            level = self._start()
            while level:
                depth += 1
                level = [pair for spec_state, code_state in level for pair in self._expand(spec_state, code_state)]
                if on_progress:
                    on_progress(self._counts["spec"], len(self._parents), len(level))
        except _Found as found:
            finding = Finding(found.kind, found.summary, self._behaviour(found.state), found.label)
        counts = self._counts
        return Lockstep(
            model=self._name,
            spec_states=len(self._parents),
            code_states=len(self._parents),
            spec_transitions=counts["spec"],
            code_transitions=counts["code"],
            boundary=counts["boundary"],
            refusals=counts["refusals"],
            digest=f"{self._digests[0]:032x}",
            seconds=perf_counter() - start,
            depth=depth,
            actions=dict(self._actions),
            code_calls=counts["code"] + counts["refusals"],
            finding=finding,
        )

    def _start(self) -> list[tuple[State, Any]]:
        code = {self._shown(state): state for state in self._code.initial()}
        spec = dict.fromkeys(self._spec.initial())
        for state in [*spec, *code]:
            if (state in spec) != (state in code):
                raise _Found("difference", "an initial state that only one side has", state)
        within = [state for state in spec if self._spec.in_bound(state)]
        for state in within:
            self._parents[state] = (None, None)
        return [(state, code[state]) for state in within]

    def _shown(self, code_state: Any) -> State:
        """The state of the code as values. Only the translation is remembered; the code runs each time."""
        found = self._translations.get(code_state)
        if found is None:
            observed = self._code.observe(code_state)
            found = self._translations[code_state] = tuple([observed[name] for name in self._spec.variables])
        return found

    def _expand(self, state: State, code_state: Any) -> Iterable[tuple[State, Any]]:
        spec = self._spec_steps(state)
        code = self._code_steps(code_state)
        shown = {label: {self._shown(each) for each in following} for label, following in code.items()}
        if spec != shown:
            self._differ(state, spec, shown)
        self._digest(0, state, spec)
        self._digest(1, self._shown(code_state), shown)
        if self._digests[0] != self._digests[1]:
            raise _Found("difference", "the digests differ", state)
        return self._take_in(state, code)

    @staticmethod
    def _differ(state: State, spec: Mapping[Label, set[State]], code: Mapping[Label, set[State]]) -> None:
        """Raises the first difference, in the order of labels."""
        for label in sorted(spec.keys() | code.keys(), key=str):
            if label not in spec or label not in code:
                raise _Found("difference", f"only one side is offered {label}", state, label)
            if spec[label] != code[label]:
                raise _Found("difference", f"spec and code differ in {label}", state, label)

    def _spec_steps(self, state: State) -> dict[Label, set[State]]:
        return {label: set(self._spec.steps_of(step, state, bound)) for step, bound, label in self._spec.offers(state)}

    def _code_steps(self, state: Any) -> dict[Label, set[Any]]:
        found = {}
        for action, bound, label in self._code.offers(state):
            following = self._code.take(action, state, bound)
            found[label] = set() if following is None else {following}
        return found

    def _digest(self, side: int, state: State, steps: Mapping[Label, set[State]]) -> None:
        before = self._hash(state)
        total = self._verdict
        for label, following in steps.items():
            hashed = self._label_hash(label)
            total += sum(step_hash(hashed, self._hash(each) - before) for each in following)
            total += 0 if following else step_hash(hashed, REFUSED)
        self._digests[side] = (self._digests[side] + mixed(before) * total) % PRIME

    def _label_hash(self, label: Label) -> int:
        if label not in self._label_hashes:
            self._label_hashes[label] = label_hash(label)
        return self._label_hashes[label]

    def _hash(self, state: State) -> int:
        found = self._state_hashes.get(state)
        if found is None:
            parts = zip(self._spec.variables, state, strict=True)
            found = self._state_hashes[state] = sum(self._part(name, value) for name, value in parts)
        return found

    def _part(self, name: str, value: Value) -> int:
        key = (name, value)
        if key not in self._hashes:
            self._hashes[key] = sum(part_hash(*each) for each in shown(name, value))
        return self._hashes[key]

    def _take_in(self, state: State, code: Mapping[Label, set[Any]]) -> Iterable[tuple[State, Any]]:
        for label, following in code.items():
            self._counts["refusals"] += not following
            for each in following:
                after = self._shown(each)
                self._counts["spec"] += 1
                self._counts["code"] += 1
                self._actions[label.action] += 1
                if not self._check(state, label, after, each):
                    self._counts["boundary"] += 1
                elif after not in self._parents:
                    self._parents[after] = (label, state)
                    yield after, each

    def _check(self, state: State, label: Label, after: State, code_after: Any) -> bool:
        """Whether a next state is within the bound. What is said of a state is the same whatever led to it."""
        if broken := self._spec.check_step(state, after):
            raise _Found("property", f"{broken.result} of the spec", state, label)
        if code_after not in self._checked:
            within = self._spec.in_bound(after)
            if within != self._code.in_bound(code_after):
                raise _Found("difference", f"after {label} only one side is within the bound", state, label)
            if broken := self._spec.check_state(after):
                raise _Found("property", f"{broken.result} of the spec", state, label)
            if broken := self._code.check_state(code_after):
                raise _Found("property", f"{broken.result} of the code", state, label)
            self._checked[code_after] = within
        return self._checked[code_after]

    def _behaviour(self, last: State) -> Behaviour:
        steps: list[Step] = []
        state: State | None = last
        while state is not None:
            label, before = self._parents.get(state, (None, None))
            steps.append(Step(label, self._spec.observe(state)))
            state = before
        return Behaviour(tuple(reversed(steps)))
