"""Connections and links, on loops and transports that are none."""

from __future__ import annotations

import asyncio
import socket
from random import Random
from typing import Any, cast

import pytest

from quorumlog.runtime import transport
from quorumlog.runtime.frames import framed
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


class Pipe:
    """A transport that is read from, or not."""

    def __init__(self) -> None:
        self.reads = True

    def set_write_buffer_limits(self, **_: int) -> None:
        """As many as you like."""

    def get_extra_info(self, _: str) -> None:
        """There is no socket."""

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Taker:
    """Takes frames, and pauses at some of them."""

    def __init__(self, pauses: frozenset[int] = frozenset()) -> None:
        self.taken: list[int] = []
        self._pauses = pauses

    def opened(self, connection: Connection) -> None:
        """It is there."""

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        self.taken.append(int.from_bytes(body, "big"))
        if self.taken[-1] in self._pauses:
            connection.pause()

    def closed(self, connection: Connection, reason: str | None) -> None:
        """It is gone."""


def frames(first: int, last: int) -> bytes:
    """Frames with these numbers."""
    return b"".join(framed(40, number.to_bytes(4, "big")) for number in range(first, last))


def fed(size: int, pauses: frozenset[int] = frozenset()) -> list[int]:
    """After how many frames it was others' turn, each time, when so many came at once; some of them make it pause."""

    async def run() -> list[int]:
        taker, pipe = Taker(pauses), Pipe()
        connection = Connection(taker, 100, 100)
        connection.connection_made(cast(asyncio.Transport, pipe))
        connection.data_received(frames(0, size) + frames(size, size + 1)[:5])
        turns = [len(taker.taken)]
        while len(taker.taken) < size:
            assert not pipe.reads
            if len(taker.taken) - 1 in pauses:
                for _ in range(3):
                    await asyncio.sleep(0)
                assert len(taker.taken) == turns[-1]
                connection.resume()
            await asyncio.sleep(0)
            turns.append(len(taker.taken))
        await asyncio.sleep(0)
        assert pipe.reads or size - 1 in pauses
        connection.resume()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert pipe.reads
        connection.data_received(frames(size, size + 1)[5:])
        assert taker.taken == list(range(size + 1))
        return turns

    return asyncio.run(run())


def test_many_small_frames_hold_nobody_up() -> None:
    """Tens of thousands fit into what one read of a socket brings."""
    many = transport.AT_ONCE
    assert fed(10) == [10]
    assert fed(3 * many + 5) == [many, 2 * many, 3 * many, 3 * many + 5]


def test_who_is_paused_is_not_asked_for_what_was_read_before() -> None:
    assert fed(10, frozenset({3, 4})) == [4, 5, 10]
    assert fed(10, frozenset({9})) == [10]
    many = transport.AT_ONCE
    assert fed(2 * many, frozenset({many - 1})) == [many, 2 * many]


def test_who_is_paused_before_its_next_turn_loses_nothing() -> None:
    """As all clients of a server are when it is full, whoever has filled it."""

    async def run() -> tuple[int, list[int]]:
        taker, pipe = Taker(), Pipe()
        connection = Connection(taker, 100, 100)
        connection.connection_made(cast(asyncio.Transport, pipe))
        connection.data_received(frames(0, 2 * transport.AT_ONCE))
        connection.pause()
        for _ in range(3):
            await asyncio.sleep(0)
        held = len(taker.taken)
        connection.resume()
        for _ in range(3):
            await asyncio.sleep(0)
        return held, taker.taken

    assert asyncio.run(run()) == (transport.AT_ONCE, list(range(2 * transport.AT_ONCE)))


def test_without_a_bound_others_wait_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant."""
    monkeypatch.setattr(transport, "AT_ONCE", 1 << 30)
    assert fed(10_000) == [10_000]
