"""A ledger on two shards of three servers and a coordinator of three, all processes on this machine, under load.

Clients move money between accounts of both shards while servers are killed, paused and cut off. In the end everybody is
well again, the clients ask for every balance and for the total, the servers stop, and the verdicts are spoken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct
from rich.console import Console, RenderableType
from rich.live import Live

from quorumlog.demo import show
from quorumlog.demo.faults import Fault, Happened, Injector, drawn
from quorumlog.demo.passages import Passages
from quorumlog.demo.verdicts import Verdict, verdicts
from quorumlog.demo.workload import Clients, History, Workload
from quorumlog.ledger.commands import Balance, Total
from quorumlog.runtime.client import Client
from quorumlog.runtime.session import Refused, Unanswered
from quorumlog.runtime.supervisor import Supervisor, configuration, seen
from quorumlog.runtime.wire import Status

HOSTED: Final = {"a": "shard", "b": "shard", "c": "coordinator"}
SERVERS: Final = 3
ACCOUNTS: Final = ("ann", "bob", "cid", "dan", "eve", "fay")
WORKERS: Final = 12
REST: Final = 0.05
LOOK: Final = 0.25
"""Seconds between two looks at the cluster."""
CALM: Final = 60.0
"""Seconds within which a cluster without faults must have answered everything."""
PACE: Final = "[pace]\nelection = [300, 600]\nheartbeat = 60\n"


class Wanted(Struct, frozen=True):
    """A run: for how many seconds, from which seed, with faults or without, and where everything is kept."""

    seconds: float
    seed: int
    faults: bool
    folder: Path
    workers: int = WORKERS
    more: str = ""
    """What stands at the end of the configuration besides."""


class Result(Struct, frozen=True):
    """What came of a run."""

    answered: int
    happened: tuple[Happened, ...]
    schedule: tuple[Fault, ...]
    verdicts: tuple[Verdict, ...]
    longest: float
    """Seconds, at most, in which nobody was answered anything."""

    @property
    def holds(self) -> bool:
        """Whether everything was judged, and holds."""
        return all(each.holds for each in self.verdicts)


def run(wanted: Wanted, console: Console | None = None) -> Result:
    """Do it all. What is seen meanwhile goes to the console."""
    return asyncio.run(Demo(wanted, console).run())


class Demo:
    """One run."""

    def __init__(self, wanted: Wanted, console: Console | None) -> None:
        self._wanted = wanted
        self._console = console
        self._statuses: dict[str, Status | None] = dict.fromkeys(HOSTED)
        self._rates: deque[tuple[float, int]] = deque(maxlen=12)

    async def run(self) -> Result:
        """From the start of the servers to the verdicts."""
        wanted = self._wanted
        recordings = 'recordings = "recordings"\n'
        text = recordings + configuration(dict.fromkeys(HOSTED, SERVERS), HOSTED, PACE + wanted.more)
        async with AsyncExitStack() as stack:
            servers = stack.enter_context(Supervisor(wanted.folder, text))
            every = {server: at for group in servers.config.groups.values() for server, at in group.items()}
            passages = Passages(every)
            await passages.start()
            stack.push_async_callback(passages.stop)
            servers.views = {server: seen(text, every, passages.seen_by(server)) for server in every}
            await asyncio.to_thread(servers.start)
            history = stack.enter_context(History(wanted.folder / "history.ndjson"))
            clients = await self._clients(servers, stack)
            schedule = drawn(wanted.seed, tuple(HOSTED), wanted.seconds) if wanted.faults else ()
            injector = Injector(servers, passages, self._leader, history.clock, Random(wanted.seed))
            await self._under_load(servers, clients, history, injector, schedule)
            committed = {group: (await client.status(timeout=CALM)).commit for group, client in clients.items()}
            for client in clients.values():
                await client.close()
            await asyncio.to_thread(servers.close)
        spoken = await asyncio.to_thread(verdicts, servers.config, history, injector.happened, committed)
        answered = history.outcomes["ok"]
        return Result(answered, tuple(injector.happened), schedule, tuple(spoken), longest(history))

    async def _clients(self, servers: Supervisor, stack: AsyncExitStack) -> Clients:
        config = servers.config
        found: dict[str, Client[Any, Any, Any]] = {}
        for group, addresses in config.groups.items():
            client: Client[Any, Any, Any] = Client(group, addresses, config.hosted(group).codec, patience=0.5)
            found[group] = await stack.enter_async_context(client)
        return found

    async def _under_load(
        self,
        servers: Supervisor,
        clients: Clients,
        history: History,
        injector: Injector,
        schedule: tuple[Fault, ...],
    ) -> None:
        wanted = self._wanted
        load = Workload(clients, servers.config.placement, history, ACCOUNTS)
        loop = asyncio.get_running_loop()
        watch = loop.create_task(self._watch(clients, history, injector))
        working = loop.create_task(load.run(wanted.workers, wanted.seed, REST))
        ends = loop.time() + wanted.seconds
        try:
            await injector.run(schedule)
            await asyncio.sleep(max(0.0, ends - loop.time()))
            load.stop()
            await working
            await self._ask_for_all(load, history)
        finally:
            working.cancel()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _ask_for_all(self, load: Workload, history: History) -> None:
        """What the accounts hold in the end is a part of the history, so what was acknowledged and lost shows."""
        process = history.process()
        for account in ACCOUNTS:
            await load.perform(process, Balance(account))
        await load.perform(process, Total())

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


def longest(history: History) -> float:
    """The longest time, in seconds, between two answers."""
    answered = sorted(each.ended for each in history.operations if each.how == "ok")
    gaps = [later - earlier for earlier, later in pairwise(answered)]
    return max(gaps, default=0) / 1e9
