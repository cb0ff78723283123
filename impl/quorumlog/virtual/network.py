"""The network between processes in virtual time: connections of bytes, over ways that can be slow, rough or cut.

What is written to a connection arrives in its order, after a time that is drawn for each piece. A way that is cut loses
what is said on it from then on, and nobody is told; when it heals, connections that have lost something are reset. A
rough way loses some pieces, and lets some overtake others, which is worse than TCP: between servers each piece holds
whole messages, so it is messages that are lost and overtaken. Pieces arrive in parts now and then.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Final, cast

from msgspec import Struct

from quorumlog.virtual.clock import SECOND, Clock
from quorumlog.virtual.loop import Address, Factory, VirtualLoop

DIAL_AGAIN: Final = 1.0
"""Seconds after which somebody who dials over a way that is cut tries again, as systems do."""
PARTS: Final = 0.02
"""How many of the pieces arrive in two parts."""
BUFFER: Final = 1 << 16


class Conditions(Struct, frozen=True):
    """How the ways are: seconds that a piece takes; how many are lost and how many late where it is rough."""

    takes: tuple[float, float] = (0.0001, 0.001)
    lost: float = 0.0
    late: float = 0.0
    later: tuple[float, float] = (0.001, 0.05)


class Way:
    """The way of one process to another. `is_rough` if it is between servers."""

    def __init__(self, is_rough: bool) -> None:
        self.is_rough = is_rough
        self.is_blocked = False
        self.delay = 0.0
        """Seconds that everything takes longer."""
        self.loss = 0.0
        """The part of all pieces that are lost here besides, if it is rough."""
        self.broken: dict[End, None] = {}
        """Connections that have lost something here."""

    def block(self) -> None:
        """What is said from now on never arrives."""
        self.is_blocked = True

    def heal(self) -> None:
        """Hand on again; what has lost something is reset."""
        self.is_blocked = False
        self.delay = self.loss = 0.0
        broken, self.broken = self.broken, {}
        for end in broken:
            end.reset()


class Network:
    """All ways and connections. Between `servers` ways may be rough, and are what can be cut."""

    def __init__(self, clock: Clock, dice: Random, conditions: Conditions, servers: tuple[str, ...]) -> None:
        self.clock = clock
        self.dice = dice
        self.conditions = conditions
        self.pieces = 0
        """How many were written."""
        self._ways: dict[tuple[str, str], Way] = {
            (source, target): Way(True) for source in servers for target in servers if source != target
        }
        self._open: dict[VirtualLoop, dict[End, None]] = {}
        self._listening: dict[Address, tuple[VirtualLoop, Factory]] = {}

    # -- for whoever breaks it -------------------------------------------------------------------------------------

    def from_(self, source: str) -> list[Way]:
        """The ways of a server to all others."""
        return [way for (whose, _), way in self._ways.items() if whose == source and way.is_rough]

    def to(self, target: str) -> list[Way]:
        """The ways of all others to it."""
        return [way for (_, whose), way in self._ways.items() if whose == target and way.is_rough]

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        for way in self._ways.values():
            way.heal()

    def gone(self, loop: VirtualLoop) -> None:
        """A process has ended: nobody listens, and its connections are reset."""
        for address in [each for each, (whose, _) in self._listening.items() if whose is loop]:
            del self._listening[address]
        for end in self._open.pop(loop, {}):
            end.leave(ConnectionResetError("the process has ended"))

    # -- for loops -------------------------------------------------------------------------------------------------

    def listen(self, loop: VirtualLoop, factory: Factory, address: Address) -> asyncio.AbstractServer:
        """Take connections there from now on. Raises `OSError` if somebody does."""
        if address in self._listening:
            raise OSError(f"{address[0]}:{address[1]}: somebody listens already")
        self._listening[address] = loop, factory
        return Listening(loop, self._listening, address)

    async def connect(
        self, loop: VirtualLoop, factory: Factory, address: Address
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to whoever listens there. Raises `OSError` if nobody does."""
        there, back = self._way(loop.name, address[0]), self._way(address[0], loop.name)
        while there.is_blocked or back.is_blocked:
            await asyncio.sleep(DIAL_AGAIN)
        await asyncio.sleep((self.takes(there) + self.takes(back)) / SECOND)
        if address not in self._listening:
            raise ConnectionRefusedError(f"{address[0]}:{address[1]}: nobody listens")
        other, other_factory = self._listening[address]
        near, far = End(loop, self, there), End(other, self, back)
        near.other, far.other = far, near
        for end in near, far:
            self._open.setdefault(end.loop, {})[end] = None
        other.call_soon(far.begin, other_factory)
        return near, near.begin(factory)

    def closed(self, end: End) -> None:
        """A connection is over at this end."""
        self._open.get(end.loop, {}).pop(end, None)

    def takes(self, way: Way) -> int:
        """Microseconds that a piece takes there."""
        return round((self.dice.uniform(*self.conditions.takes) + way.delay) * SECOND)

    def _way(self, source: str, target: str) -> Way:
        return self._ways.setdefault((source, target), Way(False))


