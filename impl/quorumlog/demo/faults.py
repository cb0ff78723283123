"""Faults as data, drawn from a seed, and done to a cluster of processes: who is hit is decided when it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime.config import Config

Kind: TypeAlias = Literal["kill", "pause", "isolate", "mute", "deafen", "delay", "power"]
KINDS: Final[tuple[Kind, ...]] = ("kill", "pause", "isolate", "mute", "deafen", "delay", "power")
"""kill -9 and a restart; SIGSTOP and SIGCONT; a partition; one in which only what a server says is lost, or only what
is said to it; slow ways, on which some is lost; and kill -9 of all servers of a group at once."""

Whom: TypeAlias = Literal["leader", "other", "all"]
LASTS: Final[Mapping[Kind, tuple[float, float]]] = {
    "kill": (0.2, 1.0),
    "pause": (0.7, 1.8),
    "isolate": (0.7, 1.8),
    "mute": (0.7, 1.8),
    "deafen": (0.7, 1.8),
    "delay": (0.7, 1.8),
    "power": (0.2, 1.0),
}
"""Seconds, between which each is drawn."""
QUIET: Final = (0.3, 0.9)
FIRST: Final = 1.5
"""Seconds between two faults, and before the first."""
SLOW: Final = (0.02, 0.15)
LOST: Final = 0.01
"""Of slow ways: the seconds that they take, and the part that is lost on them."""


class Fault(Struct, frozen=True):
    """One fault: when it begins and ends, in seconds after the start, and who is hit."""

    begins: float
    ends: float
    kind: Kind
    group: str
    whom: Whom


class Happened(Struct, frozen=True):
    """A fault that was done: when, by the clock of the history (nanoseconds), and to whom: a server, or a group."""

    kind: Kind
    server: ServerId | str
    whom: Whom
    begun: int
    ended: int


def drawn(seed: int, groups: tuple[str, ...], seconds: float) -> tuple[Fault, ...]:
    """One fault after another. The first is the coordinator's leader, killed; every kind comes before one comes again.

    The coordinator's group is the last one.
    """
    dice = Random(seed)
    found: list[Fault] = []
    now, left = FIRST, list[Kind]()
    while True:
        if not left:
            left = dice.sample(KINDS, len(KINDS)) if found else ["kill", *dice.sample(KINDS[1:], len(KINDS) - 1)]
        kind = left.pop(0)
        ends = now + dice.uniform(*LASTS[kind])
        if ends > seconds:
            return tuple(found)
        group = dice.choice(groups) if found else groups[-1]
        whom: Whom = "leader" if not found or dice.random() < 0.7 else "other"
        if kind == "power":
            whom = "all"
        found.append(Fault(round(now, 3), round(ends, 3), kind, group, whom))
        now = ends + dice.uniform(*QUIET)


class Machines(Protocol):
    """The servers of a cluster, as `Supervisor` has them: what blocks, blocks."""

    config: Config

    def start(self, *servers: ServerId) -> None:
        """Start these servers. Raises `RuntimeError` if one ends instead."""

    def kill(self, *servers: ServerId) -> None:
        """Kill them at once; they cannot do anything about it."""

    def pause(self, *servers: ServerId) -> None:
        """Stop them where they are."""

    def resume(self, *servers: ServerId) -> None:
        """Let them go on."""


class Way(Protocol):
    """The way of one server to another."""

    delay: float
    """Seconds that everything takes longer."""
    loss: float
    """The part of what is said that is lost."""

    def block(self) -> None:
        """What is said from now on never arrives."""


class Ways(Protocol):
    """The ways between servers, as `Passages` are."""

    def from_(self, source: ServerId, /) -> Sequence[Way]:
        """Those of a server to all others."""

    def to(self, target: ServerId, /) -> Sequence[Way]:
        """Those of all others to it."""

    def heal(self) -> None:
        """Everybody reaches everybody again."""


class Injector:
    """Does faults to a cluster. `leader` says who leads a group, if anybody knows; `clock` is that of the history."""

    def __init__(
        self,
        servers: Machines,
        passages: Ways,
        leader: Callable[[str], ServerId | None],
        clock: Callable[[], int],
        dice: Random,
    ) -> None:
        self.happened: list[Happened] = []
        self.now: tuple[Kind, ServerId | str] | None = None
        """What is being done at the moment, and to whom."""
        self.refused: str | None = None
        """What a server has said that did not start again."""
        self._servers = servers
        self._passages = passages
        self._leader = leader
        self._clock = clock
        self._dice = dice

    async def run(self, schedule: tuple[Fault, ...]) -> None:
        """All of it, in real time; no more once a server does not start again."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for fault in schedule:
            await asyncio.sleep(max(0.0, start + fault.begins - loop.time()))
            servers = self._hit(fault)
            name = servers[0] if len(servers) == 1 else fault.group
            begun = self._clock()
            self.now = fault.kind, name
            heal = await self._begin(fault.kind, servers)
            await asyncio.sleep(fault.ends - fault.begins)
            try:
                await heal()
            except RuntimeError as error:
                self.refused = str(error)
            self.now = None
            self.happened.append(Happened(fault.kind, name, fault.whom, begun, self._clock()))
            if self.refused is not None:
                return

    def _hit(self, fault: Fault) -> tuple[ServerId, ...]:
        servers = tuple(self._servers.config.groups[fault.group])
        if fault.whom == "all":
            return servers
        leader = self._leader(fault.group)
        if fault.whom == "leader" and leader is not None:
            return (leader,)
        return (self._dice.choice([each for each in servers if each != leader] or servers),)

    async def _begin(self, kind: Kind, servers: tuple[ServerId, ...]) -> Callable[[], Awaitable[None]]:
        """Do it, and answer how it is undone."""
        if kind in ("kill", "power"):
            await asyncio.to_thread(self._servers.kill, *servers)
            return lambda: asyncio.to_thread(self._servers.start, *servers)
        if kind == "pause":
            self._servers.pause(*servers)
            return self._resumed(servers)
        for server in servers:
            if kind in ("isolate", "mute"):
                for each in self._passages.from_(server):
                    each.block()
            if kind in ("isolate", "deafen"):
                for each in self._passages.to(server):
                    each.block()
            if kind == "delay":
                for each in (*self._passages.from_(server), *self._passages.to(server)):
                    each.delay = self._dice.uniform(*SLOW)
                    each.loss = LOST
        return self._healed

    def _resumed(self, servers: tuple[ServerId, ...]) -> Callable[[], Awaitable[None]]:
        async def heal() -> None:
            self._servers.resume(*servers)

        return heal

    async def _healed(self) -> None:
        self._passages.heal()
