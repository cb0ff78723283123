"""Passages hand on what they are told: or not, or late, in each direction for itself, and heal on new connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from quorumlog.demo.passages import Passages

SOON = 0.1
SECONDS = 10


class Place:
    """Whoever listens at an address, and what was said there."""

    def __init__(self) -> None:
        self.heard = b""
        self.entered = 0

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.entered += 1
        while piece := await reader.read(100):
            self.heard += piece
            writer.write(piece.upper())
        writer.close()

    async def hears(self, said: bytes) -> None:
        """Wait until it has heard this in all."""
        async with asyncio.timeout(SECONDS):
            while self.heard != said:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Passages, dict[str, Place]]]:
    """Two servers, a and b, and the passages between them."""
    places = {"a": Place(), "b": Place()}
    servers = [await asyncio.start_server(each.enter, "127.0.0.1", 0) for each in places.values()]
    addresses = {name: each.sockets[0].getsockname()[:2] for name, each in zip(places, servers, strict=True)}
    passages = Passages(addresses, Random(1))
    await passages.start()
    try:
        yield passages, places
    finally:
        await passages.stop()
        for each in servers:
            each.close()


def told(story: Callable[[], Awaitable[None]]) -> None:
    """Run it, for a bounded time."""

    async def bounded() -> None:
        async with asyncio.timeout(2 * SECONDS):
            await story()

    asyncio.run(bounded())


def test_what_is_said_arrives_and_so_does_the_answer() -> None:
    async def story() -> None:
        async with world() as (passages, places):
            reader, writer = await asyncio.open_connection(*passages.seen_by("a")["b"])
            writer.write(b"one")
            await places["b"].hears(b"one")
            assert await reader.readexactly(3) == b"ONE"
            writer.close()

    told(story)


def test_one_direction_is_blocked_and_not_the_other() -> None:
    async def story() -> None:
        async with world() as (passages, places):
            _, to_b = await asyncio.open_connection(*passages.seen_by("a")["b"])
            _, to_a = await asyncio.open_connection(*passages.seen_by("b")["a"])
            for each in passages.from_("a"):
                each.block()
            to_b.write(b"lost")
            to_a.write(b"kept")
            await places["a"].hears(b"kept")
            await asyncio.sleep(SOON)
            assert places["b"].heard == b""
            to_a.close()
            to_b.close()

    told(story)


def test_healing_ends_the_connections_on_which_something_was_lost() -> None:
    async def story() -> None:
        async with world() as (passages, places):
            reader, writer = await asyncio.open_connection(*passages.seen_by("a")["b"])
            for each in passages.from_("a"):
                each.block()
            writer.write(b"lost")
            await asyncio.sleep(SOON)
            passages.heal()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            writer.close()
            _, again = await asyncio.open_connection(*passages.seen_by("a")["b"])
            again.write(b"heard")
            await places["b"].hears(b"heard")
            assert places["b"].entered == 2
            again.close()

    told(story)


def test_a_slow_way_loses_nothing_and_keeps_its_connections() -> None:
    async def story() -> None:
        async with world() as (passages, places):
            _, writer = await asyncio.open_connection(*passages.seen_by("a")["b"])
            writer.write(b"now")
            await places["b"].hears(b"now")
            for each in passages.from_("a"):
                each.delay = 2 * SOON
            writer.write(b" late")
            await asyncio.sleep(SOON / 2)
            assert places["b"].heard == b"now"
            await places["b"].hears(b"now late")
            passages.heal()
            assert {each.delay for each in passages.from_("a")} == {0.0}
            writer.write(b" on")
            await places["b"].hears(b"now late on")
            assert places["b"].entered == 1
            writer.close()

    told(story)


def test_a_way_that_loses_something_ends_the_connection() -> None:
    async def story() -> None:
        async with world() as (passages, places):
            reader, writer = await asyncio.open_connection(*passages.seen_by("a")["b"])
            writer.write(b"one")
            await places["b"].hears(b"one")
            assert await reader.readexactly(3) == b"ONE"
            for each in passages.from_("a"):
                each.loss = 1.0
            writer.write(b"two")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            assert places["b"].heard == b"one"
            passages.heal()
            assert {each.loss for each in passages.from_("a")} == {0.0}
            writer.close()

    told(story)
