"""The module TLC, as far as it has a meaning outside TLC."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from itertools import permutations

from tlastep.language.operations import Operand, fail, freeze, ordered, truth
from tlastep.values import Fn, Value, function, show


def _pairs(operand: Operand) -> dict[Value, Value]:
    value = freeze(operand)
    if isinstance(value, tuple):
        return dict(enumerate(value, start=1))
    if isinstance(value, Fn):
        return value.mapping
    raise fail(f"expected a function, not {show(value)}")


def pair(argument: Operand, result: Operand) -> Value:
    """`argument :> result`."""
    return function({freeze(argument): freeze(result)})


def merged(left: Operand, right: Operand) -> Value:
    """`left @@ right`: where both are defined, the left one counts."""
    return function({**_pairs(right), **_pairs(left)})


def permutations_of(operand: Operand) -> Value:
    items = ordered(operand)
    return frozenset(function(dict(zip(items, order, strict=True))) for order in permutations(items))


def sorted_sequence(operand: Operand, before: Callable[[Value, Value], Operand]) -> Value:
    sequence = freeze(operand)
    if not isinstance(sequence, tuple):
        raise fail(f"SortSeq needs a sequence, not {show(sequence)}")

    def order(left: Value, right: Value) -> int:
        return -1 if before(left, right) else 1

    return tuple(sorted(sequence, key=cmp_to_key(order)))


def assert_that(condition: Operand, message: Operand) -> bool:
    if not truth(condition):
        raise fail(f"Assert: {show(freeze(message))}")
    return True


def second(shown: Operand, value: Operand) -> Operand:
    """`Print(shown, value)` is `value`; printing is TLC's business."""
    freeze(shown)
    return value


def printed(shown: Operand) -> bool:
    freeze(shown)
    return True


def to_string(operand: Operand) -> Value:
    return show(freeze(operand))
