"""The code without any memory: every action with every argument, in every state, executed on the real code.

Only what the toolkit itself computes is remembered: labels, the hashes of parts, whether a state is within the bound.
What the code does is never looked up. Counts and digest must be those of lock-step, which executes each distinct
combination of what is read and looks the rest up. Properties are not judged here; their names enter the digest.

    python -m tlastep.check.direct_code PYTHON_MODULE SPEC_MODULE CONFIG.cfg

prints what was counted as one line of JSON.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from tlastep.binding import is_map
from tlastep.check.code_side import find
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel, CodeAction, CodeSystem
from tlastep.engine.digest import PRIME, REFUSED, label_hash, mixed, part_hash, step_hash, verdict_hash
from tlastep.engine.fast import collector_off
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config
from tlastep.predicates import bindings

WIDTH: Final = 32  # bits for the number of one part's value


class DirectCode(msgspec.Struct, frozen=True):
    """What was counted. An offer is one execution of the code."""

    states: int
    transitions: int
    boundary: int
    refusals: int
    digest: str
    actions: dict[str, int]
    result: str
    seconds: float

    @property
    def offers(self) -> int:
        """How often the code was executed."""
        return self.transitions + self.refusals


class Shown(NamedTuple):
    """A value of one part: its number, shifted to its place in a state's key, and its hash."""

    key: int
    hash: int


Place: TypeAlias = tuple[str, Any]
"""A part of a state, and the key in it if it is a map."""


WHOLE: Final[Place] = ("state", None)
"""The one place of a state that has no parts."""


class Hashed(NamedTuple):
    """An action with arguments, as hashes: of its label, and of its refusal."""

    label: int
    refusal: int


@dataclass(slots=True)
class Known:
    """A state of the code, what it is known by, and the values of its parts."""

    state: Any
    key: int
    hash: int
    parts: list[Shown]


def execute(model: BoundModel[Any]) -> DirectCode:
    """Explores bound code, breadth first, and executes it at every single offer."""
    with collector_off():
        return _Execution(model).run()


