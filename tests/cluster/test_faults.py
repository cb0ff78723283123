"""Three servers as processes, and what happens to them: kill -9, SIGSTOP, all at once. Nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.cluster.cluster_ledger import SECONDS, Load, client, cluster, eventually, eventually_caught_up, leader, run

from quorumlog.ledger.commands import Balance, Deposit, Exchange, Total
from quorumlog.ledger.ledger import Received
from quorumlog.runtime.client import Expected, NotAQuestion
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.storage import Storage


def test_commands_and_reads_are_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("x", 5), timeout=SECONDS) is True
            assert await ledger.read(Balance("x"), timeout=SECONDS) == 5
            received = await ledger.ask(Exchange("x", "y", 5), timeout=SECONDS)
            assert isinstance(received, Received)
            assert await ledger.ask(Balance("y"), timeout=SECONDS) == received.received
            assert await ledger.read(Total(), timeout=SECONDS) == 5
            assert ledger.at == 3

    with cluster(tmp_path) as servers:
        run(story)


def test_an_expected_position_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("x", 5), expected=0, timeout=SECONDS) is True
            with pytest.raises(Expected) as expected:
                await ledger.ask(Deposit("x", 5), expected=0, timeout=SECONDS)
            assert expected.value.events == 1
            assert await ledger.ask(Deposit("x", 5), expected=1, timeout=SECONDS) is True
            with pytest.raises(NotAQuestion):
                await ledger.read(Deposit("x", 5), timeout=SECONDS)
            assert await ledger.read(Balance("x"), timeout=SECONDS) == 10

    with cluster(tmp_path, size=1) as servers:
        run(story)


def test_a_leader_is_killed_under_load_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(100)
            killed = await leader(ledger)
            await asyncio.to_thread(servers.kill, killed)
            await load.more(100)
            assert await leader(ledger) != killed
            await asyncio.to_thread(servers.start, killed)
            await load.more(100)
            await load.stop()
            assert load.answered == load.asked
            assert await ledger.read(Balance("x"), timeout=SECONDS) == load.answered

    with cluster(tmp_path) as servers:
        run(story)


def test_a_leader_is_paused_and_its_successor_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(100)
            paused = await leader(ledger)
            servers.pause(paused)
            await load.more(100)
            assert await leader(ledger) != paused
            servers.resume(paused)
            await load.more(100)
            await load.stop()
            assert await ledger.read(Balance("x"), timeout=SECONDS) == load.answered

    with cluster(tmp_path) as servers:
        run(story)


def test_all_are_killed_at_once_under_load_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(200)
            await asyncio.to_thread(servers.kill, *servers.servers)
            answered = load.answered
            await asyncio.to_thread(servers.start)
            await load.more(100)
            await load.stop()
            held = await ledger.read(Balance("x"), timeout=SECONDS)
            assert held == load.answered > answered

    with cluster(tmp_path) as servers:
        run(story)


def test_servers_start_from_snapshots_and_know_what_they_have_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger)
            await load.more(500)
            await asyncio.to_thread(servers.kill, *servers.servers)
            for each in servers.servers:
                storage = Storage.open(servers.config.place(each).folder, LEDGER_CODEC, owner=each)
                recovered = storage.recovered
                assert recovered.snapshot is not None
                assert 0 < recovered.start < recovered.snapshot.index, "what nobody will ask for was dropped"
                storage.close()
            await asyncio.to_thread(servers.start)
            await load.more(100)
            await load.stop()
            assert await ledger.read(Balance("x"), timeout=SECONDS) == load.answered == load.asked

    with cluster(tmp_path, more="[limits]\nsnapshot = 40\nretain = 20") as servers:
        run(story)


def test_servers_that_come_back_depose_nobody(tmp_path: Path) -> None:
    """One that was paused has waited for a leader in vain, and one that was killed knows of none; both ask first."""

    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
            before = await ledger.status(timeout=SECONDS)
            for server in [each for each in servers.servers if each != ledger.leader]:
                servers.pause(server)
                await asyncio.sleep(1.5)
                servers.resume(server)
                await asyncio.to_thread(servers.kill, server)
                await asyncio.to_thread(servers.start, server)
            assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
            await eventually_caught_up(ledger)
            after = await ledger.status(timeout=SECONDS)
            assert (after.leader, after.term) == (before.leader, before.term)
            assert after.commit == before.commit + 1

    with cluster(tmp_path) as servers:
        run(story)


def test_a_leader_that_nobody_answers_resigns(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
            lonely = await leader(ledger)
            servers.pause(*[each for each in servers.servers if each != lonely])
            await eventually(lambda: ledger.leader is None)
            servers.resume(*servers.servers)
            assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True

    with cluster(tmp_path) as servers:
        run(story)


def test_a_server_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        assert servers.stop() == {"a1": 0, "a2": 0, "a3": 0}
        assert "Traceback" not in "".join(servers.output(each).read_text(encoding="utf-8") for each in servers.servers)


def test_a_follower_that_was_away_catches_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, 64)
            await load.more(10)
            away = next(each for each in servers.servers if each != ledger.leader)
            await asyncio.to_thread(servers.kill, away)
            await load.more(3000)
            await asyncio.to_thread(servers.start, away)
            await load.more(10)
            await load.stop()
            others = [each for each in servers.servers if each not in (away, ledger.leader)]
            await asyncio.to_thread(servers.kill, *others)
            assert await ledger.ask(Deposit("y", 1), timeout=SECONDS) is True
            assert await ledger.read(Balance("x"), timeout=SECONDS) == load.answered
            await eventually(lambda: ledger.at == load.answered + 1)

    with cluster(tmp_path) as servers:
        run(story)
