"""What generated modules call: the operations of TLA+, the standard modules, and a few words of control."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

from tlastep.language.operations import (
    STRING,
    FunctionSet,
    Lazy,
    Operand,
    PowerSet,
    RecordSet,
    RecursiveFunction,
    TupleSet,
    Unread,
    apply,
    big_union,
    choose,
    difference,
    domain,
    equal,
    fail,
    freeze,
    function_of,
    intersection,
    member,
    members,
    now,
    ordered,
    record_from,
    replaced,
    set_of,
    subset,
    truth,
    tuples,
    union,
    updated,
)
from tlastep.language.standard_modules import MODULES, arithmetic, sequences, tlc
from tlastep.values import BOOLEAN, FALSE, TRUE, Value, boolean

_T = TypeVar("_T")

ONCE: Final = (None,)
"""What an alternative loops over, so that it can be left with `continue`."""


def keep(operand: Operand) -> Operand:
    """The operand as a variable's next value: a part of the state that is passed on stays unread."""
    return operand if isinstance(operand, Unread) else freeze(operand)


def numbers(low: Operand, high: Operand) -> range:
    """`low .. high`, for loops."""
    return range(arithmetic.plus(low, 0), arithmetic.plus(high, 1))


def no_case(place: str) -> Value:
    """A CASE without OTHER whose guards are all false."""
    raise fail(f"no guard of the CASE at {place} is true")


def recursive(make: Callable[[Callable[..., _T]], Callable[..., _T]]) -> Callable[..., _T]:
    """A recursive LET operator."""

    def operator(*operands: Operand) -> _T:
        return make(operator)(*operands)

    return operator


def _standard() -> dict[str, object]:
    found: dict[str, object] = {}
    for name in {python for operators in MODULES.values() for python in operators.values()}:
        module = next((each for each in (arithmetic, sequences, tlc) if hasattr(each, name)), None)
        found[name] = freeze if module is None else getattr(module, name)
    return found


HELPERS: Final[dict[str, object]] = {
    **_standard(),
    **{
        each.__name__: each
        for each in (
            *(FunctionSet, Lazy, PowerSet, RecordSet, RecursiveFunction, TupleSet),
            *(apply, big_union, choose, difference, domain, equal, freeze, function_of, intersection, keep, member),
            *(
                members,
                no_case,
                now,
                numbers,
                ordered,
                record_from,
                recursive,
                replaced,
                set_of,
                subset,
                truth,
                tuples,
                union,
            ),
            *(updated, boolean, cache),
        )
    },
    "in_interval": arithmetic.in_interval,
    "BOOLEAN": BOOLEAN,
    "FALSE": FALSE,
    "ONCE": ONCE,
    "STRING": STRING,
    "TRUE": TRUE,
}
"""The names that generated code may use."""
