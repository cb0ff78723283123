"""Naturals and Integers."""

from __future__ import annotations

from tlastep.language.operations import Endless, Operand, fail, freeze
from tlastep.values import Value, show


def _int(operand: Operand) -> int:
    value = freeze(operand)
    if type(value) is int:
        return value
    raise fail(f"expected a number, not {show(value)}")


def plus(left: Operand, right: Operand) -> int:
    return left + right if type(left) is int and type(right) is int else _int(left) + _int(right)


def minus(left: Operand, right: Operand) -> int:
    return left - right if type(left) is int and type(right) is int else _int(left) - _int(right)


def times(left: Operand, right: Operand) -> int:
    return _int(left) * _int(right)


def power(left: Operand, right: Operand) -> int:
    exponent = _int(right)
    if exponent < 0:
        raise fail(f"a negative exponent: {exponent}")
    return int(_int(left) ** exponent)


def negative(operand: Operand) -> int:
    return -_int(operand)


def quotient(left: Operand, right: Operand) -> int:
    """Rounds down, as TLC's \\div does."""
    divisor = _int(right)
    if divisor == 0:
        raise fail("division by zero")
    return _int(left) // divisor


def modulo(left: Operand, right: Operand) -> int:
    divisor = _int(right)
    if divisor <= 0:
        raise fail(f"% needs a positive divisor, not {divisor}")
    return _int(left) % divisor


def less(left: Operand, right: Operand) -> bool:
    return left < right if type(left) is int and type(right) is int else _int(left) < _int(right)


def greater(left: Operand, right: Operand) -> bool:
    return left > right if type(left) is int and type(right) is int else less(right, left)


def at_most(left: Operand, right: Operand) -> bool:
    return left <= right if type(left) is int and type(right) is int else not less(right, left)


def at_least(left: Operand, right: Operand) -> bool:
    return left >= right if type(left) is int and type(right) is int else not less(left, right)


def interval(low: Operand, high: Operand) -> frozenset[Value]:
    return frozenset(range(_int(low), _int(high) + 1))


def in_interval(item: Operand, low: Operand, high: Operand) -> bool:
    """`item \\in low .. high`, without writing the interval out."""
    return _int(low) <= _int(item) <= _int(high)


NAT = Endless("Nat", lambda item: type(item) is int and item >= 0)
INT = Endless("Int", lambda item: type(item) is int)
