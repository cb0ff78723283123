"""Which conjuncts of a spec's actions were evaluated, and which of them ever refused: coverage of the spec itself.

A compiled spec has a line for each conjunct, and knows the place in the .tla file that each line comes from. So the
lines of generated code that run are the conjuncts that are reached; a guard that is false runs the `return` below it.
To know them, the code is run in a second version, in which each line is noted before it runs.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Final

from tlastep.compile.compiled import CompiledSpec, Step, compiled

REFUSES = "refuses"
NOTED: Final = "lines_that_ran"


class Conjuncts:
    """The conjuncts of one compiled spec that were reached by the actions that are `watching`."""

    def __init__(self, spec: CompiledSpec) -> None:
        self._spec = spec
        self._names = dict(_named_lines(spec))
        self._lines: dict[int, None] = {}
        self._namespace: dict[str, Any] | None = None

    @property
    def all(self) -> frozenset[str]:
        """All conjuncts of the actions, by their places; `... refuses` is a guard that is false."""
        return frozenset(self._names.values())

    @property
    def reached(self) -> frozenset[str]:
        """Those of them that were reached."""
        return frozenset(self._names[line] for line in self._lines if line in self._names)

    def watching(self, step: Step) -> Callable[..., Iterator[None]]:
        """The `run` of a step that notes what it evaluates."""
        if self._namespace is None:
            self._namespace = self._noting()
        names = ["s", "t", *(binder.name for binder in step.code.binders)]
        code = f"lambda {', '.join(names)}: {step.code.run}"
        run: Callable[..., Iterator[None]] = eval(compiled(code, self._spec.filename, "eval"), self._namespace)
        return run

    def _noting(self) -> dict[str, Any]:
        """The generated module once more, with a note before each line that has a name."""
        namespace = {**self._spec.namespace, NOTED: self._lines}
        exec(_noting(self._spec.source, self._spec.filename, frozenset(self._names)), namespace)
        return namespace


@lru_cache(maxsize=8)  # one spec may be compiled with many sets of constants, and its source is the same
def _noting(source: str, filename: str, named: frozenset[int]) -> CodeType:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for body in ("body", "orelse"):
            statements = getattr(node, body, None)
            if isinstance(statements, list) and not isinstance(node, ast.Module):
                setattr(node, body, [each for statement in statements for each in _noted(statement, named)])
    return compile(ast.fix_missing_locations(tree), filename, "exec")


def _noted(statement: ast.stmt, named: frozenset[int]) -> Iterator[ast.stmt]:
    if statement.lineno in named:
        (note,) = ast.parse(f"{NOTED}[{statement.lineno}] = None").body
        for node in ast.walk(note):
            ast.copy_location(node, statement)
        yield note
    yield statement


def _named_lines(spec: CompiledSpec) -> Iterator[tuple[int, str]]:
    """The lines of the functions of actions, and of what these call, each with the conjunct that it belongs to."""
    text = spec.source.splitlines()
    for function in _reached_from(spec, (step.code.run.partition("(")[0] for step in spec.steps)):
        first = function.__code__.co_firstlineno
        for line in sorted(_lines(function.__code__) - {first}):
            place = spec.places[line - 1]
            if place:
                yield line, f"{place} {REFUSES}" if text[line - 1].strip() == "return" else place


def _reached_from(spec: CompiledSpec, names: Iterable[str]) -> list[FunctionType]:
    """The generated functions of these names, and all that they call in turn."""
    found: dict[str, FunctionType] = {}
    left = list(names)
    while left:
        name = left.pop()
        function = spec.namespace.get(name)
        if name in found or not isinstance(function, FunctionType):
            continue
        if function.__code__.co_filename == spec.filename:
            found[name] = function
            left += [each for code in _nested(function.__code__) for each in code.co_names]
    return list(found.values())


def _lines(code: CodeType) -> set[int]:
    return {line for each in _nested(code) for _, line in dis.findlinestarts(each) if line is not None}


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
