"""Many who stream, read slowly, or never say what they want, and whoever says nonsense: others do not notice."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
from msgspec import structs
from tests.cluster.http_client import Http, connected

from quorumlog import Cluster
from quorumlog.ledger.commands import Deposit, Total
from quorumlog.runtime import router as router_module
from quorumlog.runtime import routes
from quorumlog.runtime.background import Background
from quorumlog.runtime.client import Client
from quorumlog.runtime.config import ROUTER
from quorumlog.runtime.feed import Event
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.router import Router
from quorumlog.runtime.routes import CHUNK_SIZE, chunk

STREAMS: Final = 6
STREAM: Final = b"GET /v1/groups/a/stream HTTP/1.1\r\nHost: x\r\n\r\n"
WAITS: Final = 10.0
"""Seconds in which something has to happen."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One node with a ledger."""
    with Cluster(size=1) as running:
        yield running


class Running:
    """A router in a thread, a client, and connections that are closed in the end."""

    def __init__(self, background: Background, router: Router, http: Http, opened: ExitStack) -> None:
        self.http = http
        self._background = background
        self._router = router
        self._opened = opened

    def connect(self, said: bytes, buffer: int | None = None) -> socket.socket:
        """A connection on which this is said; `buffer` is how many bytes the system takes of the answer."""
        made = self._opened.enter_context(socket.socket())
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(WAITS)
        made.connect(self._router.address)
        made.sendall(said)
        return made

    def connections(self) -> list[Any]:
        """Those that the router has."""

        async def looked() -> list[Any]:
            return list(self._router._server.server_state.connections)

        return self._background.wait(looked())

    def held(self) -> int:
        """The most bytes that the router holds for one of them."""
        return max([each.transport.get_write_buffer_size() for each in self.connections()], default=0)


@contextmanager
def running(cluster: Cluster, **limits: int) -> Iterator[Running]:
    """A router with these limits."""
    config = replace(cluster.config, router=structs.replace(ROUTER, **limits))
    background = Background()

    async def made() -> Router:
        return Router(config, ("127.0.0.1", 0))

    router = background.wait(made())
    try:
        with connected(router) as (http,), ExitStack() as opened:
            yield Running(background, router, http, opened)
    finally:
        background.wait(router.stop())
        background.close()


def head_of(connection: socket.socket) -> bytes:
    """The head of an answer, and what has come with it."""
    found = b""
    while b"\r\n\r\n" not in found and (piece := connection.recv(4096)):
        found += piece
    return found


def soon(is_so: Callable[[], bool]) -> bool:
    """Whether something is so before long."""
    until = time.monotonic() + WAITS
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection on which it says nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


# -- streams -----------------------------------------------------------------------------------------------------------


def test_beyond_so_many_streams_whoever_comes_is_told_to_come_again(cluster: Cluster) -> None:
    with running(cluster, streams=STREAMS) as there:
        streams = [there.connect(STREAM) for _ in range(STREAMS)]
        assert all(head_of(each).startswith(b"HTTP/1.1 200") for each in streams)
        for _ in range(10 * STREAMS):
            found = there.http.get("/v1/groups/a/stream")
            assert (found.status, found.error) == (503, f"there are {STREAMS} streams already")
            assert int(found.headers["retry-after"]) >= 1
        assert there.http.deposit("flood", 1).status == 200
        assert len(there.http.get("/v1/groups/a/events?limit=1").body["events"]) == 1
        for each in streams:
            while b"flood" not in each.recv(4096):
                pass
        streams[0].close()
        assert soon(lambda: head_of(there.connect(STREAM)).startswith(b"HTTP/1.1 200"))


def fill(cluster: Cluster, number: int) -> int:
    """So many events of 20,000 bytes each, more than what systems hold back; answers how many there are then."""

    async def story() -> int:
        async with Client("a", cluster.servers, LEDGER_CODEC) as client:
            await asyncio.gather(*[client.ask(Deposit("x" * 20_000, 1), timeout=60) for _ in range(number)])
            found = await client.read(Total(), timeout=60)
            assert isinstance(found, int)
            return found

    return asyncio.run(story())


