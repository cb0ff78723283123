"""The contract between an application and the log, and the single machine that keeps it.

A command is what somebody asks for. Deciding turns it into events, and may be random. Folding the events into the
state is not: the same events in the same order make the same state, on every replica and after every restart. So it is
the events that are replicated, and randomness has one way in, the argument of `decide`. Spec: EventSourcing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypedDict, TypeVar, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused

State = TypeVar("State")
Event = TypeVar("Event")
Command = TypeVar("Command")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Event_contra = TypeVar("Event_contra", contravariant=True)
Command_contra = TypeVar("Command_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)
Randomness_contra = TypeVar("Randomness_contra", contravariant=True)
Folded = TypeVar("Folded")
Folding = TypeVar("Folding")

LONGEST: Final = 300
"""How much is kept of what an exception says."""


class Folds(Protocol[State, Event_contra]):
    """The part of an application that every replica and every read model needs: a state that events make."""

    def start(self) -> State:
        """The state before the first event."""
        ...

    def evolve(self, state: State, event: Event_contra) -> State:
        """The state after one more event: a pure function of the two. The spec calls it Evolve."""
        ...


class Application(Folds[State, Event], Protocol[State, Command_contra, Event, Answer_co, Randomness_contra]):
    """What a user brings: commands in, events out, and a state that the events alone make.

    States and events are immutable values with `==` and `hash`. What `Randomness` is the application says: a number, a
    `random.Random`, the time. Whoever runs it draws one for each command, and nothing else may be drawn.
    """

    def decide(self, state: State, command: Command_contra, randomness: Randomness_contra) -> tuple[Event, ...]:
        """The events that a command becomes in a state. The spec calls it Decision.

        The leader decides on its *speculative* state: all that is committed and all that it has appended. If it is
        deposed, that state is discarded together with what was appended. A question is a command, too: its event
        changes nothing, and says what was asked. If this raises, or `evolve` or `answer` for what it decides, that
        command is refused, with what was raised for a reason, and nothing has happened.
        """
        ...

    def answer(self, state: State, events: tuple[Event, ...]) -> Answer_co:
        """What whoever asked is told, from the events that the command became and the state right after them.

        It is computed when the events are committed, and again by every replica, so it is a pure function.
        """
        ...


def raised(error: Exception) -> str:
    """What an exception of an application is called, and what it says, in letters that can be written."""
    return f"{type(error).__name__}: {error}"[:LONGEST].encode(errors="replace").decode()


def fold(folds: Folds[Folded, Folding], state: Folded, events: Iterable[Folding]) -> Folded:
    """The state after these events, in their order. Spec: EventSourcing!StateAfter."""
    for event in events:
        state = folds.evolve(state, event)
    return state


class Parts(TypedDict, Generic[State, Command, Event], total=False):
    """The fields of a machine that a step may replace."""

    commands: tuple[Command, ...]
    events: tuple[Event, ...]
    state: State
    folded: int


class Machine(Struct, Generic[State, Command, Event, Answer, Randomness], frozen=True, cache_hash=True):
    """A machine without peers. Both queues survive a crash; `state` and `folded` are what it has in memory.

    Whoever runs it stores the queues of each new value, both or none, before anybody is answered. The application
    never changes.
    """

    application: Application[State, Command, Event, Answer, Randomness]
    commands: tuple[Command, ...]
    events: tuple[Event, ...]
    state: State
    folded: int

    @classmethod
    def of(
        cls,
        application: Application[State, Command, Event, Answer, Randomness],
        events: tuple[Event, ...] = (),
        commands: tuple[Command, ...] = (),
    ) -> Machine[State, Command, Event, Answer, Randomness]:
        """A machine that starts, with the queues that it finds: empty ones at first. Spec: EventSourcing!Init."""
        return cls(application, commands, events, application.start(), 0)

    def change(
        self, **parts: Unpack[Parts[State, Command, Event]]
    ) -> Machine[State, Command, Event, Answer, Randomness]:
        """A copy in which these fields are replaced."""
        return replace(self, **parts)

    def submit(self, command: Command) -> Machine[State, Command, Event, Answer, Randomness]:
        """Somebody asks. Spec: EventSourcing!Submit."""
        return self.change(commands=(*self.commands, command))

    def decide(self, randomness: Randomness) -> Machine[State, Command, Event, Answer, Randomness]:
        """The oldest command becomes events, decided on what all earlier ones have made. Spec: EventSourcing!Decide."""
        if not self.commands:
            raise Refused("no command waits")
        if self.folded != len(self.events):
            raise Refused("there are events to be folded")
        decided = self.application.decide(self.state, self.commands[0], randomness)
        return self.change(commands=self.commands[1:], events=self.events + decided)

    def fold(self) -> Machine[State, Command, Event, Answer, Randomness]:
        """The next event changes the state. Spec: EventSourcing!Fold."""
        if self.folded == len(self.events):
            raise Refused("every event is folded")
        return self.change(state=self.application.evolve(self.state, self.events[self.folded]), folded=self.folded + 1)

    def restart(self) -> Machine[State, Command, Event, Answer, Randomness]:
        """The machine starts again: the queues are there, the memory is empty. Spec: EventSourcing!Restart."""
        return self.change(state=self.application.start(), folded=0)


def replayed(
    machine: Machine[State, Command, Event, Answer, Randomness],
) -> Machine[State, Command, Event, Answer, Randomness]:
    """The machine when it has folded all its events."""
    while machine.folded < len(machine.events):
        machine = machine.fold()
    return machine


def serve(
    machine: Machine[State, Command, Event, Answer, Randomness], randomness: Randomness
) -> tuple[Machine[State, Command, Event, Answer, Randomness], Answer]:
    """Decides the oldest command, folds its events, and says what its asker is to be told once they are stored."""
    done = replayed(machine.decide(randomness))
    return done, machine.application.answer(done.state, done.events[len(machine.events) :])
