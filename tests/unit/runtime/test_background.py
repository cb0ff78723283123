"""A loop beside those who have none: nobody waits for what it will not do any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from threading import Thread
from typing import Any, Final

import pytest

from quorumlog.runtime.background import Background

SECONDS: Final = 10.0


async def number() -> int:
    """Something to be done."""
    return 7


async def others() -> int:
    """How many other tasks there are."""
    return len(asyncio.all_tasks()) - 1


def elsewhere(beside: Background, deed: Coroutine[Any, Any, object]) -> Future[object]:
    """Another thread, which nobody waits for, asks for something."""
    found: Future[object] = Future()

    def wait() -> None:
        try:
            found.set_result(beside.wait(deed))
        except BaseException as error:
            found.set_exception(error)

    Thread(target=wait, daemon=True).start()
    return found


def test_what_is_done_there_has_an_answer() -> None:
    beside = Background()
    assert beside.wait(number()) == 7
    beside.close()


def test_what_is_going_on_when_it_ends_is_cancelled() -> None:
    beside = Background()
    waits = elsewhere(beside, asyncio.sleep(3600))
    while not beside.wait(others()):
        time.sleep(0.01)
    beside.close()
    with pytest.raises(CancelledError):
        waits.result(SECONDS)


def test_what_comes_in_the_last_moment_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the loop is told while it stops is not done in this turn, and there is no next one."""
    beside = Background()
    stop = beside.loop.stop
    late: list[Future[object]] = []

    def meanwhile() -> None:
        stop()
        late.append(elsewhere(beside, number()))
        time.sleep(0.2)

    monkeypatch.setattr(beside.loop, "stop", meanwhile)
    beside.close()
    with pytest.raises(CancelledError):
        late[0].result(SECONDS)


def test_who_comes_later_is_told() -> None:
    beside = Background()
    beside.close()
    with pytest.raises(RuntimeError, match="it is closed"):
        beside.wait(number())
