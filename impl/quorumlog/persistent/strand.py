"""A sequence that behaves as a tuple, and shares its items with the sequences that it came from.

Items stand in a buffer to which items are only ever added; a strand is a view of a part of it. Adding to a strand that
ends where its buffer ends costs what is added, for nobody else can see behind that end. Taking a beginning, or leaving
items out at the beginning, costs nothing. The first items need not be in memory: a buffer may know how to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, TypeAlias, TypeVar, cast, final, overload

Item = TypeVar("Item")
Read: TypeAlias = Callable[[int, int], Sequence[Item]]
"""Answers the items from one place up to, and without, another, counted from 0. It always answers the same, or raises
`Dropped`."""

SHORT: Final = 16
"""Up to this length a tuple is copied sooner than a strand is extended."""


class Dropped(LookupError):
    """The first items of a strand, `count` of them, can be read no longer."""

    def __init__(self, count: int) -> None:
        super().__init__(f"entries up to {count} have been dropped")
        self.count = count


def nothing_there(start: int, end: int) -> Sequence[object]:
    """Reads from where there is nothing to be read."""
    raise AssertionError(f"all items are in memory, also those from {start} to {end}")


@final
class Buffer(Generic[Item]):
    """What strands share. The item at place `base` is the first in memory; what stands before it is read."""

    __slots__ = ("base", "items", "read")

    def __init__(self, items: list[Item], base: int, read: Read[Item]) -> None:
        self.items = items
        self.base = base
        self.read = read

    def between(self, start: int, end: int) -> list[Item]:
        """The items from one place up to another, in a new list."""
        base = self.base
        if start >= base:
            return self.items[start - base : end - base]
        return [*self.read(start, min(end, base)), *(self.items[: end - base] if end > base else ())]


@final
class Strand(Sequence[Item]):
    """The items of a buffer from one place up to another. Equal to a tuple of these, with the same hash."""

    __slots__ = ("_buffer", "_end", "_start")

    def __init__(self, buffer: Buffer[Item], start: int, end: int) -> None:
        self._buffer = buffer
        self._start = start
        self._end = end

    @classmethod
    def of(cls, items: Iterable[Item]) -> Strand[Item]:
        """A strand of these items, in a buffer of its own."""
        held = list(items)
        return cls(Buffer(held, 0, cast("Read[Item]", nothing_there)), 0, len(held))

    @classmethod
    def behind(cls, base: int, read: Read[Item], items: Iterable[Item]) -> Strand[Item]:
        """A strand whose first `base` items are read whenever somebody looks at them, and followed by these."""
        held = list(items)
        return cls(Buffer(held, base, read), 0, base + len(held))

    def lighter(self, base: int, read: Read[Item]) -> Strand[Item]:
        """An equal strand of which at least the first `base` items are not in memory, but read."""
        if self._start:
            raise ValueError("its beginning was left out")
        if base <= self._buffer.base:
            return self
        return Strand.behind(base, read, self._buffer.between(base, self._end))

    def without_first(self, count: int) -> Strand[Item]:
        """What follows the first `count` items."""
        return Strand(self._buffer, min(self._start + count, self._end), self._end)

    def alike(self, other: Strand[Item]) -> int:
        """How many of the first items are surely the same, without a look at them."""
        mine, theirs = self._buffer, other._buffer
        if self._start != other._start:
            return 0
        if mine is theirs:
            return min(self._end, other._end) - self._start
        known = min(mine.base, theirs.base, self._end, other._end)
        return max(known - self._start, 0) if mine.read == theirs.read else 0

    def added(self, before: Strand[Item]) -> tuple[Item, ...] | None:
        """What follows the items of a strand, if this one surely begins with them; nothing if that is not sure."""
        buffer, old = self._buffer, before._end
        at = old - buffer.base
        if before._buffer is not buffer or before._start != self._start or old > self._end or at < 0:
            return None
        return tuple(buffer.items[at : self._end - buffer.base])

    def _from(self, index: int) -> list[Item]:
        return self._buffer.between(self._start + index, self._end)

    def __add__(self, more: Sequence[Item]) -> Strand[Item]:
        buffer, end = self._buffer, self._end
        size = buffer.base + len(buffer.items)
        here = min(size - end, len(more))  # so many of them may stand there already
        goes_on = not here or buffer.between(end, end + here) == list(more[:here])
        if goes_on and self._start <= SHORT + size // 2:
            buffer.items.extend(more[here:] if here else more)
            return Strand(buffer, self._start, end + len(more))
        if self._start < buffer.base:
            base = min(buffer.base, end)
            copied = Buffer([*buffer.between(base, end), *more], base, buffer.read)
            return Strand(copied, self._start, end + len(more))
        return Strand.of([*buffer.between(self._start, end), *more])

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...] | Strand[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...] | Strand[Item]:
        buffer, first = self._buffer, self._start
        if isinstance(index, int):
            place = index + (first if index >= 0 else self._end)
            if not first <= place < self._end:
                raise IndexError("there is no such item")
            at = place - buffer.base
            return buffer.items[at] if at >= 0 else buffer.read(place, place + 1)[0]
        start, end, step = index.start, index.stop, index.step
        size = self._end - first
        if step is None and start is not None and end is not None and 0 <= start <= end <= size:
            return tuple(buffer.between(first + start, first + end)) if end > start else ()
        start, end, step = index.indices(size)
        if step != 1:
            return tuple(self)[index]
        if index.start is None:
            return Strand(buffer, first, first + end)
        return tuple(buffer.between(first + start, first + end)) if end > start else ()

    def __iter__(self) -> Iterator[Item]:
        return iter(self._buffer.between(self._start, self._end))

    def __len__(self) -> int:
        return self._end - self._start

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Strand):
            known = self.alike(other)
            return len(self) == len(other) and (known == len(self) or self._from(known) == other._from(known))
        return len(self) == len(other) and tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[object, tuple[tuple[Item, ...]]]:
        return Strand.of, (tuple(self),)


Items: TypeAlias = tuple[Item, ...] | Strand[Item]


def extended(items: Items[Item], more: tuple[Item, ...]) -> Items[Item]:
    """The items with more at their end: a tuple as long as that is short."""
    if isinstance(items, tuple) and len(items) >= SHORT:
        return Strand.of(items) + more
    return items + more


def without_first(items: Items[Item], count: int) -> Items[Item]:
    """What follows the first `count` items."""
    return items[count:] if isinstance(items, tuple) else items.without_first(count)
