"""TLA+ values as Python values: equal exactly when TLA+ says they are equal, hashable, ordered, printable.

| TLA+                         | Python                                                                     |
| ---------------------------- | -------------------------------------------------------------------------- |
| integer                      | `int`                                                                      |
| string                       | `str`                                                                      |
| `TRUE`, `FALSE`              | `TRUE`, `FALSE` of class `Bool`: Python's `True == 1` would merge states   |
| model value                  | `ModelValue`, one object a name                                            |
| sequence, tuple              | `tuple`; so is every function with the domain 1..n, since TLA+ equates them |
| finite set                   | `frozenset`                                                                |
| any other function, record   | `Fn`                                                                       |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cmp_to_key, lru_cache
from typing import Final, TypeAlias, final

import msgspec


@final
class Bool:
    """A TLA+ boolean. There are two, `TRUE` and `FALSE`, compared by identity."""

    __slots__ = ("_truth",)

    def __init__(self, truth: bool) -> None:
        self._truth = truth

    def __bool__(self) -> bool:
        return self._truth

    def __repr__(self) -> str:
        return "TRUE" if self._truth else "FALSE"

    def __reduce__(self) -> str:
        return repr(self)


TRUE: Final = Bool(True)
FALSE: Final = Bool(False)
BOOLEAN: Final = frozenset({TRUE, FALSE})


def boolean(truth: object) -> Bool:
    """The TLA+ boolean of a Python truth value."""
    return TRUE if truth else FALSE


@final
class ModelValue:
    """An uninterpreted constant of a model, different from every other value. Made by `model_value`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return model_value, (self.name,)


_model_values: dict[str, ModelValue] = {}


def model_value(name: str) -> ModelValue:
    """The model value of that name; the same object each time."""
    return _model_values.get(name) or _model_values.setdefault(name, ModelValue(name))


@final
class Fn(msgspec.Struct, eq=False):
    """A function whose domain is not 1..n: a record, or a function over servers, say. Made by `function`.

    Of these there are more than of anything else, and a `Struct` is made in a third of the time.
    """

    mapping: dict[Value, Value]
    _hash: int | None = None

    def __getitem__(self, argument: Value) -> Value:
        return self.mapping[argument]

    def __iter__(self) -> Iterator[Value]:
        return iter(self.mapping)

    def __len__(self) -> int:
        return len(self.mapping)

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is Fn and self.mapping == other.mapping)

    def __ne__(self, other: object) -> bool:  # a `Struct` has one of its own
        return self is not other and (type(other) is not Fn or self.mapping != other.mapping)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.mapping.items()))
        return self._hash

    def __repr__(self) -> str:
        return show(self)

    def __reduce__(self) -> tuple[object, tuple[dict[Value, Value]]]:
        return Fn, (self.mapping,)


Value: TypeAlias = int | str | Bool | ModelValue | Fn | tuple["Value", ...] | frozenset["Value"]


def function(mapping: dict[Value, Value]) -> Value:
    """The function with these pairs: a tuple where the domain is 1..n (the empty function is <<>>), else an `Fn`."""
    count = len(mapping)
    if 1 in mapping or not count:
        try:
            return tuple([mapping[index] for index in range(1, count + 1)])
        except KeyError:
            pass
    return Fn(mapping)


def record(**fields: object) -> Fn:
    """The record with these fields; natural Python values are translated as by `to_value`."""
    return Fn({name: to_value(field) for name, field in fields.items()})


_SIMPLE: Final = frozenset({int, str, Bool, ModelValue, Fn})
_COLLECTIONS: Final = frozenset({tuple, frozenset})


def to_value(natural: object) -> Value:
    """The TLA+ value of a natural Python value: dict → function, list → sequence, set → set, bool → boolean.

    Raises `TypeError` for what has no counterpart (None, floats, objects of other classes).
    """
    kind = type(natural)
    if kind in _SIMPLE or (kind in _COLLECTIONS and _SIMPLE.issuperset(map(type, natural))):  # type: ignore[call-overload]  # narrowed by `kind`, which mypy does not follow
        return natural  # type: ignore[return-value]  # likewise
    if isinstance(natural, bool):
        return boolean(natural)
    if isinstance(natural, str):
        return str.__str__(natural) if kind is str else str(getattr(natural, "value", natural))
    if isinstance(natural, int):
        return int(natural)
    if isinstance(natural, (tuple, list)):
        return tuple(to_value(item) for item in natural)
    if isinstance(natural, (set, frozenset)):
        return frozenset(to_value(item) for item in natural)
    if isinstance(natural, Mapping):
        return function({to_value(key): to_value(item) for key, item in natural.items()})
    raise TypeError(f"{natural!r} of type {kind.__name__} has no TLA+ counterpart")


