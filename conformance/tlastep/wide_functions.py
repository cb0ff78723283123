"""Functions over many keys as values that share what they have in common: to change a key costs the same at any width.

    before = Wide.of({...})
    after = before.put(key, value)      # before is what it was, and says so more slowly than after

A `Wide` stands where an `Fn` has its mapping. The last one that was made has the pairs; each one before it knows the
key in which the next one differs, and what it has there itself. So the last is read as quickly as a dictionary, and the
one before it nearly so. Whoever goes on from an older one, or reads one that is much older, makes a copy.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Final, cast

from tlastep.values import Fn, Value

WIDE: Final = 64  # keys up to which a function is copied
FAR: Final = 16  # how many others a version may ask before it gets pairs of its own
MISSING: Final = object()


class Wide:
    """A mapping that never changes, and makes others like it."""

    __slots__ = ("_key", "_next", "_old", "_own")

    def __init__(self, own: dict[Value, Value]) -> None:
        """With pairs that belong to nobody else."""
        self._own: dict[Value, Value] | None = own
        self._next: Wide | None = None
        self._key: Value = 0
        self._old: Any = None

    @classmethod
    def of(cls, mapping: Mapping[Value, Value]) -> Wide:
        """The mapping, which is not copied if it is one of these already."""
        return mapping if isinstance(mapping, Wide) else cls(dict(mapping))

    def put(self, key: Value, value: Value) -> Wide:
        """The same with this value for the key."""
        if self._own is None:
            own = self._pairs().copy()
            own[key] = value
            return Wide(own)
        own, self._own = self._own, None
        self._key, self._old = key, own.get(key, MISSING)
        own[key] = value
        found = self._next = Wide(own)
        return found

    def _pairs(self) -> dict[Value, Value]:
        """All pairs, of its own from now on."""
        if self._own is None:
            versions: list[Wide] = []
            version = self
            while version._own is None:
                versions.append(version)
                version = cast(Wide, version._next)
            own = version._own.copy()
            for each in reversed(versions):
                if each._old is MISSING:
                    del own[each._key]
                else:
                    own[each._key] = each._old
            self._own, self._next = own, None
        return self._own

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key, or the default if there is none."""
        version = self
        for _ in range(FAR):
            if version._own is not None:
                return version._own.get(key, default)
            if version._key == key:
                return default if version._old is MISSING else version._old
            version = cast(Wide, version._next)
        return self._pairs().get(key, default)

    def __getitem__(self, key: Value) -> Value:
        found = self.get(key, MISSING)
        if found is MISSING:
            raise KeyError(key)
        return cast(Value, found)

    def __contains__(self, key: object) -> bool:
        return self.get(key, MISSING) is not MISSING

    def __iter__(self) -> Iterator[Value]:
        return iter(self._pairs())

    def __len__(self) -> int:
        return len(self._own) if self._own is not None else len(self._pairs())

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        pairs = other._pairs() if isinstance(other, Wide) else other
        return self._pairs() == pairs

    __hash__ = None  # type: ignore[assignment]  # as of a dictionary

    def keys(self) -> KeysView[Value]:
        """All keys."""
        return self._pairs().keys()

    def values(self) -> ValuesView[Value]:
        """All values."""
        return self._pairs().values()

    def items(self) -> ItemsView[Value, Value]:
        """All pairs."""
        return self._pairs().items()

    def copy(self) -> dict[Value, Value]:
        """The pairs as a dictionary."""
        return self._pairs().copy()

    def __reduce__(self) -> tuple[object, tuple[dict[Value, Value]]]:
        return Wide, (self._pairs(),)


def put(function: Fn, key: Value, value: Value) -> Fn:
    """The function with another value for a key that it has."""
    mapping = function.mapping
    if len(mapping) <= WIDE:
        return Fn({**mapping, key: value})
    return Fn(cast("dict[Value, Value]", Wide.of(mapping).put(key, value)))


def apart(value: Value) -> Value:
    """The value with wide functions of its own, whether it is one or a function that has some among its values.

    Nobody goes on from these, so that they are read quickly for ever.
    """
    if type(value) is not Fn:
        return value
    mapping: Any = value.mapping
    if type(mapping) is Wide:
        return Fn(cast("dict[Value, Value]", Wide(mapping.copy())))
    if len(mapping) > WIDE:
        return value
    parts = {key: apart(each) for key, each in mapping.items()}
    return Fn(parts) if any(parts[key] is not each for key, each in mapping.items()) else value
