"""What clients wait for beside answers to their commands, and the connections on which they do.

A question waits until the others have confirmed that this server leads. So does the word that there is no room for a
session: a leader that was deposed without knowing would say of a command that it is not executed, and another one has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from quorumlog.core.consistent_read import ReadId
from quorumlog.core.event_sourcing import raised
from quorumlog.core.leader_output import Say
from quorumlog.core.read_model import News
from quorumlog.runtime.frames import BadFrame
from quorumlog.runtime.hosting import NoQuestion
from quorumlog.runtime.messages import Gone, NotLeader, Read, ReadAnswered, SessionKnown, Status, Welcome
from quorumlog.runtime.steps import Readable

State = TypeVar("State")
Command = TypeVar("Command")
Answer = TypeVar("Answer")

ConnectionId: TypeAlias = int
ToClient: TypeAlias = ReadAnswered[Any] | NotLeader | Status | Welcome | News[Any] | Gone | SessionKnown
"""What a client is told beside answers to its requests."""


class Clients(Protocol):
    """The connections of clients, by their numbers. What is said to one that is gone is lost."""

    def answer(self, to: ConnectionId, answers: Sequence[Say[Any]]) -> None:
        """Answers to requests."""

    def tell(self, to: ConnectionId, message: ToClient) -> bool:
        """Something else; whether there is somebody who takes it, and not too much waits for them already."""
        ...

    def everyone(self, message: NotLeader) -> None:
        """The same to every client."""

    def ready(self) -> None:
        """The server takes requests again, after it was full."""


class Strange(Struct, frozen=True):
    """Sessions for which there seemed to be no room: is that so?"""

    sessions: frozenset[str]


class Questions(Generic[State, Command, Answer]):
    """What waits for the others. `answer` is how the application answers a question in a state."""

    def __init__(self, clients: Clients, answer: Callable[[State, Command], Answer]) -> None:
        self._clients = clients
        self._answer = answer
        self._open: dict[ReadId, tuple[ConnectionId, Read[Command] | Strange]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, by: ConnectionId, read: Read[Command]) -> ReadId:
        """A client's questions; answers the name of the read. Raises `BadFrame` for a call that is still open."""
        name = by, read.call
        if name in self._open:
            raise BadFrame(f"call {read.call} again, before its answer, which would be older than what it asks")
        self._open[name] = by, read
        return name

    def ask_for_room(self, by: ConnectionId, sessions: frozenset[str]) -> ReadId:
        """Is there no room for these sessions of a client?"""
        self._number += 1
        name = by, f"room {self._number}"
        self._open[name] = by, Strange(sessions)
        return name

    def gone(self, by: ConnectionId) -> None:
        """Nobody waits on this connection any more."""
        for name in [name for name, (connection, _) in self._open.items() if connection == by]:
            del self._open[name]

    def lost(self, reads: Iterable[ReadId]) -> set[ConnectionId]:
        """These will not be answered here; answers who has asked."""
        gone = [self._open.pop(name, None) for name in reads]
        return {each[0] for each in gone if each is not None}

    def clear(self) -> None:
        """None of them will be answered here."""
        self._open.clear()

    def answered(self, readable: Readable[State, Answer, Any], is_no_room: Callable[[str], bool]) -> None:
        """These reads may be answered. `is_no_room` says whether a session is one for which there is no room."""
        for name in readable.reads:
            by, asked = self._open.pop(name, (0, None))
            if isinstance(asked, Strange):
                for session in filter(is_no_room, sorted(asked.sessions)):
                    self._clients.tell(by, SessionKnown(session, 0, 0, full=True))
            elif asked is not None:
                self._clients.tell(by, self._found(asked, readable))

    def _found(self, read: Read[Command], readable: Readable[State, Answer, Any]) -> ReadAnswered[Answer]:
        table, answer = readable.table, self._answer
        try:
            return ReadAnswered(read.call, table.events, tuple([answer(table.state, q) for q in read.questions]))
        except NoQuestion:
            return ReadAnswered(read.call, table.events, None)
        except Exception as error:  # whatever the application's own code raises
            return ReadAnswered(read.call, table.events, None, raised(error))
