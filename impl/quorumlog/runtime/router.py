"""The router: HTTP and JSON in front of a cluster, for whoever has no Python. `docs/router.md` shows all of it.

A request waits on its connection until its group has answered, whoever leads then. A client that is wrong is told so,
one that asks too much is told to come again, and neither is noticed by others. Routers hold nothing that another one
would need, so that any number may serve the same cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quorumlog.runtime import config, web
from quorumlog.runtime.config import Address, Config, UnusableConfig
from quorumlog.runtime.gateway import Gateway
from quorumlog.runtime.metrics import Metrics
from quorumlog.runtime.openapi import described
from quorumlog.runtime.routes import Routes
from quorumlog.runtime.running import loop_run, say
from quorumlog.runtime.transport import accept_no_more
from quorumlog.runtime.trouble import RETRY, Trouble

Seen = TypeVar("Seen")
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
STOP: Final = 3
"""Seconds that requests are given when the router is stopped."""
BACKLOG: Final = 512
HEAD: Final = 15
"""Seconds that a new connection may take until it has asked for something."""
KEPT: Final = 75
"""Seconds that it may be silent after an answer."""
SILENT: Final = 512
"""Connections on which nothing is asked; of more, those are closed that never have, and are silent for longest."""
STUCK: Final = 60
"""Seconds after which a connection is given up that takes nothing of what it has asked for."""


class Entrance(NamedTuple):
    """A route: how it is asked, and whether it counts among the requests that wait for a group."""

    method: str
    path: str
    endpoint: Endpoint
    waits: bool = True


def entrances(routes: Routes) -> list[Entrance]:
    """All routes, that of the description apart."""
    return [
        Entrance("POST", "/v1/commands", routes.submit),
        Entrance("POST", "/v1/transfers", routes.transfer),
        Entrance("POST", "/v1/questions", routes.question),
        Entrance("GET", "/v1/accounts/{account}", routes.balance),
        Entrance("GET", "/v1/total", routes.total),
        Entrance("GET", "/v1/groups/{group}/events", routes.events),
        Entrance("GET", "/v1/groups/{group}/copy", routes.copy),
        Entrance("GET", "/v1/groups/{group}/stream", routes.stream, False),
        Entrance("GET", "/v1/status", routes.status, False),
        Entrance("GET", "/health", routes.health, False),
        Entrance("GET", "/ready", routes.ready, False),
        Entrance("GET", "/metrics", routes.show_metrics, False),
    ]


class Door:
    """Lets requests in as long as there are not too many, and turns whatever goes wrong into an answer."""

    def __init__(self, limits: config.RouterSection, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._inside = 0
        self._by: Counter[str] = Counter()

    def guarded(self, entrance: Entrance) -> Endpoint:
        """The endpoint behind the door."""

        async def answer(request: Request) -> Response:
            begun = time.perf_counter()
            response = await self._answer(entrance, request)
            self._metrics.requests.labels(entrance.path, str(response.status_code)).inc()
            self._metrics.seconds.labels(entrance.path).observe(time.perf_counter() - begun)
            return response

        return answer

    async def _answer(self, entrance: Entrance, request: Request) -> Response:
        try:
            check_origin(request)
            web.check_address(request)
            if entrance.waits:
                return await self._counted(entrance, request)
            return await entrance.endpoint(request)
        except Trouble as trouble:
            return web.problem(trouble)
        except Exception:
            print(f"quorumlog: {entrance.path}: {traceback.format_exc()}", file=sys.stderr, flush=True)
            return web.problem(Trouble(500, "the router has failed at this request, and says why where it runs"))

    async def _counted(self, entrance: Entrance, request: Request) -> Response:
        by = request.client.host if request.client is not None else ""
        if self._inside >= self._limits.outstanding:
            raise Trouble(503, f"{self._limits.outstanding} requests are not answered yet", retry=RETRY)
        if self._by[by] >= self._limits.each:
            raise Trouble(429, f"{self._limits.each} requests from {by} are not answered yet", retry=RETRY)
        self._inside += 1
        self._by[by] += 1
        self._metrics.outstanding.set(self._inside)
        try:
            return await entrance.endpoint(request)
        finally:
            self._inside -= 1
            self._by[by] -= 1
            if not self._by[by]:
                del self._by[by]
            self._metrics.outstanding.set(self._inside)


def check_origin(request: Request) -> None:
    """No page of another site makes a browser on this machine speak for it. Raises `Trouble`."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Trouble(403, "Origin: expected none, or this router")