class _Execution:
    def __init__(self, model: BoundModel[Any]) -> None:
        self._model = model
        self._system = CodeSystem(model)
        self._machine = CodeMachine(model)
        self._refused = model.binding.refused
        self._parts = tuple(model.binding.parts)
        self._places: dict[Place, int] = {}
        self._shown: list[dict[Any, Shown]] = []
        self._labels: list[dict[tuple[Any, ...], Hashed]] = [{} for _ in model.actions]
        self._constant = [_constant_bindings(action) for action in model.actions]
        self._within: dict[int, bool] = {}
        self._digest = 0
        self._counts: Counter[str] = Counter()
        predicates = (*model.invariants, *model.step_properties)
        self._verdict = verdict_hash({each.name for each in predicates})
        self._actions = [0] * len(model.actions)

    def run(self) -> DirectCode:
        start, result = perf_counter(), "ok"
        try:
            level = self._start()
            while level:
                following: list[Known] = []
                for known in level:
                    self._expand(known, following)
                level = following
        except UnusableInput:
            raise
        except Exception as error:
            # Whatever the code raises but its refusal is a finding: the code is not what lock-step saw.
            result = f"exception {type(error).__name__}: {error}"
        names = (action.name for action in self._model.actions)
        return DirectCode(
            states=sum(self._within.values()),
            transitions=sum(self._actions),
            boundary=self._counts["boundary"],
            refusals=self._counts["refusals"],
            digest=f"{self._digest:032x}",
            actions={name: count for name, count in zip(names, self._actions, strict=True) if count},
            result=result,
            seconds=perf_counter() - start,
        )

    # -- states ----------------------------------------------------------------------------------------------

    def _start(self) -> list[Known]:
        level = []
        for state in self._system.initial():
            parts: list[Shown] = []
            for place, value in self._parts_of(state):
                index = self._places.setdefault(place, len(self._places))
                if index == len(self._shown):
                    self._shown.append({})
                parts.append(self._show(place, index, value))
            known = Known(state, sum(each.key for each in parts), sum(each.hash for each in parts), parts)
            if known.key not in self._within:
                within = self._within[known.key] = self._system.in_bound(state)
                level += [known] if within else []
        return level

    def _parts_of(self, state: Any) -> Iterator[tuple[Place, Any]]:
        if not self._parts:
            yield WHOLE, state
        for name in self._parts:
            value = getattr(state, name)
            if is_map(value):
                yield from (((name, key), value[key]) for key in value)
            else:
                yield (name, None), value

    def _show(self, place: Place, index: int, value: Any) -> Shown:
        """What a part shows, hashed once for each value that it ever has."""
        table = self._shown[index]
        found = table.get(value)
        if found is None:
            shown = self._machine.observe(place[0], place[1], value)
            hashed = sum(part_hash(*each) for each in shown)
            found = table[value] = Shown(len(table) << (WIDTH * index), hashed)
        return found

    def _changes(self, before: Any, after: Any) -> Iterable[tuple[int, Shown]]:
        """The parts that are other objects than before. A value that was made anew may be the same nevertheless."""
        if before is after:
            return ()
        if not self._parts:
            return ((0, self._show(WHOLE, 0, after)),)
        changed = []
        for name in self._parts:
            old, new = getattr(before, name), getattr(after, name)
            if old is new:
                continue
            pairs = [((name, None), new)]
            if is_map(new):
                pairs = [((name, key), value) for key, value in new.items() if value is not old[key]]
            for place, value in pairs:
                index = self._places[place]
                changed.append((index, self._shown[index].get(value) or self._show(place, index, value)))
        return changed

    # -- steps -----------------------------------------------------------------------------------------------

    def _expand(self, known: Known, following: list[Known]) -> None:
        """Offers everything to the code in one state."""
        total, state = self._verdict, known.state
        refused, refusals = self._refused, 0
        for number, action in enumerate(self._model.actions):
            function, labels = action.function, self._labels[number]
            for bound in self._constant[number] or bindings(action.quantified, state):
                hashed = labels.get(bound) or self._hashed(action, labels, bound)
                try:
                    after = function(state, *bound)
                except refused:
                    total += hashed.refusal
                    refusals += 1
                    continue
                self._actions[number] += 1
                total += step_hash(hashed.label, self._arrive(known, after, following))
        self._counts["refusals"] += refusals
        self._digest = (self._digest + mixed(known.hash) * total) % PRIME

    def _arrive(self, known: Known, after: Any, following: list[Known]) -> int:
        """How the hash of the state changes. A state that is new within the bound is kept for later."""
        key, change, changes = known.key, 0, self._changes(known.state, after)
        for index, shown in changes:
            old = known.parts[index]
            key += shown.key - old.key
            change += shown.hash - old.hash
        within = self._within.get(key)
        if within is None:
            within = self._within[key] = self._system.in_bound(after)
            if within:
                parts = list(known.parts)
                for index, shown in changes:
                    parts[index] = shown
                following.append(Known(after, key, known.hash + change, parts))
        self._counts["boundary"] += not within
        return change

    @staticmethod
    def _hashed(action: CodeAction, labels: dict[tuple[Any, ...], Hashed], bound: tuple[Any, ...]) -> Hashed:
        label = label_hash(action.label(bound))
        labels[bound] = found = Hashed(label, step_hash(label, REFUSED))
        return found


def _constant_bindings(action: CodeAction) -> list[tuple[Any, ...]]:
    """All arguments of an action, if they are the same in every state; else nothing."""
    return list(bindings(action.quantified, None)) if all(each.constant for each in action.quantified) else []


def main(arguments: Sequence[str]) -> None:
    """Executes the code of one model."""
    python_module, spec_module, config = arguments
    executed = execute(BoundModel(find(python_module, spec_module), read_config(Path(config))))
    print(msgspec.json.encode(executed).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
