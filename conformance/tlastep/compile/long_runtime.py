"""What generated modules call where states hold long sequences: the same operations, which know `Long` as well.

    spec = compile_spec(tree, config, long_helpers(LongSequences()))

The text that is generated is the same, and so is what it means; `language/operations.py` stays the oracle, and tests
compare the two on whole behaviours. `Seq(S)` remembers how far the trunk of a sequence was found to be in it, and a
formula about all places of a sequence (`all_places`) how far it was found true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tlastep.compile.all_places import AllPlaces
from tlastep.compile.climbing import DEEP, climb
from tlastep.compile.folding import ALL, Folds
from tlastep.compile.runtime import HELPERS
from tlastep.language import operations
from tlastep.language.operations import (
    PLAIN,
    FunctionSet,
    Implicit,
    Operand,
    RecordSet,
    RecursiveFunction,
    Union,
    Unread,
    fail,
    freeze,
    member,
    replaced,
    union,
    updated,
)
from tlastep.language.standard_modules import sequences
from tlastep.language.standard_modules.arithmetic import NAT
from tlastep.long_sequences import SHORT, Long, LongSequences, Trunk
from tlastep.values import Fn, Value
from tlastep.wide_functions import put

REMEMBERED: Final = 4_096  # items of short sequences that were found to be in a set

KNOWN: Final = frozenset({*PLAIN, Long})


def long_helpers(long: LongSequences) -> dict[str, object]:
    """The names that generated code may use, for states that hold long sequences."""
    functions, sequences_of = _functions(long), _sequences(long)
    prefixes = _prefixes(long, sequences_of["subsequence"], functions["equal"], sequences_of["length"])
    return {**HELPERS, **functions, **sequences_of, **prefixes, **_sets(long), "folded": Folds(long)}


def _frozen(operand: Any) -> Any:
    return operand if type(operand) in KNOWN else freeze(operand)


def _functions(long: LongSequences) -> dict[str, Any]:
    def apply(operator: Any, argument: Any) -> Any:
        kind = type(operator)
        if kind is Fn:
            found = operator.mapping.get(argument) if type(argument) in PLAIN else None
            if found is not None:
                return found
        elif kind is Long and type(argument) is int:
            if 0 < argument <= operator.count:
                if argument > long.highest:
                    long.highest = argument
                return operator.trunk.items[argument - 1]
            raise fail(f"{argument} is not in the domain of a sequence of {operator.count}")
        elif kind is RecursiveFunction and type(argument) is int and argument >= DEEP:
            climb(operator, argument)
        return operations.apply(operator, argument)

    def equal(left: Any, right: Any) -> bool:
        if left is right:
            return True
        kind = type(left)
        if kind is type(right) and kind in KNOWN:
            return bool(left == right)
        if (kind is Long and type(right) is tuple) or (kind is tuple and type(right) is Long):
            return False  # a short sequence is never a long one
        return operations.equal(left, right)

    def keep(operand: Any) -> Any:
        if type(operand) in KNOWN:
            return operand
        return operand if isinstance(operand, Unread) else freeze(operand)

    named = {"apply": apply, "equal": equal, "keep": keep, "freeze": _frozen}
    return {**named, **_updates(long)}


def _updates(long: LongSequences) -> dict[str, Any]:
    def exchanged(operator: Any, path: Any, value: Any) -> Any:
        if type(operator) is Fn and type(value) in KNOWN:
            key = path[0]
            if type(key) in PLAIN:
                mapping = operator.mapping
                if key not in mapping:
                    return operator
                return put(operator, key, value if len(path) == 1 else exchanged(mapping[key], path[1:], value))
        return _except(operator, lambda plainly: replaced(plainly, path, value))

    def changed(operator: Any, path: Any, new: Any) -> Any:
        if type(operator) is Fn and type(path[0]) in PLAIN:
            mapping, key = operator.mapping, path[0]
            if key not in mapping:
                return operator
            old = mapping[key]
            return put(operator, key, _frozen(new(old)) if len(path) == 1 else changed(old, path[1:], new))
        return _except(operator, lambda plainly: updated(plainly, path, new))

    def _except(operator: Any, change: Callable[[Any], Any]) -> Any:
        return long.of(change(tuple(operator))) if type(operator) is Long else change(operator)

    return {"replaced": exchanged, "updated": changed}


def _sequences(long: LongSequences) -> dict[str, Any]:
    def length(operand: Any) -> int:
        if type(operand) is Long:
            long.highest = ALL
            return operand.count
        return sequences.length(operand)

    def subsequence(operand: Any, first: Any, last: Any) -> Any:
        if type(operand) is not Long or type(first) is not int or type(last) is not int:
            return sequences.subsequence(whole(operand), first, last)
        if last > long.highest:
            long.highest = last
        if first > last:
            return ()
        if first < 1 or last > operand.count:
            raise fail(f"SubSeq from {first} to {last} of a sequence of {operand.count}")
        return long.prefix(operand, last) if first == 1 else long.of(operand.trunk.items[first - 1 : last])

    def concatenated(left: Any, right: Any) -> Any:
        one, other = _frozen(left), _frozen(right)
        if isinstance(one, (tuple, Long)) and isinstance(other, (tuple, Long)):
            return long.joined(one, other)
        return sequences.concatenated(one, other)

    def appended(operand: Any, item: Any) -> Any:
        left = _frozen(operand)
        if isinstance(left, (tuple, Long)):
            return long.appended(left, _frozen(item))
        return sequences.appended(left, item)

    def whole(operand: Any) -> Any:
        if type(operand) is Long:
            long.highest = ALL
            return tuple(operand)
        return operand

    def head(operand: Any) -> Any:
        return sequences.head(whole(operand))

    def tail(operand: Any) -> Any:
        return long.of(sequences.tail(whole(operand)))  # type: ignore[arg-type]  # the tail of a sequence is one

    def selected(operand: Any, test: Any) -> Any:
        return long.of(sequences.selected(whole(operand), test))  # type: ignore[arg-type]  # likewise

    found = (length, subsequence, concatenated, appended, head, tail, selected)
    places = AllPlaces(long)
    return {each.__name__: each for each in found} | {"all_places": places, "each_place": places.each}


def _prefixes(
    long: LongSequences,
    subsequence: Callable[[Any, Any, Any], Any],
    equal: Callable[[Any, Any], bool],
    length: Callable[[Any], int],
) -> dict[str, object]:
    """What is often said of beginnings of sequences (`compile/peephole.py` finds where)."""

    def prefix(operand: Any, count: Any) -> Any:
        """`SubSeq(operand, 1, count)`."""
        if type(operand) is Long and type(count) is int and SHORT <= count <= operand.count:
            if count > long.highest:
                long.highest = count
            return operand if count == operand.count else long.prefix(operand, count)
        return subsequence(operand, 1, count)

    def begins(operand: Any, count: Any, other: Any) -> bool:
        """`SubSeq(operand, 1, count) = other`."""
        if type(operand) is Long and type(other) is Long and type(count) is int and 0 < count <= operand.count:
            return count == other.count and (operand.trunk is other.trunk or long.prefix(operand, count) == other)
        return equal(subsequence(operand, 1, count), other)

    def alike(one: Any, its: Any, other: Any, ours: Any) -> bool:
        """`SubSeq(one, 1, its) = SubSeq(other, 1, ours)`."""
        same = type(one) is Long and type(other) is Long and one.trunk is other.trunk and type(its) is int
        if same and its == ours and SHORT <= its <= one.count and its <= other.count:
            long.highest = max(long.highest, its)
            return True
        return equal(subsequence(one, 1, its), subsequence(other, 1, ours))

    def is_begun(start: Any, whole: Any) -> bool:
        """`Len(start) <= Len(whole) /\\ SubSeq(whole, 1, Len(start)) = start`."""
        if type(start) is Long and type(whole) is Long and start.trunk is whole.trunk:
            return start.count <= whole.count
        count = length(start)
        return count <= length(whole) and begins(whole, count, start)

    def is_prefix_begun(operand: Any, count: Any, whole: Any) -> bool:
        """The same with `SubSeq(operand, 1, count)` for `start`."""
        same = type(operand) is Long and type(whole) is Long and operand.trunk is whole.trunk
        if same and type(count) is int and SHORT <= count <= operand.count:
            return bool(count <= whole.count)
        return is_begun(prefix(operand, count), whole)

    return {each.__name__: each for each in (prefix, begins, alike, is_begun, is_prefix_begun)}


def _sets(long: LongSequences) -> dict[str, object]:
    def function_set(arguments: Any, results: Any) -> Implicit:
        return _Functions(arguments, results)

    def sequences_of(items: Any) -> Implicit:
        return _Sequences(items)

    def greatest(of: Any) -> int:
        """`CHOOSE x \\in of : \\A y \\in of : x >= y`."""
        found = of if type(of) is frozenset else frozenset(operations.members(of))
        if not found:
            raise fail("CHOOSE: no member satisfies the condition")
        numbers = [each for each in found if isinstance(each, int)]
        if len(numbers) < len(found):
            raise fail("expected numbers")
        return max(numbers)

    def record_set(fields: dict[str, Any]) -> Implicit:
        return _Records(fields)

    def either(left: Any, right: Any) -> Any:
        if isinstance(left, Implicit) or isinstance(right, Implicit):
            return _Either(left, right)
        return union(left, right)

    def domain(operator: Any) -> Any:
        if type(operator) is Fn:
            return frozenset(operator.mapping)
        return operations.domain(tuple(operator)) if type(operator) is Long else operations.domain(operator)

    contain: dict[type, bool] = {}

    def is_member(item: Any, of: Any) -> bool:
        kind = type(of)
        if type(item) in KNOWN:
            if kind is frozenset:
                return item in of
            if contain.get(kind) or contain.setdefault(kind, issubclass(kind, Implicit)):
                return bool(of.contains(item))
        return member(item, of)

    found = {
        "domain": domain,
        "member": is_member,
        "FunctionSet": function_set,
        "sequences_of": sequences_of,
        "greatest": greatest,
    }
    return {**found, "RecordSet": record_set, "union": either}


class _Functions(FunctionSet):
    """`[arguments -> results]`, of which a sequence may be a member."""

    def contains(self, item: Any) -> bool:
        return super().contains(tuple(item) if type(item) is Long else item)


def _is_natural(item: Any) -> bool:
    return type(item) is int and item >= 0


def _test_of(of: Any) -> Callable[[Any], bool]:
    """The test of membership in a set, for values that need no reading."""
    if of is NAT:
        return _is_natural
    if isinstance(of, Implicit):
        return of.contains
    return of.__contains__ if type(of) is frozenset else lambda item: member(item, of)


class _Records(RecordSet):
    """`[name : S, ...]`, with a test for each field."""

    def __init__(self, fields: dict[str, Operand]) -> None:
        super().__init__(fields)
        self._tests = [(name, _test_of(of)) for name, of in fields.items()]

    def contains(self, item: Any) -> bool:
        if type(item) is not Fn:
            return False
        values = item.mapping
        if len(values) != len(self._tests):
            return False
        for name, test in self._tests:  # noqa: SIM110  # a loop is faster than a generator
            if name not in values or not test(values[name]):
                return False
        return True


class _Either(Union):
    """`left \\cup right`, where one of them is not written out."""

    def __init__(self, left: Operand, right: Operand) -> None:
        super().__init__(left, right)
        self.tests: list[Callable[[Any], bool]] = []
        for each in (left, right):
            self.tests += each.tests if isinstance(each, _Either) else [_test_of(each)]

    def contains(self, item: Any) -> bool:
        for test in self.tests:  # noqa: SIM110  # a loop is faster than a generator
            if test(item):
                return True
        return False


class _Sequences(Implicit):
    """`Seq(items)`: of a long sequence only what has not been looked at is looked at.

    Items of short ones are slices of long ones, more often than not, and those that were found last are remembered.
    """

    def __init__(self, items: Operand) -> None:
        self._test = _test_of(items)
        self._known: dict[Trunk, int] = {}
        self._items: set[Value] = set()

    def contains(self, item: object) -> bool:
        if type(item) is tuple:
            found = self._items
            for each in item:
                if each not in found:
                    if not self._test(each):
                        return False
                    if len(found) >= REMEMBERED:
                        found.clear()
                    found.add(each)
            return True
        if type(item) is not Long:
            return False
        trunk = item.trunk
        known = self._known.get(trunk)
        if known is None:
            known = min(self._known.get(trunk.parent, 0), trunk.fork) if trunk.parent is not None else 0
        if known < item.count:
            if not all(map(self._test, trunk.items[known : item.count])):
                return False
            self._known[trunk] = item.count
        return True

    def members(self) -> Iterable[Value]:
        raise fail("Seq has no end and can't be enumerated")
