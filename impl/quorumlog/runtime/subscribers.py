"""Read models that copy the events of one server: what they ask for, and what is pushed to those who subscribe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.read_model import Ask, Queue, Source, on_ask, push
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.strand import Dropped
from quorumlog.runtime.messages import Gone
from quorumlog.runtime.questions import Clients, ConnectionId

PUSHED: Final = 16
"""How many messages a subscriber is sent at once, before the next entries are decided."""
SUBSCRIBERS: Final = 16
"""How many read models may subscribe on one connection."""


class Subscribers:
    """Who is sent what of the `queue`, as it is when that is asked; `gone` says what is told if it was dropped."""

    def __init__(self, clients: Clients, queue: Callable[[], Queue[Any]], gone: Callable[[], Gone]) -> None:
        self._clients = clients
        self._queue = queue
        self._gone = gone
        self._source = Source(FrozenMap({}))
        self._readers: dict[str, ConnectionId] = {}

    def on_ask(self, by: ConnectionId, ask: Ask) -> None:
        """A read model asks for what follows its copy. Spec: ReadModel!OnAsk."""
        if ask.subscribe and list(self._readers.values()).count(by) >= SUBSCRIBERS and ask.sender not in self._readers:
            ask = replace(ask, subscribe=False)  # it may ask again, as whoever is dropped
        try:
            self._source, news = on_ask(self._source, self._queue(), ask)
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
                self._source, news = push(self._source, self._queue(), reader)
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

    def _drop(self, reader: str) -> None:
        del self._readers[reader]
        self._source = Source(FrozenMap({name: at for name, at in self._source.sent.items() if name != reader}))
