"""Modules with a line changed, to show that a check of them can fail."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Final

NUMBERS: Final = count(1)


def mutated(module: ModuleType, find: str, replace: str) -> ModuleType:
    """The module with this line changed. The line stands in it once."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    if text.count(find) != 1:
        raise ValueError(f"{text.count(find)} times, expected once: {find}")  # no failed check, which would be expected
    other = ModuleType(f"{module.__name__}_{next(NUMBERS)}")
    sys.modules[other.__name__] = other
    exec(compile(text.replace(find, replace), str(module.__file__), "exec"), vars(other))
    return other
