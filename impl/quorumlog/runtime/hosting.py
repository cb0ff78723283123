"""What a server hosts: an application, how its values are written, what is drawn for a command, what is a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Generic, TypeAlias, TypeVar

from quorumlog.core.event_sourcing import Application
from quorumlog.core.leader_output import LeaderOutput, no_messages
from quorumlog.ledger.books import Books
from quorumlog.ledger.commands import Balance, Total
from quorumlog.ledger.commands import Command as LedgerCommand
from quorumlog.ledger.events import Event as LedgerEvent
from quorumlog.ledger.ledger import Answer as LedgerAnswer
from quorumlog.ledger.ledger import Ledger, Rate, draw
from quorumlog.node import Service
from quorumlog.runtime.wire import Codec

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")


@dataclass(frozen=True)
class Hosted(Generic[State, Command, Event, Answer, Randomness]):
    """An application as a server runs it.

    `draw` makes what is random about a command. `answer` says what a command would be answered in a state, if it is a
    question and changes nothing, and None if it is not: reads that do not go through the log are answered by it.
    """

    application: Application[State, Command, Event, Answer, Randomness]
    codec: Codec[Command, Event, Answer]
    draw: Callable[[Random], Randomness]
    answer: Callable[[State, Command], Answer | None]
    messages: Callable[[State, tuple[Event, ...]], tuple[Any, ...]] = no_messages

    def service(self) -> Service[State, Command, Event, Answer, Randomness, Any]:
        """The steps of a node that hosts it."""
        return Service(LeaderOutput(self.application, self.messages))


def answered(books: Books, command: LedgerCommand) -> LedgerAnswer | None:
    """What a ledger answers to a question."""
    match command:
        case Balance(account):
            return books.balance(account)
        case Total():
            return books.total()
        case _:
            return None


LEDGER_CODEC: Final[Codec[LedgerCommand, LedgerEvent, LedgerAnswer]] = Codec(LedgerCommand, LedgerEvent, LedgerAnswer)
LEDGER: Final[Hosted[Books, LedgerCommand, LedgerEvent, LedgerAnswer, Rate]] = Hosted(
    Ledger(), LEDGER_CODEC, draw, answered
)

AnyHosted: TypeAlias = Hosted[Any, Any, Any, Any, Any]
