"""The built-in operators of TLA+ on values, as the compiled specs call them. Types are checked as TLC checks them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, combinations, product
from typing import Final, TypeAlias

from tlastep.errors import EvaluationError
from tlastep.values import Bool, Fn, ModelValue, Value, function, in_order, show


class Deferred(ABC):
    """A part of a state that is read only where it has to be. The engine records what is read through it."""

    @abstractmethod
    def force(self) -> Value:
        """The whole value."""

    @abstractmethod
    def apply(self, argument: Value) -> Value:
        """One application, if this is a function."""

    @abstractmethod
    def updated(self, path: tuple[Operand, ...], new: Callable[[Value], Operand]) -> Operand:
        """`[this EXCEPT ![path] = new(@)]`."""

    @abstractmethod
    def replaced(self, path: tuple[Operand, ...], value: Operand) -> Operand:
        """`[this EXCEPT ![path] = value]`, where the value does not depend on `@`."""

    @abstractmethod
    def domain(self) -> Value:
        """`DOMAIN this`."""

    def contains(self, item: Value) -> bool:
        """Whether the item is a member of this set."""
        return item in set(members(self.force()))

    @abstractmethod
    def joined(self, other: Operand) -> Operand:
        """This set with the members of another."""

    @abstractmethod
    def without(self, other: Operand) -> Operand:
        """This set less the members of another."""

    def __hash__(self) -> int:
        raise AssertionError("a deferred value was put into a set or a function")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a deferred value was compared without being read")


class Unread(Deferred):
    """A variable of the state, or a part of it, that may be passed on to the next state without being read."""


class Implicit(ABC):
    """A set that is not written out: Nat, SUBSET S, [S -> T]. Membership is cheap, members may be endless."""

    @abstractmethod
    def contains(self, item: Value) -> bool:
        """Whether the item is a member."""

    @abstractmethod
    def members(self) -> Iterable[Value]:
        """All members. Raises `EvaluationError` if there is no end to them."""


Operand: TypeAlias = Value | Deferred | Implicit


PLAIN: Final = frozenset({int, str, Bool, ModelValue, tuple, frozenset, Fn})
"""The classes of values that need no reading; asking for the class is much faster than `isinstance`."""


def freeze(operand: Operand) -> Value:
    """The operand as a value that can be stored: implicit sets are written out, deferred parts are read."""
    if type(operand) in PLAIN:
        return operand  # type: ignore[return-value]  # narrowed by type()
    if isinstance(operand, Deferred):
        return operand.force()
    if isinstance(operand, Implicit):
        return frozenset(operand.members())
    return operand


def fail(message: str) -> EvaluationError:
    """An error of evaluation; the place is added where the compiled code is left."""
    return EvaluationError(message)


# -- logic and equality --------------------------------------------------------------------------------------


def truth(operand: Operand) -> bool:
    """The Python truth of a TLA+ boolean."""
    if type(operand) is Bool:
        return bool(operand)
    value = freeze(operand)
    if isinstance(value, Bool):
        return bool(value)
    raise fail(f"expected a boolean, not {show(value)}")


def equal(left: Operand, right: Operand) -> bool:
    """`left = right`. Comparing values of different kinds is an error, as in TLC."""
    if left is right:
        return True
    if type(left) is type(right) and type(left) in PLAIN:
        return left == right
    first, second = freeze(left), freeze(right)
    if type(first) is type(second):
        return first == second
    if isinstance(first, ModelValue) or isinstance(second, ModelValue):
        return False
    functions = (tuple, Fn)
    if isinstance(first, functions) and isinstance(second, functions):
        return False
    raise fail(f"can't compare {show(first)} with {show(second)}")


# -- functions -----------------------------------------------------------------------------------------------


class RecursiveFunction(Deferred):
    """A function defined by its own values, evaluated where it is applied."""

    def __init__(self, domain: Operand, body: Callable[[RecursiveFunction, Value], Operand]) -> None:
        self._domain = domain
        self._body = body
        self._known: dict[Value, Value] = {}

    def apply(self, argument: Value) -> Value:
        if argument not in self._known:
            if not member(argument, self._domain):
                raise fail(f"{show(argument)} is not in the domain of the function")
            self._known[argument] = freeze(self._body(self, argument))
        return self._known[argument]

    def force(self) -> Value:
        return function({argument: self.apply(argument) for argument in members(self._domain)})

    def updated(self, path: tuple[Operand, ...], new: Callable[[Value], Operand]) -> Operand:
        return updated(self.force(), path, new)

    def replaced(self, path: tuple[Operand, ...], value: Operand) -> Operand:
        return replaced(self.force(), path, value)

    def domain(self) -> Value:
        return frozenset(members(self._domain))

    def joined(self, other: Operand) -> Operand:
        raise fail("a function is not a set")

    def without(self, other: Operand) -> Operand:
        raise fail("a function is not a set")


def apply(operator: Operand, argument: Operand) -> Value:
    """`operator[argument]`."""
    kind = type(operator)
    if kind is tuple and type(argument) is int:
        if 0 < argument <= len(operator):  # type: ignore[arg-type]  # narrowed by `kind`, which mypy does not follow
            return operator[argument - 1]  # type: ignore[index]  # likewise
    elif kind is Fn and type(argument) in PLAIN:
        found = operator.mapping.get(argument)  # type: ignore[union-attr,arg-type]  # likewise
        if found is not None:
            return found
    return _apply(operator, freeze(argument))


def _apply(operator: Operand, key: Value) -> Value:
    """The same where it is not as simple as it mostly is."""
    if type(operator) is Fn:
        try:
            return operator.mapping[key]
        except KeyError:
            pass
    elif type(operator) is tuple:
        if type(key) is int and 0 < key <= len(operator):
            return operator[key - 1]
    elif isinstance(operator, Deferred):
        return operator.apply(key)
    value = freeze(operator)
    if isinstance(value, (Fn, tuple)):
        raise fail(f"{show(key)} is not in the domain of {show(value)}")
    raise fail(f"expected a function to apply to {show(key)}, not {show(value)}")


def updated(operator: Operand, path: tuple[Operand, ...], new: Callable[[Value], Operand]) -> Operand:
    """`[operator EXCEPT ![path] = new(@)]`. As in TLC, a path outside the domain changes nothing."""
    if type(operator) not in PLAIN and isinstance(operator, Deferred):
        return operator.updated(path, new)
    key = freeze(path[0])
    rest = path[1:]
    if type(operator) is tuple:
        if type(key) is not int or not 0 < key <= len(operator):
            return operator
        old = operator[key - 1]
        changed = freeze(updated(old, rest, new) if rest else new(old))
        return (*operator[: key - 1], changed, *operator[key:])
    if type(operator) is Fn:
        if key not in operator.mapping:
            return operator
        old = operator.mapping[key]
        return Fn({**operator.mapping, key: freeze(updated(old, rest, new) if rest else new(old))})
    raise fail(f"EXCEPT needs a function, not {show(freeze(operator))}")


def replaced(operator: Operand, path: tuple[Operand, ...], value: Operand) -> Operand:
    """`[operator EXCEPT ![path] = value]`, where the value does not depend on `@`."""
    if type(operator) is Fn and len(path) == 1 and type(path[0]) in PLAIN:
        key = path[0]
        if key not in operator.mapping:
            return operator
        return Fn({**operator.mapping, key: value if type(value) in PLAIN else freeze(value)})  # type: ignore[dict-item]  # narrowed by type()
    if type(operator) not in PLAIN and isinstance(operator, Deferred):
        return operator.replaced(path, value)
    return updated(operator, path, lambda _: value)


def domain(operator: Operand) -> Value:
    """`DOMAIN operator`."""
    if isinstance(operator, Deferred):
        return operator.domain()
    value = freeze(operator)
    if isinstance(value, tuple):
        return frozenset(range(1, len(value) + 1))
    if isinstance(value, Fn):
        return frozenset(value.mapping)
    raise fail(f"DOMAIN needs a function, not {show(value)}")


def function_of(pairs: Iterable[tuple[Value, Operand]]) -> Value:
    """`[x \\in S |-> e]`, from its pairs."""
    return function({argument: freeze(result) for argument, result in pairs})


def record_of(**fields: Operand) -> Value:
    """`[name |-> e, ...]`."""
    return Fn({name: freeze(field) for name, field in fields.items()})


def record_from(fields: dict[str, Operand]) -> Value:
    """`[name |-> e, ...]` for names that Python keeps for itself, such as `from`."""
    return Fn({name: freeze(field) for name, field in fields.items()})


# -- sets ----------------------------------------------------------------------------------------------------


def members(operand: Operand) -> Iterable[Value]:
    """The members of a finite set, in no particular order."""
    if type(operand) is frozenset:
        return operand
    if isinstance(operand, Implicit):
        return operand.members()
    value = freeze(operand)
    if isinstance(value, frozenset):
        return value
    raise fail(f"expected a set, not {show(value)}")


def ordered(operand: Operand) -> list[Value]:
    """The members in TLC's order, so that behaviours do not depend on hashing."""
    return in_order(members(operand))


