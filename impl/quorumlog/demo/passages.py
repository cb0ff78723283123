"""The ways between servers, each a listener that hands on what it is told: or not, or late, or in one direction only.

A server finds its peers through passages of its own, so what A says to B can be stopped while B still reaches A. What
follows dropped bytes means nothing, so a passage that heals closes its connections, and the servers dial again; and
where a passage loses only some of what it is told, the connection ends there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime.config import Address

PIECE: Final = 1 << 16


class Passage:
    """The way of one server to another. `address` is where the first one dials."""

    def __init__(self, source: ServerId, target: ServerId, there: Address, dice: Random) -> None:
        self.source = source
        self.target = target
        self.is_blocked = False
        self.delay = 0.0
        """Seconds that everything takes longer."""
        self.loss = 0.0
        """The part of all pieces that are lost."""
        self.address: Address = ("127.0.0.1", 0)
        self._there = there
        self._dice = dice
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on an address that is free."""
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = host, port

    async def stop(self) -> None:
        """Nobody comes through any more."""
        if self._server is not None:
            self._server.close()
        self.reset()
        await asyncio.gather(*self._open, return_exceptions=True)

    def block(self) -> None:
        """What is said from now on never arrives. The connections stay, as when a cable is cut."""
        self.is_blocked = True

    def heal(self) -> None:
        """Hand on again, on new connections."""
        if self.is_blocked:
            self.is_blocked = False
            self.reset()
        self.delay = self.loss = 0.0

    def reset(self) -> None:
        """Close what is open."""
        for task in self._open:
            task.cancel()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a server's callback is a task"
        self._open.add(task)
        try:
            await self._hand_on(reader, writer)
        except asyncio.CancelledError:
            pass  # the passage was reset, and whoever has sent dials again
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, on = await asyncio.open_connection(*self._there)
        except OSError:
            return
        ways = [asyncio.create_task(self._carry(*each)) for each in ((reader, on), (back, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            on.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.loss and self._dice.random() < self.loss:
                    return
                if not self.is_blocked:
                    writer.write(piece)
                    await writer.drain()


class Passages:
    """The passages between all servers. `dice` say what is lost."""

    def __init__(self, servers: Mapping[ServerId, Address], dice: Random) -> None:
        self._all = {
            (source, target): Passage(source, target, there, dice)
            for source in servers
            for target, there in servers.items()
            if source != target
        }

    async def start(self) -> None:
        """Listen, all of them."""
        for each in self._all.values():
            await each.start()

    async def stop(self) -> None:
        """Stop, all of them."""
        for each in self._all.values():
            await each.stop()

    def seen_by(self, source: ServerId) -> dict[ServerId, Address]:
        """Where a server finds the others."""
        return {target: each.address for (whose, target), each in self._all.items() if whose == source}

    def from_(self, source: ServerId) -> Sequence[Passage]:
        """Its ways to all others."""
        return [each for (whose, _), each in self._all.items() if whose == source]

    def to(self, target: ServerId) -> Sequence[Passage]:
        """The ways of all others to it."""
        return [each for (_, whose), each in self._all.items() if whose == target]

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        for each in self._all.values():
            each.heal()
