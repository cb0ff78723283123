"""A ledger on two shards of three servers and a coordinator of three, all processes on this machine, under load.

Clients move money between accounts of both shards while servers are killed, paused and cut off. In the end everybody is
well again, the clients ask for every balance and for the total, the servers stop, and the verdicts are spoken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import AsyncExitStack
from random import Random
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from quorumlog.demo import show
from quorumlog.demo.faults import Injector
from quorumlog.demo.passages import Passages
from quorumlog.demo.play import LOOK, PACE, SERVERS, Play, Result, Wanted, longest
from quorumlog.demo.verdicts import came_back, verdicts
from quorumlog.demo.workload import Clients, History
from quorumlog.runtime.client import Client
from quorumlog.runtime.session import Refused, Unanswered
from quorumlog.runtime.supervisor import Supervisor, configuration, seen
from quorumlog.runtime.wire import Status

__all__ = ["Demo", "Result", "Wanted", "longest", "run"]


def run(wanted: Wanted, console: Console | None = None) -> Result:
    """Do it all. What is seen meanwhile goes to the console."""
    return asyncio.run(Demo(wanted, console).run())


class Demo(Play):
    """One run with processes."""

    def __init__(self, wanted: Wanted, console: Console | None) -> None:
        super().__init__(wanted)
        self._console = console
        self._statuses: dict[str, Status | None] = dict.fromkeys(wanted.hosted)
        self._rates: deque[tuple[float, int]] = deque(maxlen=12)

    async def run(self) -> Result:
        """From the start of the servers to the verdicts."""
        wanted = self._wanted
        recordings = 'recordings = "recordings"\n'
        text = recordings + configuration(dict.fromkeys(wanted.hosted, SERVERS), wanted.hosted, PACE + wanted.more)
        async with AsyncExitStack() as stack:
            servers = stack.enter_context(Supervisor(wanted.folder, text))
            every = {server: at for group in servers.config.groups.values() for server, at in group.items()}
            passages = Passages(every)
            await passages.start()
            stack.push_async_callback(passages.stop)
            servers.environment = wanted.environment
            servers.views = {server: seen(text, every, passages.seen_by(server)) for server in every}
            await asyncio.to_thread(servers.start)
            history = stack.enter_context(History(wanted.folder / "history.ndjson"))
            clients = await self._clients(servers.config, stack)
            schedule = self._schedule()
            injector = Injector(servers, passages, self._leader, history.clock, Random(wanted.seed))
            await self._under_load(servers.config, clients, history, injector, schedule)
            committed = await self._committed(clients) if injector.refused is None else {}
            for client in clients.values():
                await client.close()
            await asyncio.to_thread(servers.close)
        spoken = [came_back(injector.refused)]
        spoken += await asyncio.to_thread(verdicts, servers.config, history, injector.happened, committed)
        answered = history.outcomes["ok"]
        return Result(answered, tuple(injector.happened), schedule, tuple(spoken), longest(history))

    def _leader(self, group: str) -> str | None:
        status = self._statuses[group]
        return None if status is None else status.identity

    # -- watching -----------------------------------------------------------------------------------------------

    async def _watch(self, clients: Clients, history: History, injector: Injector) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()

        def view() -> RenderableType:
            seconds = loop.time() - begun
            return show.now(self._statuses, history, seconds, self._rate(), injector.happened, injector.now)

        with Live(view(), console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                await asyncio.gather(*(self._look(group, client) for group, client in clients.items()))
                self._rates.append((loop.time(), history.outcomes["ok"]))
                live.update(view(), refresh=True)
                await asyncio.sleep(LOOK)

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
