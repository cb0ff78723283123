"""Which conjuncts of a spec's actions were evaluated, and which of them ever refused: coverage of the spec itself.

A compiled spec has a line for each conjunct, and knows the place in the .tla file that each line comes from. So the
lines of generated code that run are the conjuncts that are reached; a guard that is false runs the `return` below it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeAlias

from tlastep.compile.compiled import CompiledSpec

Tracer: TypeAlias = Callable[[FrameType, str, Any], Any]

REFUSES = "refuses"


class Conjuncts:
    """The conjuncts of one compiled spec that were reached while `watched`."""

    def __init__(self, spec: CompiledSpec) -> None:
        self._filename = spec.filename
        self._names = dict(_named_lines(spec))
        self._lines: set[int] = set()

    @property
    def all(self) -> frozenset[str]:
        """All conjuncts of the actions, by their places; `... refuses` is a guard that is false."""
        return frozenset(self._names.values())

    @property
    def reached(self) -> frozenset[str]:
        """Those of them that were reached."""
        return frozenset(self._names[line] for line in self._lines if line in self._names)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes what runs inside. Another tracer, a debugger's say, has its place back afterwards."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Tracer | None:
        return self._line if frame.f_code.co_filename == self._filename else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Tracer:
        if event == "line":
            self._lines.add(frame.f_lineno)
        return self._line


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