# -- order: the one in which TLC enumerates sets -----------------------------------------------------------

_RANKS: Final = {Bool: 0, int: 1, str: 2, ModelValue: 3, tuple: 4, Fn: 4, frozenset: 5}


def compare(left: Value, right: Value) -> int:
    """-1, 0 or 1: numbers by size, strings and model values by name, functions and sets by size, then by parts."""
    if left == right:
        return 0
    rank_left, rank_right = _RANKS[type(left)], _RANKS[type(right)]
    if rank_left != rank_right:
        return -1 if rank_left < rank_right else 1
    if isinstance(left, (int, str)):
        return -1 if left < right else 1  # type: ignore[operator]  # equal ranks are equal types here
    if isinstance(left, ModelValue):
        return -1 if left.name < right.name else 1  # type: ignore[union-attr]
    if isinstance(left, Bool):
        return -1 if not left else 1
    parts_left, parts_right = _parts(left), _parts(right)
    if len(parts_left) != len(parts_right):
        return -1 if len(parts_left) < len(parts_right) else 1
    for part_left, part_right in zip(parts_left, parts_right, strict=True):
        if order := compare(part_left, part_right):
            return order
    return 0


@lru_cache(maxsize=1 << 14)
def _parts(value: Value) -> list[Value]:
    """What decides the order of a compound value: members, or first the domain and then the values."""
    if isinstance(value, frozenset):
        return in_order(value)
    if isinstance(value, tuple):
        return [*range(1, len(value) + 1), *value]
    if isinstance(value, Fn):
        domain = in_order(value.mapping)
        return [*domain, *(value.mapping[argument] for argument in domain)]
    raise AssertionError(f"{value!r} has no parts")


def in_order(values: Iterable[Value]) -> list[Value]:
    """The values, sorted as TLC enumerates them."""
    if type(values) is frozenset:
        return list(_members_in_order(values))
    return sorted(values, key=cmp_to_key(compare))


@lru_cache(maxsize=1 << 12)
def _members_in_order(values: frozenset[Value]) -> tuple[Value, ...]:
    """The members of a set that is enumerated again and again: one, say, that many actions range over."""
    return tuple(sorted(values, key=cmp_to_key(compare)))


# -- text and bytes ----------------------------------------------------------------------------------------


def show(value: Value) -> str:
    """The value as TLA+ text, one line, in an order that does not depend on hashing."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "<<" + ", ".join(map(show, value)) + ">>"
    if isinstance(value, frozenset):
        return "{" + ", ".join(show(item) for item in in_order(value)) + "}"
    if isinstance(value, Fn):
        pairs = [(argument, value.mapping[argument]) for argument in in_order(value.mapping)]
        if all(isinstance(argument, str) for argument, _ in pairs):
            return "[" + ", ".join(f"{name} |-> {show(item)}" for name, item in pairs) + "]"
        return "(" + " @@ ".join(f"{show(argument)} :> {show(item)}" for argument, item in pairs) + ")"
    return str(value)


def encode(value: Value) -> bytes:
    """The value as bytes: equal exactly for equal values, on every machine and under every hash seed."""
    if isinstance(value, int):
        return b"i%d;" % value
    if isinstance(value, (str, ModelValue)):
        text = (value if isinstance(value, str) else value.name).encode()
        return b"%s%d:%s" % (b"s" if isinstance(value, str) else b"m", len(text), text)
    if isinstance(value, Bool):
        return b"t" if value else b"f"
    if isinstance(value, tuple):
        return b"<" + b"".join(map(encode, value)) + b">"
    if isinstance(value, frozenset):
        return b"{" + b"".join(sorted(map(encode, value))) + b"}"
    if isinstance(value, Fn):
        return b"(" + b"".join(sorted(encode(key) + encode(item) for key, item in value.mapping.items())) + b")"
    raise TypeError(f"{value!r} of type {type(value).__name__} is not a TLA+ value")