def member(item: Operand, of: Operand) -> bool:
    """`item \\in of`."""
    value = freeze(item)
    if type(of) is frozenset:
        return value in of
    if isinstance(of, (Implicit, Deferred)):
        return of.contains(value)
    return value in set(members(of))


def union(left: Operand, right: Operand) -> Operand:
    """`left \\cup right`."""
    if type(left) is frozenset and type(right) is frozenset:
        return left | right
    if isinstance(left, Deferred):
        return left.joined(right)
    if isinstance(right, Deferred):
        return right.joined(left)
    if isinstance(left, Implicit) or isinstance(right, Implicit):
        return Union(left, right)
    return frozenset(chain(members(left), members(right)))


def difference(left: Operand, right: Operand) -> Operand:
    """`left \\ right`."""
    if type(left) is frozenset and type(right) is frozenset:
        return left - right
    if isinstance(left, Deferred):
        return left.without(right)
    if isinstance(left, Implicit):
        return Difference(left, right)
    return frozenset(item for item in members(left) if not member(item, right))


def intersection(left: Operand, right: Operand) -> Value:
    """`left \\cap right`."""
    if isinstance(left, Implicit) and not isinstance(right, Implicit):
        left, right = right, left
    return frozenset(item for item in members(left) if member(item, right))


