"""The loop of one process in virtual time. All loops of a run have one clock, so nothing happens but in its order.

A loop runs what asyncio's own would run: tasks, timers, protocols. Nothing takes time but what waits; a thread is a
call a little later. A process can be paused, and what is due waits for it; or it ends, and nothing more of it happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, TypeVar, TypeVarTuple

from quorumlog.virtual.clock import SECOND, Clock, Due

Result = TypeVar("Result")
Given = TypeVarTuple("Given")
Address: TypeAlias = tuple[str, int]
Factory: TypeAlias = Callable[[], asyncio.Protocol]

THREAD: Final = 0.001
"""Seconds until a thread has done what it was given."""
TIDYING: Final = 60
"""Virtual seconds in which what is cancelled may end."""


class Connector(Protocol):
    """A network, as a loop sees it."""

    def listen(self, loop: VirtualLoop, factory: Factory, address: Address, /) -> asyncio.AbstractServer:
        """Take connections there from now on. Raises `OSError` if somebody does."""
        ...

    async def connect(
        self, loop: VirtualLoop, factory: Factory, address: Address, /
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to whoever listens there. Raises `OSError` if nobody does."""
        ...


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of the process of this name."""

    def __init__(self, name: str, clock: Clock, network: Connector) -> None:
        super().__init__()
        self.name = name
        self._clock = clock
        self._network = network
        self.is_going = True
        self._held: list[Due] = []
        self._has_ended = False

    # -- what asyncio asks for -------------------------------------------------------------------------------------

    def time(self) -> float:
        """Seconds since the run has begun."""
        return self._clock.now / SECOND

    def call_soon(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        """Call it now, after all that is due now."""
        return self._put(self._clock.now, callback, args, context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.Handle:
        """The same, for there are no threads."""
        return self._put(self._clock.now, callback, args, context)

    def call_later(
        self, delay: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call it after so many seconds."""
        return self._put(self._clock.now + round(delay * SECOND), callback, args, context)

    def call_at(
        self, when: float, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call it at a time."""
        return self._put(round(when * SECOND), callback, args, context)

    def run_in_executor(  # type: ignore[override]  # asyncio's own says more of the types of the arguments
        self, executor: object, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        """Call it a little later: nobody can tell that from a thread."""
        answer: asyncio.Future[Result] = self.create_future()
        self.call_later(THREAD, settle, answer, partial(func, *args))
        return answer

    async def create_connection(  # type: ignore[override]  # no TLS, and no sockets
        self, protocol_factory: Factory, host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to another process."""
        return await self._network.connect(self, protocol_factory, (host, port))

    async def create_server(  # type: ignore[override]  # no TLS, and no sockets
        self, protocol_factory: Factory, host: str, port: int, **_: Any
    ) -> asyncio.AbstractServer:
        """Take connections of other processes."""
        return self._network.listen(self, protocol_factory, (host, port))

    # -- what happens to a process ---------------------------------------------------------------------------------

    def at(self, time: int, callback: Callable[..., object], *args: Any) -> None:
        """Something reaches the process at this time, in microseconds."""
        self._put(time, callback, args)

    def pause(self) -> None:
        """Nothing happens here for now."""
        self.is_going = False

    def resume(self) -> None:
        """What was to happen meanwhile happens now, in the same order."""
        if not self._has_ended:
            self.is_going = True
            held, self._held = self._held, []
            for each in held:
                self._clock.put(each)

    def end(self) -> None:
        """Nothing happens here any more."""
        self._has_ended = True
        self.is_going = False
        self._held.clear()
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it ends with its process
        self.close()

    def __del__(self) -> None:
        """It holds nothing that would have to be closed."""

    def enter(self) -> None:
        """What happens from now on happens here."""
        asyncio._set_running_loop(self)

    def late(self, handle: Due) -> None:
        """It is time for something; it happens when the process goes on."""
        if not self._has_ended:
            self._held.append(handle)

    def _put(
        self, time: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None = None
    ) -> Due:
        due = Due(time, self, callback, args, context)
        if not self._has_ended:
            self._clock.put(due)
        return due


def settle(answer: asyncio.Future[Result], call: Callable[[], Result]) -> None:
    """Call, and say what came of it."""
    if answer.cancelled():
        return
    try:
        answer.set_result(call())
    except Exception as error:
        answer.set_exception(error)


def run(clock: Clock, loop: VirtualLoop, main: Coroutine[Any, Any, Result], most: float) -> Result:
    """Run this in one of the loops, and all others with it, until it has ended.

    Raises `TimeoutError` if it has not ended after `most` virtual seconds, and whatever goes wrong in its loop.
    """
    wrong: list[dict[str, Any]] = []

    def goes_wrong(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        wrong.append(context)
        clock.stop()

    loop.set_exception_handler(goes_wrong)
    task = loop.create_task(main)
    task.add_done_callback(lambda _: clock.stop())
    try:
        clock.run(clock.now + round(most * SECOND))
        ended = task.done()
        if not ended:
            task.cancel()
            clock.run(clock.now + TIDYING * SECOND)
    finally:
        asyncio._set_running_loop(None)
    for context in wrong:
        raise RuntimeError(str(context.get("message"))) from context.get("exception")
    if not ended:
        raise TimeoutError(f"expected an end within {most:g} virtual seconds")
    return task.result()


async def all_of(others: list[asyncio.Task[None]], look: float = 0.01) -> None:
    """Wait for tasks of other loops, looking after them now and then. What they raise is raised."""
    while not all(each.done() for each in others):
        await asyncio.sleep(look)
    for each in others:
        each.result()
