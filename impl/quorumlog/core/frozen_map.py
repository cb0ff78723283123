"""A small immutable map with a cached hash: one value for each server of a group, say."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Generic, TypeVar, final

Key = TypeVar("Key")
Item = TypeVar("Item")


@final
class FrozenMap(Generic[Key, Item]):
    """Pairs of keys and values that never change; `set` answers a changed copy."""

    __slots__ = ("_hash", "_pairs")

    def __init__(self, pairs: Mapping[Key, Item]) -> None:
        self._pairs = dict(pairs)
        self._hash: int | None = None

    def set(self, key: Key, value: Item) -> FrozenMap[Key, Item]:
        """A copy in which `key` has this value; the map itself where it has it already."""
        if key in self._pairs and self._pairs[key] is value:
            return self
        return FrozenMap({**self._pairs, key: value})

    def items(self) -> ItemsView[Key, Item]:
        """The pairs, in the order in which the keys were given."""
        return self._pairs.items()

    def values(self) -> ValuesView[Item]:
        """The values, in the order of the keys."""
        return self._pairs.values()

    def get(self, key: Key, default: Item) -> Item:
        """The value of a key, or the default if there is none."""
        return self._pairs.get(key, default)

    def __getitem__(self, key: Key) -> Item:
        return self._pairs[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, key: object) -> bool:
        return key in self._pairs

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, FrozenMap) and self._pairs == other._pairs)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._pairs.items()))
        return self._hash

    def __repr__(self) -> str:
        return f"FrozenMap({self._pairs!r})"

    def __reduce__(self) -> tuple[object, tuple[dict[Key, Item]]]:
        return FrozenMap, (self._pairs,)
