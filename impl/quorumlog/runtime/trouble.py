"""What a client of the router is told where there is no answer: a status of HTTP, and one sentence."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from quorumlog.runtime.lines import one_line
from quorumlog.runtime.session import Forgotten, Full, Rejected

RETRY: Final = 1
"""Seconds after which it is worth to ask again."""
LATER: Final = 60
"""Seconds after which it is worth to look whether somebody has made room."""


PERHAPS: Final = "a command may have been executed, or may still be: ask again with the same Idempotency-Key"
"""What is true of a command that was sent and has no answer."""


class Trouble(Exception):
    """A request has no answer. `retry` is after how many seconds it may be sent again, if that helps.

    `events` is how many events there were where the client expected another number.
    """

    def __init__(self, status: int, error: str, *, retry: int | None = None, events: int | None = None) -> None:
        self.error = one_line(error)
        super().__init__(self.error)
        self.status = status
        self.retry = retry
        self.events = events


def bad(place: str, problem: str) -> Trouble:
    """The client is wrong, and is told where."""
    return Trouble(400, f"{place}: {problem}")


def nobody(group: str) -> Trouble:
    """Nobody has answered in time."""
    return Trouble(503, f"group {group} has not answered in time; {PERHAPS}", retry=RETRY)


def refused(reason: str) -> Trouble:
    """The application has raised an exception at this."""
    return Trouble(422, f"the application refuses this, and nothing has happened: {reason}")


def unknown_group(group: str, known: list[str]) -> Trouble:
    """There is no such group."""
    return Trouble(404, f"group: expected one of {', '.join(known)}, found {group!r}")


def result_of(asked: asyncio.Future[Any]) -> Any:
    """The answer that has come. Raises `Trouble` if there never will be one."""
    if asked.cancelled():
        raise Trouble(503, f"the router is being stopped; {PERHAPS}", retry=RETRY)
    error = asked.exception()
    if isinstance(error, Full):
        raise Trouble(409, f"{error}; nothing has happened", retry=LATER)
    if isinstance(error, Forgotten):
        raise Trouble(410, f"{error}, for its client has said that it has it; it was executed once")
    if isinstance(error, Rejected):
        raise refused(str(error))
    if error is not None:
        raise Trouble(502, f"the group cannot be asked: {error}; {PERHAPS}")
    return asked.result()
