"""Looks ahead in a search for an order of operations on amounts: can one amount, by itself, come to be all it must be?

Of the operations only those are looked at that touch this amount, and only what they add to it and need of it. If even
these have no order from here on, nothing has. That is a search of its own, over little: it remembers from where it got
to the end, and mostly is there in a step or two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from tlastep.history.amounts import Known, Name
from tlastep.history.found import NEVER, Patience, returned

MOST: Final = 2_000  # steps, and some for each operation; what they don't show to be impossible is taken to be possible


class Here(NamedTuple):
    """What is done of the operations that touch an amount, and what it is: bits as in the search for all of them."""

    base: int  # all closed ones before this one are done, and it is not
    done: int
    used: int
    amount: float


END: Final = Here(-1, 0, 0, 0)


class _Touching(NamedTuple):
    """An operation that touches the amount; what it adds is None if nobody knows it."""

    number: int
    added: int | None
    least: float
    most: float
    line: int
    returned: int


@dataclass(slots=True)
class _Tried:
    here: Here
    following: Iterator[Here]
    reached: int


class Alone:
    """One amount. An open operation may happen in `reach` lines after it began, and of equal ones the earliest."""

    def __init__(
        self,
        name: Name,
        closed: Sequence[Known],
        free: Sequence[Known],
        equal_before: Sequence[int],
        reach: int,
        patience: Patience,
    ) -> None:
        self._closed = _touching(name, closed)
        self._open = _touching(name, free)
        self._open_at = [each.line for each in self._open]
        self._place = {each.number: place for place, each in enumerate(self._closed)}
        self._equal_before = equal_before
        self._reach = reach
        self._patience = patience
        self._good = {END}
        self._bad: dict[Here, int] = {}
        self.closed_mask = _mask(self._closed, len(closed))
        self.open_mask = _mask(self._open, len(free))

    def here(self, base: int, done: int, used: int, amount: float) -> Here:
        """What a point of the search for all operations is to this amount."""
        closed = self.closed_mask >> base
        left = closed & ~done
        if not left:
            return END
        first = (left & -left).bit_length() - 1
        return Here(base + first, (closed & done) >> first, used & self.open_mask, amount)

    def fails(self, start: Here) -> int:
        """The line of an answer beyond which no order gets from here; 0 if there is one, or it can't be told."""
        if start in self._good:
            return 0
        if start in self._bad:
            return self._bad[start]
        stack = [self._tried(start)]
        for _ in range(MOST + 2 * len(self._closed)):
            self._patience.step()
            tried = stack[-1]
            here = next(tried.following, None)
            if here is None:
                self._bad[tried.here] = tried.reached
                stack.pop()
                if not stack:
                    return tried.reached
                stack[-1].reached = max(stack[-1].reached, tried.reached)
            elif here in self._good:
                self._good.update(each.here for each in stack)
                return 0
            elif here in self._bad:
                tried.reached = max(tried.reached, self._bad[here])
            else:
                stack.append(self._tried(here))
        self._good.update(each.here for each in stack)
        return 0

    def _tried(self, here: Here) -> _Tried:
        able, first = [], NEVER
        for place in range(self._place[here.base], len(self._closed)):
            each = self._closed[place]
            if each.line >= first:
                break
            if not here.done >> (each.number - here.base) & 1:
                able.append(each)
                first = min(first, each.returned)
        able.sort(key=lambda each: each.returned)
        return _Tried(here, self._following(here, able, first), first)

    def _following(self, here: Here, able: Sequence[_Touching], first: int) -> Iterator[Here]:
        fit = [each for each in able if each.least <= here.amount <= each.most]
        looked = next((each for each in fit if each.added == 0), None)
        for each in fit if looked is None else [looked]:
            done = here.done | 1 << (each.number - here.base)
            amount = here.amount + (each.added or 0)
            yield self.here(here.base, done, here.used, amount) if each.added is not None else END
        if looked is not None:
            return
        begin, end = bisect_left(self._open_at, first - self._reach), bisect_left(self._open_at, first)
        for each in reversed(self._open[begin:end]):
            before = self._equal_before[each.number]
            is_next = before < self._open[begin].number or here.used >> before & 1
            if not here.used >> each.number & 1 and is_next and each.least <= here.amount <= each.most:
                amount = here.amount + (each.added or 0)
                used = here.used | 1 << each.number
                yield END if each.added is None else here._replace(used=used, amount=amount)


def _touching(name: Name, operations: Sequence[Known]) -> list[_Touching]:
    found = []
    for index, (operation, amounts) in enumerate(operations):
        needs = [need for need in amounts.needs if need.name == name]
        added = None if name in amounts.unknown else amounts.adds.get(name, 0)
        if needs or added != 0:
            least = max((each.least for each in needs), default=-inf)
            most = min((each.most for each in needs), default=inf)
            found.append(_Touching(index, added, least, most, operation.line, returned(operation)))
    return found


def _mask(operations: Sequence[_Touching], count: int) -> int:
    bits = bytearray(count // 8 + 1)
    for each in operations:
        bits[each.number >> 3] |= 1 << (each.number & 7)
    return int.from_bytes(bits, "little")