async def refused(request: Request, error: Exception) -> Response:
    """There is no such route, or no such method of it."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return web.problem(Trouble(405, f"{request.method}: this route is asked in another way, see /openapi.json"))
    return web.problem(Trouble(404, f"{request.url.path}: there is no such route, see /openapi.json"))


class Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to whoever runs it, and closes connections on which nothing happens.

    Uvicorn waits without an end for the head of a request, and for whoever does not read, so that they would pile up.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._waiting: dict[Any, tuple[object, float]] = {}
        """The connections on which nothing is asked: what was answered there last, and since when that is so."""
        self._stuck: dict[Any, tuple[int, float]] = {}
        """Those that do not read: how many bytes wait, and since when it is as many."""

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections, as uvicorn looks after itself."""
        now = time.monotonic()
        waiting, self._waiting = self._waiting, {}
        stuck, self._stuck = self._stuck, {}
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete:
                self._waiting[connection] = lasts(waiting.get(connection), cycle, now)
            elif connection.flow.write_paused:
                size = connection.transport.get_write_buffer_size()
                self._stuck[connection] = lasts(stuck.get(connection), size, now)
        for connection, (cycle, since) in self._waiting.items():
            if now - since > (HEAD if cycle is None else KEPT):
                connection.transport.close()
        for connection in overflowing(self._waiting):
            connection.transport.close()
        for connection, (_, since) in self._stuck.items():
            if now - since > STUCK:
                connection.transport.abort()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing more, and close."""
        await accept_no_more(asyncio.get_running_loop(), sockets or ())
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def lasts(before: tuple[Seen, float] | None, seen: Seen, now: float) -> tuple[Seen, float]:
    """What is seen, and since when it is the same."""
    return before if before is not None and before[0] == seen else (seen, now)


def overflowing(waiting: Mapping[Seen, tuple[object, float]]) -> list[Seen]:
    """Of the connections on which nothing is asked, those that are too many."""
    oldest = sorted(waiting, key=lambda each: (waiting[each][0] is not None, waiting[each][1]))
    return oldest[: max(len(oldest) - SILENT, 0)]


class Router:
    """A router in this loop, which listens where the configuration says, or at `address`; port 0 is any that is free.

    Raises `UnusableConfig`, and `OSError` if the address cannot be used.
    """

    def __init__(self, cluster: Config, address: Address | None = None) -> None:
        limits = cluster.router
        listen = address or config.address(limits.listen, cluster.file, "router.listen")
        self._socket = socket.create_server(listen, backlog=BACKLOG)
        self.address: Address = self._socket.getsockname()[:2]
        self.gateway = Gateway(cluster)
        metrics = Metrics()
        self._routes = Routes(self.gateway, limits, metrics)
        self._server = Server(
            uvicorn.Config(
                application(self._routes, Door(limits, metrics)),
                loop="none",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEPT,
                timeout_graceful_shutdown=STOP,
            )
        )
        self.serving = asyncio.create_task(self._server.serve([self._socket]))

    async def stop(self) -> None:
        """Take nothing more, give those inside a moment, and close."""
        self._server.should_exit = True
        self._routes.stopping.set()
        await asyncio.wait([self.serving])
        if self.serving.exception() is not None:  # it has not come to the end of its own
            await self._server.shutdown([self._socket])
        await self._routes.close()
        self._socket.close()


def application(routes: Routes, door: Door) -> Starlette:
    """The routes behind the door, and the description of them."""
    listed = entrances(routes)
    document = described(listed, routes.gateway)

    async def description(request: Request) -> Response:
        web.check_parameters(request)
        return web.answer(document)

    listed.append(Entrance("GET", "/openapi.json", description, False))
    return Starlette(
        routes=[Route(each.path, door.guarded(each), methods=[each.method]) for each in listed],
        exception_handlers={404: refused, 405: refused},
    )


class Ended(Exception):
    """Nobody takes requests any more, though nobody has asked for that."""


async def serve(cluster: Config, address: Address | None) -> None:
    """Run a router in this loop until a signal comes."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    router = Router(cluster, address)
    say(f"the router listens on http://{router.address[0]}:{router.address[1]}")
    waits = loop.create_task(stopped.wait())
    try:
        await asyncio.wait([waits, router.serving], return_when=asyncio.FIRST_COMPLETED)
        if router.serving.done():
            raise Ended from router.serving.exception()
    finally:
        waits.cancel()
        await router.stop()


def run(cluster: Config, listen: str | None) -> int:
    """Run a router. The status is 0 after a signal, 1 if something has gone wrong inside, and 2 if it cannot start."""
    try:
        address = config.address(listen, "quorumlog router", "--listen") if listen is not None else None
        loop_run(serve(cluster, address))
    except (UnusableConfig, OSError) as error:
        where = listen or cluster.router.listen
        say(str(error) if isinstance(error, UnusableConfig) else f"cannot use {where}: {error.strerror}")
        return 2
    except Ended as error:
        say(f"the router stops, for something has gone wrong inside: {error.__cause__!r}")
        return 1
    return 0
