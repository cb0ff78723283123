"""Sequences and FiniteSets."""

from __future__ import annotations

from collections.abc import Callable

from tlastep.language.operations import Endless, Implicit, Operand, fail, freeze, member, members
from tlastep.values import Value, show


def _sequence(operand: Operand) -> tuple[Value, ...]:
    value = operand if type(operand) is tuple else freeze(operand)
    if isinstance(value, tuple):
        return value
    raise fail(f"expected a sequence, not {show(value)}")


def _index(operand: Operand) -> int:
    value = freeze(operand)
    if type(value) is int:
        return value
    raise fail(f"expected an index, not {show(value)}")


def sequences_of(items: Operand) -> Implicit:
    return Endless("Seq", lambda value: isinstance(value, tuple) and all(member(each, items) for each in value))


def length(operand: Operand) -> int:
    if type(operand) is tuple:
        return len(operand)
    value = freeze(operand)
    if isinstance(value, (tuple, str)):
        return len(value)
    raise fail(f"Len needs a sequence, not {show(value)}")


def concatenated(left: Operand, right: Operand) -> Value:
    first, second = freeze(left), freeze(right)
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return _sequence(first) + _sequence(second)


def appended(operand: Operand, item: Operand) -> Value:
    return (*_sequence(operand), freeze(item))


def head(operand: Operand) -> Value:
    sequence = _sequence(operand)
    if not sequence:
        raise fail("Head of an empty sequence")
    return sequence[0]


def tail(operand: Operand) -> Value:
    sequence = _sequence(operand)
    if not sequence:
        raise fail("Tail of an empty sequence")
    return sequence[1:]


def subsequence(operand: Operand, first: Operand, last: Operand) -> Value:
    if type(operand) is tuple and type(first) is int and type(last) is int and 0 < first <= last <= len(operand):
        return operand[first - 1 : last]
    sequence, low, high = _sequence(operand), _index(first), _index(last)
    if low > high:
        return ()
    if low < 1 or high > len(sequence):
        raise fail(f"SubSeq from {low} to {high} of a sequence of {len(sequence)}")
    return sequence[low - 1 : high]


def selected(operand: Operand, test: Callable[[Value], Operand]) -> Value:
    return tuple(item for item in _sequence(operand) if test(item))


def cardinality(operand: Operand) -> int:
    if type(operand) is frozenset:
        return len(operand)
    return len(set(members(operand)))


def is_finite(operand: Operand) -> bool:
    return not isinstance(operand, Endless)
