"""Faults and schedules as data: what goes wrong, to whom and when. A schedule and its seed are the whole of a run."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.disk import Moment


class Crash(Struct, frozen=True, tag=True):
    """A server stops, and starts again later with what its disk holds."""

    at: int
    server: ServerId
    until: int


class CrashAtWrite(Struct, frozen=True, tag=True):
    """A server crashes right before, during or right after its n-th durable write, and is down for a while."""

    server: ServerId
    moment: Moment
    write: int
    downtime: int


class Pause(Struct, frozen=True, tag=True):
    """A server does nothing for a while, and then goes on with everything that has come in: timers, messages."""

    at: int
    server: ServerId
    until: int


class Cut(Struct, frozen=True, tag=True):
    """What one server sends to another is lost for a while; the other direction is not touched."""

    at: int
    sender: ServerId
    to: ServerId
    until: int


class Stand(Struct, frozen=True, tag=True):
    """A server stands for election out of turn."""

    at: int
    server: ServerId


Fault: TypeAlias = Crash | CrashAtWrite | Pause | Cut | Stand
Delay: TypeAlias = tuple[int, int]
SERVERS: Final = "abcdefghi"


class Weather(Struct, frozen=True):
    """How bad network, clocks and disks are all the time. Delays are in milliseconds, chances in per cent."""

    delay: Delay = (1, 30)
    lose: int = 2
    repeat: int = 2
    drift: int = 2
    write: Delay = (1, 5)
    sync: Delay = (0, 5)
    flush: Delay = (0, 5)
    election: Delay = (150, 300)
    heartbeat: int = 100


class Schedule(Struct, frozen=True):
    """All that a run depends on: the seed of its dice, the weather, the load, and the faults.

    `start` names a start of `simulation.prepared`; `until` is the time after which everything is healed; `command`
    is how often a client asks, 0 for never. Servers that `asks` ask each other before they stand, and resign when no
    quorum answers: pre-votes and check-quorum.
    """

    seed: int
    servers: int = 3
    start: str = "Init"
    batch: int = 2
    until: int = 1_500
    command: int = 150
    weather: Weather = Weather()
    faults: tuple[Fault, ...] = ()
    asks: bool = False

    @property
    def names(self) -> tuple[ServerId, ...]:
        """The servers."""
        return tuple(SERVERS[: self.servers])
