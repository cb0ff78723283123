"""A map that never changes, in no particular order: what `set`, `update` and `taken` answer shares most with it.

The pairs lie in buckets by the hash of their keys. A bucket is a dictionary, so that what has to be copied, one bucket
and the list of buckets, is copied at the speed of dictionaries. There are so many buckets that both are equally dear.
When there are to be twice as many, the list is doubled, and each bucket stands in it twice: what is in it of keys that
belong to the other place is never looked at, and left out when the bucket grows too large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar, final, overload

Key = TypeVar("Key")
Item = TypeVar("Item")
Other = TypeVar("Other")

MISSING: Final = object()

FEWEST: Final = 8
"""So many buckets has a small map. Their number is a power of two."""


@final
class HashMap(Mapping[Key, Item]):
    """Pairs of keys and values, equal to any mapping of the same pairs, and hashable if the values are."""

    __slots__ = ("_buckets", "_hash", "_size")

    def __init__(self, pairs: Mapping[Key, Item] | None = None) -> None:
        self._size = len(pairs) if pairs else 0
        self._hash: int | None = None
        count = FEWEST
        while 4 * self._size > count * count:
            count *= 2
        self._buckets: list[dict[Key, Item]] = [{} for _ in range(count)]
        for key, value in pairs.items() if pairs else ():
            self._buckets[hash(key) & (count - 1)][key] = value

    def _with(self, buckets: list[dict[Key, Item]], size: int) -> HashMap[Key, Item]:
        """A map of these buckets, or of twice as many if they are too full."""
        if not size:
            return HashMap()
        made: HashMap[Key, Item] = HashMap.__new__(HashMap)
        made._buckets = buckets if 4 * size <= len(buckets) ** 2 else buckets + buckets
        made._size = size
        made._hash = None
        return made

    def set(self, key: Key, value: Item) -> HashMap[Key, Item]:
        """A copy in which the key has this value; the map itself where it has it already."""
        buckets = self._buckets
        mask = len(buckets) - 1
        place = hash(key) & mask
        bucket = buckets[place]
        known = bucket.get(key, MISSING)
        if known is value:
            return self
        copied = buckets.copy()
        copied[place] = bucket = bucket.copy() if 2 * len(bucket) <= mask else own(buckets, place)
        bucket[key] = value
        if known is MISSING:
            return self._with(copied, self._size + 1)
        made: HashMap[Key, Item] = HashMap.__new__(HashMap)
        made._buckets, made._size, made._hash = copied, self._size, None
        return made

    def update(self, pairs: Mapping[Key, Item]) -> HashMap[Key, Item]:
        """A copy in which these keys have these values."""
        if len(pairs) < 2:
            for key, value in pairs.items():
                return self.set(key, value)
            return self
        if len(pairs) > self._size:
            return HashMap({**self, **pairs} if self._size else pairs)
        buckets, size, mask = self._buckets.copy(), self._size, len(self._buckets) - 1
        copied = set[int]()
        for key, value in pairs.items():
            place = hash(key) & mask
            if place not in copied:
                copied.add(place)
                buckets[place] = own(buckets, place)
            size += key not in buckets[place]
            buckets[place][key] = value
        return self._with(buckets, size)

    def taken(self, keys: Iterable[Key]) -> tuple[dict[Key, Item], HashMap[Key, Item]]:
        """What it has of these keys, in their order, and a copy that lacks them."""
        buckets, mask = self._buckets.copy(), len(self._buckets) - 1
        copied = set[int]()
        found: dict[Key, Item] = {}
        for key in keys:
            place = hash(key) & mask
            bucket = buckets[place]
            if key in bucket:
                if place not in copied:
                    copied.add(place)
                    buckets[place] = bucket = own(buckets, place)
                found[key] = bucket.pop(key)
        return found, self._with(buckets, self._size - len(found))

    @overload
    def get(self, key: Key, /) -> Item | None: ...
    @overload
    def get(self, key: Key, /, default: Item | Other) -> Item | Other: ...
    def get(self, key: Key, /, default: Item | Other | None = None) -> Item | Other | None:
        """The value of the key, or the default if there is none."""
        return self._buckets[hash(key) & (len(self._buckets) - 1)].get(key, default)

    def __getitem__(self, key: Key) -> Item:
        return self._buckets[hash(key) & (len(self._buckets) - 1)][key]

    def __contains__(self, key: object) -> bool:
        return key in self._buckets[hash(key) & (len(self._buckets) - 1)]

    def __iter__(self) -> Iterator[Key]:
        mask = len(self._buckets) - 1
        return (key for place, each in enumerate(self._buckets) for key in each if hash(key) & mask == place)

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        if type(other) is HashMap:
            # Maps that were made in the same way have equal buckets, which are compared at the speed of dictionaries.
            if self._size != other._size or self._buckets == other._buckets:
                return self._size == other._size
            return self._merged() == other._merged()
        return isinstance(other, Mapping) and self._merged() == dict(other.items())

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._merged().items()))
        return self._hash

    def _merged(self) -> dict[Key, Item]:
        """All pairs in one dictionary."""
        buckets, mask = self._buckets, len(self._buckets) - 1
        merged: dict[Key, Item] = {}
        if sum(map(len, buckets)) == self._size:
            for each in buckets:
                merged |= each
            return merged
        for place, each in enumerate(buckets):
            merged |= {key: value for key, value in each.items() if hash(key) & mask == place}
        return merged

    def __repr__(self) -> str:
        return f"HashMap({self._merged()!r})"

    def __reduce__(self) -> tuple[object, tuple[dict[Key, Item]]]:
        return HashMap, (self._merged(),)


def own(buckets: list[dict[Key, Item]], place: int) -> dict[Key, Item]:
    """A copy of the bucket at a place; a large one without the keys that do not belong there."""
    bucket, mask = buckets[place], len(buckets) - 1
    if 2 * len(bucket) <= len(buckets):
        return bucket.copy()
    return {key: value for key, value in bucket.items() if hash(key) & mask == place}
