"""Two ways to a cluster for programs that ask once and wait: its servers themselves, and a router over HTTP.

Both say the same words, those of the router, and keep asking until there is an answer or the time is over. A command is
known by its key, so that it is one command however often it is sent, and by whichever of the two ways.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from quorumlog.runtime import api
from quorumlog.runtime.background import Background
from quorumlog.runtime.checks import check_name, decoded
from quorumlog.runtime.config import Config
from quorumlog.runtime.feed import Event
from quorumlog.runtime.gateway import Done, Gateway, Wanted
from quorumlog.runtime.probe import Probe, Statuses
from quorumlog.runtime.trouble import RETRY, Trouble, bad

LONGEST: Final = 60.0
"""Seconds that a router lets a request wait."""
PAGE: Final = 1000
"""Events that are asked for at once."""
EVERY: Final = 0.2
"""Seconds between two questions for more events, over HTTP."""
SLACK: Final = 1.0
"""Seconds that the answer of a router may be on its way."""
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.0
"""Seconds before a router is asked again that was not there."""

NO_HEADERS: Final[Mapping[str, str]] = {}
Found = TypeVar("Found")


class Asking(Protocol):
    """A way to a cluster. Whatever is not answered in time, or not at all, is a `Trouble`."""

    def submit(self, command: bytes, group: str | None, key: str, expected: int | None) -> api.Answered:
        """Have a command executed, once for each key. It is JSON, in the words of the application."""
        ...

    def question(self, question: bytes, group: str | None, through: api.Through) -> api.Answered:
        """Ask something that changes nothing."""
        ...

    def events(self, group: str | None, after: int, limit: int) -> api.Page:
        """Up to so many events that follow the first `after` ones, of those that are decided now."""
        ...

    def follow(self, group: str | None, after: int) -> Iterator[Event]:
        """The events that follow the first `after` ones, without an end."""
        ...

    def status(self) -> Statuses:
        """How the servers are."""
        ...

    def close(self) -> None:
        """Ask nothing more."""
        ...


class Native:
    """The servers themselves, over native connections. `timeout` is in seconds."""

    def __init__(self, config: Config, timeout: float) -> None:
        self._config = config
        self._timeout = timeout
        self._background = Background()
        self._gateway = self._background.wait(self._made())

    async def _made(self) -> Gateway:
        return Gateway(self._config)

    def _until(self) -> float:
        return self._background.loop.time() + self._timeout

    def submit(self, command: bytes, group: str | None, key: str, expected: int | None) -> api.Answered:
        """Have a command executed, once for each key."""
        asked = decoded(command, self._gateway.command_type(group), "command")
        wanted = Wanted(asked, self._until(), check_name(key, "--key"), expected)
        return answered(self._background.wait(self._gateway.submit(wanted, group)))

    def question(self, question: bytes, group: str | None, through: api.Through) -> api.Answered:
        """Ask something that changes nothing."""
        asked = decoded(question, self._gateway.command_type(group), "question")
        self._gateway.check_question(asked, group)
        wanted = Wanted(asked, self._until())
        if through == "index":
            return answered(self._background.wait(self._gateway.question(wanted, group)))
        if through == "log":
            return answered(self._background.wait(self._gateway.submit(wanted, group)))
        return self._background.wait(self._copied(wanted, group))

    async def _copied(self, wanted: Wanted, group: str | None) -> api.Answered:
        home = self._gateway.home(wanted.command, group)
        await self._current(home.name)
        done = answered(await self._gateway.copied(wanted, home, 0))
        return msgspec.structs.replace(done, staleness=api.Staleness(*home.feed.staleness()))

    async def _current(self, group: str) -> None:
        """The copy of a group is complete as of now, or nearly. Raises `Trouble`."""
        home = self._gateway.groups[group]
        is_current = await home.feed.current(self._timeout)
        await self._gateway.caught_up(home, 0, self._until())
        if not is_current:
            raise Trouble(503, f"group {group} has not answered in time", retry=RETRY)

    def events(self, group: str | None, after: int, limit: int) -> api.Page:
        """Events by a cursor, from a copy that is made for it."""
        return self._background.wait(self._page(self._named(group), after, limit))

    def _named(self, group: str | None) -> str:
        if group is None and len(self._gateway.groups) > 1:
            raise bad("--group", f"expected one of {', '.join(self._gateway.groups)}")
        return next(iter(self._gateway.groups)) if group is None else self._gateway.group(group).name

    async def _page(self, group: str, after: int, limit: int) -> api.Page:
        feed = self._gateway.groups[group].feed
        await self._current(group)
        found = feed.events(after, limit)
        end = found[-1].position if found else after
        return api.Page(group, found, end, feed.position, api.Staleness(*feed.staleness()))

    def follow(self, group: str | None, after: int) -> Iterator[Event]:
        """Events as they come. Raises `Trouble` if no server of the group has anything to say for too long."""
        name = self._named(group)
        while True:
            page = self._background.wait(self._page(name, after, PAGE))
            yield from page.events
            after = page.next
            self._background.wait(self._gateway.groups[name].feed.until(after + 1, self._timeout))

    def status(self) -> Statuses:
        """How the servers are. Raises `Trouble` if none says so."""

        async def asked() -> Statuses:
            return await Probe(self._config.groups).statuses()

        found = self._background.wait(asked())
        if not any(each is not None for servers in found.values() for each in servers.values()):
            raise Trouble(503, f"no server of {self._config.file} answers", retry=RETRY)
        return found

    def close(self) -> None:
        """Ask nothing more."""
        self._background.wait(self._gateway.close())
        self._background.close()


def answered(done: Done) -> api.Answered:
    """An answer as it is told, in values that JSON has."""
    return api.Answered(msgspec.to_builtins(done.answer), done.at)


class OverHttp:
    """A router, by its address. Raises `Trouble` if that is none. `timeout` is in seconds."""

    def __init__(self, url: str, timeout: float) -> None:
        try:
            parts = urlsplit(url)
            self._port = parts.port
        except ValueError:
            parts, self._port = urlsplit(""), -1
        if parts.scheme not in CONNECTIONS or not parts.hostname or self._port == -1 or parts.path.strip("/"):
            raise bad("--url", f"expected an address such as http://127.0.0.1:7080, found {url!r}")
        self._url = url.rstrip("/")
        self._kind, self._host = CONNECTIONS[parts.scheme], parts.hostname
        self._timeout = timeout
        self._dice = Random()

    def submit(self, command: bytes, group: str | None, key: str, expected: int | None) -> api.Answered:
        """Have a command executed, once for each key."""
        body = msgspec.json.encode(api.Submission(raw(command, "command"), group, expected))
        headers = {"Idempotency-Key": check_name(key, "--key")}
        return self._ask("POST", "/v1/commands", api.Answered, body, headers)

    def question(self, question: bytes, group: str | None, through: api.Through) -> api.Answered:
        """Ask something that changes nothing."""
        body = msgspec.json.encode(api.Question(raw(question, "question"), group, through))
        return self._ask("POST", "/v1/questions", api.Answered, body)

    def events(self, group: str | None, after: int, limit: int) -> api.Page:
        """Events by a cursor, of the router's copy."""
        name = self._named(group)
        page = self._page(name, after, limit)
        while page.events and len(page.events) < limit and page.next < page.known:
            more = self._page(name, page.next, limit - len(page.events))
            page = msgspec.structs.replace(more, events=[*page.events, *more.events])
        return page

    def _named(self, group: str | None) -> str:
        if group is not None:
            return group
        known = self._statuses().groups
        if len(known) > 1:
            raise bad("--group", f"expected one of {', '.join(known)}")
        return next(iter(known))

    def _page(self, group: str, after: int, limit: int) -> api.Page:
        path = f"/v1/groups/{quote(group, safe='')}/events?after={after}&limit={min(limit, PAGE)}"
        return self._ask("GET", path, api.Page)

    def follow(self, group: str | None, after: int) -> Iterator[Event]:
        """Events as they come: the router is asked for more, again and again."""
        name = self._named(group)
        while True:
            page = self._page(name, after, PAGE)
            yield from page.events
            after = page.next
            if not page.events:
                time.sleep(EVERY)

    def status(self) -> Statuses:
        """How the servers are, as the router sees them."""
        return self._statuses().groups

    def _statuses(self) -> api.ClusterStatus:
        return self._ask("GET", "/v1/status", api.ClusterStatus)

    def close(self) -> None:
        """Ask nothing more."""

    # -- inside ------------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[Found],
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Found:
        """Ask until there is an answer: the same request, with the same key, as long as there is time."""
        until = time.monotonic() + self._timeout
        wait = FIRST_WAIT
        while True:
            left = max(until - time.monotonic(), 0.01)
            trouble = Trouble(503, f"{self._url} does not answer")
            try:
                status, text = self._once(method, path, body, headers, left)
            except (OSError, http.client.HTTPException):
                pass
            else:
                if status == 200:
                    return self._told(text, kind)
                trouble = Trouble(status, self._told(text, api.Problem).error)
                if status not in (429, 503):
                    raise trouble
            wait = min(wait * self._dice.uniform(1, 2), LONGEST_WAIT)
            if time.monotonic() + wait >= until:
                raise trouble
            time.sleep(wait)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], left: float
    ) -> tuple[int, bytes]:
        connection = self._kind(self._host, self._port, timeout=min(left, LONGEST) + SLACK)
        if method == "POST":
            path = f"{path}?timeout={min(left, LONGEST):.3f}"
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _told(self, text: bytes, kind: type[Found]) -> Found:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise bad("--url", f"expected a router at {self._url}, found something else") from error


CONNECTIONS: Final[Mapping[str, type[http.client.HTTPConnection]]] = {
    "http": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
}


def raw(text: bytes, name: str) -> msgspec.Raw:
    """JSON as it is. Raises `Trouble` if it is none."""
    decoded(text, object, name)
    return msgspec.Raw(text)
