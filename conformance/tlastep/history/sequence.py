"""Operations as a checker sees them: open ones without effect left out, and what knows nothing of each other apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlastep.history.format import FAIL, INFO, Operation
from tlastep.history.found import NEVER
from tlastep.history.models import Model


def judged(model: Model, operations: Iterable[Operation]) -> list[Operation]:
    """What has to be put into order: not what failed, and no question that nobody has heard the answer of."""
    return [
        each
        for each in operations
        if each.outcome != FAIL and not (each.outcome == INFO and model.functions[each.f].question)
    ]


def apart(model: Model, operations: Iterable[Operation]) -> list[list[Operation]]:
    """The operations by the parts of the state that they may touch; parts that one operation touches are one part."""
    known = list(operations)
    parent: dict[str, str] = {}

    def root(place: str) -> str:
        parent.setdefault(place, place)
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for operation in known:
        places = model.places(operation)
        if places is None:
            return [known]
        first, *others = sorted(places)
        for other in others:
            parent[root(other)] = root(first)
        root(first)
    groups: dict[str, list[Operation]] = {}
    for operation in known:
        places = model.places(operation)
        assert places is not None, "all of them have places, or we would not be here"
        groups.setdefault(root(min(places)), []).append(operation)
    return list(groups.values())


class Window:
    """The operations of a history that have returned, in the order of their invocations, and which may come next."""

    def __init__(self, closed: Sequence[Operation]) -> None:
        self._lines = [each.line for each in closed]
        self._returns = [each.completed for each in closed]

    def candidates(self, base: int, done: int) -> tuple[list[int], int]:
        """What may come next, the earliest return first, and the line of that return.

        All before index `base` are done, and from there on those with a bit in `done`.
        """
        found, first, index = [], NEVER, base
        lines, returns = self._lines, self._returns
        while index < len(lines) and lines[index] < first:
            if not done >> (index - base) & 1:
                found.append(index)
                first = min(first, returns[index])
            index += 1
        found.sort(key=returns.__getitem__)
        return found, first
