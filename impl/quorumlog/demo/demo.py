"""A ledger on two shards of three servers and a coordinator of three, all processes on this machine, under load.

Clients move money between accounts of both shards while servers are killed, paused and cut off. In the end everybody is
well again, the clients ask for every balance and for the total, the servers stop, and the verdicts are spoken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct, field
from rich.console import Console, RenderableType
from rich.live import Live

from quorumlog.demo import show
from quorumlog.demo.faithful import Faithful
from quorumlog.demo.faults import Fault, Happened, Injector, drawn
from quorumlog.demo.passages import Passages
from quorumlog.demo.verdicts import Verdict, came_back, verdicts
from quorumlog.demo.workload import KEYED, Clients, History, Workload
from quorumlog.ledger.commands import Balance, Command, Total
from quorumlog.runtime.client import Client
from quorumlog.runtime.config import SHARD
from quorumlog.runtime.session import Refused, Unanswered
from quorumlog.runtime.supervisor import Supervisor, configuration, seen
from quorumlog.runtime.wire import Status

HOSTED: Final[Mapping[str, str]] = {"a": "shard", "b": "shard", "c": "coordinator"}
SERVERS: Final = 3
ACCOUNTS: Final = ("ann", "bob", "cid", "dan", "eve", "fay")
WORKERS: Final = 12
REST: Final = 0.05
LOOK: Final = 0.25
"""Seconds between two looks at the cluster."""
CALM: Final = 60.0
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
    hosted: Mapping[str, str] = field(default_factory=lambda: HOSTED)
    """Which groups there are, and what each hosts."""
    schedule: tuple[Fault, ...] | None = None
    """The faults, where they are not to be drawn from the seed."""
    calm: float = CALM
    """Seconds within which servers that nothing happens to any more must have the same log."""
    keyed: float = KEYED
    """The part of all operations that have a key of their own."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the servers have in their environment beside what is in this one's."""


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
            clients = await self._clients(servers, stack)
            schedule = self._schedule()
            injector = Injector(servers, passages, self._leader, history.clock, Random(wanted.seed))
            await self._under_load(servers, clients, history, injector, schedule)
            committed = await self._committed(clients) if injector.refused is None else {}
            for client in clients.values():
                await client.close()
            await asyncio.to_thread(servers.close)
        spoken = [came_back(injector.refused)]
        spoken += await asyncio.to_thread(verdicts, servers.config, history, injector.happened, committed)
        answered = history.outcomes["ok"]
        return Result(answered, tuple(injector.happened), schedule, tuple(spoken), longest(history))

    def _schedule(self) -> tuple[Fault, ...]:
        wanted = self._wanted
        if wanted.schedule is not None or not wanted.faults:
            return wanted.schedule or ()
        return drawn(wanted.seed, tuple(wanted.hosted), wanted.seconds)

    async def _committed(self, clients: Clients) -> dict[str, int]:
        """How many entries of each group are committed, as far as anybody says, once all servers have what there is.

        Before that a server may hold, where others hold what is decided, what it had appended while it was cut off. One
        that does not catch up in time is looked at as it is.
        """
        found: dict[str, int] = {}
        calm = self._wanted.calm
        until = asyncio.get_running_loop().time() + calm
        for group, client in clients.items():
            with contextlib.suppress(Unanswered):
                while any((status := await client.status(timeout=calm)).lag.values()):
                    if asyncio.get_running_loop().time() > until:
                        break
                    await asyncio.sleep(LOOK)
                found[group] = status.commit
        return found

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
        working = loop.create_task(load.run(wanted.workers, wanted.seed, REST, wanted.keyed))
        faithful = [loop.create_task(each) for each in self._faithful(servers, history)]
        ends = loop.time() + wanted.seconds
        try:
            await injector.run(schedule)
            if injector.refused is None:
                await asyncio.sleep(max(0.0, ends - loop.time()))
                load.stop()
                await working
                await self._ask_for_all(load, history)
        finally:
            for task in (working, watch, *faithful):
                task.cancel()
            await asyncio.gather(working, watch, *faithful, return_exceptions=True)

    def _faithful(self, servers: Supervisor, history: History) -> list[Coroutine[Any, Any, None]]:
        """For each server of a shard somebody who asks only that one."""
        config, dice = servers.config, Random(self._wanted.seed)
        found = []
        for group in [each for each, hosts in self._wanted.hosted.items() if hosts == SHARD]:
            accounts = tuple([each for each in ACCOUNTS if config.placement.home(each) == group])
            for address in config.groups[group].values():
                each = Faithful(group, address, config.hosted(group).codec, config.placement, history)
                found.append(each.run(accounts, Random(dice.random())))
        return found

    async def _ask_for_all(self, load: Workload, history: History) -> None:
        """What the accounts hold in the end is a part of the history, so what was acknowledged and lost shows.

        Where nobody answers one question, nobody is asked the next.
        """
        questions: list[Command] = [*map(Balance, ACCOUNTS), Total()]
        for question in questions:
            if not await load.perform(history.process(), question, keyed=self._wanted.keyed > 0):
                return

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
