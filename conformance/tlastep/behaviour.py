"""Behaviours as values: what a counterexample, a simulated run or a replay is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from tlastep.values import Value, show

Assignment: TypeAlias = Mapping[str, Value]
"""A state of a spec: the value of each variable, by name."""


class Label(NamedTuple):
    """The name of an action and its arguments. TLC gives names alone: then `arguments` is None."""

    action: str
    arguments: tuple[Value, ...] | None = None

    def __str__(self) -> str:
        if not self.arguments:
            return self.action
        return f"{self.action}({', '.join(map(show, self.arguments))})"


class Step(NamedTuple):
    """A state and the action that led to it; None for the initial state."""

    label: Label | None
    state: Assignment


@dataclass(frozen=True)
class Behaviour:
    """Steps in order. A liveness counterexample ends in a loop back to `loop` (an index) or stutters for ever."""

    steps: tuple[Step, ...]
    loop: int | None = None
    stutters: bool = False

    def __len__(self) -> int:
        return len(self.steps)
