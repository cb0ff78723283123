"""What a server hosts: an application, how its values are written, what is drawn for a command, what is a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Generic, TypeAlias, TypeVar

from quorumlog.core.event_sourcing import Application
from quorumlog.core.leader_output import LeaderOutput, no_messages
from quorumlog.core.two_phase_commit.messages import TransferId
from quorumlog.ledger import coordinated, sharded_ledger
from quorumlog.ledger.books import Books
from quorumlog.ledger.commands import Balance, Total
from quorumlog.ledger.commands import Command as LedgerCommand
from quorumlog.ledger.coordinated import Coordinated, TransferCoordination
from quorumlog.ledger.events import Event as LedgerEvent
from quorumlog.ledger.ledger import Answer as LedgerAnswer
from quorumlog.ledger.ledger import Ledger, Rate, draw
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import ShardBooks, ShardedLedger
from quorumlog.node import Service
from quorumlog.runtime.keeping import Keeping
from quorumlog.runtime.wire import Codec, Limits
from quorumlog.sharding.duties import CoordinatorDuty, Duty, ShardDuty

EVENTS: Final = Limits().events
State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")


class NoQuestion(ValueError):
    """A command that would change something."""


class Checked(Generic[State, Command, Event, Answer, Randomness]):
    """An application whose events can be written; deciding raises where they cannot, before anybody has them."""

    def __init__(
        self,
        application: Application[State, Command, Event, Answer, Randomness],
        check: Callable[[tuple[Event, ...]], None],
    ) -> None:
        self._application = application
        self._check = check
        self.start = application.start
        self.evolve = application.evolve
        self.answer = application.answer

    def decide(self, state: State, command: Command, randomness: Randomness) -> tuple[Event, ...]:
        """The events that the application decides."""
        events = self._application.decide(state, command, randomness)
        self._check(events)
        return events


@dataclass(frozen=True)
class Hosted(Generic[State, Command, Event, Answer, Randomness]):
    """An application as a server runs it.

    `draw` makes what is random about a command. `answer` says what a question would be answered in a state, and raises
    `NoQuestion` if a command is none: reads that do not go through the log are answered by it. With a `duty` the group
    is one among several, says letters to them and takes letters from them.
    """

    application: Application[State, Command, Event, Answer, Randomness]
    codec: Codec[Command, Event, Answer]
    draw: Callable[[Random], Randomness]
    answer: Callable[[State, Command], Answer]
    messages: Callable[[State, tuple[Event, ...]], tuple[Any, ...]] = no_messages
    duty: Duty | None = None
    keeping: Keeping[State, Any, Any] | None = None
    """How its state is written into snapshots; without it there are none."""
    is_proven: bool = False
    """Whether its events are known to have an encoding, whatever the command: they are not tried out then."""

    def service(
        self, largest: int = EVENTS, measured: Callable[[int], None] = lambda _: None
    ) -> Service[State, Command, Event, Answer, Randomness, Any]:
        """The steps of a node that hosts it; `largest` is how many bytes the events of a command may have.

        `measured` is told how many they have, where that is found out.
        """

        def check(events: tuple[Event, ...]) -> None:
            measured(self.codec.check(events, largest))

        application = self.application if self.is_proven else Checked(self.application, check)
        return Service(LeaderOutput(application, self.messages))


def answered(books: Books, command: LedgerCommand) -> LedgerAnswer:
    """What a ledger answers to a question."""
    match command:
        case Balance(account):
            return books.balance(account)
        case Total():
            return books.total()
        case _:
            raise NoQuestion(f"{command} is no question")


def found(books: ShardBooks, command: LedgerCommand) -> sharded_ledger.Answer:
    """What a shard answers to a question: None if it is about something in doubt."""
    match command:
        case Balance(account):
            return books.find(account)
        case Total():
            return books.find(None)
        case _:
            raise NoQuestion(f"{command} is no question")


def nothing(state: object, command: object) -> coordinated.Ending:
    """What a coordinator answers to a question: there is none."""
    raise NoQuestion("the coordinator is asked no questions")


LEDGER_CODEC: Final[Codec[LedgerCommand, LedgerEvent, LedgerAnswer]] = Codec(LedgerCommand, LedgerEvent, LedgerAnswer)
LEDGER: Final[Hosted[Books, LedgerCommand, LedgerEvent, LedgerAnswer, Rate]] = Hosted(
    Ledger(), LEDGER_CODEC, draw, answered, keeping=Keeping(Books, LedgerAnswer), is_proven=True
)
SHARD_CODEC: Final[Codec[LedgerCommand, sharded_ledger.Event, sharded_ledger.Answer]] = Codec(
    LedgerCommand, sharded_ledger.Event, sharded_ledger.Answer
)
COORDINATOR_CODEC: Final[Codec[LedgerCommand, coordinated.Event, coordinated.Ending]] = Codec(
    LedgerCommand, coordinated.Event, coordinated.Ending
)

AnyHosted: TypeAlias = Hosted[Any, Any, Any, Any, Any]


def shard(name: str, placement: Placement) -> AnyHosted:
    """One shard of a ledger."""
    keeping: Keeping[ShardBooks, Any, Any] = Keeping(ShardBooks, sharded_ledger.Answer)
    return Hosted(
        ShardedLedger(name, placement), SHARD_CODEC, draw, found, duty=ShardDuty(name), keeping=keeping, is_proven=True
    )


def coordinator(placement: Placement) -> AnyHosted:
    """The coordinator of the transfers between its shards."""
    duty = CoordinatorDuty(placement.shards)
    keeping: Keeping[Coordinated, Any, Any] = Keeping(Coordinated, TransferId | None)
    return Hosted(
        TransferCoordination(placement), COORDINATOR_CODEC, draw, nothing, duty=duty, keeping=keeping, is_proven=True
    )
