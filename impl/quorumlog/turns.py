"""What a driver drives: how a step is taken, what comes of it, and who watches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Never, Protocol, TypeVar

from msgspec import Struct

from quorumlog.core.consensus.effects import Effects, Input
from quorumlog.core.consensus.messages import Message
from quorumlog.core.consensus.replica import Replica, step

Whole = TypeVar("Whole")
Taken = TypeVar("Taken")
Carried = TypeVar("Carried")
Said = TypeVar("Said")


class Outcome(Struct, Generic[Whole, Carried, Said], frozen=True):
    """What a step makes of a server: what consensus does, what else is to be sent, and what is to be said."""

    after: Whole
    effects: Effects
    posted: Sequence[Carried] = ()
    said: Sequence[Said] = ()


class Steps(Protocol[Whole, Taken, Carried, Said]):
    """How whatever is driven takes a step. `Taken` is what it takes beside the inputs of consensus."""

    def replica(self, whole: Whole) -> Replica:
        """Its part in consensus."""
        ...

    def take(self, whole: Whole, taken: Taken | Input) -> Outcome[Whole, Carried, Said]:
        """A step. Raises `Refused` where the spec has none."""
        ...

    def gathered(self, whole: Whole) -> Taken | None:
        """What is to be taken next at the end of a turn, when all that has come in was taken: a batch, or nothing."""
        ...

    def has_gathered(self, whole: Whole) -> bool:
        """Whether `gathered` would answer something."""
        ...

    def beat(self, whole: Whole) -> Sequence[Carried]:
        """What a leader posts again with each heartbeat, since the network may have lost it."""
        ...


class BareSteps:
    """A server of consensus and nothing else."""

    def replica(self, whole: Replica) -> Replica:
        """The server itself."""
        return whole

    def take(self, whole: Replica, taken: Input) -> Outcome[Replica, Message, Never]:
        """A step of consensus."""
        after, effects = step(whole, taken)
        return Outcome(after, effects)

    def gathered(self, whole: Replica) -> None:
        """Nothing gathers."""

    def has_gathered(self, whole: Replica) -> bool:
        """Nothing gathers."""
        return False

    def beat(self, whole: Replica) -> Sequence[Message]:
        """Nothing but what consensus says."""
        return ()


class Turn(Struct, Generic[Whole, Taken], frozen=True):
    """A step that a server has taken, and whose effects are being carried out: the input, and what comes of it."""

    taken: Taken
    after: Whole
    effects: Effects
    said: Sequence[object] = ()
    posted: Sequence[object] = ()


class Listener(Protocol[Whole, Taken]):
    """Whoever watches a server: a recorder, or a simulation."""

    def stepped(self, before: Whole, turn: Turn[Whole, Taken | Input]) -> None:
        """A step is over: its effects have been carried out."""

    def refused(self, taken: Taken | Input) -> None:
        """The server cannot take this input now, and nothing has happened."""
