"""How a walk of the whole system is told in the words of a spec, and as how many steps.

What the spec is about is told as its actions. What surrounds it there, consensus mostly, is judged by another spec: of
that only the states are told, as one step *outside* right before the next action.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeAlias, TypeVar

W = TypeVar("W")

OUTSIDE: Final = "outside"
"""The name of a step that the spec leaves to others."""

Step: TypeAlias = tuple[str, tuple[Any, ...], Any, Any]
"""An action of a spec, its arguments, and the states before and after it."""


class Disagreement(Exception):
    """The system and what is told of it are not the same any more."""


class Untellable(Exception):
    """From here on the spec has no words for what happens: what came before can be judged, and the rest cannot."""


class Telling(Generic[W]):
    """The world of a spec beside the system, and the steps that are told of it."""

    def __init__(self, world: W) -> None:
        self.world = world
        self._last = world
        self._steps: list[Step] = []

    def take(self, action: str, arguments: tuple[Any, ...], after: W) -> None:
        """An action of the spec is taken."""
        self._catch_up()
        self._steps.append((action, arguments, self.world, after))
        self.world = self._last = after

    def around(self, after: W) -> None:
        """Something has changed that is no action of the spec."""
        self.world = after

    def told(self) -> list[Step]:
        """The steps that were not told yet, but for what has changed outside since the last of them."""
        steps, self._steps = self._steps, []
        return steps

    def rest(self) -> list[Step]:
        """At the end: all that was not told yet."""
        self._catch_up()
        return self.told()

    def _catch_up(self) -> None:
        if self.world is not self._last:
            self._steps.append((OUTSIDE, (), self._last, self.world))
            self._last = self.world


def agree(what: str, here: object, told: object) -> None:
    """The system and what is told of it show the same. Raises `Disagreement` if they do not."""
    if here != told:
        raise Disagreement(f"{what} is {here}, and the spec's world has {told}")
