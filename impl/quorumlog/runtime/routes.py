"""What can be asked of a router: one method a route. `router.py` says by which addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, TypeVar, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from quorumlog.ledger import commands
from quorumlog.ledger.ledger import Received
from quorumlog.runtime import api, web
from quorumlog.runtime.checks import check_name, decoded
from quorumlog.runtime.config import RouterSection
from quorumlog.runtime.feed import Event, Feed
from quorumlog.runtime.gateway import KEPT, Done, Gateway, Numbered, Wanted
from quorumlog.runtime.metrics import CONTENT, Metrics
from quorumlog.runtime.probe import Probe
from quorumlog.runtime.trouble import RETRY, Trouble, bad

WAYS: Final = ("log", "index", "model")
MOST_EVENTS: Final = 1000
"""Events on one page."""
CHUNK: Final = 256
"""Events that a stream sends at once."""
CHUNK_SIZE: Final = 64 << 10
"""Bytes after which it sends no more of them at once."""
SIGN_OF_LIFE: Final = 15.0
"""Seconds of silence after which a stream says that it is still there."""
FURTHEST: Final = 2**53 - 1
MINDED: Final = ("timeout",)
Body = TypeVar("Body")


class Stream(StreamingResponse):
    """Events as they come. `ended` is called when it is over, also if nothing of it was sent."""

    def __init__(self, events: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(events, 200, {"Cache-Control": "no-store"}, "text/event-stream")
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


class Routes:
    """The routes of one router."""

    def __init__(self, gateway: Gateway, limits: RouterSection, metrics: Metrics) -> None:
        self.gateway = gateway
        self.probe = Probe(gateway.config.groups)
        self.metrics = metrics
        self.stopping = asyncio.Event()
        self._limits = limits
        self._streams = 0
        self._loop = asyncio.get_running_loop()
        self._feeds = [group.feed for group in gateway.groups.values()]  # they are begun before somebody wants them

    async def close(self) -> None:
        """Streams end, and nobody is asked any more."""
        self.stopping.set()
        await self.probe.close()
        await self.gateway.close()

    def _until(self, request: Request) -> float:
        return self._loop.time() + web.patience(request, self._limits.timeout)

    async def _body(self, request: Request, kind: type[Body]) -> Body:
        return decoded(await web.body_of(request, self._limits.body), kind, "body")

    def _ledger(self) -> None:
        if not self.gateway.is_ledger:
            raise Trouble(404, "this cluster hosts no ledger, so that there are no accounts")

    # -- commands ------------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> Response:
        """Have a command executed."""
        web.check_parameters(request, *MINDED)
        key, token, until = web.key(request), web.token(request), self._until(request)
        asked = await self._body(request, api.Submission)
        group = None if asked.session is not None and self.gateway.is_sharded else asked.group
        command = decoded(asked.command, self.gateway.command_type(group), "command")
        wanted = Wanted(command, until, key, asked.expected, numbered(asked, key))
        done = await self.gateway.submit(wanted, asked.group)
        return web.answer(api.Answered(done.answer, done.at), web.seen(token, done.at))

    async def transfer(self, request: Request) -> Response:
        """Move money between two accounts, wherever they are."""
        self._ledger()
        web.check_parameters(request, *MINDED)
        key, token, until = web.key(request), web.token(request), self._until(request)
        asked = await self._body(request, api.TransferWanted)
        kind = commands.Exchange if asked.exchange else commands.Transfer
        try:
            command = kind(asked.source, asked.to, asked.amount)
        except commands.Unfit as error:
            raise bad("to", str(error)) from error
        done = await self.gateway.submit(Wanted(command, until, key), None)
        received = done.answer.received if isinstance(done.answer, Received) else None
        ended = api.TransferEnded("declined" if done.answer is False else "done", done.at, received)
        return web.answer(ended, web.seen(token, done.at))

    # -- questions -----------------------------------------------------------------------------------------------

    async def question(self, request: Request) -> Response:
        """Answer something that changes nothing."""
        web.check_parameters(request, *MINDED)
        token, until = web.token(request), self._until(request)
        asked = await self._body(request, api.Question)
        question = decoded(asked.question, self.gateway.command_type(asked.group), "question")
        self.gateway.check_question(question, asked.group)
        done, stale = await self._read(question, asked.group, asked.through, token, until)
        return web.answer(api.Answered(done.answer, done.at, stale), web.seen(token, done.at))

    async def balance(self, request: Request) -> Response:
        """What does an account hold?"""
        self._ledger()
        web.check_parameters(request, "through", *MINDED)
        through: api.Through = web.chosen(request, "through", "index", WAYS)
        token, account = web.token(request), cast(str, request.path_params["account"])
        question = commands.Balance(account)
        done, stale = await self._read(question, None, through, token, self._until(request))
        found = api.Held(account, done.answer, through, done.at, stale)
        return web.answer(found, web.seen(token, done.at))

    async def total(self, request: Request) -> Response:
        """What do all accounts hold together?"""
        self._ledger()
        web.check_parameters(request, "through", *MINDED)
        through: api.Through = web.chosen(request, "through", "index", WAYS)
        token = web.token(request)
        done, stale = await self._read(commands.Total(), None, through, token, self._until(request))
        return web.answer(api.HeldByAll(done.answer, through, done.at, stale), web.seen(token, done.at))

    async def _read(
        self, question: Any, group: str | None, through: api.Through, token: dict[str, int], until: float
    ) -> tuple[Done, api.Staleness | None]:
        wanted = Wanted(question, until)
        if through == "log":
            return await self.gateway.submit(wanted, group), None
        if through == "index":
            return await self.gateway.question(wanted, group), None
        home = self.gateway.home(question, group)
        return await self.gateway.copied(wanted, home, token.get(home.name, 0)), staleness(home.feed)

    # -- events --------------------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """Events by a cursor."""
        web.check_parameters(request, "after", "limit", *MINDED)
        group = self.gateway.group(request.path_params["group"])
        after = web.number(request, "after", 0, 0, FURTHEST)
        limit = web.number(request, "limit", 100, 1, MOST_EVENTS)
        token = web.token(request)
        await self.gateway.caught_up(group, token.get(group.name, 0), self._until(request))
        found = group.feed.events(after, limit)
        known = group.feed.position
        page = api.Page(group.name, found, found[-1].position if found else after, known, staleness(group.feed))
        return web.answer(page, web.seen(token, {group.name: known}))

    async def copy(self, request: Request) -> Response:
        """How far the copy of a group's events is, and how old."""
        web.check_parameters(request, "current", *MINDED)
        group = self.gateway.group(request.path_params["group"])
        is_wanted = web.chosen(request, "current", "false", ("false", "true")) == "true"
        token, until = web.token(request), self._until(request)
        await self.gateway.caught_up(group, token.get(group.name, 0), until)
        if is_wanted:
            await self.gateway.current(group, until)
        feed = group.feed
        found = api.CopyOfEvents(group.name, feed.position, feed.model.source, staleness(feed))
        return web.answer(found, web.seen(token, {group.name: feed.position}))

    async def stream(self, request: Request) -> Response:
        """Events as they come, without an end."""
        web.check_parameters(request, "after")
        group = self.gateway.group(request.path_params["group"])
        after = web.number(request, "after", 0, 0, FURTHEST)
        last = request.headers.get("last-event-id")
        if last is not None:
            if not (last.isascii() and last.isdecimal() and len(last) < 17):
                raise bad("Last-Event-ID", "expected the number of an event")
            after = int(last)
        await self.gateway.caught_up(group, 0, self._loop.time())
        if self._streams >= self._limits.streams:
            raise Trouble(503, f"there are {self._streams} streams already", retry=RETRY)
        self._streams += 1  # before anybody else is asked: it begins to run later
        self.metrics.streams.inc()
        return Stream(self._stream(group.feed, after), self._ended)

    def _ended(self) -> None:
        self._streams -= 1
        self.metrics.streams.dec()

    async def _stream(self, feed: Feed, after: int) -> AsyncIterator[bytes]:
        yield b": events\n\n"
        while not self.stopping.is_set() and feed.failure is None:
            if found := feed.events(after, CHUNK):
                text, after = chunk(found)
                yield text
            elif not await self._more(feed, after):
                yield b": nothing new\n\n"

    async def _more(self, feed: Feed, after: int) -> bool:
        """Wait for more events, a sign of life, or the end."""
        waits = asyncio.create_task(feed.until(after + 1, SIGN_OF_LIFE))
        stops = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([waits, stops], return_when=asyncio.FIRST_COMPLETED)
            return stops.done() or waits.result()
        finally:
            waits.cancel()
            stops.cancel()

    # -- how things are ------------------------------------------------------------------------------------------

    async def status(self, request: Request) -> Response:
        """How is the cluster?"""
        web.check_parameters(request)
        statuses = await self.probe.statuses()
        known = {name: group.feed.projection.events for name, group in self.gateway.groups.items()}
        return web.answer(api.ClusterStatus(statuses, known, self.gateway.open))

    async def health(self, request: Request) -> Response:
        """Does the router run?"""
        web.check_parameters(request)
        return web.answer(api.Health(True))

    async def ready(self, request: Request) -> Response:
        """Does each group have a leader?"""
        web.check_parameters(request)
        statuses = await self.probe.statuses()
        without = [
            group
            for group, servers in statuses.items()
            if not any(each is not None and each.role == "leader" for each in servers.values())
        ]
        if without:
            raise Trouble(503, f"nobody leads group {', '.join(without)}", retry=RETRY)
        return web.answer(api.Health(True))

    async def show_metrics(self, request: Request) -> Response:
        """What Prometheus reads."""
        web.check_parameters(request)
        text = self.metrics.text(self.gateway, await self.probe.statuses())
        return Response(text, 200, {"Content-Type": CONTENT})


