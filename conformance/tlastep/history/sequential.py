"""The sequential object of a model: a TLA+ text whose `Next` ranges over `op` and `answer`, stepped by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from tlastep.compile.compiled import CompiledSpec, State, compile_spec
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import EvaluationError, Place, UnusableInput
from tlastep.history.models import Request
from tlastep.language.config import Config, Name
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany
from tlastep.values import Value

BOUND: Final = ("op", "answer")  # what Next ranges over
RECURSION: Final = 20_000  # as in `check.explore`, which stands above this layer of the toolkit


class SequentialObject:
    """An object on which operations happen one after another, as its TLA+ text says."""

    def __init__(self, spec: Path, constants: Mapping[str, Value]) -> None:
        compiled = _compiled(spec, frozenset(constants.items()))
        for step in compiled.steps:
            if tuple(variable.name for variable in step.quantified) != BOUND:
                raise UnusableInput(f"expected Next to range over {' and '.join(BOUND)}, and nothing else", str(spec))
        self._system = SpecSystem(compiled)
        self.initial: State = self._only(list(self._system.initial()), "initial state")

    def after(self, state: State, operation: Value, answer: Value) -> State | None:
        """The state after the operation, or None if it can't give this answer here."""
        bound = (operation, answer)
        following = [after for step in self._system.spec.steps for after in self._system.steps_of(step, state, bound)]
        return self._only(following, "state after an operation with its answer") if following else None

    def _only(self, states: list[State], what: str) -> State:
        if len(set(states)) != 1:
            raise EvaluationError(f"expected one {what}, found {len(set(states))}", self._system.spec.name)
        return states[0]


class States:
    """The states of an object that a search has met, numbered from 0, the initial one, and what follows each."""

    def __init__(self, sequential: SequentialObject) -> None:
        self._object = sequential
        self._states: list[State] = [sequential.initial]
        self._numbers: dict[State, int] = {sequential.initial: 0}
        self._after: dict[tuple[int, Request], int] = {}

    def __getitem__(self, number: int) -> State:
        return self._states[number]

    def after(self, number: int, request: Request) -> int:
        """The state after an operation, or -1 if it can't give this answer there."""
        key = number, request
        found = self._after.get(key)
        if found is None:
            after = None
            if request.answer is not None:
                after = self._object.after(self._states[number], request.operation, request.answer)
            found = -1 if after is None else self._numbers.setdefault(after, len(self._states))
            if after is not None and found == len(self._states):
                self._states.append(after)
            self._after[key] = found
        return found


@lru_cache(maxsize=64)
def _compiled(spec: Path, chosen: frozenset[tuple[str, Value]]) -> CompiledSpec:
    sys.setrecursionlimit(max(RECURSION, sys.getrecursionlimit()))
    place, constants = Place(str(spec)), dict(chosen)
    tree = read_spec(sany.parse(spec, ()))
    # What a model of the module needs to be finite, and a history does not: the sets that operations are taken from.
    given = {declaration.name: constants.get(declaration.name, frozenset()) for declaration in tree.constants}
    config = Config(
        spec,
        constants={Name(name, place): value for name, value in given.items()},
        init=Name("Init", place),
        next=Name("Next", place),
    )
    return compile_spec(tree, config)
