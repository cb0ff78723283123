"""What is to happen in all processes of a run, in order, and what time it is. The clock jumps to what comes next.

Times are whole microseconds. What is due at one time happens in the order in which it was put down. It says what
`simulation/agenda.py` says, of what loops do: there is much of it, so an appointment is the handle that asyncio gets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Final, Protocol

SECOND: Final = 1_000_000


class Process(Protocol):
    """Where something is due."""

    is_going: bool
    """Whether what is due happens now."""

    def enter(self) -> None:
        """What happens from now on happens here."""

    def late(self, handle: Due, /) -> None:
        """It is time for something, and the process does not go on."""

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        """It has failed."""


class Due(asyncio.TimerHandle):
    """Something that is due in a process. Without a context it runs in that of whatever ran before."""

    __slots__ = ("call", "context", "given", "process", "time")

    def __init__(  # of asyncio's own only what callers may look at is needed
        self, time: int, process: Process, call: Callable[..., object], given: tuple[Any, ...], context: Context | None
    ) -> None:
        self.time = time
        self.process = process
        self.call: Callable[..., object] | None = call
        self.given = given
        self.context = context

    def cancel(self) -> None:
        """It will not happen."""
        self.call = None
        self.given = ()

    def cancelled(self) -> bool:
        """Whether it will not happen."""
        return self.call is None

    def when(self) -> float:
        """When it is due, in seconds."""
        return self.time / SECOND

    def failed(self, error: Exception) -> None:
        """It has gone wrong, with which its process has to deal."""
        self.process.call_exception_handler({"message": f"{self.call} has failed", "exception": error, "handle": self})

    def __repr__(self) -> str:
        return f"<due at {self.when():.6f}: {self.call}>"

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Clock:
    """What is to happen, and what time it is."""

    def __init__(self) -> None:
        self.now = 0
        self.steps = 0
        """How much has happened."""
        self._soon: deque[Due] = deque()
        """What is due now: it comes after what was put down earlier for this time."""
        self._entries: list[tuple[int, int, Due]] = []
        self._number = 0
        self._going = False

    def put(self, due: Due) -> None:
        """Put something down for its time, which is now if that has passed."""
        if due.time <= self.now:
            self._soon.append(due)
        else:
            self._number += 1
            heappush(self._entries, (due.time, self._number, due))

    def stop(self) -> None:
        """It is enough."""
        self._going = False

    def run(self, until: int) -> None:
        """Let everything happen that is due until then, or until it is enough."""
        running: Process | None = None
        self._going = True
        while self._going and (due := self._next(until)) is not None:
            call, process = due.call, due.process
            if call is None:
                continue
            self.steps += 1
            if not process.is_going:
                process.late(due)
                continue
            if process is not running:
                process.enter()
                running = process
            try:
                if due.context is None:
                    call(*due.given)
                else:
                    due.context.run(call, *due.given)
            except Exception as error:
                due.failed(error)

    def _next(self, until: int) -> Due | None:
        entries = self._entries
        if self._soon and (not entries or entries[0][0] > self.now):
            return self._soon.popleft()
        if not entries or entries[0][0] > until:
            return None
        self.now, _, due = heappop(entries)
        return due
