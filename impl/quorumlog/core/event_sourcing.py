"""The contract between an application and the log: what a user brings, and what the system promises in return.

A command is what somebody asks for. Deciding turns it into events, and may be random. Folding the events into the
state is not: the same events in the same order make the same state, on every replica and after every restart. So it is
the events that are replicated, and randomness has one way in, the argument of `decide`. Spec: EventSourcing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")
Event_contra = TypeVar("Event_contra", contravariant=True)
Command_contra = TypeVar("Command_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)
Randomness_contra = TypeVar("Randomness_contra", contravariant=True)
Folded = TypeVar("Folded")
Folding = TypeVar("Folding")


class Folds(Protocol[State, Event_contra]):
    """The part of an application that every replica and every read model needs: a state that events make."""

    def start(self) -> State:
        """The state before the first event."""
        ...

    def evolve(self, state: State, event: Event_contra) -> State:
        """The state after one more event: a pure function of the two. Spec: EventSourcing!Fold."""
        ...


class Application(Folds[State, Event], Protocol[State, Command_contra, Event, Answer_co, Randomness_contra]):
    """What a user brings: commands in, events out, and a state that the events alone make.

    States and events are immutable values with `==` and `hash`. What `Randomness` is the application says: a number, a
    `random.Random`, the time. Whoever runs it draws one for each command, and nothing else may be drawn.
    """

    def decide(self, state: State, command: Command_contra, randomness: Randomness_contra) -> tuple[Event, ...]:
        """The events that a command becomes in a state. Spec: EventSourcing!Decide.

        The leader decides on its *speculative* state: all that is committed and all that it has appended. If it is
        deposed, that state is discarded together with what was appended. A question is a command, too: its event
        changes nothing, and says what was asked.
        """
        ...

    def answer(self, state: State, events: tuple[Event, ...]) -> Answer_co:
        """What whoever asked is told, from the events that the command became and the state right after them.

        It is computed when the events are committed, and again by every replica, so it is a pure function.
        """
        ...


def fold(folds: Folds[Folded, Folding], state: Folded, events: Iterable[Folding]) -> Folded:
    """The state after these events, in their order. Spec: EventSourcing!StateAfter."""
    for event in events:
        state = folds.evolve(state, event)
    return state
