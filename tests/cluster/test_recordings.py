"""What a server without peers writes down while it is killed is a behaviour of the spec. For groups: test_faults."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.cluster.cluster_ledger import SECONDS, Load, client, judge, run

from quorumlog.ledger.commands import Balance
from quorumlog.runtime.supervisor import Supervisor, configuration


def test_a_machine_without_peers_is_killed_and_keeps_what_it_has_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(30)
            await asyncio.to_thread(servers.kill, "a1")
            await asyncio.to_thread(servers.start, "a1")
            await load.more(30)
            await load.stop()
            assert await ledger.read(Balance("x"), timeout=SECONDS) == load.answered == load.asked

    with Supervisor(tmp_path, 'recordings = "told"\n' + configuration({"a": 1})) as servers:
        servers.start()
        run(story)
    judge(tmp_path / "told", replies=0)
