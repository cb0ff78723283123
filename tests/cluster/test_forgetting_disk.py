"""Servers whose disks forget what was not synced: one that is killed loses it, as a machine without power does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.cluster.cluster_ledger import SECONDS, Load, client, cluster, run

from quorumlog.ledger.commands import Balance

FORGETTING = "[faults]\nforgetting_disk = true"


def test_all_are_killed_at_once_without_what_was_not_synced_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            for _ in range(2):
                await load.more(100)
                await asyncio.to_thread(servers.kill, *servers.servers)
                answered = load.answered
                await asyncio.to_thread(servers.start)
                await load.more(50)
            await load.stop()
            held = await ledger.read(Balance("x"), timeout=SECONDS)
            assert held == load.answered > answered

    with cluster(tmp_path, more=FORGETTING) as servers:
        assert servers.config.forgetting_disk
        run(story)
