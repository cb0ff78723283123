"""Three servers as processes, and what happens to them: kill -9, SIGSTOP, all at once. Nothing acknowledged is lost.

All tests are about the same group, one after another, each with accounts of its own. Its servers are killed in the
middle of a sync, if there is one, and their disks forget what was not synced. They drop what their snapshots stand for,
and what they write down of all this is judged in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.cluster.cluster_ledger import SECONDS, Load, client, eventually, eventually_caught_up, judge, leader, run

from quorumlog.ledger.commands import Balance, Deposit, Exchange
from quorumlog.ledger.ledger import Received
from quorumlog.runtime.client import Expected, NotAQuestion
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.storage import Storage
from quorumlog.runtime.supervisor import Supervisor, configuration


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """Three servers."""
    more = "[limits]\nsnapshot = 200\nretain = 50\n[faults]\nforgetting_disk = true\nkilled_in_sync = true"
    text = 'recordings = "told"\n' + configuration({"a": 3}, more=more)
    with Supervisor(tmp_path_factory.mktemp("group"), text) as running:
        running.start()
        assert running.config.forgetting_disk
        yield running


@pytest.fixture
def servers(group: Supervisor) -> Supervisor:
    """The same, all of which run."""
    if ended := [each for each in group.servers if not group.is_running(each)]:
        group.start(*ended)
    return group


def test_commands_and_reads_are_answered(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("ann", 5), timeout=SECONDS) is True
            before = ledger.at
            assert await ledger.read(Balance("ann"), timeout=SECONDS) == 5
            received = await ledger.ask(Exchange("ann", "bob", 5), timeout=SECONDS)
            assert isinstance(received, Received)
            assert await ledger.ask(Balance("bob"), timeout=SECONDS) == received.received
            assert await ledger.read(Balance("ann"), timeout=SECONDS) == 0
            assert ledger.at == before + 2

    run(story)


def test_an_expected_position_that_is_wrong_changes_nothing(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            await ledger.ask(Deposit("cid", 1), timeout=SECONDS)
            events = ledger.at
            assert await ledger.ask(Deposit("cid", 5), expected=events, timeout=SECONDS) is True
            with pytest.raises(Expected) as expected:
                await ledger.ask(Deposit("cid", 5), expected=events, timeout=SECONDS)
            assert expected.value.events == events + 1
            assert await ledger.ask(Deposit("cid", 5), expected=events + 1, timeout=SECONDS) is True
            with pytest.raises(NotAQuestion):
                await ledger.read(Deposit("cid", 5), timeout=SECONDS)
            assert await ledger.read(Balance("cid"), timeout=SECONDS) == 11

    run(story)


def test_a_leader_is_killed_under_load_and_nothing_is_lost(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, account="killed")
            await load.more(100)
            killed = await leader(ledger)
            await asyncio.to_thread(servers.kill, killed)
            await load.more(100)
            assert await leader(ledger) != killed
            await asyncio.to_thread(servers.start, killed)
            await load.more(100)
            await load.stop()
            assert load.answered == load.asked
            assert await ledger.read(Balance("killed"), timeout=SECONDS) == load.answered

    run(story)


def test_a_leader_is_paused_and_its_successor_answers(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, account="paused")
            await load.more(100)
            paused = await leader(ledger)
            servers.pause(paused)
            await load.more(100)
            assert await leader(ledger) != paused
            servers.resume(paused)
            await load.more(100)
            await load.stop()
            assert await ledger.read(Balance("paused"), timeout=SECONDS) == load.answered

    run(story)


def test_all_are_killed_at_once_under_load_and_start_from_snapshots(servers: Supervisor) -> None:
    """They know what they have answered, and have dropped what nobody will ask for."""

    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, 64, account="all")
            await load.more(1_500)
            await asyncio.to_thread(servers.kill, *servers.servers)
            answered = load.answered
            check_dropped(servers)
            await asyncio.to_thread(servers.start)
            await load.more(100)
            await load.stop()
            assert await ledger.read(Balance("all"), timeout=SECONDS) == load.answered == load.asked > answered

    run(story)


def check_dropped(servers: Supervisor) -> None:
    """Every server has a snapshot, and has dropped entries."""
    for each in servers.servers:
        storage = Storage.open(servers.config.place(each).folder, LEDGER_CODEC, owner=each)
        recovered = storage.recovered
        storage.close()
        assert recovered.snapshot is not None
        assert 0 < recovered.start < recovered.snapshot.index


def test_servers_that_come_back_depose_nobody(servers: Supervisor) -> None:
    """One that was paused has waited for a leader in vain, and one that was killed knows of none; both ask first."""

    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("dot", 1), timeout=SECONDS) is True
            await eventually_caught_up(ledger)
            before = await ledger.status(timeout=SECONDS)
            other, another = (each for each in servers.servers if each != before.leader)
            servers.pause(other)
            await asyncio.sleep(1.5)
            servers.resume(other)
            await asyncio.to_thread(servers.kill, another)
            await asyncio.to_thread(servers.start, another)
            assert await ledger.ask(Deposit("dot", 1), timeout=SECONDS) is True
            await eventually_caught_up(ledger)
            after = await ledger.status(timeout=SECONDS)
            assert (after.leader, after.term) == (before.leader, before.term)
            assert after.commit == before.commit + 1

    run(story)


def test_a_leader_that_nobody_answers_resigns(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            assert await ledger.ask(Deposit("eve", 1), timeout=SECONDS) is True
            lonely = await leader(ledger)
            servers.pause(*[each for each in servers.servers if each != lonely])
            await eventually(lambda: ledger.leader is None)
            servers.resume(*servers.servers)
            assert await ledger.ask(Deposit("eve", 1), timeout=SECONDS) is True

    run(story)


def test_a_follower_that_was_away_is_sent_what_nobody_has_dropped(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, 64, account="away")
            await load.more(10)
            away = next(each for each in servers.servers if each != ledger.leader)
            await asyncio.to_thread(servers.kill, away)
            await load.more(3000)
            await asyncio.to_thread(servers.start, away)
            await load.more(10)
            await load.stop()
            others = [each for each in servers.servers if each not in (away, ledger.leader)]
            await asyncio.to_thread(servers.kill, *others)
            at = ledger.at
            assert await ledger.ask(Deposit("fay", 1), timeout=SECONDS) is True
            assert await ledger.read(Balance("away"), timeout=SECONDS) == load.answered
            await eventually(lambda: ledger.at == at + 1)

    run(story)


def test_servers_end_when_they_are_asked_to_and_all_was_a_behaviour_of_the_spec(servers: Supervisor) -> None:
    async def story() -> None:
        async with client(servers) as ledger:
            load = Load(ledger, account="gus")
            for _ in range(2):
                await load.more(60)
                await asyncio.to_thread(servers.kill, *servers.servers)
                await asyncio.to_thread(servers.start)
            await load.more(60)
            await load.stop()
            assert await ledger.read(Balance("gus"), timeout=SECONDS) == load.answered

    run(story)
    assert servers.stop() == {"a1": 0, "a2": 0, "a3": 0}
    assert "Traceback" not in "".join(servers.output(each).read_text(encoding="utf-8") for each in servers.servers)
    assert servers.config.recordings is not None
    judge(servers.config.recordings)
