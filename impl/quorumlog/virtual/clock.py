"""What is to happen in all processes of a run, in order, and what time it is. The clock jumps to what comes next.

Times are whole microseconds. What is due at one time happens in the order in which it was put down. It says what
`simulation/agenda.py` says, of what loops do: there is much of it, so an appointment is the handle that asyncio gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, Final, Protocol

SECOND: Final = 1_000_000


class Process(Protocol):
    """Where something is due."""

    def due(self, handle: Due, /) -> None:
        """It is time for it."""

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

    def happen(self) -> None:
        """Do it. What fails is for the process to deal with."""
        call = self.call
        try:
            if call is None:
                return
            if self.context is None:
                call(*self.given)
            else:
                self.context.run(call, *self.given)
        except Exception as error:
            self.process.call_exception_handler({"message": f"{call} has failed", "exception": error, "handle": self})

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
        self._entries: list[tuple[int, int, Due]] = []
        self._number = 0
        self._going = False

    def put(self, due: Due) -> None:
        """Put something down for its time, which is now if that has passed."""
        self._number += 1
        time = due.time
        heappush(self._entries, (time if time > self.now else self.now, self._number, due))

    def stop(self) -> None:
        """It is enough."""
        self._going = False

    def run(self, until: int) -> None:
        """Let everything happen that is due until then, or until it is enough."""
        entries, self._going = self._entries, True
        while self._going and entries and entries[0][0] <= until:
            self.now, _, due = heappop(entries)
            if due.call is not None:
                self.steps += 1
                due.process.due(due)
