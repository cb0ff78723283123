"""What operations do to amounts: what a search for an order knows where the state is a number of amounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from tlastep.history.format import Operation

Name: TypeAlias = str | None
"""Of an amount. None may stand for one that has no name in the histories, as the total of all."""

Names: TypeAlias = frozenset[Name]

Bounds: TypeAlias = tuple[float, float]
"""The least and the most that an amount can be."""


class Need(NamedTuple):
    """An amount that an operation must find within these bounds, or it can't happen with its answer."""

    name: Name
    least: float
    most: float


class Amounts(NamedTuple):
    """What an operation with its answer adds to amounts, and what it needs. It touches no others.

    To those in `unknown` it adds what nobody knows, within these bounds.
    """

    adds: Mapping[Name, int]
    needs: tuple[Need, ...] = ()
    unknown: Mapping[Name, Bounds] = {}

    @property
    def needed(self) -> Names:
        """The amounts that keep it from happening, if it can't happen."""
        return frozenset([need.name for need in self.needs])

    @property
    def names(self) -> Names:
        """The amounts that it changes or looks at."""
        return frozenset([name for name, added in self.adds.items() if added]) | self.needed | self.unknown.keys()


Known: TypeAlias = tuple[Operation, Amounts]
