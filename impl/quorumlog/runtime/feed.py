"""A read model of one group beside it: a copy of its committed events over a native connection, and what they make.

The rules are those of `core/read_model.py` (Spec: ReadModel): it asks one server after its cursor, again and again, and
subscribes to what follows; it turns to another server when that one is silent. What it knows is late, and it says since
when it is complete. Servers count entries, and users count events, as `expected` and `at` of commands do: a feed counts
both.
"""

from __future__ import annotations

import asyncio
import secrets
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Folds
from quorumlog.core.leader_output import Acknowledged, Executed
from quorumlog.core.read_model import (
    NEVER,
    Answer,
    KnownSince,
    News,
    ReadModel,
    Time,
    freshness,
    on_news,
    query,
    request,
    start,
    switch,
)
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap
from quorumlog.persistent.strand import Strand
from quorumlog.runtime import wire
from quorumlog.runtime.config import LIMITS, Address
from quorumlog.runtime.hosting import AnyHosted
from quorumlog.runtime.slices import Slices
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import BadFrame, Codec, Hello, frame

EVERY: Final = 0.1
"""Seconds between two questions about what follows."""
PATIENCE: Final = 1.0
"""Seconds of silence after which another server is asked."""
LARGEST: Final = LIMITS.peer_frame
BUFFER: Final = 1 << 20

Entry: TypeAlias = Executed[Any] | Acknowledged
State = TypeVar("State")


class Missing(Exception):
    """No server has the events any more that a copy lacks."""


class Event(Struct, frozen=True):
    """An event of a group: the how-manieth it is, whose command it comes from, and what the application wrote."""

    position: int
    session: str
    number: int
    event: Any


class Projection(Struct, frozen=True):
    """What the events make: the application's state, how many events, and which accounts occur in them."""

    state: Any
    events: int
    accounts: HashMap[str, None]


class Projecting:
    """Folds entries of a group that hosts an application."""

    def __init__(self, hosted: AnyHosted) -> None:
        self._application = hosted.application

    def start(self) -> Projection:
        """Nothing has happened."""
        return Projection(self._application.start(), 0, HashMap())

    def evolve(self, state: Projection, event: Entry) -> Projection:
        """What one more entry makes."""
        written = events_of(event)
        if not written:
            return state
        inner, accounts = state.state, state.accounts
        for each in written:
            inner = self._application.evolve(inner, each)
            for account in accounts_of(each):
                accounts = accounts if account in accounts else accounts.set(account, None)
        return Projection(inner, state.events + len(written), accounts)


def events_of(entry: Entry) -> tuple[Any, ...]:
    """The events of an entry; there are none where a client expected another state."""
    return entry.events if isinstance(entry, Executed) and isinstance(entry.events, tuple) else ()


def accounts_of(event: Any) -> list[str]:
    """The accounts in an event of a ledger that moves money, on one shard or between two."""
    moved = getattr(event, "transfer", event)
    named = [getattr(moved, field, None) for field in ("account", "source", "to", "target")]
    asks = not hasattr(moved, "amount")
    return [] if asks else [each for each in named if isinstance(each, str)]


FIRST: Final = 16
"""Entries that are folded at once, before anybody knows how long that takes."""