def numbered(asked: api.Submission, key: str | None) -> Numbered | None:
    """Which command of which session this is, if it belongs to one. Raises `Trouble`."""
    if asked.session is None:
        if asked.number is not None or asked.received is not None:
            raise bad("body.session", "expected it beside number and received")
        return None
    if key is not None:
        raise bad("body.session", f"expected it without {web.KEY}, for one of them says which command this is")
    if asked.number is None:
        raise bad("body.number", "expected which command of the session this is, from 1")
    if ":" in check_name(asked.session, "body.session"):
        raise bad("body.session", "expected a name without a colon")
    received = max(asked.number - KEPT, 0) if asked.received is None else asked.received
    if received >= asked.number:
        raise bad("body.received", f"expected less than number, found {received}")
    return Numbered(asked.session, asked.number, received)


def staleness(feed: Feed) -> api.Staleness:
    """How old a copy is."""
    return api.Staleness(*feed.staleness())


def chunk(events: Iterable[Event]) -> tuple[bytes, int]:
    """The first of these events as a stream sends them, up to a size, since whoever reads slowly makes it wait here;
    and the position of the last one."""
    text, last = bytearray(), 0
    for each in events:
        last = each.position
        text += b"id: %d\ndata: %b\n\n" % (last, encoded(each))
        if len(text) >= CHUNK_SIZE:
            break
    return bytes(text), last


def encoded(value: object) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)
