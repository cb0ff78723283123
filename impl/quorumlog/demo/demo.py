"""A ledger on shards of some servers each, and a coordinator of as many, all processes on this machine, under load.

Clients move money between accounts of both shards while servers are killed, paused and cut off. In the end everybody is
well again, the clients ask for every balance and for the total, the servers stop, and the verdicts are spoken.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from random import Random
from typing import Any, Literal, TypeAlias

from rich.console import Console, RenderableType
from rich.live import Live

from quorumlog.demo import show
from quorumlog.demo.faults import Injector, Ways
from quorumlog.demo.judges import judges
from quorumlog.demo.judging import Judging
from quorumlog.demo.namespaces import Namespaces, Switch
from quorumlog.demo.passages import Passages
from quorumlog.demo.play import KEEPS, LOOK, PACE, Play, Result, Wanted, longest, outcomes
from quorumlog.demo.verdicts import Verdict, came_back, ran_on
from quorumlog.demo.workload import Clients, History
from quorumlog.runtime.client import Client
from quorumlog.runtime.session import Refused, Unanswered
from quorumlog.runtime.supervisor import Supervisor, configuration, seen
from quorumlog.runtime.wire import Status

__all__ = ["Demo", "Network", "Result", "Wanted", "longest", "run"]

Network: TypeAlias = Literal["links", "namespaces"]
"""What carries what servers say to each other: passages of ours on loopback, or packets between network namespaces."""


def run(wanted: Wanted, console: Console | None = None, network: Network = "links") -> Result:
    """Do it all. What is seen meanwhile goes to the console, if there is one. Raises `RuntimeError` if it can't be."""
    return asyncio.run(Demo(wanted, console, network).run())


class Demo(Play):
    """One run with processes."""

    def __init__(self, wanted: Wanted, console: Console | None, network: Network = "links") -> None:
        super().__init__(wanted)
        self._console = console
        self._network: Network = network
        self._statuses: dict[str, Status | None] = dict.fromkeys(wanted.hosted)
        self._rates: deque[tuple[float, int]] = deque(maxlen=12)

    async def run(self) -> Result:
        """From the start of the servers to the verdicts."""
        wanted = self._wanted
        async with AsyncExitStack() as stack:
            servers, ways = await self._connected(stack)
            servers.environment = wanted.environment
            await asyncio.to_thread(servers.start)
            history = stack.enter_context(History(wanted.folder / "history.ndjson"))
            clients = await self._clients(servers.config, stack)
            schedule = self._schedule()
            injector = Injector(servers, ways, self._leader, history.clock, Random(wanted.seed))
            await self._under_load(servers.config, clients, history, injector, schedule)
            committed = await self._committed(clients) if injector.refused is None else {}
            for client in clients.values():
                await client.close()
            await asyncio.to_thread(servers.close)
        spoken = [came_back(injector.refused), ran_on(servers.ended)]
        spoken += await self._judged(Judging(judges(servers.config, history, injector.happened, committed)))
        return Result(outcomes(history), tuple(injector.happened), schedule, tuple(spoken), longest(history))

    async def _connected(self, stack: AsyncExitStack) -> tuple[Supervisor, Ways]:
        """Servers that can be started, and the ways between them, until the stack ends."""
        wanted, dice = self._wanted, Random(f"{self._wanted.seed} ways")
        sizes, more = dict.fromkeys(wanted.hosted, wanted.replicas), PACE + KEEPS + wanted.more
        recordings = 'recordings = "recordings"\n'
        if self._network == "namespaces":
            names = [f"{group}{number}" for group, size in sizes.items() for number in range(1, size + 1)]
            spaces = stack.enter_context(Namespaces(names))
            text = recordings + configuration(sizes, wanted.hosted, more, spaces.addresses)
            servers = stack.enter_context(Supervisor(wanted.folder, text))
            servers.within = spaces.within
            return servers, stack.enter_context(Switch(spaces, dice))
        text = recordings + configuration(sizes, wanted.hosted, more)
        servers = stack.enter_context(Supervisor(wanted.folder, text))
        every = {server: at for group in servers.config.groups.values() for server, at in group.items()}
        passages = Passages(every, dice)
        await passages.start()
        stack.push_async_callback(passages.stop)
        servers.views = {server: seen(text, every, passages.seen_by(server)) for server in every}
        return servers, passages

    def _leader(self, group: str) -> str | None:
        status = self._statuses[group]
        return None if status is None else status.identity

    # -- watching -----------------------------------------------------------------------------------------------

    @contextmanager
    def _shown(self, view: Callable[[], RenderableType]) -> Iterator[Callable[[], None]]:
        """A view of what goes on, which is drawn anew by what this gives."""
        if self._console is None:
            yield lambda: None
            return
        with Live(view(), console=self._console, auto_refresh=False, transient=True) as live:
            yield lambda: live.update(view(), refresh=True)

    async def _watch(self, clients: Clients, history: History, injector: Injector) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()

        def view() -> RenderableType:
            seconds = loop.time() - begun
            return show.now(self._statuses, history, seconds, self._rate(), injector.happened, injector.now)

        with self._shown(view) as draw:
            while True:
                await asyncio.gather(*(self._look(group, client) for group, client in clients.items()))
                self._rates.append((loop.time(), history.outcomes["ok"]))
                draw()
                await asyncio.sleep(LOOK)

    async def _judged(self, judging: Judging) -> list[Verdict]:
        """The verdicts. Whoever judges ends with this."""
        working = asyncio.create_task(asyncio.to_thread(judging.run))
        try:
            with self._shown(lambda: show.judging(judging.standings, time.monotonic())) as draw:
                while not working.done():
                    draw()
                    await asyncio.wait([working], timeout=LOOK)
            return working.result()
        finally:
            judging.stop()

    async def _look(self, group: str, client: Client[Any, Any, Any]) -> None:
        try:
            self._statuses[group] = await client.status(timeout=LOOK)
        except (Unanswered, Refused):
            self._statuses[group] = None

    def _rate(self) -> float:
        if len(self._rates) < 2:
            return 0.0
        (then, few), (now, many) = self._rates[0], self._rates[-1]
        return (many - few) / (now - then)