class Copy(Generic[State]):
    """The copy of one group's events, and what `folds` makes of its entries. It dials until it is closed.

    It asks `source` first, or the first server; any is as good as another. If it does not subscribe, it learns of
    nothing between two questions.
    """

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, Address],
        codec: Codec[Any, Any, Any],
        folds: Folds[State, Entry],
        *,
        subscribes: bool = True,
        source: ServerId | None = None,
    ) -> None:
        self.group = group
        self.ends: array[int] = array("q")
        """How many events there are up to the end of each entry."""
        self.known = 0
        """How many entries there are, as far as a server has told."""
        self.failure: Exception | None = None
        """What `folds` has raised at an entry, or `Missing`; nothing more is asked then."""
        self.is_closed = False
        """Whether nothing more is asked because nobody wants it."""
        self._servers = dict(servers)
        self._codec = codec
        self._folds = folds
        self._loop = asyncio.get_running_loop()
        self._epoch = self._loop.time() - 1
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        name = f"copy-{secrets.token_hex(8)}"
        first = next(iter(servers)) if source is None else source
        model: ReadModel[State, Entry] = start(name, first, (group,), folds, subscribes)
        copy = cast("FrozenMap[str, tuple[Entry, ...]]", FrozenMap({group: Strand.of(())}))
        self.model = replace(model, copy=copy)
        self._connection: Connection | None = None
        self._slices = Slices(self._loop.time, FIRST)
        self._without: set[ServerId] = set()
        self._heard = self._loop.time()
        self._task: asyncio.Task[None] = self._loop.create_task(self._run())

    # -- what it knows -------------------------------------------------------------------------------------------

    @property
    def projection(self) -> State:
        """What the events make, as far as they are known."""
        return self.model.state[self.group]

    @property
    def position(self) -> int:
        """How many events it knows."""
        return self.ends[-1] if self.ends else 0

    def answer(self, events: int) -> Answer[State]:
        """The answer to whoever has seen so many events. Raises `Refused` if it knows fewer. Spec: ReadModel!Query."""
        needed = bisect_left(self.ends, events) + 1 if events else 0
        return query(self.model, self.group, needed, self._now(), int(PATIENCE * 1000))

    def staleness(self) -> tuple[bool, int | None]:
        """Whether it is known how old the copy is, and how many milliseconds ago it was complete, if it ever was."""
        now = self._now()
        found = freshness(self.model.since[self.group], now, int(PATIENCE * 1000))
        return isinstance(found, KnownSince), None if found.time == NEVER else now - found.time

    def events(self, after: int, limit: int) -> list[Event]:
        """Up to `limit` events that follow the first `after` ones."""
        found: list[Event] = []
        entry = bisect_right(self.ends, after)
        copy = self.model.copy[self.group]
        while entry < len(self.ends) and len(found) < limit:
            each = cast("Executed[Any]", copy[entry])
            events = events_of(each)
            first = self.ends[entry] - len(events)
            skipped = max(after - first, 0)
            found += [
                Event(position, each.session, each.number, event)
                for position, event in enumerate(events[skipped:], first + skipped + 1)
            ]
            entry = bisect_right(self.ends, self.ends[entry])
        return found[:limit]

    @property
    def _is_over(self) -> bool:
        """Whether it will know nothing more."""
        return self.is_closed or self.failure is not None

    async def until(self, events: int, timeout: float) -> bool:
        """Wait until it knows so many events, or for so many seconds; whether it does."""
        try:
            async with asyncio.timeout(timeout):
                while self.position < events and not self._is_over:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return self.position >= events

    async def current(self, timeout: float) -> bool:
        """Wait until it holds all that its source knew not long ago, or for so many seconds; whether it does."""
        try:
            async with asyncio.timeout(timeout):
                while not self.staleness()[0] and not self._is_over:
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            return False
        return not self._is_over

    # -- asking --------------------------------------------------------------------------------------------------

    def _now(self) -> Time:
        """Milliseconds by its own clock, which shows more than NEVER from the beginning."""
        return int((self._loop.time() - self._epoch) * 1000)

    async def _run(self) -> None:
        while True:
            if self._connection is None:
                await self._dial()
            if self._connection is not None and self._connection.is_open:
                self._ask()
            await asyncio.sleep(EVERY)
            if self._loop.time() - self._heard > PATIENCE:
                self._elsewhere()

    def _ask(self) -> None:
        if self._connection is not None and self._connection.is_writable:
            self._connection.send(frame(wire.ASK, request(self.model, self.group, self._now())))

    async def _dial(self) -> None:
        host, port = self._servers[self.model.source]
        try:
            async with asyncio.timeout(PATIENCE):
                await self._loop.create_connection(lambda: Connection(self, LARGEST, BUFFER), host, port)
        except (OSError, TimeoutError):
            self._elsewhere()

    def _elsewhere(self) -> None:
        """The next server is asked from now on; alone, the same one."""
        self._heard = self._loop.time()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        names = list(self._servers)
        following = names[(names.index(self.model.source) + 1) % len(names)]
        if following != self.model.source:
            self.model = switch(self.model, following)

    async def close(self) -> None:
        """Ask nothing more; whoever waits is told."""
        self.is_closed = True
        self._told.set()
        self._wake()
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._connection is not None:
            self._connection.close()

    # -- the owner of its connection -----------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """A server is there."""
        self._connection = connection
        connection.send(frame(wire.HELLO, Hello(self.group)))
        self._ask()

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        """A server says something."""
        if connection is not self._connection:
            return
        if kind == wire.NEWS:
            news = self._codec.news(body)
            if news.to != self.model.name or news.shard != self.group:
                raise BadFrame("news for somebody else")
            self._learn_some(connection, news)
        elif kind == wire.GONE:
            self._miss(wire.decoded(wire.GONE_DECODER, body).events)
        elif kind not in (wire.WELCOME, wire.NOT_LEADER):
            raise BadFrame(f"a message of kind {kind} to a read model")

    def closed(self, connection: Connection, reason: str | None) -> None:
        """A server is gone."""
        if connection is self._connection:
            self._elsewhere()

    def _learn_some(self, connection: Connection, news: News[Any], *, is_rest: bool = False) -> None:
        """Fold a slice of the news, as if no more had come; nothing is read until it is the turn of the rest.

        A spell of the loop is for others, too: `folds` may take its time, and a message holds a thousand entries.
        """
        if connection is not self._connection or self.failure is not None:
            return  # whoever is asked now is asked for the rest
        number, begun = self._slices.most, self._loop.time()
        is_more = self._learn(replace(news, events=news.events[:number]))
        self._heard = self._loop.time()
        self._slices.folded(min(number, len(news.events)), (self._heard - begun) * 1000)
        if len(news.events) > number:
            connection.pause()
            rest = replace(news, after=news.after + number, events=news.events[number:])
            self._loop.call_soon(partial(self._learn_some, connection, rest, is_rest=True))
            return
        if is_more and len(self.model.copy[self.group]) < news.end:
            self._ask()
        if is_rest:
            connection.resume()

    def _learn(self, news: News[Any]) -> bool:
        """Fold what is new, and say whether there is anything."""
        group = self.group
        try:
            self.model = on_news(self.model, self._folds, news)
        except Exception as error:
            self._fail(error)
            return False
        self._told.set()
        self._without.clear()
        self.known = max(self.known, news.end)
        copy = self.model.copy[group]
        last = self.position
        more = copy[len(self.ends) :]
        for entry in more:
            last += len(events_of(entry))
            self.ends.append(last)
        if more:
            self._wake()
        return bool(more)

    def _miss(self, dropped: int) -> None:
        """The server has dropped what this copy lacks. Others may have it still."""
        self._without.add(self.model.source)
        if self._without >= set(self._servers):
            self._fail(Missing(f"all servers of group {self.group} have dropped the first {dropped} entries"))
        else:
            self._elsewhere()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _fail(self, error: Exception) -> None:
        """An entry cannot be folded, and would not be the next time: whoever waits is told."""
        self.failure = error
        self._task.cancel()
        if self._connection is not None:
            self._connection.close()
        self._told.set()
        self._wake()


class Feed(Copy[Projection]):
    """The copy that a router has of a group: what its application makes of the events, and which accounts occur."""

    def __init__(self, group: str, servers: Mapping[ServerId, Address], hosted: AnyHosted) -> None:
        super().__init__(group, servers, hosted.codec, Projecting(hosted))