def subset(left: Operand, right: Operand) -> bool:
    """`left \\subseteq right`."""
    return all(member(item, right) for item in members(left))


def big_union(sets: Operand) -> Value:
    """`UNION sets`."""
    return frozenset(chain.from_iterable(members(each) for each in members(sets)))


def set_of(*items: Operand) -> Value:
    """`{a, b, ...}`."""
    return frozenset(map(freeze, items))


def choose(of: Operand, condition: Callable[[Value], bool]) -> Value:
    """`CHOOSE x \\in of : condition(x)`: the first in TLC's order."""
    for item in ordered(of):
        if condition(item):
            return item
    raise fail("CHOOSE: no member satisfies the condition")


def tuples(item: Value, count: int) -> tuple[Value, ...]:
    """The parts of a tuple bound by `<<x, y>> \\in S`."""
    if isinstance(item, tuple) and len(item) == count:
        return item
    raise fail(f"expected a tuple of {count}, not {show(item)}")


class Union(Implicit):
    """`left \\cup right`, where one of them is not written out."""

    def __init__(self, left: Operand, right: Operand) -> None:
        self.sides = left, right

    def contains(self, item: Value) -> bool:
        return any(member(item, side) for side in self.sides)

    def members(self) -> Iterable[Value]:
        return frozenset(chain.from_iterable(map(members, self.sides)))


