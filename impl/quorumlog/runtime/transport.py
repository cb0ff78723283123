"""Connections over TCP: frames in and out, as asyncio protocols. What is wrong with one is the end of that one alone.

A link to a peer promises nothing: it drops what it cannot send, and dials again after a jittered time that grows.
A connection of a client loses nothing while it lasts: when too much waits to be sent, no more is read from it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from random import Random
from typing import Final, Protocol, cast

from quorumlog.runtime import wire
from quorumlog.runtime.wire import BadFrame, FrameReader

FIRST_WAIT: Final = 0.02
LONGEST_WAIT: Final = 1.0
"""Seconds between two attempts to reach a peer."""
DIALS: Final = 2.0
"""Seconds that one may take. Systems try a minute and more, at longer and longer intervals."""
UNHEARD: Final = 4.0
"""Seconds after which a connection to a peer is given up that has acknowledged nothing of what was sent. For the same
reason: when a way is there again after half a minute, systems might find out only after another half."""
USER_TIMEOUT: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)


AT_ONCE: Final = 64
"""Frames of one connection that are taken one after another; then it is the turn of others. Small frames cost as much
as large ones, and there are tens of thousands in what a socket holds."""


class Owner(Protocol):
    """Whoever takes the frames of connections."""

    def opened(self, connection: Connection) -> None:
        """It is there."""

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """A frame has come. Raises `BadFrame` if it cannot be taken: the connection is closed then."""

    def closed(self, connection: Connection, reason: str | None) -> None:
        """It is gone; the reason is what was wrong with a frame, if that was why."""


class Listening(Protocol):
    """A socket that listens, as far as its loop shows it."""

    def fileno(self) -> int:
        """Its number."""


async def accept_no_more(loop: asyncio.AbstractEventLoop, sockets: Iterable[Listening]) -> None:
    """Before these are closed: Python 3.11 would lose a connection that is half accepted then, and never close it."""
    for each in sockets:
        loop.remove_reader(each.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


class Connection(asyncio.Protocol):
    """One connection. `buffer` is how many bytes may wait to be sent before it is no longer `is_writable`.

    `unheard` is how many seconds what was sent may be without acknowledgement, if not as long as the system says.
    """

    def __init__(self, owner: Owner, largest: int, buffer: int, unheard: float | None = None) -> None:
        self.is_writable = True
        self.is_open = False
        self.frames = FrameReader(largest)
        self._owner = owner
        self._buffer = buffer
        self._unheard = unheard
        self._transport: asyncio.Transport | None = None
        self._reason: str | None = None
        self._left: Iterator[tuple[int, memoryview]] | None = None
        """Frames that have come and are not taken yet; nothing more is read meanwhile."""
        self._held = False

    # -- what asyncio calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._buffer)
        raw = self._transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._unheard is not None and USER_TIMEOUT is not None:
                raw.setsockopt(socket.IPPROTO_TCP, USER_TIMEOUT, int(self._unheard * 1000))
        self.is_open = True
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Some bytes have come; with them perhaps some frames."""
        if self._held:
            self._left = chain(self._left or (), self.frames.feed(data))
        else:
            self._take(self.frames.feed(data))

    def _take(self, frames: Iterator[tuple[int, memoryview]]) -> None:
        """Take these frames, as long as whoever takes them does not pause, and others do not wait for too long."""
        try:
            for number, (kind, body) in enumerate(frames, start=1):
                if not self.is_open:
                    return
                self._owner.took(self, kind, body)
                if self._held or number == AT_ONCE:
                    self._left = frames
                    if not self._held:
                        self.pause()
                        self.resume()
                    return
        except BadFrame as error:
            self.close(str(error))

    def _take_left(self) -> None:
        """Go on with what has come before; when it is taken, read on."""
        left, self._left = self._left, None
        if self._held:
            self._left = left
        elif self.is_open and left is not None:
            self._take(left)
            if self._left is None:
                self.resume()

    def pause_writing(self) -> None:
        """Too much waits to be sent."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """Less waits to be sent."""
        self.is_writable = True
        self.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self.is_open = False
        self._owner.closed(self, self._reason)

    # -- what its owner calls --------------------------------------------------------------------------------

    def send(self, frame: bytes) -> None:
        """Send a frame, now if the socket takes it."""
        if self.is_open and self._transport is not None:
            self._transport.write(frame)

    def pause(self) -> None:
        """Read no more for a while, and take nothing of what has been read."""
        self._held = True
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on, unless too much waits to be sent: then that comes first."""
        if self.is_open and self.is_writable and self._transport is not None and not self._transport.is_reading():
            self._held = False
            if self._left is None:
                self._transport.resume_reading()
            else:
                asyncio.get_running_loop().call_soon(self._take_left)

    def close(self, reason: str | None = None) -> None:
        """What was sent is sent, and nothing more is taken."""
        self._reason = self._reason or reason
        self.is_open = False
        if self._transport is not None:
            self._transport.close()


class Link:
    """The way to one peer. It dials until it is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: tuple[str, int],
        greeting: bytes,
        buffer: int,
        dice: Random,
        said: Callable[[str], None],
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loop = loop
        self._address = address
        self._greeting = greeting
        self._buffer = buffer
        self._dice = dice
        self._said = said
        self._refused = refused
        self._refusal: str | None = None
        self._connection: Connection | None = None
        self._wait = FIRST_WAIT
        self._timer: asyncio.TimerHandle | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_up(self) -> bool:
        """Whether something may be sent now; otherwise it is dropped."""
        return self._connection is not None and self._connection.is_writable

    def send(self, frame: bytes) -> None:
        """Send it or drop it."""
        if self._connection is not None and self._connection.is_writable:
            self._connection.send(frame)

    def dial(self) -> None:
        """Try to reach the peer."""
        self._timer = None
        if not self._closed:
            self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        host, port = self._address
        try:
            async with asyncio.timeout(DIALS):
                await self._loop.create_connection(lambda: Connection(self, 1 << 10, self._buffer, UNHEARD), host, port)
        except OSError:
            self._again()

    def _again(self) -> None:
        if self._closed or self._timer is not None:
            return
        wait = self._wait * self._dice.uniform(0.5, 1.5)
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._timer = self._loop.call_later(wait, self.dial)

    def close(self) -> None:
        """Send nothing more and dial no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        if self._connection is not None:
            self._connection.close()

    # -- the owner of its connection ---------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """The peer is reached."""
        if self._closed:
            connection.close()
            return
        self._connection = connection
        self._wait = FIRST_WAIT
        connection.send(self._greeting)

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """Nothing is to be heard here, but why a peer does not listen; that is said once."""
        if kind != wire.REFUSAL:
            raise BadFrame("a peer answers on a connection of its own")
        reason = wire.decoded(wire.REFUSAL_DECODER, body).reason
        if reason != self._refusal:
            self._refusal = reason
            self._said(f"{self._address[0]}:{self._address[1]} refuses: {reason}")
            self._refused(reason)

    def closed(self, connection: Connection, reason: str | None) -> None:
        """The peer is gone."""
        if reason is not None:
            self._said(f"{self._address[0]}:{self._address[1]}: {reason}")
        self._connection = None
        self._again()
