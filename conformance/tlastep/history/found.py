"""What a search for an order finds, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from tlastep.history.format import INFO, Operation

Path: TypeAlias = "tuple[Path, Operation] | None"
"""Operations that were put into order, the last one first."""

NEVER: Final = 1 << 62  # the line in which an open operation returns

PATIENCE: Final = 256  # how many steps of a search pass between two looks at the clock


class Point(NamedTuple):
    """Where a search is: how many of the closed operations are done, which of the others, and how many open ones."""

    base: int
    done: int
    used: tuple[int, ...]


class GaveUp(Exception):
    """A search was told to stop."""


@dataclass(frozen=True)
class Found:
    """What a search found: an order of all operations (those without answer as far as they are used), or none.

    Where there is none, `stuck` is the line of an answer that no order reaches, and `order` is one of everything that
    returned in the first `ordered` lines. Mostly those are all lines before it, and so it is the earliest such answer;
    they are fewer if the search was stopped before it knew.
    """

    order: tuple[Operation, ...]
    stuck: int = 0
    ordered: int = 0


class Patience:
    """Counts the steps of a search, and asks now and then whether it is to stop. Raises `GaveUp` then."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self._steps = 0

    def step(self) -> None:
        """One more step."""
        self._steps += 1
        if self._steps % PATIENCE == 0 and self._stop():
            raise GaveUp


def returned(operation: Operation) -> int:
    """The line before whose end the operation has happened, if it has happened at all."""
    return NEVER if operation.outcome == INFO else operation.completed


def order(path: Path) -> tuple[Operation, ...]:
    """The operations, the first one first."""
    found = []
    while path is not None:
        path, operation = path
        found.append(operation)
    return tuple(reversed(found))
