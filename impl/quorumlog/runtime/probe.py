"""How each server of each group is, asked over connections of their own, and not more often than it is worth."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, TypeAlias

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime import wire
from quorumlog.runtime.config import Address
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import Hello, Status, frame

KEPT: Final = 0.5
"""Seconds for which an answer is good enough."""
PATIENCE: Final = 1.0
"""Seconds after which a server counts as silent."""
LARGEST: Final = 1 << 20

Groups: TypeAlias = Mapping[str, Mapping[ServerId, Address]]
Statuses: TypeAlias = dict[str, dict[ServerId, Status | None]]
"""By group and server; None where nobody answers."""


class Visit:
    """The owner of one connection, on which one server is asked once."""

    def __init__(self, group: str) -> None:
        self.answer: asyncio.Future[Status | None] = asyncio.get_running_loop().create_future()
        self._group = group

    def opened(self, connection: Connection) -> None:
        """The server is there."""
        connection.send(frame(wire.HELLO, Hello(self._group)) + frame(wire.ASK_STATUS, wire.AskStatus()))

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """It says how it is, among other things."""
        if kind == wire.STATUS and not self.answer.done():
            self.answer.set_result(wire.decoded(wire.STATUS_DECODER, body))

    def closed(self, connection: Connection, reason: str | None) -> None:
        """It is gone, or was no such server."""
        if not self.answer.done():
            self.answer.set_result(None)


async def status_of(group: str, address: Address) -> Status | None:
    """How a server is; None if it does not say in time."""
    visit = Visit(group)
    connection = Connection(visit, LARGEST, LARGEST)
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().create_connection(lambda: connection, *address)
            return await visit.answer
    except (OSError, TimeoutError):
        return None
    finally:
        connection.close()


class Probe:
    """Asks all servers when somebody wants to know; whoever comes soon after that hears the same."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._asking: asyncio.Task[Statuses] | None = None
        self._asked = float("-inf")

    async def statuses(self) -> Statuses:
        """How all servers are."""
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now - self._asked > KEPT):
            self._asked = now
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> Statuses:
        places = [(group, server) for group, servers in self._groups.items() for server in servers]
        told = await asyncio.gather(*(status_of(group, self._groups[group][server]) for group, server in places))
        found: Statuses = {group: {} for group in self._groups}
        for (group, server), status in zip(places, told, strict=True):
            found[group][server] = status
        return found

    async def close(self) -> None:
        """Ask nobody any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
