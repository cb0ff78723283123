"""Narrows the lines between which operations on amounts happen, without a search: by what answers say of one amount.

An answer says what had been added to an amount by then. Of the operations at the same time as the one that gave it,
some subsets add up to that. What is in all of these happened before it; what is in none of them happens after it, or
never. So an operation happens before the other one's end, or after its beginning. That narrows the lines of both,
others have less beside them, and their answers say more. What nobody has heard the answer of has happened, if an answer
shows it.

Every order of the operations within their lines is one within the narrowed lines, and the other way round.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

from tlastep.history.amounts import Known, Name, Need
from tlastep.history.found import NEVER, Patience

MOST: Final = 60  # sums of what is at one time; where there are more, nothing is concluded
OFTEN: Final = 10  # times that one answer is asked


class _Ask(NamedTuple):
    """What the operation of a number needs."""

    number: int
    need: Need


class _Change(NamedTuple):
    """What the operation of a number adds to an amount; None if nobody knows it."""

    number: int
    line: int
    end: int
    added: int | None


_Part: TypeAlias = tuple[int, int]
"""Of subsets, a bit each member: what is in all of them, and what is in some."""


class _Amount:
    """The operations that change an amount, closed and open ones apart, in the order in which they begin."""

    def __init__(self, changes: Sequence[_Change]) -> None:
        closed = [each for each in changes if each.end != NEVER]
        self.added = {each.number: each.added for each in changes}
        self.asked: dict[_Ask, None] = {}  # what may say more when something here is narrowed
        self._closed = [each.number for each in closed]
        self._open = [each for each in changes if each.end == NEVER]
        self._lines = [each.line for each in closed]
        self._latest = list(accumulate((each.end for each in closed), max))
        self._sums = list(accumulate((each.added or 0 for each in closed), initial=0))

    def beside(self, begin: int, end: int) -> tuple[int, list[int]]:
        """What the first ones add, which return before a line; and the others that begin before another line."""
        low, high = bisect_left(self._latest, begin), bisect_left(self._lines, end)
        return self._sums[low], [*self._closed[low:high], *(each.number for each in self._open if each.line < end)]


class Narrowed:
    """The lines between which each of some operations happens; `NEVER` ends what need not happen.

    `impossible` is a line up to which the answers are seen to have no order, and then the rest says nothing.
    """

    def __init__(self, operations: Sequence[Known], ends: Sequence[int], patience: Patience) -> None:
        self.begins = [operation.line for operation, _ in operations]
        self.ends = list(ends)
        self.impossible = NEVER
        self._known = operations
        self._at_first = list(zip(self.begins, ends, strict=True))
        self._patience = patience
        self._before: dict[int, set[int]] = defaultdict(set)
        self._after: dict[int, set[int]] = defaultdict(set)
        self._amounts = self._changed()
        self._nothing = _Amount(())
        self._queue: dict[_Ask, None] = {}
        self._times: dict[_Ask, int] = defaultdict(int)
        # An answer after another, so that nothing is concluded from later ones when one is found to be impossible.
        for number in sorted((number for number, end in enumerate(ends) if end != NEVER), key=ends.__getitem__):
            self._queue.update((_Ask(number, need), None) for need in operations[number][1].needs)
            if not self._is_settled():
                self.impossible = ends[number]
                return

    def before(self, number: int) -> Iterable[int]:
        """What is known to happen before an operation."""
        return self._before.get(number, ())

    def _changed(self) -> dict[Name, _Amount]:
        changes: dict[Name, list[_Change]] = defaultdict(list)
        for number, (_, amounts) in enumerate(self._known):
            for name in amounts.names:
                added = None if name in amounts.unknown else amounts.adds.get(name, 0)
                if added != 0:
                    changes[name].append(_Change(number, *self._at_first[number], added))
        return {name: _Amount(some) for name, some in changes.items()}

    def _is_settled(self) -> bool:
        """Concludes all that is to be concluded; False if no order explains it."""
        while self._queue:
            self._patience.step()
            ask = next(iter(self._queue))
            del self._queue[ask]
            if not self._is_explained(ask):
                return False
        return True

    def _is_explained(self, ask: _Ask) -> bool:
        number, need = ask
        amount = self._amounts.get(need.name, self._nothing)
        amount.asked.pop(ask, None)
        self._times[ask] += 1
        base, unsure = self._beside(number, amount)
        added = [amount.added[other] for other in unsure]
        known = [each for each in added if each is not None]
        part = None
        if base is not None and len(known) == len(added):
            least, most = need.least - base, need.most - base
            if least <= sum(min(0, each) for each in known) and sum(max(0, each) for each in known) <= most:
                return True
            part = self._subsets(unsure, known, least, most)
            if part is None:
                return False
        for place, other in enumerate(unsure if part else ()):
            if part and part[0] >> place & 1 and not self._is_ordered(other, number):
                return False
            if part and not part[1] >> place & 1 and not self._is_ordered(number, other):
                return False
        if (part is None or part[0] != part[1]) and self._times[ask] < OFTEN:
            amount.asked[ask] = None
        return True

    def _beside(self, number: int, amount: _Amount) -> tuple[int | None, list[int]]:
        """What has been added before an operation for sure, None if nobody knows it; and what has, or has not."""
        base, beside = amount.beside(*self._at_first[number])
        begin, end = self.begins[number], self.ends[number]
        before, after = self._before[number], self._after[number]
        unsure, is_known = [], True
        for other in beside:
            if other == number or other in after or self.begins[other] >= end:
                continue
            if other in before or self.ends[other] < begin:
                added = amount.added[other]
                base, is_known = base + (added or 0), is_known and added is not None
            else:
                unsure.append(other)
        return base if is_known else None, sorted(unsure, key=self.begins.__getitem__)

    def _subsets(self, numbers: Sequence[int], added: Sequence[int], least: float, most: float) -> _Part | None:
        """Of the subsets whose sum is within bounds: what is in all, and in some; None if there is no such subset.

        What must be before a member is a member as well.
        """
        lower = list(accumulate((min(0, each) for each in reversed(added)), initial=0))
        upper = list(accumulate((max(0, each) for each in reversed(added)), initial=0))
        sums: dict[int, _Part] = {0: (0, 0)}
        for place, number in enumerate(numbers):
            low, high = least - upper[-place - 2], most - lower[-place - 2]
            first = [other for other in range(place) if self.ends[numbers[other]] < self.begins[number]]
            needed, bit = sum(1 << other for other in first), 1 << place
            following: dict[int, _Part] = {}
            for total, (always, ever) in sums.items():
                if low <= total <= high:
                    _join(following, total, always, ever)
                if low <= total + added[place] <= high and not needed & ~ever:
                    _join(following, total + added[place], always | needed | bit, ever | bit)
            sums = following
            if len(sums) > MOST:
                return 0, (1 << len(numbers)) - 1
        found: dict[int, _Part] = {}
        for total, part in sums.items():
            if least <= total <= most:
                _join(found, 0, *part)
        return found.get(0)

    def _is_ordered(self, first: int, second: int) -> bool:
        """Notes that one operation is before another, and what follows for the lines; False if they leave no room."""
        self._before[second].add(first)
        self._after[first].add(second)
        later, sooner = [(second, self.begins[first])], [(first, self.ends[second])]
        while later:
            number, line = later.pop()
            if line > self.begins[number]:
                self.begins[number] = line
                self._ask_again(number)
                later.extend((each, line) for each in self._after[number])
                if line > self.ends[number]:
                    return False
        while sooner:
            number, line = sooner.pop()
            if line < self.ends[number]:
                self.ends[number] = line
                self._ask_again(number)
                sooner.extend((each, line) for each in self._before[number])
                if line < self.begins[number]:
                    return False
        return True

    def _ask_again(self, number: int) -> None:
        """Asks those again that may know more now that an operation has been narrowed."""
        begin, end = self._at_first[number]
        for name in self._known[number][1].names:
            amount = self._amounts.get(name, self._nothing)
            for ask in amount.asked:
                begins, ends = self._at_first[ask.number]
                if begins < end and begin < ends:
                    self._queue[ask] = None


def _join(parts: dict[int, _Part], total: int, always: int, ever: int) -> None:
    """Adds subsets to those of the same sum."""
    known = parts.get(total)
    parts[total] = (always, ever) if known is None else (known[0] & always, known[1] | ever)
