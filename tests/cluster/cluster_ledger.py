"""A load on a group that hosts a ledger, and what must be so afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

from quorumlog.ledger.commands import Command, Deposit
from quorumlog.ledger.events import Event
from quorumlog.ledger.ledger import Answer
from quorumlog.runtime.client import Client
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.supervisor import Supervisor
from quorumlog_bindings.replication import replication
from tlastep.check.models import find_project
from tlastep.check.recording import Validated, validate_files
from tlastep.check.recording_files import files_of

LedgerClient: TypeAlias = Client[Command, Event, Answer]

PATIENCE: Final = 0.7
SECONDS: Final = 15.0
"""After which a test is given up. The machine may be busy with something else."""


def client(supervisor: Supervisor) -> LedgerClient:
    """A client of the group."""
    return Client("a", supervisor.config.groups["a"], LEDGER_CODEC, patience=PATIENCE)


class Load:
    """Deposits of 1 on an account that go on until it is stopped, some at a time, each waited for."""

    def __init__(self, client: LedgerClient, outstanding: int = 16, account: str = "x") -> None:
        self.answered = 0
        self.asked = 0
        self._account = account
        self._client = client
        self._going = True
        self._workers = [asyncio.create_task(self._work()) for _ in range(outstanding)]

    async def _work(self) -> None:
        while self._going:
            self.asked += 1
            await self._client.ask(Deposit(self._account, 1), timeout=SECONDS)
            self.answered += 1

    async def more(self, number: int) -> None:
        """Wait until so many more have been answered."""
        until = self.answered + number
        await eventually(lambda: self.answered >= until)

    async def stop(self) -> None:
        """Wait for what is on its way."""
        self._going = False
        await asyncio.gather(*self._workers)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "it has taken too long"
        await asyncio.sleep(0.01)


async def eventually_caught_up(client: LedgerClient) -> None:
    """Wait until no server lacks anything that the leader has."""
    until = time.monotonic() + SECONDS
    while any((await client.status(timeout=SECONDS)).lag.values()):
        assert time.monotonic() < until, "it has taken too long"
        await asyncio.sleep(0.05)


async def leader(client: LedgerClient) -> str:
    """Who leads, as far as a server knows that has just answered."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if client.leader is not None:
            return client.leader
        await asyncio.sleep(0.01)
    raise AssertionError("nobody leads")


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a test's story in a loop, for a bounded time."""

    async def bounded() -> None:
        async with asyncio.timeout(2 * SECONDS):
            await story()

    asyncio.run(bounded())


def judged(folder: Path) -> Validated:
    """What is found about all of a group's recordings."""
    return validate_files(find_project(Path(__file__).parent), replication, files_of([folder]))


def judge(folder: Path, replies: int = 10) -> None:
    """All of a group's recordings, with at least so many replies of followers."""
    found = judged(folder)
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.actions["Propose"] >= 10
    assert found.actions["Crash"] >= 1
    assert found.actions["OnAppendReply"] >= replies
