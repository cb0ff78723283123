"""What a client of one group remembers of its commands, and what can come of them beside an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from quorumlog.core.leader_output import Request

Command = TypeVar("Command")
Answer = TypeVar("Answer")


class Unanswered(Exception):
    """Nobody has answered in time. A command may have been executed, or may still be."""


class NotAQuestion(ValueError):
    """What was to be read would have changed something; it was not executed."""


class Refused(Exception):
    """A server does not want to talk to this client, and says why. What was asked before may have happened."""


class Forgotten(Exception):
    """The command was executed, its client has said that it has the answer, and the servers have forgotten it."""


class Full(Exception):
    """The servers remember as many sessions as they may, and this is none of them: its commands are not executed."""


class Expected(Exception):
    """The client expected another number of events before its command: nothing has happened."""

    def __init__(self, events: int) -> None:
        super().__init__(f"there were {events} events")
        self.events = events


class Rejected(Exception):
    """The application has raised an exception at the command, and this is what it says: nothing has happened."""


class Session(Generic[Command]):
    """The commands of a session that are not answered yet. It says what `core.client.Client` says, and forgets more.

    `received` are the answers that have arrived without a gap; with each request the servers hear of it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.last = 0
        self.received = 0
        self.open: dict[int, tuple[int | None, Command]] = {}

    def ask(self, expected: int | None, command: Command) -> Request[Command]:
        """The next command."""
        self.last += 1
        self.open[self.last] = expected, command
        return Request(self.name, self.last, self.received, expected, command)

    def again(self) -> list[Request[Command]]:
        """All that is open, in order."""
        name, received = self.name, self.received
        return [Request(name, number, received, *asked) for number, asked in self.open.items()]

    def accept(self, number: int) -> bool:
        """An answer arrives; whether it is the first to this command."""
        if self.open.pop(number, None) is None:
            return False
        while self.received < self.last and self.received + 1 not in self.open:
            self.received += 1
        return True


def no_answer(session: str, number: int, *, full: bool) -> Exception:
    """Why there is no answer to a command, now or ever."""
    if full:
        return Full(f"there are as many sessions and keys as may be ([limits] sessions), and {session} is none of them")
    return Forgotten(f"the answer to command {number} of {session} is forgotten")


def spread(answers: Sequence[Answer], waiting: Sequence[asyncio.Future[Answer]]) -> None:
    """Hand answers to those who wait for them, one to each."""
    for each, answer in zip(waiting, answers, strict=False):
        if not each.done():
            each.set_result(answer)
