"""Read models that copy the events of one server: what they ask for, and what is pushed to those who subscribe.

A copy that is behind asks several times a second. So what it is told is little enough to be made and taken in a moment,
also on a machine that is short of time: else it would have asked again before, and server and copy do nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.read_model import Ask, News, Queue, Source, on_ask, push
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.strand import Dropped
from quorumlog.runtime import wire
from quorumlog.runtime.messages import Gone
from quorumlog.runtime.questions import Clients, ConnectionId

PUSHED: Final = 16
"""How many messages a subscriber is sent at once, before the next entries are decided."""
SUBSCRIBERS: Final = 16
"""How many read models may subscribe on one connection."""
FEW: Final = 16
"""Entries that go into a message however large they are."""

Told: TypeAlias = tuple[Source, News[Any]]


class Subscribers:
    """Who is sent what of the `queue`, as it is when that is asked; `gone` says what is told if it was dropped."""

    def __init__(self, clients: Clients, queue: Callable[[], Queue[Any]], gone: Callable[[], Gone]) -> None:
        self._clients = clients
        self._queue = queue
        self._gone = gone
        self._source = Source(FrozenMap({}))
        self._readers: dict[str, ConnectionId] = {}
        self._most = FEW
        """How many entries go into a message, as they are now."""

    def on_ask(self, by: ConnectionId, ask: Ask) -> None:
        """A read model asks for what follows its copy. Spec: ReadModel!OnAsk."""
        if ask.subscribe and list(self._readers.values()).count(by) >= SUBSCRIBERS and ask.sender not in self._readers:
            ask = replace(ask, subscribe=False)  # it may ask again, as whoever is dropped
        try:
            self._source, news = self._fitting(lambda queue: on_ask(self._source, queue, ask))
        except Refused:
            return
        except Dropped:
            self._clients.tell(by, self._gone())
            return
        if ask.subscribe:
            self._readers[ask.sender] = by
        self._clients.tell(by, news)

    def committed(self) -> None:
        """There are more events: subscribers are told."""
        for reader, by in list(self._readers.items()):
            self._push(reader, by)

    def on_gone(self, by: ConnectionId) -> None:
        """A connection is closed."""
        for reader in [reader for reader, connection in self._readers.items() if connection == by]:
            self._drop(reader)

    def _push(self, reader: str, by: ConnectionId) -> None:
        """What a subscriber was not sent yet; one who does not take it has to ask again."""
        for _ in range(PUSHED):
            try:
                self._source, news = self._fitting(lambda queue: push(self._source, queue, reader))
            except Refused:
                return
            except Dropped:
                self._clients.tell(by, self._gone())
                break
            if not self._clients.tell(by, news):
                break
        else:
            return
        self._drop(reader)

    def _fitting(self, told: Callable[[Queue[Any]], Told]) -> Told:
        """What somebody is told, in a frame that is not too large. More follows when that is asked for.

        Spec: ReadModel!NewsFor, with a Batch that depends on how large entries are.
        """
        queue = self._queue()
        while True:
            source, news = told(replace(queue, batch=min(queue.batch, self._most)))
            number = len(news.events)
            if number < FEW:
                return source, news
            size = len(wire.ENCODER.encode(news.events))
            if size <= wire.BODY or number == FEW:
                if number == self._most and 2 * size <= wire.BODY:
                    self._most = 2 * number
                return source, news
            self._most = max(number * wire.BODY // size, FEW)

    def _drop(self, reader: str) -> None:
        del self._readers[reader]
        self._source = Source(FrozenMap({name: at for name, at in self._source.sent.items() if name != reader}))
