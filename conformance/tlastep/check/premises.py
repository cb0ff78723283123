"""The premises on which liveness carries over from a spec to its code, checked on the models of liveness.

TLC shows a temporal property of the behaviours of a model in which the environment offers only so much. The code has
the same behaviours, fair or not, if in every state of that model code and spec have exactly the same steps: the same
actions with the same arguments enabled, leading to the same states, those that change nothing included; and if every
step of the model is one of the module's own `Next`. Both are looked at here, state by state (docs/liveness.md).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.binding import Binding
from tlastep.check.explore import RECURSION
from tlastep.check.lockstep import check_fit
from tlastep.check.models import Model, Project
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import CompiledSpec, compile_spec
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import Explorer, Search, collector_off
from tlastep.engine.layout import Resplit
from tlastep.engine.machine import Raised
from tlastep.engine.spec_machine import SpecMachine
from tlastep.errors import Place as TextPlace
from tlastep.errors import UnusableInput
from tlastep.language.config import Config, Name, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany
from tlastep.values import Value

NEXT: Final = "Next"  # what a module calls its next-state relation


@dataclass(frozen=True)
class Premises:
    """What was looked at: the states of the model, the model's own steps, and all steps that spec and code have there.

    `left_out` are the actions that the module has somewhere and the model has not: what is assumed of the environment.
    `finding` is the first premise that does not hold.
    """

    model: str
    states: int
    steps: int
    enabled: int
    seconds: float
    finding: Finding | None = None
    left_out: tuple[str, ...] = ()

    @property
    def result(self) -> str:
        """`ok`, or what does not hold."""
        return "ok" if self.finding is None else f"{self.finding.kind}: {self.finding.summary}"

    def fields(self) -> dict[str, object]:
        """What is kept of it."""
        names = ("model", "states", "steps", "enabled", "result")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "left_out": list(self.left_out), "seconds": round(self.seconds, 3)}


def check_premises(project: Project, model: Model, binding: Binding[Any]) -> Premises:
    """Looks at every state of a model of liveness. Raises `UnusableInput` if the binding cannot start as it does."""
    sys.setrecursionlimit(max(RECURSION, sys.getrecursionlimit()))
    config = replace(read_config(project.config(model)), invariants=[], properties=[])
    tree = read_spec(sany.parse(project.spec(model)))
    live = compile_spec(tree, config)
    place = TextPlace(str(config.path))
    whole = replace(config, specification=None, init=Name("Init", place), next=Name(NEXT, place), constraints=[])
    begun = perf_counter()
    spec = compile_spec(tree, whole)
    code = _CodeFrom(binding, whole, config.start, live)
    check_fit(spec, code.model)
    with collector_off():
        sides = _Sides(live, spec, code)
        while True:
            walk = _Walk(sides)
            try:
                finding = walk.run()
            except Resplit as change:
                sides.learn(change)
                continue
            left_out = tuple(sorted(walk.left_out))
            seconds = perf_counter() - begun
            return Premises(model.name, len(walk.seen), walk.steps, walk.enabled, seconds, finding, left_out)


# -- the three sides -------------------------------------------------------------------------------------------------


class _SpecFrom(SpecMachine):
    """The whole spec, starting where the model of liveness does."""

    def __init__(self, spec: CompiledSpec, starts: Sequence[tuple[Value, ...]]) -> None:
        super().__init__(spec)
        self._starts = starts

    def initial(self) -> Sequence[tuple[Value, ...]]:
        return self._starts


class _CodeFrom(CodeMachine[Any]):
    """The code in those of its initial states that the model has.

    They are made by the binding's start of the model's name, if there is one, or else by its first.
    """

    def __init__(self, binding: Binding[Any], config: Config, start: str, live: CompiledSpec) -> None:
        name = start if start in binding.starts else next(iter(binding.starts))
        super().__init__(BoundModel(binding, replace(config, init=Name(name, TextPlace(str(config.path))))))
        found: dict[tuple[Value, ...], Any] = {}
        for state in self._samples:
            shown = binding.observed(state)
            found[tuple([shown[variable] for variable in live.variables])] = state
        wanted = dict.fromkeys(SpecMachine(live).initial())
        if any(values not in found for values in wanted):
            said = f"has no start {start}, and {name} does not make the initial states of {config.path.name}"
            raise UnusableInput(said, f"binding of {binding.module}")
        self._samples = [found[values] for values in wanted]


class _Sides:
    """The model of liveness, the whole spec and the code, each with what is remembered of it."""

    def __init__(self, live: CompiledSpec, spec: CompiledSpec, code: _CodeFrom) -> None:
        machine = SpecMachine(live)
        self._machines = (machine, _SpecFrom(spec, machine.initial()), code)
        self._whole: frozenset[str] = frozenset()
        self._begin()

    def learn(self, change: Resplit) -> None:
        """A variable is no function over one domain: everything anew, with that variable whole."""
        self._whole |= {change.whole}
        self._begin()

    def _begin(self) -> None:
        self.live, self.spec, self.code = (
            Search(machine, digest=True, whole=self._whole).explorer for machine in self._machines
        )


class _Walk:
    """All states of the model, breadth first, with the two other sides beside them."""

    def __init__(self, sides: _Sides) -> None:
        self._live, self._spec, self._code = sides.live, sides.spec, sides.code
        self.seen: dict[int, tuple[int, Label | None]] = {}  # by hash: where it was come from, and how
        self.steps = 0
        self.enabled = 0
        self.left_out: set[str] = set()
        self._waiting: list[tuple[int, int, int, int]] = []

    def run(self) -> Finding | None:
        """To the end, or to the first premise that does not hold."""
        spec, code = ({side.state_hashes([state])[0]: state for state in side.levels[0]} for side in self._two())
        for state in self._live.levels[0]:
            (known,) = self._live.state_hashes([state])
            self._visit(known, (known, None), state, spec[known], code[known])
        for place in self._waiting:
            if finding := self._look(*place):
                return finding
        return None

    def _two(self) -> tuple[Explorer, Explorer]:
        return self._spec, self._code

    def _visit(self, known: int, way: tuple[int, Label | None], live: int, spec: int, code: int) -> None:
        if known not in self.seen:
            self.seen[known] = way
            self._waiting.append((known, live, spec, code))

    def _look(self, known: int, live: int, spec: int, code: int) -> Finding | None:
        allowed = self._spec.steps(spec)
        try:
            taken = self._code.steps(code)
        except Raised as error:
            return self._finding("exception", str(error), known, spec, None)
        for label, after in sorted(allowed.keys() ^ taken.keys(), key=str):
            who, other = ("spec", "code") if (label, after) in allowed else ("code", "spec")
            summary = f"a step {label} of the {who} that the {other} does not take"
            return self._finding("difference", summary, known, spec, label)
        self.enabled += len(allowed)
        by_hash = {after: (label, after) for label, after in allowed}
        offered = self._live.steps(live)
        reached = {known, *(after for _, after in offered)}
        self.left_out |= {label.action for label, after in allowed if after not in reached}
        for (label, after), state in offered.items():
            self.steps += 1
            if after == known:  # nothing changes, so everything allows it
                continue
            if after not in by_hash:
                return self._finding(
                    "environment", f"a step {label} of the model that {NEXT} lacks", known, spec, label
                )
            step = by_hash[after]
            self._visit(after, (known, step[0]), state, allowed[step], taken[step])
        return None

    def _finding(self, kind: str, summary: str, known: int, spec: int, label: Label | None) -> Finding:
        """What was found, with the way to it; only its end is shown as a state."""
        labels: list[Label | None] = []
        at = known
        while (way := self.seen[at])[1] is not None:
            at = way[0]
            labels.append(way[1])
        return Finding(kind, summary, Behaviour(tuple(self._replayed(at, reversed(labels)))), label)

    def _replayed(self, start: int, labels: Iterable[Label | None]) -> Iterable[Step]:
        """The states on the way, taken once more."""
        state = next(each for each in self._spec.levels[0] if self._spec.state_hashes([each])[0] == start)
        yield Step(None, self._spec.assignment(state))
        at = start
        for label in labels:
            (at, state) = next(
                (after, following)
                for (each, after), following in self._spec.steps(state).items()
                if each == label and self.seen.get(after) == (at, label)
            )
            yield Step(label, self._spec.assignment(state))
