"""Read models for programs: a copy of a group's events from any of its servers, and a projection of the user's own.

A projection says what there is before the first event and after one more; every application is one. A view of it says
on how many events it stands and how old it is, and whoever brings the token of a client is told no less than that
client has seen. `ReadModel` is for a loop, `SyncReadModel` for everybody else. Spec: ReadModel.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Folds
from quorumlog.runtime.background import Background
from quorumlog.runtime.feed import Copy, Entry, Event, Missing, events_of
from quorumlog.runtime.session import Unanswered
from quorumlog.runtime.wire import Codec

State = TypeVar("State")
Result = TypeVar("Result")
Token: TypeAlias = Mapping[str, int]
"""How many events of which groups somebody has seen."""

NOTHING_SEEN: Final[Token] = {}
PAGE: Final = 256
"""Events that are looked up at once."""
TIMEOUT: Final = 10.0
"""Seconds."""


class ProjectionFailed(Exception):
    """A user's projection has raised something at an event, and would at the next attempt."""


class View(Struct, Generic[State], frozen=True):
    """What a projection has made of the first `position` events of a group, and how old that is.

    If its age is `known`, all that was decided `complete_ms_ago` milliseconds ago is in it. Otherwise nothing was heard
    of what happened since then, or ever (None): it may be as old as you like.
    """

    state: State
    position: int
    known: bool
    complete_ms_ago: int | None

    @property
    def staleness(self) -> str:
        """How old it is, in words."""
        if self.complete_ms_ago is None:
            return "unknown: nothing was heard yet"
        if self.known:
            return f"complete as of {self.complete_ms_ago} ms ago"
        return f"unknown since {self.complete_ms_ago} ms ago"


class PerEvent(Generic[State]):
    """Folds the events in a group's entries by a user's projection."""

    def __init__(self, projection: Folds[State, Any]) -> None:
        self._projection = projection

    def start(self) -> State:
        """Nothing has happened."""
        return self._projection.start()

    def evolve(self, state: State, event: Entry) -> State:
        """What one more entry makes."""
        for each in events_of(event):
            state = self._projection.evolve(state, each)
        return state


class ReadModel(Generic[State]):
    """A read model of one group, in this loop. It asks `source` first, or the first server, and others if it is silent.

    With `subscribes` it is told of events as they are decided; otherwise it asks for them ten times a second. A
    projection has to take every event: if it raises something, the read model stops, and says so when it is asked.
    """

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, tuple[str, int]],
        codec: Codec[Any, Any, Any],
        projection: Folds[State, Any],
        *,
        subscribes: bool = True,
        source: ServerId | None = None,
    ) -> None:
        if source is not None and source not in servers:
            raise ValueError(f"source: expected one of {', '.join(servers)}, found {source!r}")
        self.group = group
        self._copy: Copy[State] = Copy(
            group, servers, codec, PerEvent(projection), subscribes=subscribes, source=source
        )

    @property
    def source(self) -> ServerId:
        """The server that it asks."""
        return self._copy.model.source

    @property
    def is_closed(self) -> bool:
        """Whether it asks nothing more."""
        return self._copy.is_closed

    @property
    def position(self) -> int:
        """How many events it knows."""
        return self._copy.position

    @property
    def token(self) -> dict[str, int]:
        """What whoever looks now has seen."""
        return {self.group: self.position}

    def now(self) -> View[State]:
        """What it knows at once, however little that is."""
        return self._viewed(NOTHING_SEEN)

    def _viewed(self, token: Token) -> View[State]:
        self._check()
        answer = self._copy.answer(token.get(self.group, 0))
        return View(answer.state, self._copy.position, *self._copy.staleness())

    async def view(self, token: Token = NOTHING_SEEN, timeout: float = TIMEOUT) -> View[State]:
        """What it knows, as soon as that is no less than this token says. Raises `Unanswered` after `timeout` seconds.

        With the token of a client this tells whoever asks what that client has written. Spec: ReadModel!Query.
        """
        if not await self._copy.until(token.get(self.group, 0), timeout):
            self._check()
            raise Unanswered(f"the copy of group {self.group} has {self.position} events after {timeout} s: {token}")
        return self._viewed(token)

    async def current(self, timeout: float = TIMEOUT) -> View[State]:
        """What it knows, as soon as it is known how old that is. Raises `Unanswered` after `timeout` seconds."""
        if not await self._copy.current(timeout):
            self._check()
            raise Unanswered(f"no server of group {self.group} has told of its events within {timeout} s")
        return self.now()

    def events(self, after: int = 0, limit: int = PAGE) -> list[Event]:
        """Up to `limit` events that follow the first `after` ones, of those that it knows."""
        return self._copy.events(after, limit)

    async def more(self, after: int, timeout: float) -> bool:
        """Wait until it knows more than `after` events, or for so many seconds; whether it does."""
        self._check()
        return await self._copy.until(after + 1, timeout)

    async def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """The events that follow the first `after` ones, as they are decided, until it is closed."""
        while not self.is_closed:
            for each in self.events(after):
                yield each
                after = each.position
            await self.more(after, TIMEOUT)

    def _check(self) -> None:
        failure = self._copy.failure
        if isinstance(failure, Missing):
            raise failure
        if failure is not None:
            raise ProjectionFailed(f"the projection has failed after event {self.position}: {failure!r}") from failure

    async def close(self) -> None:
        """Ask nothing more; what is known can still be looked at."""
        await self._copy.close()

    async def __aenter__(self) -> ReadModel[State]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()


