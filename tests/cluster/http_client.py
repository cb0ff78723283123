"""A client of a router that has nothing but the standard library, and routers in a thread."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

from quorumlog.runtime.background import Background
from quorumlog.runtime.config import Address, Config
from quorumlog.runtime.router import Router

SECONDS: Final = 30.0


class Response(NamedTuple):
    """What a router has answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> str:
        """Why there was no answer."""
        return str(self.body["error"])


class Http:
    """One connection, which stays open from request to request."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connection = http.client.HTTPConnection(*address, timeout=SECONDS)

    def get(self, path: str, **headers: str) -> Response:
        """Ask for something."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: object, **headers: str) -> Response:
        """Say something, as JSON unless it is bytes already."""
        return self._ask("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, named)
        response = self._connection.getresponse()
        text = response.read()
        is_json = response.headers.get_content_type() == "application/json"
        found = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, found, json.loads(text) if is_json else text.decode())

    def deposit(self, account: str, amount: int, **headers: str) -> Response:
        """Money comes in."""
        return self.post("/v1/commands", {"command": {"f": "deposit", "account": account, "amount": amount}}, **headers)

    def balance(self, account: str, through: str = "index", **headers: str) -> int:
        """What an account holds."""
        found = self.get(f"/v1/accounts/{account}?through={through}", **headers)
        assert found.status == 200, found
        return int(found.body["balance"])

    def stream(self, path: str, number: int, **headers: str) -> list[tuple[int, Any]]:
        """So many events of a stream, with their numbers; then the connection is given up.

        Raises `EOFError` if it ends before, and `TimeoutError` if they do not come: streams are never silent for long.
        """
        until = time.monotonic() + SECONDS
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, None, named)
        with closing(self), self._connection.getresponse() as response:
            assert response.headers.get_content_type() == "text/event-stream"
            found: list[tuple[int, Any]] = []
            last = 0
            while len(found) < number:
                line = response.readline().decode()
                if time.monotonic() > until:
                    raise TimeoutError(f"{len(found)} of {number} events have come")
                if not line:
                    raise EOFError("the stream has ended")
                if line.startswith("id: "):
                    last = int(line[4:])
                if line.startswith("data: "):
                    found.append((last, json.loads(line[6:])))
        return found

    @property
    def local_port(self) -> int:
        """The number of the connection, which a new one would not have."""
        assert self._connection.sock is not None, "it is open"
        return int(self._connection.sock.getsockname()[1])

    def close(self) -> None:
        """Give the connection up; the next request makes a new one."""
        self._connection.close()


@contextmanager
def routers(config: Config, number: int = 1) -> Iterator[list[Router]]:
    """So many routers in front of a cluster, on free ports, in a thread."""
    background = Background()

    async def made() -> list[Router]:
        return [Router(config, ("127.0.0.1", 0)) for _ in range(number)]

    running = background.wait(made())
    try:
        yield running
    finally:
        for router in running:
            background.wait(router.stop())
        background.close()


@contextmanager
def connected(*routers: Router) -> Iterator[list[Http]]:
    """A connection to each of these routers."""
    clients = [Http(router.address) for router in routers]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()