class Difference(Implicit):
    """`left \\ right`, where `left` is not written out."""

    def __init__(self, left: Operand, right: Operand) -> None:
        self._left = left
        self._right = right

    def contains(self, item: Value) -> bool:
        return member(item, self._left) and not member(item, self._right)

    def members(self) -> Iterable[Value]:
        return frozenset(item for item in members(self._left) if not member(item, self._right))


class PowerSet(Implicit):
    """`SUBSET base`."""

    def __init__(self, base: Operand) -> None:
        self._base = base

    def contains(self, item: Value) -> bool:
        return subset(item, self._base)

    def members(self) -> Iterator[Value]:
        items = ordered(self._base)
        return (frozenset(part) for size in range(len(items) + 1) for part in combinations(items, size))


class FunctionSet(Implicit):
    """`[arguments -> results]`."""

    def __init__(self, arguments: Operand, results: Operand) -> None:
        self._arguments = arguments
        self._results = results

    def contains(self, item: Value) -> bool:
        if not isinstance(item, (tuple, Fn)):
            raise fail(f"expected a function, not {show(item)}")
        values = item if isinstance(item, tuple) else item.mapping.values()
        return equal(domain(item), self._arguments) and all(member(value, self._results) for value in values)

    def members(self) -> Iterator[Value]:
        arguments = ordered(self._arguments)
        choices = product(ordered(self._results), repeat=len(arguments))
        return (function(dict(zip(arguments, results, strict=True))) for results in choices)


class RecordSet(Implicit):
    """`[name : S, ...]`."""

    def __init__(self, fields: dict[str, Operand]) -> None:
        self.fields = fields

    def contains(self, item: Value) -> bool:
        if type(item) is not Fn or item.mapping.keys() != self.fields.keys():
            return False
        values = item.mapping
        for name, of in self.fields.items():
            if not (values[name] in of if type(of) is frozenset else member(values[name], of)):
                return False
        return True

    def members(self) -> Iterator[Value]:
        choices = product(*(ordered(of) for of in self.fields.values()))
        return (Fn(dict(zip(self.fields, values, strict=True))) for values in choices)


class TupleSet(Implicit):
    """`A \\X B \\X ...`."""

    def __init__(self, *factors: Operand) -> None:
        self._factors = factors

    def contains(self, item: Value) -> bool:
        if not isinstance(item, tuple) or len(item) != len(self._factors):
            return False
        return all(member(part, factor) for part, factor in zip(item, self._factors, strict=True))

    def members(self) -> Iterator[Value]:
        return product(*(ordered(factor) for factor in self._factors))


class Filtered(Implicit):
    """`{x \\in base : test(x)}`, where the base is not written out."""

    def __init__(self, base: Implicit, test: Callable[[Value], bool]) -> None:
        self._base = base
        self._test = test

    def contains(self, item: Value) -> bool:
        return self._base.contains(item) and self._test(item)

    def members(self) -> Iterable[Value]:
        return frozenset(filter(self._test, self._base.members()))


def filtered(base: Operand, test: Callable[[Value], bool]) -> Operand:
    """`{x \\in base : test(x)}`."""
    if isinstance(base, Implicit):
        return Filtered(base, test)
    return frozenset(filter(test, members(base)))


class Endless(Implicit):
    """Nat, Int, STRING, Seq(S): only membership can be asked for."""

    def __init__(self, name: str, test: Callable[[Value], bool]) -> None:
        self._name = name
        self._test = test

    def contains(self, item: Value) -> bool:
        return self._test(item)

    def members(self) -> Iterator[Value]:
        raise fail(f"{self._name} has no end and can't be enumerated")


STRING = Endless("STRING", lambda item: isinstance(item, str))
