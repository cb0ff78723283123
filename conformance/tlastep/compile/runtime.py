"""What generated modules call: the operations of TLA+, the standard modules, and a few words of control."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Final, NoReturn, TypeVar

from tlastep.compile.folding import folded
from tlastep.language.lazy import Lazy, now
from tlastep.language.operations import (
    PLAIN,
    STRING,
    FunctionSet,
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
    filtered,
    freeze,
    function_of,
    intersection,
    member,
    members,
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
from tlastep.language.standard_modules import MODULES, arithmetic, bags, sequences, tlc
from tlastep.values import BOOLEAN, FALSE, TRUE, Value, boolean

_T = TypeVar("_T")

ONCE: Final = (None,)
"""What an alternative loops over, so that it can be left with `continue`."""


def attribute(variable: str) -> str:
    """What generated code calls a variable: its own name, unless Python keeps that for itself."""
    return f"{variable}__" if keyword.iskeyword(variable) else variable


def state_class(name: str, variables: Iterable[str]) -> Any:
    """A class with an attribute a variable. To read one that has no value yet is an error of evaluation."""

    def missing(_: object, variable: str) -> NoReturn:
        raise fail(f"the variable {variable.removesuffix('__')} is used before it has a value")

    members: dict[str, Any] = {"__slots__": tuple(variables), "__getattr__": missing}
    for each in variables:
        if attribute(each) != each:
            members[attribute(each)] = _alias(each)
    return type(name, (), members)


def _alias(variable: str) -> property:
    def read(state: Any) -> Any:
        return getattr(state, variable)

    def write(state: Any, value: Any) -> None:
        setattr(state, variable, value)

    return property(read, write)


def forget(following: Any, *variables: str) -> None:
    """What an earlier branch gave these variables is not to be read in this one."""
    for variable in variables:
        with suppress(AttributeError):
            delattr(following, variable)


def keep(operand: Operand) -> Operand:
    """The operand as a variable's next value: a part of the state that is passed on stays unread."""
    if type(operand) in PLAIN:
        return operand
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
        module = next((each for each in (arithmetic, sequences, tlc, bags) if hasattr(each, name)), None)
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
                filtered,
                forget,
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
            *(updated, boolean, cache, folded),
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
