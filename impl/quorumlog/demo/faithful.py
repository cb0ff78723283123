"""Clients that stay with one server and ask it, whether it leads or not: only they meet one that does not know better.

A server that does not lead says so, and that is no answer; whatever else it says has to be true like any other answer.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Final

from quorumlog.demo.workload import History, Rests
from quorumlog.ledger.commands import Balance
from quorumlog.ledger.placement import Placement
from quorumlog.runtime import wire
from quorumlog.runtime.config import Address
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import Codec, Hello, Read, frame
from quorumlog.sharding.clients import Doing, Ended, Operation

PATIENCE: Final = 0.5
"""Seconds after which a question counts as not answered."""
REST: Final = 0.04
"""Seconds between two questions, on average."""
LARGEST: Final = 1 << 20


class Faithful:
    """A client of one server of a shard. What it asks is in the history, and does not count as an operation.

    That nobody answers it is as it should be, so it says nothing of whether the cluster serves.
    """

    def __init__(
        self,
        group: str,
        address: Address,
        codec: Codec[Any, Any, Any],
        placement: Placement,
        history: History,
        rests: Rests = asyncio.sleep,
    ) -> None:
        self._rests = rests
        self.answered = 0
        self._group = group
        self._address = address
        self._codec = codec
        self._placement = placement
        self._history = history
        self._connection: Connection | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._calls = 0

    async def run(self, accounts: tuple[str, ...], dice: Random, rest: float = REST) -> None:
        """Ask for one balance after the other until this is cancelled. The accounts are those of its shard."""
        process = self._history.process()
        try:
            while True:
                await self.perform(process, Balance(dice.choice(accounts)))
                await self._rests(dice.uniform(0, 2 * rest))
        finally:
            self.leave()

    async def perform(self, process: int, question: Balance) -> bool:
        """One question, from its first line to its last; whether it was answered. A read that was not never was."""
        operation = Operation("", question, "index")
        self._history.line(process, "invoke", operation.f, operation.argument)
        ended: Doing | Ended = Ended("fail")
        try:
            answers = await self._ask(question)
            if answers is not None:
                ended = Doing(operation, self._placement).hear(self._group, answers[0])
        finally:
            how, value = (ended.how, ended.value) if isinstance(ended, Ended) else ("fail", None)
            self._history.line(process, how, operation.f, value)
        self.answered += how == "ok"
        return how == "ok"

    async def _ask(self, question: Balance) -> tuple[Any, ...] | None:
        loop = asyncio.get_running_loop()
        self._calls += 1
        self._answer = loop.create_future()
        try:
            async with asyncio.timeout(PATIENCE):
                if self._connection is None:
                    await loop.create_connection(lambda: Connection(self, LARGEST, LARGEST), *self._address)
                if self._connection is not None:
                    self._connection.send(frame(wire.READ, Read(self._calls, (question,))))
                answers: tuple[Any, ...] | None = await self._answer
                return answers
        except (OSError, TimeoutError):
            self.leave()
            return None

    def leave(self) -> None:
        """Be done with the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _hear(self, answers: tuple[Any, ...] | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answers)

    # -- the owner of its connection --------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """The server is there."""
        self._connection = connection
        connection.send(frame(wire.HELLO, Hello(self._group)))

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """It answers, or says that somebody else leads."""
        if connection is not self._connection:
            return
        if kind == wire.NOT_LEADER:
            self._hear(None)
        elif kind == wire.READ_ANSWERED:
            found = self._codec.read_answered(body)
            if found.call == self._calls:
                self._hear(found.answers)

    def closed(self, connection: Connection, reason: str | None) -> None:
        """It is gone."""
        if connection is self._connection:
            self._connection = None
            self._hear(None)
