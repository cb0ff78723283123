"""Predicates cut into conjuncts with their variables bound, each with what it said so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tlastep.engine.memo import Memo, PairMemo
from tlastep.engine.system import Broken
from tlastep.predicates import Part, Predicate, bindings


class Check:
    """A conjunct of a predicate with its variables bound, and what it said so far."""

    __slots__ = ("bound", "memo", "part", "predicate", "test")

    def __init__(self, predicate: Predicate, part: Part, bound: tuple[Any, ...]) -> None:
        self.predicate = predicate
        self.part = part
        self.bound = bound
        self.test = part.test
        self.memo: Memo[bool] = Memo()

    def broken(self, kind: str) -> Broken:
        """The finding that this check is false."""
        pairs = zip((variable.name for variable in self.part.quantified), self.bound, strict=True)
        text = ", ".join(f"{name} = {value}" for name, value in pairs)
        return Broken(f"{kind} {self.predicate.name}", self.part.place + (f" with {text}" if text else ""))


class StepCheck(Check):
    """A conjunct of a property of steps.

    A step that leaves alone all that the conjunct ever read is judged as if nothing happened: `idle` is the conjunct
    about a state and the same state again, which is checked on every state. Where that is false, the conjunct is
    `exact`: evaluated on every step.
    """

    __slots__ = ("exact", "idle", "steps")

    def __init__(self, predicate: Predicate, part: Part, bound: tuple[Any, ...]) -> None:
        super().__init__(predicate, part, bound)
        self.steps = PairMemo()
        self.exact = False
        self.idle = Check(predicate, part, bound)
        self.idle.test = lambda view, *values: part.test(view, view, *values)

    @property
    def touched(self) -> int:
        """The clusters that any verdict depends on."""
        return self.steps.touched | self.idle.memo.touched


@dataclass
class CheckGroup:
    """Conjuncts that read the same clusters, and the values of these for which they are known to hold."""

    checks: list[tuple[str, Check]]
    clusters: int
    passed: set[int] | None


def checks_of(predicate: Predicate) -> list[Check]:
    """The conjuncts of a predicate, for each way to bind their variables."""
    return [
        Check(predicate, part, bound)
        for part in map(_closed, predicate.parts)
        for bound in bindings(part.quantified, None)
    ]


def _closed(part: Part) -> Part:
    """The part, with variables whose domain depends on the state bound inside its test."""
    if all(variable.constant for variable in part.quantified):
        return part

    def test(*views: Any) -> bool:
        return all(part.test(*views, *bound) for bound in bindings(part.quantified, views[0]))

    return Part((), test, part.place)
