"""Recursion as deep as a log is long: functions defined by their own values are evaluated for smaller numbers first.

    LET after[k \\in 0 .. Len(entries)] == IF k = 0 THEN t ELSE Apply(after[k - 1], entries[k])

Applied to 10,000 that would go 10,000 calls deep. Functions remember their values, so that nothing is evaluated twice.
"""

from __future__ import annotations

from typing import Final

from tlastep.errors import EvaluationError
from tlastep.language.operations import RecursiveFunction

DEEP: Final = 80
STEP: Final = 40


_CLIMBED: Final[set[int]] = set()
"""The functions that are being evaluated so, by their identity: those inside are left alone."""


def climb(function: RecursiveFunction, argument: int) -> None:
    """Evaluate a function for some of the numbers below this one, which is a large one."""
    if id(function) in _CLIMBED:
        return
    _CLIMBED.add(id(function))
    try:
        for smaller in range(STEP, argument, STEP):
            function.apply(smaller)
    except (EvaluationError, RecursionError):
        pass  # the function goes another way
    finally:
        _CLIMBED.discard(id(function))
