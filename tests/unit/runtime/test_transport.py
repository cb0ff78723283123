"""Connections and links, on loops and transports that are none."""

from __future__ import annotations

import asyncio
import socket
from random import Random
from typing import Any, cast

import pytest

from quorumlog.runtime import transport
from quorumlog.runtime.transport import Connection, Link


class Nobody:
    """An owner to whom nothing happens, and a transport that only notes what is asked of it."""

    def __init__(self) -> None:
        self.reads = True

    def opened(self, connection: Connection) -> None:
        """It is there."""

    def closed(self, connection: Connection, reason: str | None) -> None:
        """It is gone."""

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """A frame has come."""

    def set_write_buffer_limits(self, high: int) -> None:
        """How much may wait."""

    def get_extra_info(self, name: str) -> None:
        """There is no socket."""

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


def test_whoever_does_not_take_its_answers_is_not_heard_though_the_server_has_room_again() -> None:
    nobody = Nobody()
    connection = Connection(nobody, 1 << 10, 1 << 10)
    connection.connection_made(cast(asyncio.Transport, nobody))
    connection.pause_writing()
    connection.pause()
    connection.resume()
    heard = [nobody.reads]
    connection.resume_writing()
    assert [*heard, nobody.reads] == [False, True]


class Silent:
    """A loop in which nobody answers who is dialled."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.dialled = 0
        self.call_later = loop.call_later
        self.create_task = loop.create_task

    async def create_connection(self, *_: Any) -> None:
        self.dialled += 1
        await asyncio.Event().wait()


def test_a_link_dials_again_though_nobody_says_that_there_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet that is lost without a word is sent again by the system, but later and later."""
    monkeypatch.setattr(transport, "DIALS", 0.01)

    lines: list[str] = []

    async def dialled() -> int:
        loop = Silent(asyncio.get_running_loop())
        link = Link(cast(asyncio.AbstractEventLoop, loop), ("127.0.0.1", 1), b"", 1, Random(1), lines.append)
        link.dial()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if loop.dialled > 2:
                break
        link.close()
        return loop.dialled

    assert asyncio.run(dialled()) > 2
    assert lines == []


@pytest.mark.skipif(transport.USER_TIMEOUT is None, reason="this system has no such option")
def test_a_link_gives_a_connection_up_that_acknowledges_nothing() -> None:
    """A system would go on for a quarter of an hour, and look less and less often whether the way is there again."""

    async def said() -> int:
        loop = asyncio.get_running_loop()
        sockets: list[socket.socket] = []

        class Watched(Link):
            def opened(self, connection: Connection) -> None:
                sockets.append(cast(asyncio.Transport, connection._transport).get_extra_info("socket"))
                super().opened(connection)

        with socket.create_server(("127.0.0.1", 0)) as server:
            link = Watched(loop, server.getsockname()[:2], b"", 1, Random(1), lines.append)
            link.dial()
            while not link.is_up:
                await asyncio.sleep(0.001)
            assert transport.USER_TIMEOUT is not None
            found = sockets[0].getsockopt(socket.IPPROTO_TCP, transport.USER_TIMEOUT)
            link.close()
            await asyncio.sleep(0)
        return found

    lines: list[str] = []
    assert asyncio.run(said()) == transport.UNHEARD * 1000
