"""Long sequences as values that share what they have in common: appending and comparing cost the same at any length.

    long = LongSequences()
    log = long.of(("a", "b"), more_than_a_few)
    assert long.appended(log, "c") == long.appended(log, "c")

A sequence of fewer than `SHORT` items is a tuple, as everywhere. A longer one is a `Long`: a *trunk*, which is a list
of items, and how many of them belong to it. Whoever appends to the end of a trunk makes it longer; whoever appends
something else in the middle begins another trunk there. So every content has one trunk and one length, and two
sequences are equal exactly if both are the same. Trunks are never cut back: what was once a sequence stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias, cast

from tlastep.values import Fn, Value

SHORT: Final = 8


class Trunk:
    """Items that sequences have in common. The first `fork` of them stand in the trunk that it branched off from."""

    __slots__ = ("branches", "fork", "items", "parent")

    def __init__(self, items: list[Value], parent: Trunk | None, fork: int) -> None:
        self.items = items
        self.parent = parent
        self.fork = fork
        self.branches: dict[tuple[int, Value], Trunk] = {}


class Long:
    """The first `count` items of a trunk. Made by `LongSequences`, and by nobody else."""

    __slots__ = ("count", "trunk")

    def __init__(self, trunk: Trunk, count: int) -> None:
        self.trunk = trunk
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Value]:
        return iter(self.trunk.items[: self.count])

    def __eq__(self, other: object) -> bool:
        return type(other) is Long and self.count == other.count and self.trunk is other.trunk

    def __hash__(self) -> int:
        return hash((id(self.trunk), self.count))

    def __repr__(self) -> str:
        return f"Long({self.count})"


Items: TypeAlias = "tuple[Value, ...] | Long"
"""A sequence that generated code meets here: short or long."""


class LongSequences:
    """Makes sequences. `highest` is the highest place that was read of any long one since it was last set to 0."""

    def __init__(self) -> None:
        self._roots: dict[tuple[Value, ...], Trunk] = {}
        self.highest = 0

    def of(self, items: Iterable[Value]) -> Items:
        """The sequence of these items."""
        known = tuple(items)
        if len(known) < SHORT:
            return known
        first = known[:SHORT]
        root = self._roots.get(first)
        if root is None:
            root = self._roots[first] = Trunk(list(known), None, 0)
            return Long(root, len(known))
        return self._joined(Long(root, SHORT), known[SHORT:])

    def joined(self, left: Items, right: Items) -> Items:
        """The one sequence, and behind it the other."""
        if type(left) is Long:
            return self._joined(left, right if type(right) is tuple else tuple(right))
        return self.of((*left, *right))

    def appended(self, left: Items, item: Value) -> Items:
        """The sequence with one item more."""
        if type(left) is Long:
            return self._appended(left, item)
        return self.of((*left, item))

    def prefix(self, whole: Items, count: int) -> Items:
        """The first items of a sequence, `count` of them at most."""
        if not isinstance(whole, Long):
            return whole[:count]
        if count >= whole.count:
            return whole
        if count < SHORT:
            return tuple(whole.trunk.items[: max(count, 0)])
        trunk = whole.trunk
        while count <= trunk.fork:
            assert trunk.parent is not None, "only a trunk that branched off has a fork"
            trunk = trunk.parent
        return Long(trunk, count)

    def between(self, whole: Items, first: int, last: int) -> Items:
        """The items behind the first `first`, up to `last` in all."""
        return self.of(whole.trunk.items[first:last]) if isinstance(whole, Long) else whole[first:last]

    def _joined(self, left: Long, right: tuple[Value, ...]) -> Long:
        count, items = left.count, left.trunk.items
        end = count + len(right)
        if len(items) == count:
            items.extend(right)
            return Long(left.trunk, end) if right else left
        if end <= len(items) and tuple(items[count:end]) == right:
            return Long(left.trunk, end) if right else left
        found = left
        for item in right:
            found = self._appended(found, item)
        return found

    @staticmethod
    def _appended(left: Long, item: Value) -> Long:
        trunk, count = left.trunk, left.count
        items = trunk.items
        if len(items) == count:
            items.append(item)
        elif items[count] is not item and items[count] != item:
            branch = trunk.branches.get((count, item))
            if branch is None:
                branch = trunk.branches[count, item] = Trunk([*items[:count], item], trunk, count)
            trunk = branch
        return Long(trunk, count + 1)

    def value(self, value: Value) -> Value:
        """The value with its long sequences as such, however deep they lie."""
        kind = type(value)
        if kind is tuple:
            return cast(Value, self.of(tuple(map(self.value, value))))  # type: ignore[arg-type]  # narrowed by `kind`
        if kind is Fn:
            return Fn({self.value(key): self.value(each) for key, each in value.mapping.items()})  # type: ignore[union-attr]  # likewise
        if kind is frozenset:
            return frozenset(map(self.value, value))  # type: ignore[arg-type]  # likewise
        return value


def plain(value: object) -> Value:
    """The value as everybody else knows it: all sequences are tuples."""
    if isinstance(value, (tuple, Long)):
        return tuple(map(plain, value))
    if isinstance(value, Fn):
        return Fn({plain(key): plain(each) for key, each in value.mapping.items()})
    if isinstance(value, frozenset):
        return frozenset(map(plain, value))
    return cast(Value, value)


def common(one: Trunk, other: Trunk) -> int:
    """How many items two trunks are known to have in common; as many as there are if they are the same."""
    forks: dict[int, int] = {}
    reach, trunk = len(one.items), one
    while True:
        forks[id(trunk)] = reach
        if trunk.parent is None:
            break
        reach, trunk = min(reach, trunk.fork), trunk.parent
    reach, trunk = len(other.items), other
    while id(trunk) not in forks:
        if trunk.parent is None:
            return 0
        reach, trunk = min(reach, trunk.fork), trunk.parent
    return min(reach, forks[id(trunk)])
