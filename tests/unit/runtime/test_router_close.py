"""A router that is being stopped leaves no connection open that has just come."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias
from unittest.mock import patch

import pytest
import uvicorn

from quorumlog.runtime import config, router

Shutdown: TypeAlias = Callable[[router.Server, list[socket.socket] | None], Awaitable[None]]
COME: Final = 5
ROOT: Final = Path(__file__).parents[3]
CAREFUL: Final[Shutdown] = router.Server.shutdown
CARELESS: Final[Any] = uvicorn.Server.shutdown


def left_open(shutdown: Shutdown, folder: Path) -> int:
    """How many connections are open still that clients make in the very moment in which the router is stopped."""
    came: list[socket.socket] = []
    addresses: list[config.Address] = []

    async def story() -> None:
        running = router.Router(config.alone(folder), ("127.0.0.1", 0))
        addresses.append(running.address)

        async def meanwhile(server: router.Server, sockets: list[socket.socket] | None = None) -> None:
            came.extend([socket.create_connection(running.address, timeout=5) for _ in range(COME)])
            for _ in range(2):
                await asyncio.sleep(0)  # the loop sees them, and begins to accept them
            await shutdown(server, sockets)

        with patch.object(router.Server, "shutdown", meanwhile):
            await asyncio.sleep(0.15)
            await running.stop()
        await asyncio.sleep(0.05)

    asyncio.run(story())
    found = [each for each in held() if each not in came and each.getsockname()[:2] in addresses]
    for each in (*came, *found):
        each.close()
    return len(found)


def held() -> list[socket.socket]:
    """All sockets of this process that are open."""
    return [each for each in gc.get_objects() if isinstance(each, socket.socket) and each.fileno() >= 0]


def test_who_comes_last_is_let_go(tmp_path: Path) -> None:
    assert left_open(CAREFUL, tmp_path) == 0


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later Pythons let them go by themselves")
def test_closing_at_once_would_be_noticed(tmp_path: Path) -> None:
    """In another process, for what is lost there is complained of when it ends."""
    code = f"import {__name__} as here; print(here.left_open(here.CARELESS, here.Path({str(tmp_path)!r})))"
    command = [sys.executable, "-W", "ignore", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    assert 0 < int(ran.stdout) <= COME, "a busy machine gives some of them to the loop before it begins to stop"
