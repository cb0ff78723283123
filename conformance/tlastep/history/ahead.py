"""Looks ahead in a search for an order: which of the next questions can't have their answers any more, whatever comes.

It is for models whose state is one value. A question can have its answer if the value leads to it, or one that an
operation leaves that may come before the question. If not, no order that goes on from here gets beyond that answer, and
a search goes on elsewhere first. And where a value leads to no question before the next one that needs another value,
nobody will see it: what such values are makes no difference, and a search tells them apart no longer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Final, NamedTuple

from tlastep.history.format import Operation
from tlastep.history.found import NEVER, Point
from tlastep.history.models import Model
from tlastep.values import Value

AHEAD: Final = 4  # questions; each costs a little at every step, and the next ones say most


class Seen(NamedTuple):
    """The earliest answer that no order reaches from here, as far as it is known, and whether the value is of use."""

    reaches: int
    is_unseen: bool


class Ahead:
    """The questions among the closed operations of a history. `kinds` are the open ones, equal ones together."""

    def __init__(self, model: Model, closed: Sequence[Operation], kinds: Sequence[Sequence[Operation]]) -> None:
        self._model = model
        self._closed = closed
        self._questions = [index for index, each in enumerate(closed) if model.functions[each.f].question]
        left = [(index, model.leaves(each)) for index, each in enumerate(closed)]
        self._left = [(index, value) for index, value in left if value is not None]
        self._left_at = [index for index, _ in self._left]
        self._open = [(number, kind, model.leaves(kind[0])) for number, kind in enumerate(kinds)]
        self._leads: dict[tuple[Value, int], bool] = {}

    def look(self, at: Point, value: Value | None) -> Seen:
        """What is to be seen from here. The value is None if nobody will see it."""
        nearest = list(islice(self._to_come(at), AHEAD))
        lost = [each for each in nearest if value is None or not self._leads_to(value, each)]
        reaches = min((each.completed for each in lost if not self._is_left(at, each)), default=NEVER)
        if value is None or not lost or not self._model.fades:
            return Seen(reaches, value is None)
        needed = min(each.completed for each in lost)  # before that line another value is left
        before = takewhile(lambda each: each.line < needed, self._to_come(at))
        return Seen(reaches, not any(self._leads_to(value, each) for each in before))

    def _to_come(self, at: Point) -> Iterator[Operation]:
        """The questions that are not answered yet, in the order of their invocations."""
        for number in range(bisect_left(self._questions, at.base), len(self._questions)):
            index = self._questions[number]
            if not at.done >> (index - at.base) & 1:
                yield self._closed[index]

    def _is_left(self, at: Point, question: Operation) -> bool:
        """Whether something that may come before a question leaves a value that leads to its answer."""
        for number in range(bisect_left(self._left_at, at.base), len(self._left)):
            index, value = self._left[number]
            if self._closed[index].line > question.completed:
                break
            if not at.done >> (index - at.base) & 1 and self._leads_to(value, question):
                return True
        return any(
            value is not None
            and at.used[number] < len(kind)
            and kind[at.used[number]].line < question.completed
            and self._leads_to(value, question)
            for number, kind, value in self._open
        )

    def _leads_to(self, value: Value, question: Operation) -> bool:
        key = value, question.line
        found = self._leads.get(key)
        if found is None:
            found = self._leads[key] = self._model.leads_to(value, question)
        return found
