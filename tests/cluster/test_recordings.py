"""What processes write down while they are killed and paused is, merged, a behaviour of the spec."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.cluster_ledger import SECONDS, Load, client, leader, run

from quorumlog.ledger.commands import Balance
from quorumlog.runtime.supervisor import Supervisor, configuration
from quorumlog_bindings.replication import replication
from tlastep.check.models import find_project
from tlastep.check.recording import validate_files
from tlastep.check.recording_files import files_of


@contextmanager
def recorded(folder: Path, size: int = 3, more: str = "") -> Iterator[Supervisor]:
    """A group of servers that write down what they do."""
    with Supervisor(folder, 'recordings = "told"\n' + configuration({"a": size}, more=more)) as supervisor:
        supervisor.start()
        yield supervisor


def judge(folder: Path, replies: int = 10) -> None:
    """All of a group's recordings, with at least so many replies of followers."""
    found = validate_files(find_project(Path(__file__).parent), replication, files_of([folder]))
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.actions["Propose"] >= 10
    assert found.actions["Crash"] >= 1
    assert found.actions["OnAppendReply"] >= replies


def test_leaders_are_killed_and_paused(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(60)
            killed = await leader(ledger)
            await asyncio.to_thread(servers.kill, killed)
            await load.more(60)
            await asyncio.to_thread(servers.start, killed)
            paused = await leader(ledger)
            servers.pause(paused)
            await load.more(60)
            servers.resume(paused)
            await load.more(60)
            await load.stop()

    with recorded(tmp_path) as servers:
        run(story)
    judge(tmp_path / "told")


def test_all_are_killed_at_once_and_what_was_not_synced_is_thrown_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            for _ in range(2):
                await load.more(60)
                await asyncio.to_thread(servers.kill, *servers.servers)
                await asyncio.to_thread(servers.start)
            await load.more(60)
            await load.stop()

    with recorded(tmp_path, more="[faults]\nforgetting_disk = true") as servers:
        run(story)
    judge(tmp_path / "told")


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

    with recorded(tmp_path, size=1) as servers:
        run(story)
    judge(tmp_path / "told", replies=0)
