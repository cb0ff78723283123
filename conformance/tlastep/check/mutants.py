"""Mutants: every check must be able to fail. Each mutant is a small change of spec or code that some check must find.

A mutant of a spec must violate the very property that its list names. A mutant of code must differ from the spec, and,
where its list says so, violate a property on its own. Whatever else happens to it is no proof, and is reported.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Final

import msgspec

from tlastep.check.check import Engine
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer, compile_packages, kill_code, kill_spec, models_for, prepared
from tlastep.check.mutant_list import Mutant, read_mutants, select
from tlastep.errors import UnusableInput
from tlastep.toolchain import sany_server

__all__ = ["Judged", "Killer", "Mutant", "judge", "read_mutants", "run_mutants", "select"]

NO_LAYER: Final = "none"
LIMIT: Final = 300.0  # seconds for one mutant: a change may well make a search endless


class Judged(msgspec.Struct, frozen=True):
    """What became of a mutant. `problem` says in what way that was not expected; nothing if all is well."""

    mutant: Mutant
    by: tuple[Killer, ...]
    problem: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was killed, and by what should kill it."""
        return not self.problem

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        mutant = self.mutant
        return {
            "mutant": mutant.name,
            "side": mutant.side,
            "module": mutant.module,
            "class": mutant.kind,
            "killed": self.killed,
            "by": [msgspec.to_builtins(each) for each in self.by],
            "expected": mutant.breaks.property if mutant.breaks else "difference",
            "problem": self.problem,
            "seconds": round(self.seconds, 3),
        }


def run_mutants(
    project: Project,
    mutants: Sequence[Mutant],
    models: Sequence[str] = (),
    *,
    engine: Engine = "python",
    workers: int | None = None,
) -> Iterator[Judged]:
    """Tries to kill these mutants, several at a time, and yields what became of them in their order.

    With `models`, mutants of code for which none is named are stepped through these only.
    """
    for each in mutants:
        each.changed()
    compile_packages(mutants)
    # Fresh processes: this one may have imported the code already.
    fresh = multiprocessing.get_context("spawn")
    parsing = partial(sany_server.keep, now=any(each.side == "spec" for each in mutants))
    with ProcessPoolExecutor(workers or min(2, os.cpu_count() or 1), fresh, parsing) as pool:
        # The slow ones first, so that no process is left alone with one of them at the end.
        slow_first = sorted(mutants, key=lambda each: not _is_of_liveness(project, each))
        futures = {id(each): pool.submit(judge, project, each, tuple(models), engine) for each in slow_first}
        try:
            for each in mutants:
                yield futures[id(each)].result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _is_of_liveness(project: Project, mutant: Mutant) -> bool:
    return any(project.model(name).kind == "liveness" for name in mutant.killers)


def judge(project: Project, mutant: Mutant, models: tuple[str, ...] = (), engine: Engine = "python") -> Judged:
    """Tries to kill one mutant, in a child of this process, which must not have imported the code."""
    begun = perf_counter()
    if mutant.side == "spec":
        by = in_child(lambda: kill_spec(project, mutant, engine))
        problem = _unjudged(by) or _problem_of_spec(mutant, by)
    else:
        names = [each.name for each in models_for(project, mutant, models)]
        for name in names:
            prepared(project, name)
        by = in_child(lambda: kill_code(project, mutant, names))
        problem = problem_of_code(mutant, by, names)
    return Judged(mutant, tuple(by), problem, perf_counter() - begun)


def _unjudged(by: Sequence[Killer]) -> str:
    return next((f"not judged: {each.property}" for each in by if each.layer == NO_LAYER), "")


def _problem_of_spec(mutant: Mutant, by: Sequence[Killer]) -> str:
    assert mutant.breaks is not None, "the list requires it"
    wanted = mutant.breaks
    if not by:
        return f"survives {wanted.model}, where {wanted.property} should be violated"
    killer = by[0]
    if killer.property != wanted.property:
        return f"killed by accident: {killer.property} in {killer.model}, expected {wanted.property}"
    return ""


def problem_of_code(mutant: Mutant, by: Sequence[Killer], models: Sequence[str]) -> str:
    """In what way something else happened to a mutant of code than should have; nothing if all is well."""
    if unjudged := _unjudged(by):
        return unjudged
    if not any(each.layer == "lockstep" for each in by):
        return f"survives lock-step in {', '.join(mutant.models or models)}"
    if mutant.breaks is None:
        return ""
    broken = [each.property for each in by if each.layer == "properties"]
    if broken != [mutant.breaks.property]:
        said = f"violates {broken[0]}" if broken else "violates no property"
        return f"the code alone {said} in {mutant.breaks.model}, expected {mutant.breaks.property}"
    return ""


# -- processes --------------------------------------------------------------------------------------------------


def in_child(task: Callable[[], list[Killer]]) -> list[Killer]:
    """What the task finds when it runs in a fork of this process."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_answer, args=(theirs, task))
    child.start()
    theirs.close()
    try:
        if not ours.poll(LIMIT):
            return [Killer(NO_LAYER, "", f"no end within {LIMIT:.0f} s", 0)]
        answer: list[Killer] | UnusableInput = ours.recv()
    except EOFError:
        child.join()
        return [Killer(NO_LAYER, "", f"the process ended with status {child.exitcode}", 0)]
    finally:
        child.kill()
        child.join()
    if isinstance(answer, UnusableInput):
        raise answer
    return answer


def _answer(pipe: Connection, task: Callable[[], list[Killer]]) -> None:
    sys.setrecursionlimit(max(20_000, sys.getrecursionlimit()))
    try:
        pipe.send(task())
    except UnusableInput as error:
        pipe.send(error)
