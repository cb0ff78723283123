"""Applications small enough to be explored: what the models of EventSourcing and Speculation say, in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final


class Exchanging:
    """An amount that is exchanged at a rate, deposited and withdrawn, modulo 11. Spec: EventSourcing!Decided."""

    EFFECTS: Final[Mapping[str, Callable[[int], int]]] = {
        "deposited": lambda amount: (amount + 1) % 11,
        "withdrawn": lambda amount: amount - 1,
        "declined": lambda amount: amount,
        "exchangedAt2": lambda amount: 2 * amount % 11,
        "exchangedAt3": lambda amount: 3 * amount % 11,
        "charged": lambda amount: max(amount - 1, 0),
    }

    def start(self) -> int:
        """One."""
        return 1

    def decide(self, state: int, command: str, randomness: int) -> tuple[str, ...]:
        """At the higher rate an exchange costs something, and is two events."""
        match command:
            case "deposit":
                return ("deposited",)
            case "withdraw":
                return ("withdrawn",) if state > 0 else ("declined",)
            case _:
                return ("exchangedAt2",) if randomness == 2 else ("exchangedAt3", "charged")

    def evolve(self, state: int, event: str) -> int:
        """The amount after an event. Spec: EventSourcing!Balance."""
        return self.EFFECTS[event](state)

    def answer(self, state: int, events: tuple[str, ...]) -> tuple[str, ...]:
        """What was decided."""
        return events


class Purse:
    """Coins that are put in and taken out. Spec: Speculation!Decided."""

    def start(self) -> int:
        """One coin."""
        return 1

    def decide(self, state: int, command: str, randomness: int) -> tuple[str, ...]:
        """As many coins as the die says come in, an event each; one is taken if there is one."""
        if command == "put":
            return ("one",) * randomness
        return ("taken",) if state > 0 else ("declined",)

    def evolve(self, state: int, event: str) -> int:
        """The coins after an event. Spec: Speculation!Coins."""
        return {"one": state + 1, "taken": max(state - 1, 0), "declined": state}[event]

    def answer(self, state: int, events: tuple[str, ...]) -> tuple[str, ...]:
        """What was decided."""
        return events
