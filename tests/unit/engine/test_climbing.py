"""Functions that are defined by their own values are evaluated for large numbers, too, whichever way they go."""

from __future__ import annotations

from typing import Any

import pytest

from tlastep.compile.long_runtime import long_helpers
from tlastep.errors import EvaluationError
from tlastep.language.operations import RecursiveFunction, fail
from tlastep.long_sequences import LongSequences

MANY = 5_000


def helper(name: str) -> Any:
    """What generated code calls."""
    return long_helpers(LongSequences())[name]


def test_a_recursion_goes_as_deep_as_a_log_is_long() -> None:
    apply: Any = helper("apply")

    def body(own: RecursiveFunction, k: Any) -> Any:
        return 0 if k == 0 else apply(own, k - 1) + 1

    up = RecursiveFunction(frozenset(range(MANY + 1)), body)
    assert apply(up, MANY) == MANY


def test_one_that_goes_the_other_way_ends_as_well() -> None:
    apply: Any = helper("apply")

    def body(own: RecursiveFunction, k: Any) -> Any:
        return 0 if k == 150 else apply(own, k + 1) + 1

    down = RecursiveFunction(frozenset(range(151)), body)
    assert [apply(down, k) for k in (0, 100, 149, 150)] == [150, 50, 1, 0]


def test_what_has_no_value_for_smaller_numbers_has_one_where_it_has() -> None:
    apply: Any = helper("apply")

    def body(own: RecursiveFunction, k: Any) -> Any:
        if k < 500:
            raise fail("no value")
        return k

    assert apply(RecursiveFunction(frozenset(range(1000)), body), 700) == 700
    with pytest.raises(EvaluationError, match="no value"):
        apply(RecursiveFunction(frozenset(range(1000)), body), 400)


def test_without_climbing_there_would_be_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlastep.compile.long_runtime.climb", lambda function, argument: None)
    with pytest.raises(RecursionError):
        test_a_recursion_goes_as_deep_as_a_log_is_long()
