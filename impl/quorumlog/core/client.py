"""What a client remembers of its session, and its proxy of the connections that it holds. Spec: LeaderOutput.

A client numbers its commands and asks again until it is answered; with each request it says which answers it has, so
that the nodes may forget them. It may ask for the next command before the last is answered. A proxy keeps the client's
connection and hands the answer on, whoever gives it; when it crashes, clients ask again through another.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import Answered, Request, Say, SessionId

Answer = TypeVar("Answer")
Command = TypeVar("Command")


class Client(Struct, Generic[Answer], frozen=True, cache_hash=True):
    """A session: the answers to the commands asked so far, None where there is none yet."""

    session: SessionId
    got: tuple[Answered[Answer] | None, ...] = ()

    @property
    def received(self) -> int:
        """How many of its first answers it has. Spec: LeaderOutput!Received."""
        return self.got.index(None) if None in self.got else len(self.got)

    def send(self, number: int, expected: int | None, command: Command) -> tuple[Client[Answer], Request[Command]]:
        """It asks for its next command, or again for one without an answer. Spec: LeaderOutput!Send."""
        if not 1 <= number <= len(self.got) + 1:
            raise Refused(f"command {number} is not the next one")
        new = number > len(self.got)
        if not new and self.got[number - 1] is not None:
            raise Refused(f"command {number} is answered")
        request = Request(self.session, number, min(self.received, number - 1), expected, command)
        return (replace(self, got=(*self.got, None)) if new else self), request

    def accept(self, number: int, answer: Answered[Answer]) -> Client[Answer]:
        """The answer to a command arrives. Spec: LeaderOutput!Return."""
        return replace(self, got=(*self.got[: number - 1], answer, *self.got[number:]))


class Proxy(Struct, frozen=True, cache_hash=True):
    """A proxy, and the commands for which it holds a client's connection."""

    proxy: int
    open: frozenset[tuple[SessionId, int]] = frozenset()

    def forward(self, session: SessionId, number: int) -> Proxy:
        """A client asks through it. Spec: LeaderOutput!Send."""
        return replace(self, open=self.open | {(session, number)})

    def hand_on(self, said: Say[Answer]) -> Proxy:
        """An answer arrives, and goes to the client that waits for it. Spec: LeaderOutput!Return."""
        command = (said.session, said.number)
        if said.to != self.proxy or command not in self.open:
            raise Refused("nobody waits here for this answer")
        return replace(self, open=self.open - {command})
