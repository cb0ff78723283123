"""A server whose disk fails stops with one line, and what it leaves behind is what it started with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cluster.cluster_ledger import SECONDS, run

from quorumlog.core.consensus.effects import Store
from quorumlog.ledger.commands import Deposit
from quorumlog.runtime import config, running
from quorumlog.runtime.client import Client, Unanswered
from quorumlog.runtime.errors import DiskFailed
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.storage import Storage
from quorumlog.runtime.supervisor import free_addresses


def failing_after(writes: int) -> type[Storage]:
    """A storage of which that many writes succeed."""

    class Failing(Storage):
        done = 0

        def write_sync(self, stores: Sequence[Store]) -> None:
            type(self).done += 1
            if self.done > writes:
                raise DiskFailed("write 4: no such luck")
            super().write_sync(stores)

    return Failing


def test_a_failed_write_answers_nobody_and_stops_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Storage", failing_after(3))
    host, port = free_addresses(1)[0]
    place = config.alone(tmp_path, f"{host}:{port}").place("a1")
    lines: list[str] = []

    async def story() -> None:
        serving = asyncio.create_task(running.serve(place, lines.append))
        async with Client("a", place.servers, LEDGER_CODEC) as ledger:
            assert await ledger.ask(Deposit("x", 1), timeout=SECONDS) is True
            with pytest.raises(Unanswered):
                await ledger.ask(Deposit("x", 1), timeout=1)
        with pytest.raises(DiskFailed):
            await serving

    run(story)
    storage = Storage.open(place.folder, LEDGER_CODEC, owner="a1")
    assert len(storage.recovered.durable.log) == 2
    storage.close()


def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that belongs to another server, and an address at which somebody listens already."""
    host, port = free_addresses(1)[0]
    listen = f"{host}:{port}"
    Storage.open(tmp_path / "a1", LEDGER_CODEC, owner="b2").close()
    assert running.run(config.alone(tmp_path, listen).place("a1")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "b2" in line

    async def story() -> None:
        taken = await asyncio.start_server(lambda *_: None, host, port)
        status = await asyncio.to_thread(in_thread, tmp_path / "other", listen)
        taken.close()
        assert "address already in use" in status

    run(story)


def in_thread(folder: Path, listen: str) -> str:
    """What a server says that cannot listen."""
    place = config.alone(folder, listen).place("a1")

    async def started() -> None:
        node = running.opened(place, asyncio.get_running_loop(), print)
        try:
            await node.start()
        finally:
            await node.stop()

    with pytest.raises(OSError, match="in use") as error:
        asyncio.run(started())
    return str(error.value)
