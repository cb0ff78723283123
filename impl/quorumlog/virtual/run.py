"""A run of the demo in virtual time: the same servers, clients, faults, history, recordings and verdicts, from a seed.

Everything that happens comes from the seed: what is drawn for commands, time-outs, delays, losses, what a crash leaves
of a write. So the same seed gives the same history and the same recordings, byte for byte.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random
from time import process_time
from typing import Final

from msgspec import Struct

from quorumlog.demo.faults import Fault, Injector
from quorumlog.demo.judges import judges
from quorumlog.demo.judging import Judging
from quorumlog.demo.play import HOSTED, Play, Result, Wanted, accounts, longest, outcomes
from quorumlog.demo.verdicts import came_back, ran_on
from quorumlog.demo.workload import Clients, History, Workload
from quorumlog.runtime.config import Config
from quorumlog.runtime.gateway import Gateway
from quorumlog.virtual import scene
from quorumlog.virtual.clock import SECOND, Clock
from quorumlog.virtual.cluster import VirtualCluster, configuration
from quorumlog.virtual.disk import Speed
from quorumlog.virtual.loop import VirtualLoop, run
from quorumlog.virtual.network import Conditions, Network
from quorumlog.virtual.routed import RoutedWorkload
from quorumlog.virtual.scene import STAY

__all__ = ["HOSTED", "STAY", "VirtualRun", "Wanted"]

ROUTERS: Final = 2
MOST: Final = 10.0
"""After so many times its length, and so many minutes, a run counts as one that does not end."""
CALM: Final = (Conditions(), Speed(quick=0.5))
ROUGH: Final = (Conditions(lost=0.005, late=0.01), Speed(quick=0.5, slow=0.25))
"""Network and disks without faults, and with them."""


class Figures(Struct, frozen=True):
    """How much was done."""

    seconds: float = 0.0
    """Virtual ones."""
    processor: float = 0.0
    """Seconds of this machine's processor."""
    pieces: int = 0
    """That were sent."""
    starts: int = 0
    """Of servers."""
    routed: int = 0
    """Operations that routers have answered."""

    @property
    def times(self) -> float:
        """How many times faster than real time."""
        return self.seconds / self.processor if self.processor else 0


class VirtualRun(Play):
    """One run in virtual time; `figures` are there when it is over."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        conditions, speed = ROUGH if wanted.faults else CALM
        text = configuration(
            wanted.hosted, wanted.replicas, (scene.PACE if wanted.faults else "") + scene.KEEPS + wanted.more
        )
        names = tuple([f"{group}{number}" for group in wanted.hosted for number in range(1, wanted.replicas + 1)])
        self._clock = Clock()
        self._network = Network(self._clock, Random(f"{wanted.seed} network"), conditions, names)
        self._cluster = VirtualCluster(wanted.folder, text, self._clock, self._network, wanted.seed, speed)
        self._gateways: list[Gateway] = []
        self._routes: RoutedWorkload | None = None
        self._hours = scene.Hours(self._schedule(), wanted.seconds)
        if wanted.faults:
            self._rests = self._hours.rests
        self.figures = Figures()

    def run(self, *, judge: bool = True) -> Result:
        """From the start of the servers to the verdicts, if they are wanted."""
        wanted, cluster = self._wanted, self._cluster
        begun = process_time()
        with History(wanted.folder / "history.ndjson", lambda: self._clock.now * 1000) as history:
            loop = VirtualLoop("clients", self._clock, self._network)
            dice = Random(f"{wanted.seed} clients")
            injector = Injector(cluster, self._network, cluster.leader, history.clock, Random(wanted.seed))
            committed = run(self._clock, loop, self._played(history, injector, dice), MOST * (wanted.seconds + 60))
            loop.end()
        self.figures = Figures(
            self._clock.now / SECOND, process_time() - begun, self._network.pieces, cluster.lives, self._routed()
        )
        cluster.keep()
        spoken = [came_back(injector.refused), ran_on(cluster.failed)]
        if judge:
            spoken += Judging(judges(cluster.config, history, injector.happened, committed)).run()
        return Result(outcomes(history), tuple(injector.happened), self._schedule(), tuple(spoken), longest(history))

    async def _played(self, history: History, injector: Injector, dice: Random) -> dict[str, int]:
        """All that happens in virtual time. How much is committed in the end is the answer."""
        cluster = self._cluster
        cluster.start()
        async with AsyncExitStack() as stack:
            clients = await self._clients(cluster.config, stack, dice)
            self._gateways = [Gateway(cluster.config, dice) for _ in range(ROUTERS)]
            for each in self._gateways:
                stack.push_async_callback(each.close)
            await self._under_load(cluster.config, clients, history, injector, self._schedule())
            committed = await self._committed(clients) if injector.refused is None else {}
        await cluster.stop()
        return committed

    def _schedule(self) -> tuple[Fault, ...]:
        wanted = self._wanted
        if wanted.schedule is not None or not wanted.faults:
            return super()._schedule()
        return scene.schedule(wanted.seed, tuple(wanted.hosted), wanted.seconds)

    def _load(self, clients: Clients, config: Config, history: History) -> Workload:
        """Half of all operations go through routers. With this the faults begin."""
        self._hours.begun = asyncio.get_running_loop().time()
        dice, own = Random(f"{self._wanted.seed} routes"), accounts(config.placement)
        self._routes = RoutedWorkload(self._gateways, dice, clients, config.placement, history, own, self._rests)
        return self._routes

    def _routed(self) -> int:
        return 0 if self._routes is None else self._routes.routed
