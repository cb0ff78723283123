"""Two shards and a coordinator, each a group of processes: transfers between shards, and a leader that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.cluster.cluster_ledger import PATIENCE, SECONDS, leader, run

from quorumlog.ledger.commands import Balance, Deposit, Exchange, Total, Transfer
from quorumlog.ledger.ledger import Received
from quorumlog.runtime.client import Client
from quorumlog.runtime.supervisor import Supervisor

KIM, LEO = "kim", "leo"
"""Accounts of different shards."""


@asynccontextmanager
async def clients(servers: Supervisor) -> AsyncIterator[dict[str, Client[Any, Any, Any]]]:
    """A client of each group."""
    config = servers.config
    async with AsyncExitStack() as stack:
        found: dict[str, Client[Any, Any, Any]] = {
            group: Client(group, addresses, config.hosted(group).codec, patience=PATIENCE)
            for group, addresses in config.groups.items()
        }
        for each in found.values():
            await stack.enter_async_context(each)
        yield found


async def held(shard: Client[Any, Any, Any], account: str) -> int:
    """What an account holds, when it is not in doubt any more: the coordinator answers before all shards have heard."""
    while (found := await shard.read(Balance(account), timeout=SECONDS)) is None:
        await asyncio.sleep(0.02)
    amount: int = found[0]
    return amount


async def total(groups: dict[str, Client[Any, Any, Any]]) -> int:
    """What all accounts hold, when nothing is in doubt any more."""
    held = 0
    for shard in ("a", "b"):
        while (found := await groups[shard].ask(Total(), timeout=SECONDS)) is None:
            await asyncio.sleep(0.05)
        held += found[0]
    return held


def test_transfers_between_shards_survive_the_leaders_of_all_groups(shards: Supervisor) -> None:
    async def story() -> None:
        async with clients(shards) as groups:
            home = shards.config.placement.home
            assert home(KIM) != home(LEO)
            before = await total(groups)
            assert await groups[home(KIM)].ask(Deposit(KIM, 1000), timeout=SECONDS) is True
            coordinator = groups["c"]
            assert await coordinator.ask(Transfer(KIM, LEO, 30), timeout=SECONDS) is True
            assert await held(groups[home(LEO)], LEO) == 30
            assert await coordinator.ask(Transfer(KIM, LEO, 3000), timeout=SECONDS) is False
            moved = [asyncio.ensure_future(coordinator.ask(Transfer(KIM, LEO, 1), timeout=SECONDS)) for _ in range(40)]
            await asyncio.sleep(0.05)
            killed = [await leader(each) for each in groups.values()]
            await asyncio.to_thread(shards.kill, *killed)
            await asyncio.to_thread(shards.start, *killed)
            endings = await asyncio.gather(*moved)
            received = await coordinator.ask(Exchange(LEO, KIM, 10), timeout=SECONDS)
            assert isinstance(received, Received)
            assert set(endings) <= {True, None}
            assert await total(groups) == before + 1000

    run(story)
