"""Bags: functions from what is in the bag to how often it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from tlastep.language.operations import Operand, fail, freeze, members
from tlastep.values import Fn, Value, function, show

NO_COPIES: Value = ()
"""EmptyBag: the function without arguments."""


def _copies(operand: Operand) -> Mapping[Value, int]:
    value = freeze(operand)
    counts = _pairs(value)
    if counts is None or not all(type(count) is int and count > 0 for count in counts.values()):
        raise fail(f"expected a bag, not {show(value)}")
    return {item: count for item, count in counts.items() if type(count) is int}


def _pairs(value: Value) -> Mapping[Value, Value] | None:
    if isinstance(value, tuple):
        return dict(enumerate(value, start=1))
    return value.mapping if isinstance(value, Fn) else None


def _bag(counts: Mapping[Value, int]) -> Value:
    return function({item: count for item, count in counts.items() if count > 0})


def is_bag(operand: Operand) -> bool:
    """`IsABag(operand)`."""
    counts = _pairs(freeze(operand))
    return counts is not None and all(type(count) is int and count > 0 for count in counts.values())


def bag_members(bag: Operand) -> Value:
    """`BagToSet(bag)`."""
    return frozenset(_copies(bag))


def bag_of_set(items: Operand) -> Value:
    """`SetToBag(items)`: each once."""
    return function(dict.fromkeys(members(items), 1))


def in_bag(item: Operand, bag: Operand) -> bool:
    """`BagIn(item, bag)`."""
    return freeze(item) in _copies(bag)


def copies_in(item: Operand, bag: Operand) -> Value:
    """`CopiesIn(item, bag)`."""
    return _copies(bag).get(freeze(item), 0)


def bag_sum(left: Operand, right: Operand) -> Value:
    """`left (+) right`."""
    return _sum([left, right])


def bag_union(bags: Operand) -> Value:
    """`BagUnion(bags)`, of a set of bags."""
    return _sum(members(bags))


def _sum(bags: Iterable[Operand]) -> Value:
    total: dict[Value, int] = {}
    for bag in bags:
        for item, count in _copies(bag).items():
            total[item] = total.get(item, 0) + count
    return _bag(total)


def bag_difference(left: Operand, right: Operand) -> Value:
    """`left (-) right`."""
    taken = _copies(right)
    return _bag({item: count - taken.get(item, 0) for item, count in _copies(left).items()})


def is_sub_bag(left: Operand, right: Operand) -> bool:
    r"""`left \sqsubseteq right`."""
    more = _copies(right)
    return all(count <= more.get(item, 0) for item, count in _copies(left).items())


def sub_bags(bag: Operand) -> Value:
    """`SubBag(bag)`: all bags within it."""
    counts = _copies(bag)
    choices = product(*(range(count + 1) for count in counts.values()))
    return frozenset(_bag(dict(zip(counts, chosen, strict=True))) for chosen in choices)


def bag_of_all(mapped: Callable[[Value], Operand], bag: Operand) -> Value:
    """`BagOfAll(mapped, bag)`."""
    total: dict[Value, int] = {}
    for item, count in _copies(bag).items():
        image = freeze(mapped(item))
        total[image] = total.get(image, 0) + count
    return _bag(total)


def bag_cardinality(bag: Operand) -> Value:
    """`BagCardinality(bag)`: all copies counted."""
    return sum(_copies(bag).values())
