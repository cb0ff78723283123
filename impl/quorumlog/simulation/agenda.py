"""Virtual time: what is to happen, in order. Nothing waits; the clock jumps to what comes next.

Times are whole microseconds. What is due at one time happens in the order in which it was put down.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

MILLISECOND: Final = 1_000


class Appointment:
    """Something that will happen, unless it is cancelled."""

    __slots__ = ("call", "number", "time")

    def __init__(self, time: int, number: int, call: Callable[[], None] | None) -> None:
        self.time = time
        self.number = number
        self.call = call

    def cancel(self) -> None:
        self.call = None


class Agenda:
    """What is to happen, and what time it is."""

    def __init__(self) -> None:
        self.now = 0
        self._entries: list[tuple[int, int, Appointment]] = []
        self._number = 0

    def at(self, time: int, call: Callable[[], None]) -> Appointment:
        """Put something down for a time, which is now if it has passed."""
        self._number += 1
        entry = Appointment(max(time, self.now), self._number, call)
        heappush(self._entries, (entry.time, entry.number, entry))
        return entry

    def after(self, delay: int, call: Callable[[], None]) -> Appointment:
        """Put something down for a time from now."""
        return self.at(self.now + delay, call)

    def run(self, until: int, stop: Callable[[], bool] | None = None) -> None:
        """Let everything happen that is due until then, or until it is enough."""
        while self._entries and self._entries[0][0] <= until:
            if stop is not None and stop():
                return
            time, _, entry = heappop(self._entries)
            call = entry.call
            if call is not None:
                self.now = time
                call()
        self.now = max(self.now, until)
