"""What a server needs of the world, as protocols: time, a network, a disk, and somebody who hears what is decided.

A real runtime implements them with a loop, sockets and files; the simulation with a queue of events in virtual time.
Times are in milliseconds. Nothing here blocks: what takes time calls back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from quorumlog.core.consensus.effects import Committed, Durable, Store

Carried = TypeVar("Carried")
Said = TypeVar("Said")
Carried_contra = TypeVar("Carried_contra", contravariant=True)
Said_contra = TypeVar("Said_contra", contravariant=True)


class Timer(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """It will not happen."""


class Time(Protocol):
    """The clock of one server, and its dice: time-outs are drawn, so that two servers do not stand at once for ever."""

    def now(self) -> float:
        """What the server's own clock says: it never goes back, and has begun anywhere."""
        ...

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        """Call back when the server's own clock has gone on by `delay`."""

    def draw(self, least: float, most: float) -> float:
        """A delay between the two, at random."""


class Network(Protocol[Carried_contra]):
    """Whatever carries messages to other servers. It promises nothing."""

    def send(self, message: Carried_contra) -> None:
        """Hand the message over; one that names nobody, such as a request for votes, goes to everybody else."""


class Disk(Protocol):
    """What a crash leaves."""

    def read(self) -> Durable:
        """What was written last. Asked once, before a server starts."""

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        """Write, and call `then` when all of it would survive a crash: not before, and never if it would not."""


class Application(Protocol[Said_contra]):
    """Whoever hears what is decided, and hands answers on."""

    def committed(self, news: Committed) -> None:
        """These entries are decided."""

    def said(self, answers: Sequence[Said_contra]) -> None:
        """This is what the server has to say to those who asked it; a bare server of consensus says nothing."""


@dataclass(frozen=True, slots=True)
class Ports(Generic[Carried, Said]):
    """All that one server needs."""

    time: Time
    network: Network[Carried]
    disk: Disk
    application: Application[Said]
