"""Two processes in virtual time, for the tests, a network between them, and protocols that note what they see."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from quorumlog.virtual.clock import Clock
from quorumlog.virtual.loop import VirtualLoop, run
from quorumlog.virtual.network import Conditions, Network

Result = TypeVar("Result")
MOST = 600.0
"""Virtual seconds after which a test has failed."""


class Peer(asyncio.Protocol):
    """Notes what comes, and when."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.pieces: list[bytes] = []
        self.lost: list[Exception | None] = []
        self.full: list[bool] = []

    @property
    def all(self) -> bytes:
        """All that has come."""
        return b"".join(self.pieces)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)

    def pause_writing(self) -> None:
        self.full.append(True)

    def resume_writing(self) -> None:
        self.full.append(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


class Two:
    """Two servers, `a` and `b`, and what `b` has taken of connections."""

    def __init__(self, seed: int = 1, conditions: Conditions | None = None) -> None:
        self.clock = Clock()
        self.network = Network(self.clock, Random(seed), conditions or Conditions(), ("a", "b"))
        self.a = VirtualLoop("a", self.clock, self.network)
        self.b = VirtualLoop("b", self.clock, self.network)
        self.taken: list[Peer] = []

    def take(self) -> Peer:
        """Somebody connects."""
        self.taken.append(Peer())
        return self.taken[-1]

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run this in `a`."""
        return run(self.clock, self.a, main, MOST)

    async def connected(self) -> tuple[Peer, Peer]:
        """A connection from a to b: both ends of it."""
        loop = asyncio.get_running_loop()
        if not self.taken:
            await self.b.create_server(self.take, "b", 1)
        _, near = await loop.create_connection(Peer, "b", 1)
        await asyncio.sleep(0.01)
        return near, self.taken[-1]
