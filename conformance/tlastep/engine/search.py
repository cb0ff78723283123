"""Breadth-first search of any `System`, counting as TLC counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Generic

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.engine.system import Broken, S, System

PROGRESS_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class Exploration:
    """What a search found. `result` is `ok`, `invariant NAME`, `property NAME` or `deadlock`."""

    result: str
    distinct: int
    generated: int
    depth: int
    seconds: float
    place: str = ""
    counterexample: Behaviour | None = None


Progress = Callable[[int, int, int], None]
"""Told (generated, distinct, left to explore) about once a second."""


def explore(system: System[S], *, deadlock: bool = False, on_progress: Progress | None = None) -> Exploration:
    """Explores all states within the bound; stops at the first violation, whose behaviour is a shortest one."""
    return _Search(system, deadlock, on_progress).run()


class _Violation(Exception, Generic[S]):
    def __init__(self, broken: Broken, state: S, label: Label | None = None, last: S | None = None) -> None:
        super().__init__(broken.result)
        self.broken = broken
        self.state = state
        self.label = label
        self.last = last


class _Search(Generic[S]):
    def __init__(self, system: System[S], deadlock: bool, on_progress: Progress | None) -> None:
        self._system = system
        self._deadlock = deadlock
        self._on_progress = on_progress
        self._parents: dict[S, tuple[Label, S] | None] = {}
        self._generated = 0
        self._depth = 0
        self._told = perf_counter()

    def run(self) -> Exploration:
        start = perf_counter()
        result, place, behaviour = "ok", "", None
        try:
            self._search()
        except _Violation as violation:
            result, place = violation.broken
            behaviour = self._behaviour(violation)
        return Exploration(
            result, len(self._parents), self._generated, self._depth, perf_counter() - start, place, behaviour
        )

    def _search(self) -> None:
        level = self._initial_level()
        while level:
            self._depth += 1
            following: list[S] = []
            for index, state in enumerate(level):
                self._expand(state, following)
                if perf_counter() - self._told > PROGRESS_EVERY:
                    self._tell(len(level) - index + len(following))
            level = following

    def _tell(self, left: int) -> None:
        self._told = perf_counter()
        if self._on_progress:
            self._on_progress(self._generated, len(self._parents), left)

    def _initial_level(self) -> list[S]:
        level: list[S] = []
        system = self._system
        for state in system.initial():
            self._generated += 1
            if state in self._parents:
                continue
            broken = system.check_initial(state) or system.check_state(state)
            if broken:
                raise _Violation(broken, state)
            if system.in_bound(state):
                self._parents[state] = None
                level.append(state)
        return level

    def _expand(self, state: S, level: list[S]) -> None:
        system, parents = self._system, self._parents
        stuck = True
        for label, following in system.steps(state):
            stuck = False
            self._generated += 1
            known = following in parents
            within = known or system.in_bound(following)
            if within and not system.in_bound_step(state, following):
                within = known = False
            if not known:
                if broken := system.check_state(following):
                    raise _Violation(broken, state, label, following)
                if within:
                    parents[following] = (label, state)
                    level.append(following)
            if broken := system.check_step(state, following):
                raise _Violation(broken, state, label, following)
        if stuck and self._deadlock:
            raise _Violation(Broken("deadlock"), state)

    def _behaviour(self, violation: _Violation[S]) -> Behaviour:
        steps: list[Step] = []
        if violation.last is not None:
            steps.append(Step(violation.label, self._system.observe(violation.last)))
        state: S | None = violation.state
        while state is not None:
            link = self._parents.get(state)
            steps.append(Step(link[0] if link else None, self._system.observe(state)))
            state = link[1] if link else None
        return Behaviour(tuple(reversed(steps)))
