"""Looks ahead where the state is a number of amounts, and operations add to them: which amounts can't come about.

An operation that needs an amount to be within bounds finds one of the sums of what it is now and what operations that
may come before it add. If none of these is within the bounds, no order that goes on from here gets there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from tlastep.history.format import Operation
from tlastep.history.found import Point

Name: TypeAlias = str | None
"""Of an amount. None may stand for one that has no name in the histories, as the total of all."""

Names: TypeAlias = frozenset[Name]

AHEAD: Final = 8  # needs; each costs a little at every step, and the next ones say most


class Need(NamedTuple):
    """An amount that an operation must find within these bounds, or it can't happen with its answer."""

    name: Name
    least: float
    most: float

    @property
    def is_exact(self) -> bool:
        """Whether it must be a certain one. Bounds on one side only are seldom missed, and not looked ahead for."""
        return self.least == self.most


class Amounts(NamedTuple):
    """What an operation with its answer adds to amounts, and what it needs. It touches no others."""

    adds: Mapping[Name, int]
    needs: tuple[Need, ...] = ()

    @property
    def names(self) -> Names:
        """The amounts that it changes or looks at."""
        return frozenset([*(name for name, added in self.adds.items() if added), *(need.name for need in self.needs)])


Known: TypeAlias = tuple[Operation, Amounts]


class _Added(NamedTuple):
    number: int
    amount: int
    line: int
    completed: int


class AmountsAhead:
    """The needs of the closed operations of a history. `kinds` are the open ones, equal ones together."""

    def __init__(
        self,
        closed: Sequence[Known],
        kinds: Sequence[tuple[Sequence[Operation], Amounts]],
    ) -> None:
        self._needs = [
            (index, need, operation)
            for index, (operation, amounts) in enumerate(closed)
            for need in amounts.needs
            if need.is_exact
        ]
        self._need_at = [index for index, _, _ in self._needs]
        self._added: dict[Name, list[_Added]] = {need.name: [] for _, need, _ in self._needs}
        self._open: dict[Name, list[tuple[int, int, Sequence[Operation]]]] = {name: [] for name in self._added}
        for index, (operation, amounts) in enumerate(closed):
            for name, amount in amounts.adds.items():
                if amount and name in self._added:
                    self._added[name].append(_Added(index, amount, operation.line, operation.completed))
        for number, (members, amounts) in enumerate(kinds):
            for name, amount in amounts.adds.items():
                if amount and name in self._open:
                    self._open[name].append((number, amount, members))
        self._added_at = {name: [each.number for each in added] for name, added in self._added.items()}

    def missed(self, at: Point, changed: Names | None, amount: Callable[[Name], int]) -> tuple[Name, int] | None:
        """An amount that an operation needs and can't find any more, and the line of that one's answer.

        Only needs of amounts that have just changed are looked at; None stands for all.
        """
        left = AHEAD
        for number in range(bisect_left(self._need_at, at.base), len(self._needs)):
            index, need, operation = self._needs[number]
            if at.done >> (index - at.base) & 1:
                continue
            if left == 0:
                return None
            left -= 1
            if (changed is None or need.name in changed) and not self._is_found(at, need, operation, amount(need.name)):
                return need.name, operation.completed
        return None

    def _is_found(self, at: Point, need: Need, operation: Operation, now: int) -> bool:
        sums = {now}
        added = self._added[need.name]
        for number in range(bisect_left(self._added_at[need.name], at.base), len(added)):
            index, amount, line, completed = added[number]
            if line > operation.completed:
                break
            if not at.done >> (index - at.base) & 1:
                after = {each + amount for each in sums}
                sums = after if completed < operation.line else sums | after
        for kind, amount, members in self._open[need.name]:
            for member in members[at.used[kind] :]:
                if member.line < operation.completed:
                    sums |= {each + amount for each in sums}
        return any(need.least <= each <= need.most for each in sums)
