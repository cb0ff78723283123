"""What processes write down while they are killed is a behaviour of the spec, or is seen not to be.

For a group of the package as it is see `test_faults.py`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from tests.cluster.cluster_ledger import SECONDS, Load, client, judge, judged, run
from tests.cluster.planted import PLANTED, copied

from quorumlog.ledger.commands import Balance
from quorumlog.runtime.supervisor import Supervisor, configuration

IN_SYNC: Final = "[faults]\nforgetting_disk = true\nkilled_in_sync = true"


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


def test_a_server_that_sends_before_it_syncs_is_found_by_one_kill(tmp_path: Path) -> None:
    """It is killed in a sync, when another server has what was to wait for that, and starts without it."""

    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(20)
            killed = next(each for each in servers.servers if each != ledger.leader)
            await asyncio.to_thread(servers.kill, killed)
            await asyncio.to_thread(servers.start, killed)
            await load.more(20)
            await load.stop()

    (planted,) = [each for each in PLANTED if each.name == "send-before-sync"]
    text = 'recordings = "told"\n' + configuration({"a": 3}, more=IN_SYNC)
    with Supervisor(tmp_path / "run", text) as servers:
        servers.environment = copied(planted, tmp_path / "package")
        servers.start()
        run(story)
    found = judged(tmp_path / "run" / "told")
    assert found.rejection is not None
    assert "Take of AppendReply" in "\n".join(found.rejection.text())
