"""The code's own digest, made where the compiler of specs is not even imported.

    python -m tlastep.check.code_side PYTHON_MODULE SPEC_MODULE CONFIG.cfg

explores the bound code alone and prints its counts and digest as JSON.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from tlastep.binding import Binding
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import collector_off, run
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config

FORBIDDEN = "tlastep.compile"


class CodeSide(msgspec.Struct, frozen=True):
    """What the code's side counted by itself."""

    states: int
    transitions: int
    boundary: int
    refusals: int
    digest: str
    actions: dict[str, int]
    result: str
    compiler_imported: bool
    seconds: float


def measure(binding: Binding[Any], config: Path) -> CodeSide:
    """Explores bound code under a configuration."""
    start = perf_counter()
    with collector_off():
        explorer, violation = run(CodeMachine(BoundModel(binding, read_config(config))), digest=True)
    totals = explorer.totals
    return CodeSide(
        states=totals.distinct,
        transitions=totals.transitions,
        boundary=totals.boundary,
        refusals=totals.refusals,
        digest=f"{totals.digest:032x}",
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
    print(msgspec.json.encode(measure(find(python_module, spec_module), Path(config))).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
