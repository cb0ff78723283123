"""The code's own digest, made where the compiler of specs is not even imported.

    python -m tlastep.check.code_side PYTHON_MODULE SPEC_MODULE CONFIG.cfg

explores the bound code alone. Each line that it prints is JSON: one for each level, so that a reader can compare as
they come, and at the end one with all counts.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from tlastep.binding import Binding
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import Search, collector_off
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config

FORBIDDEN = "tlastep.compile"


class Level(msgspec.Struct, frozen=True, tag=True):
    """The graph so far: its states, and the digest of those of them that were expanded."""

    states: int
    digest: str


class CodeSide(msgspec.Struct, frozen=True, tag=True):
    """What the code's side counted by itself."""

    states: int
    transitions: int
    boundary: int
    refusals: int
    digest: str
    calls: int
    actions: dict[str, int]
    result: str
    compiler_imported: bool
    seconds: float


def levels(search: Search) -> Iterator[Level]:
    """Takes a search to its end, or to the first violation."""
    while search.advance():
        yield Level(search.explorer.distinct, f"{search.explorer.digest:032x}")


def measure(binding: Binding[Any], config: Path, on_level: Callable[[Level], None]) -> CodeSide:
    """Explores bound code under a configuration."""
    start = perf_counter()
    with collector_off():
        search = Search(CodeMachine(BoundModel(binding, read_config(config))), digest=True)
        for level in levels(search):
            on_level(level)
    totals, violation = search.explorer.totals, search.violation
    return CodeSide(
        states=totals.distinct,
        transitions=totals.transitions,
        boundary=totals.boundary,
        refusals=totals.refusals,
        digest=f"{totals.digest:032x}",
        calls=search.explorer.outcomes.calls,
        actions=dict(sorted(totals.actions.items())),
        result=violation.broken.result if violation else "ok",
        compiler_imported=any(name.startswith(FORBIDDEN) for name in sys.modules),
        seconds=perf_counter() - start,
    )


def find(python_module: str, spec_module: str) -> Binding[Any]:
    """The binding of a spec in a Python module."""
    for each in vars(importlib.import_module(python_module)).values():
        if isinstance(each, Binding) and each.module == spec_module:
            return each
    raise UnusableInput(f"has no binding of {spec_module}", python_module)


def main(arguments: Sequence[str]) -> None:
    """Prints the code's side of one model."""
    python_module, spec_module, config = arguments
    side = measure(find(python_module, spec_module), Path(config), _tell)
    _tell(side)


def _tell(line: msgspec.Struct) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
