"""The states that a search has seen, in several sets.

A set of Python grows by doubling its table, or more, when three fifths of it are full. With millions of members that
leaves most of the table empty, and for a moment there are two of them. So a set is closed just before it would grow,
and the next one is opened. Every second one may become twice as large: even a billion states need no more than twenty.
"""

from __future__ import annotations

from typing import Final

FIRST_TABLE: Final = 1 << 21


class Visited:
    """A set of packed states that only grows."""

    def __init__(self) -> None:
        self._closed: list[set[int]] = []
        self._open: set[int] = set()

    def __len__(self) -> int:
        return len(self._open) + sum(map(len, self._closed))

    def __contains__(self, state: int) -> bool:
        return state in self._open or any(state in each for each in self._closed)

    def unseen(self, states: set[int]) -> set[int]:
        """Those of the states that are not in here."""
        # The newest first: most steps lead to states that were found a short while ago.
        states = states - self._open
        for each in reversed(self._closed):
            states = states - each
        return states

    def add(self, states: set[int]) -> None:
        """Takes in states that are not in here yet."""
        if self._open and len(self._open) + len(states) > self._room():
            self._closed.append(self._open)
            self._open = set()
        self._open |= states

    def _room(self) -> int:
        """How many members the open set may have without growing past its table."""
        table = FIRST_TABLE << len(self._closed) // 2
        return table * 3 // 5 - 1
