"""The clock of a process, and its dice: the port `Time` on an asyncio loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from random import Random

from quorumlog.ports import Timer


class LoopTime:
    """Timers of a loop, in milliseconds; what is due at once happens in the next round of the loop."""

    def __init__(self, loop: AbstractEventLoop, dice: Random) -> None:
        self._loop = loop
        self._dice = dice

    def now(self) -> float:
        return self._loop.time() * 1000

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        if delay <= 0:
            return self._loop.call_soon(call)
        return self._loop.call_later(delay / 1000, call)

    def draw(self, least: float, most: float) -> float:
        return self._dice.uniform(least, most)