class Listening(asyncio.AbstractServer):
    """An address on which connections are taken."""

    sockets: tuple[Any, ...] = ()

    def __init__(
        self, loop: VirtualLoop, listening: dict[Address, tuple[VirtualLoop, Factory]], address: Address
    ) -> None:
        self._loop = loop
        self._listening = listening
        self._address = address

    def close(self) -> None:
        """Take no more."""
        self._listening.pop(self._address, None)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Whose connections these are."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether connections are taken."""
        return self._address in self._listening

    async def start_serving(self) -> None:
        """They are from the beginning."""

    async def serve_forever(self) -> None:
        """They are in any case."""

    async def wait_closed(self) -> None:
        """Nothing lasts longer than `close`."""


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, loop: VirtualLoop, network: Network, way: Way) -> None:
        super().__init__()
        self.loop = loop
        self.other: End = self
        self._network = network
        self._way = way
        self._protocol: asyncio.Protocol | None = None
        self._closing = False
        self._over = False
        self._arrives = 0
        self._most = BUFFER
        self._waits = 0
        self._is_full = False
        self._read: list[bytes] | None = None

    def begin(self, factory: Factory) -> asyncio.Protocol:
        """The connection is there."""
        self._protocol = protocol = factory()
        protocol.connection_made(self)
        return protocol

    # -- what protocols call ---------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send a piece, or lose it."""
        if self._closing or not data:
            return
        network, way = self._network, self._way
        network.pieces += 1
        if way.is_blocked:
            way.broken[self] = None
            return
        arrives = network.clock.now + network.takes(way)
        chance = network.dice.random() if way.is_rough else 1.0
        conditions = network.conditions
        lost = conditions.lost + way.loss
        if chance < lost:
            return
        if chance < lost + conditions.late:
            arrives += round(network.dice.uniform(*conditions.later) * SECOND)
        else:
            self._arrives = arrives = max(arrives, self._arrives)
        self._waits += len(data)
        self.other.loop.at(arrives, self.other.arrive, bytes(data))
        if self._waits > self._most and not self._is_full:
            self._is_full = True
            self._whose().pause_writing()

    def close(self) -> None:
        """What was sent is sent, and the other end hears of it."""
        if not self._closing:
            self._closing = True
            self.leave(None)
            self.loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """The same, for nothing waits here."""
        self.close()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How many bytes may be on their way."""
        self._most = high if high is not None else BUFFER

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """There is no socket."""
        return default

    def is_reading(self) -> bool:
        """Whether what comes is read."""
        return self._read is None

    def pause_reading(self) -> None:
        """What comes waits."""
        self._read = self._read or []

    def resume_reading(self) -> None:
        """Read on."""
        waiting, self._read = self._read, None
        for data in waiting or ():
            self.loop.call_soon(self.arrive, data)

    # -- what the network does -------------------------------------------------------------------------------------

    def arrive(self, data: bytes) -> None:
        """A piece arrives."""
        if self._read is not None:
            self._read.append(data)
            return
        self.other.was_read(len(data))
        if self._closing:
            return
        dice = self._network.dice
        part = dice.randrange(len(data)) if dice.random() < PARTS else 0
        try:
            if part:
                self._whose().data_received(data[:part])
            self._whose().data_received(data[part:])
        except Exception as error:
            what = {
                "message": "a protocol has failed",
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
            self.loop.call_exception_handler(what)
            self.close()

    def was_read(self, amount: int) -> None:
        """So many bytes are no longer on their way."""
        self._waits -= amount
        if self._is_full and self._waits <= self._most // 4 and not self._over:
            self._is_full = False
            self.loop.call_soon(self._resumed)

    def leave(self, error: Exception | None) -> None:
        """The other end hears that there is nothing more to come, if it hears anything."""
        if self._way.is_blocked:
            self._way.broken[self] = None
            return
        arrives = max(self._network.clock.now + self._network.takes(self._way), self._arrives)
        self.other.loop.at(arrives, self.other.hear_end, error)

    def reset(self) -> None:
        """The connection has lost something, so both ends lose it."""
        error = ConnectionResetError("the connection has lost something")
        self.loop.call_soon(self.hear_end, error)
        self.other.loop.call_soon(self.other.hear_end, error)

    def hear_end(self, error: Exception | None) -> None:
        """The other end is gone."""
        self._closing = True
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if not self._over:
            self._over = True
            self._network.closed(self)
            if self._protocol is not None:
                self._protocol.connection_lost(error)

    def _resumed(self) -> None:
        if not self._over:
            self._whose().resume_writing()

    def _whose(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, self._protocol)
