"""What operations do to an object that is one value: what they need it to be, and what they leave.

`Cell` holds what a search asks of the operations of a history: who needs a value, who leaves one, and whether what a
write leaves may still be looked at.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from tlastep.history.format import Operation
from tlastep.history.found import NEVER, returned
from tlastep.values import Value

NOTHING: Final = -1  # instead of the number of a value: none is needed, refused, or left

UNHEARD_OF: Final[Value] = -1
"""Needed by an operation that can't have given its answer: no operation leaves it."""


class Effect(NamedTuple):
    """The value that an operation needs, or the one at which it can't happen; and the one that it leaves.

    What leaves none only looks. None stands for no value.
    """

    needs: Value | None = None
    refuses: Value | None = None
    leaves: Value | None = None


Felt: TypeAlias = "tuple[Operation, Effect]"
"""An operation, and what it does with its answer."""


class Sort(NamedTuple):
    """Open operations that do the same, the one that begins first before the others; values are numbers here."""

    needs: int
    leaves: int
    members: list[Operation]
    lines: list[int]


class Cell:
    """The operations of a history on one value. Closed ones are numbered in the order of their returns.

    `begun` are the closed ones in the order of their invocations, and a *place* is an index in that order.
    """

    def __init__(self, initial: Value, closed: Sequence[Felt], free: Sequence[Felt]) -> None:
        self._numbers: dict[Value, int] = {initial: 0}
        ordered = sorted(closed, key=lambda each: returned(each[0]))
        self.operations = [operation for operation, _ in ordered]
        self.needs = [self._number(effect.needs) for _, effect in ordered]
        self.refuses = [self._number(effect.refuses) for _, effect in ordered]
        self.leaves = [self._number(effect.leaves) for _, effect in ordered]
        self.returns = [returned(operation) for operation in self.operations]
        self.begun = sorted(range(len(ordered)), key=lambda number: self.operations[number].line)
        self.lines = [self.operations[number].line for number in self.begun]
        self.sorts = self._sorts(free)
        self.leaving: dict[int, list[int]] = defaultdict(list)  # value → the sorts that leave it
        self._first_wanted: dict[int, int] = {}  # value → the line of the first open operation that needs it
        for index, sort in enumerate(self.sorts):
            self.leaving[sort.leaves].append(index)
            if sort.needs != NOTHING:
                self._first_wanted[sort.needs] = min(sort.lines[0], self._first_wanted.get(sort.needs, NEVER))
        self._needing: dict[int, list[int]] = defaultdict(list)  # value → places
        self._left_at: dict[int, list[int]] = defaultdict(list)
        self._refusing: list[int] = []
        for place, number in enumerate(self.begun):
            self._needing[self.needs[number]].append(place)
            self._left_at[self.leaves[number]].append(place)
            if self.refuses[number] != NOTHING:
                self._refusing.append(place)
        self._overwritten = self._horizons()

    def _number(self, value: Value | None) -> int:
        return NOTHING if value is None else self._numbers.setdefault(value, len(self._numbers))

    def _sorts(self, free: Sequence[Felt]) -> list[Sort]:
        found: dict[tuple[int, int], Sort] = {}
        for operation, effect in sorted(free, key=lambda each: each[0].line):
            needs, leaves = self._number(effect.needs), self._number(effect.leaves)
            if leaves not in (NOTHING, needs):
                sort = found.setdefault((needs, leaves), Sort(needs, leaves, [], []))
                sort.members.append(operation)
                sort.lines.append(operation.line)
        return list(found.values())

    def _horizons(self) -> list[int]:
        """Of each operation the line from which nothing that begins can see what it left."""
        earliest, after = NEVER, []
        for number in reversed(self.begun):
            if self.leaves[number] != NOTHING:
                earliest = min(earliest, self.returns[number])
            after.append(earliest)
        after.reverse()
        after.append(NEVER)
        return [after[bisect_left(self.lines, line)] for line in self.returns]

    def first_impossible(self) -> int:
        """The line of the earliest answer that needs a value which nothing leaves before it; `NEVER` if none does."""
        return min(
            (
                self.returns[number]
                for number, needed in enumerate(self.needs)
                if needed > 0 and not self.is_left(needed, self.returns[number], 0, None)
            ),
            default=NEVER,
        )

    def is_left(self, value: int, before: int, place: int, used: Sequence[int] | None) -> bool:
        """Whether an operation that begins from a place on, or an open one, can leave a value before a line.

        Of each sort so many open ones have been used; None: they can be used as often as one likes.
        """
        places = self._left_at[value]
        next_one = bisect_left(places, place)
        if next_one < len(places) and self.lines[places[next_one]] < before:
            return True
        return any(self.is_free(index, before, used) for index in self.leaving.get(value, ()))

    def is_free(self, index: int, before: int, used: Sequence[int] | None) -> bool:
        """Whether an open operation of a sort can still happen before a line."""
        lines = self.sorts[index].lines
        number = 0 if used is None else used[index]
        return number < len(lines) and lines[number] < before

    def next_needing(self, value: int, place: int) -> int:
        """The next operation from a place on that needs a value; -1 if there is none."""
        places = self._needing[value]
        found = bisect_left(places, place)
        return self.begun[places[found]] if found < len(places) else -1

    def is_looked_at(self, number: int, place: int) -> bool:
        """Whether an operation from a place on, or an open one, may need what this one leaves."""
        value, horizon = self.leaves[number], self._overwritten[number]
        needing = self.next_needing(value, place)
        if needing >= 0 and self.operations[needing].line < horizon:
            return True
        return self._first_wanted.get(value, NEVER) < horizon

    def is_evaded(self, number: int, place: int, waiting: Sequence[int]) -> bool:
        """Whether an operation from a place on may need this one to come just before it, for the value that it refuses.

        That value is then the one before, so something that is waiting or to come, or open, has to leave it first.
        """
        horizon, latest = self._overwritten[number], self.returns[number]
        for index in range(bisect_left(self._refusing, place), len(self._refusing)):
            at = self._refusing[index]
            if self.lines[at] >= horizon:
                return False
            refused = self.refuses[self.begun[at]]
            if refused != self.leaves[number] and (
                self.is_left(refused, latest, place, None) or any(self.leaves[other] == refused for other in waiting)
            ):
                return True
        return False