class SyncReadModel(Generic[State]):
    """The same for programs that wait, with a loop in a thread of its own. Several threads may use it."""

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, tuple[str, int]],
        codec: Codec[Any, Any, Any],
        projection: Folds[State, Any],
        *,
        subscribes: bool = True,
        source: ServerId | None = None,
    ) -> None:
        self._background = Background()

        async def made() -> ReadModel[State]:
            return ReadModel(group, servers, codec, projection, subscribes=subscribes, source=source)

        try:
            self._model = self._wait(made())
        except BaseException:
            self._background.close()
            raise

    def _wait(self, deed: Coroutine[Any, Any, Result]) -> Result:
        return self._background.wait(deed)

    @property
    def source(self) -> ServerId:
        """The server that it asks."""
        return self._model.source

    @property
    def position(self) -> int:
        """How many events it knows."""
        return self._model.position

    @property
    def token(self) -> dict[str, int]:
        """What whoever looks now has seen."""
        return self._model.token

    def now(self) -> View[State]:
        """What it knows at once, however little that is."""

        async def asked() -> View[State]:
            return self._model.now()

        return self._wait(asked())

    def view(self, token: Token = NOTHING_SEEN, timeout: float = TIMEOUT) -> View[State]:
        """What it knows, as soon as that is no less than this token says. Raises `Unanswered` after so many seconds."""
        return self._wait(self._model.view(token, timeout))

    def current(self, timeout: float = TIMEOUT) -> View[State]:
        """What it knows, as soon as it is known how old that is. Raises `Unanswered` after `timeout` seconds."""
        return self._wait(self._model.current(timeout))

    def events(self, after: int = 0, limit: int = PAGE) -> list[Event]:
        """Up to `limit` events that follow the first `after` ones, of those that it knows."""

        async def asked() -> list[Event]:
            return self._model.events(after, limit)

        return self._wait(asked())

    def follow(self, after: int = 0) -> Iterator[Event]:
        """The events that follow the first `after` ones, as they are decided, until it is closed."""
        while not self._model.is_closed:
            for each in self.events(after):
                yield each
                after = each.position
            self._wait(self._model.more(after, TIMEOUT))

    def close(self) -> None:
        """Ask nothing more."""
        self._wait(self._model.close())
        self._background.close()

    def __enter__(self) -> SyncReadModel[State]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


__all__ = ["Event", "Missing", "ProjectionFailed", "ReadModel", "SyncReadModel", "Token", "Unanswered", "View"]
