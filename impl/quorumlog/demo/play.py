"""What is done with a ledger on shards in a run, be its servers processes or in virtual time, and what came of it.

Clients move money between accounts of all shards while faults are done to servers. In the end everybody is well again,
and the clients ask for every balance and for the total.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any, Final, get_args

from msgspec import Struct, field

from quorumlog.demo.faithful import REST as FAITHFUL
from quorumlog.demo.faithful import Faithful
from quorumlog.demo.faults import Fault, Happened, Injector, drawn
from quorumlog.demo.verdicts import Verdict
from quorumlog.demo.workload import KEYED, Clients, History, Rests, Workload
from quorumlog.ledger.commands import Balance, Command, Total
from quorumlog.ledger.placement import Placement
from quorumlog.runtime.client import Client
from quorumlog.runtime.config import COORDINATOR, SHARD, Config
from quorumlog.runtime.session import Unanswered
from quorumlog.sharding.clients import How

SHARDS: Final = 2
SERVERS: Final = 3
MOST: Final = 9
"""Shards, and servers of a group, at most."""
ACCOUNTS: Final = ("ann", "bob", "cid", "dan", "eve", "fay")
WORKERS: Final = 12
REST: Final = 0.05
LOOK: Final = 0.25
"""Seconds between two looks at the cluster."""
CALM: Final = 60.0
PACE: Final = "[pace]\nelection = [300, 600]\nheartbeat = 60\n"
KEEPS: Final = "[limits]\nsnapshot = 200\nretain = 100\n"
"""Servers keep their state and drop what it stands for so often that most restarts begin with a snapshot."""


def groups(shards: int) -> dict[str, str]:
    """So many shards and their coordinator, which comes last; one shard has none."""
    names = ascii_lowercase[: shards + 1]
    return {**dict.fromkeys(names[:shards], SHARD), **({names[shards]: COORDINATOR} if shards > 1 else {})}


HOSTED: Final[Mapping[str, str]] = groups(SHARDS)


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
    rest: float = REST
    """Seconds, on average, that a client rests between two operations."""
    faithful: float = FAITHFUL
    """Seconds, on average, between two questions of a client that stays with one server; 0 if there is none."""
    replicas: int = SERVERS
    """Servers of each group."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the servers have in their environment beside what is in this one's."""


class Result(Struct, frozen=True):
    """What came of a run."""

    operations: Mapping[How, int]
    """How many have ended how."""
    happened: tuple[Happened, ...]
    schedule: tuple[Fault, ...]
    verdicts: tuple[Verdict, ...]
    longest: float
    """Seconds, at most, in which nobody was answered anything."""

    @property
    def holds(self) -> bool:
        """Whether everything was judged, and holds."""
        return all(each.holds for each in self.verdicts)

    @property
    def answered(self) -> int:
        """Operations that were."""
        return self.operations["ok"]


class Play:
    """One run, but for where the servers are."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._rests: Rests = asyncio.sleep

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

    async def _clients(self, config: Config, stack: AsyncExitStack, dice: Random | None = None) -> Clients:
        found: dict[str, Client[Any, Any, Any]] = {}
        for group, addresses in config.groups.items():
            session = None if dice is None else f"{dice.getrandbits(64):016x}"
            client: Client[Any, Any, Any] = Client(
                group, addresses, config.hosted(group).codec, patience=0.5, session=session, dice=dice
            )
            found[group] = await stack.enter_async_context(client)
        return found

    async def _under_load(
        self,
        config: Config,
        clients: Clients,
        history: History,
        injector: Injector,
        schedule: tuple[Fault, ...],
    ) -> None:
        wanted = self._wanted
        load = self._load(clients, config, history)
        loop = asyncio.get_running_loop()
        watch = loop.create_task(self._watch(clients, history, injector))
        working = loop.create_task(load.run(wanted.workers, wanted.seed, wanted.rest, wanted.keyed))
        faithful = [loop.create_task(each) for each in self._faithful(config, history)]
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

    def _load(self, clients: Clients, config: Config, history: History) -> Workload:
        """Whoever asks for something."""
        return Workload(clients, config.placement, history, accounts(config.placement), self._rests)

    async def _watch(self, clients: Clients, history: History, injector: Injector) -> None:
        """Look on until this is cancelled, or not at all."""

    def _faithful(self, config: Config, history: History) -> list[Coroutine[Any, Any, None]]:
        """For each server of a shard somebody who asks only that one."""
        wanted, dice = self._wanted, Random(self._wanted.seed)
        found: list[Coroutine[Any, Any, None]] = []
        if not wanted.faithful:
            return found
        for group in [each for each, hosts in wanted.hosted.items() if hosts == SHARD]:
            own = tuple([each for each in accounts(config.placement) if config.placement.home(each) == group])
            for address in config.groups[group].values():
                codec = config.hosted(group).codec
                each = Faithful(group, address, codec, config.placement, history, self._rests)
                found.append(each.run(own, Random(dice.random()), wanted.faithful))
        return found

    async def _ask_for_all(self, load: Workload, history: History) -> None:
        """What the accounts hold in the end is a part of the history, so what was acknowledged and lost shows.

        Where nobody answers one question, nobody is asked the next.
        """
        questions: list[Command] = [*map(Balance, accounts(load.placement)), Total()]
        for question in questions:
            if not await load.perform(history.process(), question, keyed=self._wanted.keyed > 0):
                return


def accounts(placement: Placement) -> tuple[str, ...]:
    """The accounts on which money is, some of them on each shard."""
    found = list(ACCOUNTS)
    while set(map(placement.home, found)) != set(placement.shards):
        found.append(f"{ACCOUNTS[len(found) % len(ACCOUNTS)]}{len(found) // len(ACCOUNTS)}")
    return tuple(found)


def outcomes(history: History) -> dict[How, int]:
    """How many operations have ended how."""
    return {how: history.outcomes[how] for how in get_args(How)}


def longest(history: History) -> float:
    """The longest time, in seconds, between two answers."""
    answered = sorted(each.ended for each in history.operations if each.how == "ok")
    gaps = [later - earlier for earlier, later in pairwise(answered)]
    return max(gaps, default=0) / 1e9
