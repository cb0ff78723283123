"""Faults as data, drawn from a seed, and done to a cluster of processes: who is hit is decided when it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.demo.passages import Passages
from quorumlog.runtime.supervisor import Supervisor

Kind: TypeAlias = Literal["kill", "pause", "isolate", "mute", "deafen", "delay"]
KINDS: Final[tuple[Kind, ...]] = ("kill", "pause", "isolate", "mute", "deafen", "delay")
"""kill -9 and a restart; SIGSTOP and SIGCONT; a partition; one in which only what a server says is lost, or only what
is said to it; and slow ways."""

Whom: TypeAlias = Literal["leader", "other"]
LASTS: Final[Mapping[Kind, tuple[float, float]]] = {
    "kill": (0.2, 1.0),
    "pause": (0.7, 1.8),
    "isolate": (0.7, 1.8),
    "mute": (0.7, 1.8),
    "deafen": (0.7, 1.8),
    "delay": (0.7, 1.8),
}
"""Seconds, between which each is drawn."""
QUIET: Final = (0.3, 0.9)
FIRST: Final = 1.5
"""Seconds between two faults, and before the first."""
SLOW: Final = (0.02, 0.15)


class Fault(Struct, frozen=True):
    """One fault: when it begins and ends, in seconds after the start, and who is hit."""

    begins: float
    ends: float
    kind: Kind
    group: str
    whom: Whom


class Happened(Struct, frozen=True):
    """A fault that was done: when, by the clock of the history (nanoseconds), and to whom."""

    kind: Kind
    server: ServerId
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
        found.append(Fault(round(now, 3), round(ends, 3), kind, group, whom))
        now = ends + dice.uniform(*QUIET)


class Injector:
    """Does faults to a cluster. `leader` says who leads a group, if anybody knows; `clock` is that of the history."""

    def __init__(
        self,
        servers: Supervisor,
        passages: Passages,
        leader: Callable[[str], ServerId | None],
        clock: Callable[[], int],
        dice: Random,
    ) -> None:
        self.happened: list[Happened] = []
        self.now: tuple[Kind, ServerId] | None = None
        """What is being done at the moment, and to whom."""
        self._servers = servers
        self._passages = passages
        self._leader = leader
        self._clock = clock
        self._dice = dice

    async def run(self, schedule: tuple[Fault, ...]) -> None:
        """All of it, in real time."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for fault in schedule:
            await asyncio.sleep(max(0.0, start + fault.begins - loop.time()))
            server = self._hit(fault)
            begun = self._clock()
            self.now = fault.kind, server
            heal = await self._begin(fault.kind, server)
            await asyncio.sleep(fault.ends - fault.begins)
            await heal()
            self.now = None
            self.happened.append(Happened(fault.kind, server, fault.whom, begun, self._clock()))

    def _hit(self, fault: Fault) -> ServerId:
        servers = tuple(self._servers.config.groups[fault.group])
        leader = self._leader(fault.group)
        if fault.whom == "leader" and leader is not None:
            return leader
        return self._dice.choice([each for each in servers if each != leader])

    async def _begin(self, kind: Kind, server: ServerId) -> Callable[[], Awaitable[None]]:
        """Do it, and answer how it is undone."""
        if kind == "kill":
            await asyncio.to_thread(self._servers.kill, server)
            return lambda: asyncio.to_thread(self._servers.start, server)
        if kind == "pause":
            self._servers.pause(server)
            return self._resumed(server)
        if kind in ("isolate", "mute"):
            for each in self._passages.from_(server):
                each.block()
        if kind in ("isolate", "deafen"):
            for each in self._passages.to(server):
                each.block()
        if kind == "delay":
            for each in (*self._passages.from_(server), *self._passages.to(server)):
                each.delay = self._dice.uniform(*SLOW)
        return self._healed

    def _resumed(self, server: ServerId) -> Callable[[], Awaitable[None]]:
        async def heal() -> None:
            self._servers.resume(server)

        return heal

    async def _healed(self) -> None:
        self._passages.heal()
