"""Spec and code explored at the same time, each in a process of its own, and compared after every level.

The spec is explored here. The code is explored where the compiler of specs is not even imported, and says after each
level how many states it has and what their digest is. The two stop at the first level at which they differ; where in
that level, `check/lockstep.py` finds by exploring both in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import msgspec

from tlastep.behaviour import Behaviour
from tlastep.binding import Binding
from tlastep.check.code_side import CodeSide, Level, levels
from tlastep.check.models import Model, Project
from tlastep.check.verdict import Finding, Lockstep
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.fast import Search, collector_off
from tlastep.engine.search import PROGRESS_EVERY, Progress
from tlastep.engine.spec_machine import SpecMachine
from tlastep.errors import ToolFailure


class CodeProcess:
    """The process that explores the code alone, read line by line."""

    def __init__(self, model: str, process: subprocess.Popen[str]) -> None:
        self._model = model
        self._process = process
        self.side: CodeSide | None = None
        """What the process found, once it has said so."""

    def next_level(self) -> Level | None:
        """The next level, or None when the process has come to its end, and `side` is known."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ToolFailure(f"the code's side failed: {self._last_words()}", self._model)
        found = msgspec.json.decode(line, type=Level | CodeSide)
        if isinstance(found, Level):
            return found
        self.side = found
        return None

    def _last_words(self) -> str:
        _, errors = self._process.communicate()
        lines = errors.strip().splitlines()
        return lines[-1] if lines else f"status {self._process.returncode}"


@contextmanager
def code_process(project: Project, model: Model, binding: Binding[Any]) -> Iterator[CodeProcess]:
    """Starts the process, and ends it whatever happens."""
    command = [sys.executable, "-m", "tlastep.check.code_side", module_of(binding, project), model.module]
    process = subprocess.Popen(
        [*command, str(project.config(model))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=project.root,
    )
    try:
        yield CodeProcess(model.name, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def module_of(binding: Binding[Any], project: Project) -> str:
    """The Python module in which the binding stands."""
    for name in project.bindings:
        module = sys.modules.get(name)
        if module is not None and any(each is binding for each in vars(module).values()):
            return name
    raise AssertionError(f"the binding of {binding.module} was found in none of {project.bindings}")


def explore_apart(
    model: Model,
    spec: CompiledSpec,
    code: CodeProcess,
    *,
    conjuncts: Conjuncts | None = None,
    on_progress: Progress | None = None,
) -> Lockstep:
    """Explores the spec beside the code, to the end or to the first level at which they differ.

    A difference is known by its digest alone here: the finding has no behaviour.
    """
    start = perf_counter()
    with collector_off():
        search = Search(SpecMachine(spec, conjuncts=conjuncts), digest=True)
        difference = _first_difference(search, code, on_progress)
    totals, side = search.explorer.totals, code.side
    mine = (f"{totals.digest:032x}", totals.distinct, totals.transitions, totals.boundary, totals.refusals)
    if side and not difference and mine != (side.digest, side.states, side.transitions, side.boundary, side.refusals):
        difference = "spec and code differ in what they count at the end"
    return Lockstep(
        model=model.name,
        spec_states=totals.distinct,
        code_states=side.states if side else 0,
        spec_transitions=totals.transitions,
        code_transitions=side.transitions if side else 0,
        boundary=totals.boundary,
        refusals=totals.refusals,
        digest=mine[0],
        seconds=perf_counter() - start,
        depth=len(search.explorer.levels),
        generated=totals.generated,
        actions=side.actions if side else {},
        code_calls=side.calls if side else 0,
        finding=Finding("difference", difference, Behaviour(())) if difference else None,
    )


def _first_difference(search: Search, code: CodeProcess, on_progress: Progress | None) -> str:
    """What differs first, in words; empty if nothing does."""
    told = perf_counter()
    for depth, mine in enumerate(levels(search), start=1):
        if code.next_level() != mine:
            return f"the digests of spec and code differ at depth {depth}"
        if on_progress and perf_counter() - told > PROGRESS_EVERY:
            told = perf_counter()
            totals = search.explorer.totals
            on_progress(totals.generated, totals.distinct, len(search.explorer.levels[-1]))
    if search.violation is not None:
        return f"{search.violation.broken.result} of the spec ({search.violation.broken.place})"
    if code.next_level() is not None:
        return "the code goes on where the spec is at its end"
    assert code.side is not None
    return "" if code.side.result == "ok" else f"{code.side.result} of the code"