def test_whoever_does_not_read_costs_no_more_than_a_buffer_and_no_place_for_ever(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(cluster, streams=STREAMS) as there:
        events = fill(cluster, 500)
        slow = [there.connect(STREAM, 2048) for _ in range(STREAMS - 1)]
        assert soon(lambda: there.held() > 0)
        read = there.http.stream("/v1/groups/a/stream", events)
        assert [number for number, _ in read] == list(range(1, events + 1))
        fill(cluster, 50)
        assert there.held() <= 4 * CHUNK_SIZE
        before = len(there.connections())
        monkeypatch.setattr(router_module, "STUCK", 0.3)
        assert soon(lambda: len(there.connections()) <= before - len(slow))
        assert soon(lambda: head_of(there.connect(STREAM)).startswith(b"HTTP/1.1 200"))
        assert there.http.deposit("x", 1).status == 200


def test_a_place_that_whoever_does_not_read_keeps_would_be_noticed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So would be all that such a stream holds, if it were counted by events."""
    monkeypatch.setattr(router_module, "STUCK", 1e9)
    monkeypatch.setattr(routes, "CHUNK_SIZE", 1 << 40)
    with running(cluster, streams=1) as there:
        fill(cluster, 500)
        there.connect(STREAM, 2048)
        assert soon(lambda: there.held() > 0)
        time.sleep(1)
        assert there.held() > 4 * CHUNK_SIZE
        assert there.http.get("/v1/groups/a/stream").status == 503


def test_a_stream_sends_at_once_so_many_bytes_and_not_only_so_many_events() -> None:
    events = [Event(position, "s", position, "x" * 30_000) for position in range(7, 20)]
    text, last = chunk(events)
    assert CHUNK_SIZE <= len(text) < CHUNK_SIZE + 31_000
    assert last == 9
    assert text.count(b"id: ") == 3
    few, last = chunk(events[:1])
    assert (few.count(b"\n\n"), last) == (1, 7)


def test_who_waits_for_events_by_the_cursor_keeps_others_from_nothing(cluster: Cluster) -> None:
    """They count as requests of their address, and there are only so many of one."""
    asks = b"GET /v1/groups/a/events?timeout=3 HTTP/1.1\r\nHost: x\r\nQuorumlog-Token: a=999999999\r\n\r\n"
    with running(cluster, each=4) as there:
        waiting = [there.connect(asks) for _ in range(4)]
        assert soon(lambda: there.http.get("/v1/groups/a/events").status == 429)
        found = there.http.get("/v1/groups/a/events")
        assert (found.status, found.headers["retry-after"]) == (429, "1")
        other = http.client.HTTPConnection(*there.http.address, timeout=WAITS, source_address=("127.0.0.2", 0))
        other.request("GET", "/v1/groups/a/events?limit=1")
        assert other.getresponse().status == 200
        other.close()
        for each in waiting:
            each.close()
        assert soon(lambda: there.http.get("/v1/groups/a/events").status == 200)


# -- connections that say nothing, or half of it -----------------------------------------------------------------------


def half_open(there: Running, number: int) -> list[socket.socket]:
    """Connections on which half of a request has come."""
    return [there.connect(b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Le") for _ in range(number)]


def test_hundreds_of_half_open_connections_are_closed_in_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(cluster) as there:
        opened = half_open(there, 200)
        assert there.http.deposit("x", 1).status == 200
        assert not any(is_closed(each) for each in opened)
        monkeypatch.setattr(router_module, "HEAD", 0.3)
        assert soon(lambda: all(is_closed(each) for each in opened))
        assert there.http.deposit("x", 1).status == 200


def few_are_left(cluster: Cluster) -> bool:
    """Whether of many connections that say nothing the oldest are closed, long before their time."""
    with running(cluster) as there:
        opened = half_open(there, 120)
        time.sleep(0.5)
        left = [number for number, each in enumerate(opened) if not is_closed(each)]
        assert there.http.deposit("x", 1).status == 200
        return len(left) <= 20


def test_of_more_than_so_many_the_oldest_are_closed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "SILENT", 20)
    assert few_are_left(cluster)
    monkeypatch.setattr(router_module, "SILENT", 1000)
    assert not few_are_left(cluster)


# -- what no client says that means well -------------------------------------------------------------------------------

NONSENSE: Final = {
    "a long address": b"GET /v1/accounts/" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long parameter": b"GET /v1/total?through=" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long name": b"GET /v1/accounts/" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET /v1/total HTTP/1.1\r\nHost: x\r\nX-Y: " + b"y" * 200_000 + b"\r\n\r\n",
    "many headers": b"GET /v1/total HTTP/1.1\r\nHost: x\r\n" + b"X-Y: y\r\n" * 20_000 + b"\r\n",
    "a long key": b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nIdempotency-Key: " + b"k" * 30_000 + b"\r\n\r\n",
    "no name in UTF-8": b"GET /v1/accounts/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a letter": b"GET /v1/accounts/\xc3 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a letter that there is not": b"GET /v1/accounts/%ed%a0%80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a parameter that is no text": b"GET /v1/total?through=%80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header that is no token": b"GET /v1/total HTTP/1.1\r\nHost: x\r\nQuorumlog-Token: \xff\xfe\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + bytes(100),
    "a length that is none": b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
    "two lengths": b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a chunk without an end": b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.fixture(scope="module")
def there(cluster: Cluster) -> Iterator[Running]:
    """A router that all of these are said to."""
    with running(cluster) as found:
        yield found


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_has_an_answer_and_the_next_request_another(there: Running, said: bytes) -> None:
    try:
        found = head_of(there.connect(said))
    except ConnectionError:
        found = b""  # it was closed while more was being said
    assert not found or found.split(b" ")[1] in (b"400", b"404", b"408", b"413", b"414", b"431")
    assert there.http.deposit("x", 1).status == 200


NUMBERS: Final = ["NaN", "Infinity", "-Infinity", "1e999", "1e400", "1.5", "-1", "0", "9007199254740993", "-0.0", "1e3"]
LONG: Final = ["1" + "0" * 100, "1" + "0" * 5000]
OTHERS: Final = ["true", '"5"', "null", "[5]", "{}", "0x10", "00", "5,", "\xff", "\uff11"]


@pytest.mark.parametrize("amount", [*NUMBERS, *LONG, *OTHERS], ids=lambda amount: ascii(amount)[:20])
def test_an_amount_that_is_none_is_told_in_one_line_and_nothing_has_happened(there: Running, amount: str) -> None:
    name = "amounts"
    assert there.http.deposit(name, 1).status == 200
    before = there.http.balance(name)
    for encoding in ("latin-1", "utf-8"):
        text = f'{{"command": {{"f": "deposit", "account": "{name}", "amount": {amount}}}}}'
        found = there.http.post("/v1/commands", text.encode(encoding, "replace"))
        assert found.status == 400, found
        assert "\n" not in found.error
    assert there.http.balance(name) == before


TEXTS: Final = {
    "half a letter": b'{"command": {"f": "deposit", "account": "\xc3", "amount": 1}}',
    "half a pair": b'{"command": {"f": "deposit", "account": "\\ud800", "amount": 1}}',
    "no JSON": b"{",
    "nothing": b"",
    "deep": b"[" * 60_000,
    "deep objects": b'{"command":' * 5_000,
    "another type": b'"\xff\xff"',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_that_is_none_is_told_in_one_line(there: Running, text: bytes) -> None:
    found = there.http.post("/v1/commands", text)
    assert (found.status, "\n" in found.error) == (400, False)
    assert there.http.deposit("x", 1).status == 200
