"""The operations of a history on amounts, as searches for an order see them, and the states that were met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tlastep.history.amounts import Bounds, Known, Name, Names
from tlastep.history.format import OK, Operation
from tlastep.history.found import NEVER
from tlastep.history.models import CountingModel, Request
from tlastep.history.narrow import Narrowed
from tlastep.history.sequential import SequentialObject, States


class Asked(NamedTuple):
    """An operation, and what a search wants to know of it. `names` are the amounts that it touches.

    A closed one has some others `before` it, by their places among the closed ones.
    """

    operation: Operation
    known: Known  # the operation between narrowed lines, and what it does to amounts
    request: Request
    looks: bool
    names: Names
    needed: Names
    before: tuple[int, ...] = ()


class Objects:
    """What all searches in a history share: its operations, and the states that were met."""

    def __init__(self, model: CountingModel, sequential: SequentialObject, known: Sequence[Known]) -> None:
        self._model = model
        self._states = States(sequential)
        self._bounds: dict[tuple[int, Name], Bounds] = {}
        self.joined = joined = model.joined(each for each, _ in known)
        one = frozenset(sorted(joined, key=str)[:1])

        def joint(names: Names) -> Names:
            return names if joined.isdisjoint(names) else names - joined | one

        matter = joint(frozenset(name for _, amounts in known for name in amounts.needed))
        self.joint = joint
        self.known = [
            Asked(
                each,
                (each, amounts),
                model.request(each),
                model.only_looks(each),
                joint(amounts.names) & matter,
                joint(amounts.needed),
            )
            for each, amounts in known
        ]

    def bounds(self, state: int, name: Name) -> Bounds:
        """Between what an amount is in the state of that number."""
        key = state, name
        if key not in self._bounds:
            self._bounds[key] = self._model.bounds(self._states[state], name)
        return self._bounds[key]

    def part(self, state: int, names: Sequence[Name]) -> tuple[Bounds | int, ...]:
        """All that the state says of some amounts; of joined ones the state itself."""
        return tuple(state if name in self.joined else self.bounds(state, name) for name in names)

    def after(self, state: int, asked: Asked) -> int:
        """The state after an operation, or -1 if it can't give its answer. What can't be right is not asked."""
        for need in asked.known[1].needs:
            least, most = self.bounds(state, need.name)
            if need.least > most or least > need.most:
                return -1
        return self._states.after(state, asked.request)


def arranged(operations: Sequence[Asked], narrowed: Narrowed) -> tuple[list[Asked], list[Asked]]:
    """The closed operations and the open ones, each in the order in which they begin between their narrowed lines.

    What must have happened for an answer is closed, even if nobody has heard of it. It is not told of open ones what
    must be before them, so that of equal ones the first can stand for the others.
    """
    ordered = sorted(range(len(operations)), key=narrowed.begins.__getitem__)
    closed = [number for number in ordered if narrowed.ends[number] != NEVER]
    places = {number: place for place, number in enumerate(closed)}
    found = []
    for number in ordered:
        each = operations[number]
        line, end = narrowed.begins[number], narrowed.ends[number]
        operation = replace(each.operation, line=line)
        if end != NEVER:
            operation = replace(operation, completed=end, outcome=OK)
        before = tuple(places[other] for other in narrowed.before(number) if other in places)
        found.append(each._replace(known=(operation, each.known[1]), before=before))
    is_closed = [number in places for number in ordered]
    return (
        [each for each, this in zip(found, is_closed, strict=True) if this],
        [each for each, this in zip(found, is_closed, strict=True) if not this],
    )
