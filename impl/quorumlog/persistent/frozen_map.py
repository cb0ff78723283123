"""An immutable map with a cached hash: one value for each server of a group, say, or for each account."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Final, Generic, TypeVar, final

from quorumlog.persistent.hash_map import MISSING, HashMap
from quorumlog.persistent.strand import Items, Strand, extended

Key = TypeVar("Key")
Item = TypeVar("Item")

FEW: Final = 32
"""So many pairs are copied sooner than looked for in a structure that shares them."""


@final
class FrozenMap(Generic[Key, Item]):
    """Pairs of keys and values that never change; `set` answers a changed copy, which shares pairs if they are many."""

    __slots__ = ("_hash", "_keys", "_pairs")

    def __init__(self, pairs: Mapping[Key, Item]) -> None:
        self._pairs: Mapping[Key, Item] = dict(pairs)
        self._keys: Items[Key] | None = None
        self._hash: int | None = None

    def set(self, key: Key, value: Item) -> FrozenMap[Key, Item]:
        """A copy in which `key` has this value; the map itself where it has it already."""
        pairs = self._pairs
        made: FrozenMap[Key, Item] = FrozenMap.__new__(FrozenMap)
        made._hash = None
        if type(pairs) is HashMap:
            made._pairs = after = pairs.set(key, value)
            if after is pairs:
                return self
            made._keys = self._keys
            if after._size != pairs._size:
                made._keys = extended(self._keys or (), (key,))
        elif pairs.get(key, MISSING) is value:
            return self
        elif len(pairs) <= FEW:
            made._pairs, made._keys = {**pairs, key: value}, None
        else:
            made._pairs = HashMap(pairs).set(key, value)
            made._keys = Strand.of(pairs if key in pairs else (*pairs, key))
        return made

    def items(self) -> ItemsView[Key, Item]:
        """The pairs, in the order in which the keys were given."""
        return self._in_order().items()

    def values(self) -> ValuesView[Item]:
        """The values, in the order of the keys."""
        return self._in_order().values()

    def since(self, before: FrozenMap[Key, Item]) -> dict[Key, Item]:
        """The pairs that a map from which this one was made did not have, in the order of the keys."""
        had = before._pairs.get
        pairs = self._pairs if self._keys is None else self._in_order()
        return {key: value for key, value in pairs.items() if had(key, MISSING) != value}

    def _in_order(self) -> Mapping[Key, Item]:
        return self._pairs if self._keys is None else {key: self._pairs[key] for key in self._keys}

    def get(self, key: Key, default: Item) -> Item:
        """The value of a key, or the default if there is none."""
        return self._pairs.get(key, default)

    def __getitem__(self, key: Key) -> Item:
        return self._pairs[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._pairs if self._keys is None else self._keys)

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
        return f"FrozenMap({dict(self.items())!r})"

    def __reduce__(self) -> tuple[object, tuple[dict[Key, Item]]]:
        return FrozenMap, (dict(self.items()),)
