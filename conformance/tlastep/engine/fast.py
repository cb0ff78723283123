"""The fast engine from outside: a search to its end, started again when it learns what it should have known."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from tlastep.engine.entries import Inexact
from tlastep.engine.explorer import Explorer
from tlastep.engine.invariants import Violation
from tlastep.engine.layout import Layout, Resplit
from tlastep.engine.machine import Machine
from tlastep.engine.search import PROGRESS_EVERY, Exploration, Progress

__all__ = ["Explorer", "Search", "Violation", "collector_off", "explore_fast", "run"]


class Search:
    """An explorer and what it must know before it starts; it starts again when it learns more."""

    def __init__(
        self, machine: Machine, *, deadlock: bool = False, digest: bool = False, whole: frozenset[str] = frozenset()
    ) -> None:
        """`whole` are variables that are known to be no functions over one domain."""
        self.machine = machine
        self.violation: Violation | None = None
        self._deadlock = deadlock
        self._digest = digest
        self._whole = whole
        self._exact: frozenset[int] = frozenset()
        self._initial = machine.initial()
        self.explorer = self._begin()

    def _begin(self) -> Explorer:
        while True:
            layout = Layout(self.machine.variables, self._initial, self._whole)
            explorer = Explorer(self.machine, layout, deadlock=self._deadlock, digest=self._digest, exact=self._exact)
            try:
                explorer.start()
            except Violation as violation:
                self.violation = violation
            except (Resplit, Inexact) as change:
                self._learn(change)
                continue
            return explorer

    def _learn(self, change: Resplit | Inexact) -> None:
        if isinstance(change, Inexact):
            self._exact |= {change.index}
        else:
            self._whole |= {change.whole}

    def advance(self) -> bool:
        """Expands one level; False at the end or at a violation."""
        if self.violation is not None:
            return False
        done = len(self.explorer.levels)
        while True:
            try:
                more = self.explorer.advance()
                while more and len(self.explorer.levels) <= done:
                    more = self.explorer.advance()
                return more
            except Violation as violation:
                self.violation = violation
                return False
            except (Resplit, Inexact) as change:
                self._learn(change)
                self.explorer = self._begin()


def run(
    machine: Machine, *, deadlock: bool = False, digest: bool = False, on_progress: Progress | None = None
) -> tuple[Explorer, Violation | None]:
    """Runs a search to its end or to the first violation."""
    search = Search(machine, deadlock=deadlock, digest=digest)
    told = perf_counter()
    while search.advance():
        if on_progress and perf_counter() - told > PROGRESS_EVERY:
            told = perf_counter()
            totals = search.explorer.totals
            on_progress(totals.generated, totals.distinct, len(search.explorer.levels[-1]))
    return search.explorer, search.violation


def explore_fast(machine: Machine, *, deadlock: bool = False, on_progress: Progress | None = None) -> Exploration:
    """Explores all states within the bound, as `search.explore` does, only faster."""
    start = perf_counter()
    result, place, behaviour = "ok", "", None
    with collector_off():
        explorer, violation = run(machine, deadlock=deadlock, on_progress=on_progress)
        if violation is not None:
            result, place = violation.broken
            behaviour = explorer.behaviour(violation)
    totals = explorer.totals
    seconds = perf_counter() - start
    depth = len([level for level in explorer.levels if level])
    return Exploration(result, totals.distinct, totals.generated, depth, seconds, place, behaviour)


@contextmanager
def collector_off() -> Iterator[None]:
    """Millions of long-lived integers make the garbage collector slow and find it nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
