"""How many streams of events a router has: those that have not begun to run count, and those that never do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.requests import Request
from starlette.types import Scope

from quorumlog.runtime import config
from quorumlog.runtime.gateway import Gateway
from quorumlog.runtime.metrics import Metrics
from quorumlog.runtime.routes import Routes, Stream
from quorumlog.runtime.trouble import Trouble

SCOPE: Scope = {"type": "http", "method": "GET", "query_string": b"", "headers": [], "path_params": {"group": "a"}}


async def caught_up(*_: Any) -> None:
    """It need not be asked of a cluster."""
    await asyncio.sleep(0)


def test_requests_at_the_same_moment_are_bounded_and_one_that_never_runs_is_not_counted_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def lost(message: Any) -> None:
        raise OSError("the client is gone")

    async def story() -> None:
        limits = replace(config.ROUTER, streams=2)
        gateway = Gateway(config.alone(tmp_path))
        monkeypatch.setattr(gateway, "caught_up", caught_up)
        routes = Routes(gateway, limits, Metrics())
        found = await asyncio.gather(*[routes.stream(Request(SCOPE)) for _ in range(5)], return_exceptions=True)
        streams = [each for each in found if isinstance(each, Stream)]
        assert (len(streams), sum(isinstance(each, Trouble) for each in found)) == (2, 3)
        for each in streams:
            await asyncio.gather(each({**SCOPE, "asgi": {"spec_version": "2.4"}}, gone, lost), return_exceptions=True)
        assert isinstance(await routes.stream(Request(SCOPE)), Stream)
        await routes.close()

    asyncio.run(story())
