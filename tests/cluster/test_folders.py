"""A server whose folder goes away, or lets nobody write any more, stops with one line and answers nothing more."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final

import apsw
import pytest
from tests.cluster.cluster_ledger import SECONDS
from tests.unit.runtime.test_gone_wrong import heard
from tests.unit.runtime.test_storage_place import emptied, moved, replaced

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime import batches, config, running
from quorumlog.runtime.client import Client
from quorumlog.runtime.files import SystemFiles
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.session import Unanswered
from quorumlog.runtime.supervisor import Supervisor, configuration, free_addresses
from quorumlog.runtime.sync_client import SyncClient


def unanswered_in(folder: Path, goes: Callable[[Path], None]) -> list[str]:
    """What a node says whose folder goes; whoever asks it then has no answer. Raises `AssertionError` otherwise."""
    with Cluster(size=1, folder=folder) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        goes(folder / "a1")
        with suppress(Unanswered):
            raise AssertionError(f"an answer that nobody will know of: {client.ask(Deposit('x', 1), timeout=1)}")
        assert heard(cluster, "a1 stops: ")
        return list(cluster.said)


@pytest.mark.parametrize("goes", [emptied, moved, replaced])
def test_nothing_is_acknowledged_that_the_next_start_would_not_find(
    goes: Callable[[Path], None], tmp_path: Path
) -> None:
    [line] = unanswered_in(tmp_path, goes)
    assert line.endswith("the store is no longer there, and what is written now would not be found")
    assert "\n" not in line


def test_a_store_that_does_not_look_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemFiles, "identity", lambda *_: "always the same")
    with pytest.raises(AssertionError, match="an answer that nobody will know of: True"):
        unanswered_in(tmp_path, emptied)


def test_a_process_ends_with_one_line_and_goes_on_where_its_folder_is_back(tmp_path: Path) -> None:
    """The others go on without it."""
    with Supervisor(tmp_path, configuration({"a": 3})) as servers:
        servers.start()
        asyncio.run(away_and_back(servers))


async def away_and_back(servers: Supervisor) -> None:
    """The folder of the leader is moved, and comes back."""
    async with Client("a", servers.config.groups["a"], LEDGER_CODEC) as ledger:
        assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
        leader = str(ledger.leader)
        folder = servers.config.place(leader).folder
        moved(folder)
        assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
        await asyncio.to_thread(servers._processes[leader].wait, SECONDS)
        assert servers._processes[leader].returncode == 1
        _, line = servers.output(leader).read_text(encoding="utf-8").splitlines()
        assert line.startswith(f"quorumlog: {leader} stops, for its disk has failed: {folder}")
        folder.with_name("elsewhere").rename(folder)
        await asyncio.to_thread(servers.start, leader)
        others = [each for each in servers.servers if each != leader]
        servers.kill(others[0])
        assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
        assert await ledger.read(Balance("x"), timeout=SECONDS) == 3


# -- a disk that takes nothing more ------------------------------------------------------------------------------------


@pytest.fixture
def settings() -> Iterator[None]:
    """What a server sets for its process is set back."""
    switch, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(switch)
    gc.set_threshold(*threshold)


READ_ONLY: Final = [
    apsw.ReadOnlyError("attempt to write a readonly database"),
    apsw.IOError("disk I/O error"),
    OSError(30, "Read-only file system"),
]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("error", READ_ONLY, ids=lambda error: type(error).__name__)
def test_a_disk_that_has_become_read_only_ends_the_process_and_nothing_is_lost(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host, port = free_addresses(1)[0]
    place = config.alone(tmp_path, f"{host}:{port}").place("a1")
    answers: list[object] = []

    def ask(until: int) -> None:
        with SyncClient("a", place.servers, LEDGER_CODEC) as client, suppress(Unanswered):
            for _ in range(until):
                answers.append(client.ask(Deposit("x", 1), timeout=5 if not answers else 1))

    write, done = batches.write, [0]

    def writes(*given: Any) -> None:
        done[0] += 1
        if done[0] > 6:
            raise error
        write(*given)

    monkeypatch.setattr(batches, "write", writes)
    asking = Thread(target=ask, args=(20,))
    asking.start()
    assert running.run(place) == 1
    asking.join()
    assert 0 < len(answers) < 20
    listens, line = capsys.readouterr().err.splitlines()
    assert "listens" in listens
    assert line.startswith("quorumlog: a1 stops, for its disk has failed: ")
    assert line.endswith(str(error))
    monkeypatch.undo()
    assert held(place) in (len(answers), len(answers) + 1)


def held(place: config.Place) -> int:
    """What is there after a restart."""

    async def story() -> int:
        serving = asyncio.create_task(running.serve(place, lambda _: None))
        async with Client("a", place.servers, LEDGER_CODEC) as ledger:
            found = await ledger.read(Balance("x"), timeout=SECONDS)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        assert isinstance(found, int)
        return found

    return asyncio.run(story())


@pytest.mark.usefixtures("settings")
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it needs a folder in which not even root may write")
def test_a_folder_in_which_nobody_may_write_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert running.run(config.alone(Path("/proc/self/quorumlog"), "127.0.0.1:1").place("a1")) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("quorumlog: /proc/self/quorumlog/")
