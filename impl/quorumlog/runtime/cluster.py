"""A cluster inside this process, for tests and notebooks, with real sockets on loopback and real disks.

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit

with Cluster() as cluster, cluster.client() as ledger:
    ledger.ask(Deposit("ann", 5))
    ledger.read(Balance("ann"))     # 5
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Folds
from quorumlog.driver import Pace
from quorumlog.runtime import running
from quorumlog.runtime.background import Background
from quorumlog.runtime.config import LIMITS, PACE, Address, Config
from quorumlog.runtime.hosting import LEDGER, AnyHosted
from quorumlog.runtime.node import OF_CONNECTIONS, NodeProcess
from quorumlog.runtime.read_model import SyncReadModel
from quorumlog.runtime.supervisor import free_addresses
from quorumlog.runtime.sync_client import SyncClient
from quorumlog.runtime.wire import Limits, Status

GROUP = "a"
State = TypeVar("State")
AnySyncClient: TypeAlias = SyncClient[Any, Any, Any]


class Cluster:
    """A group of `size` nodes that host an application, the ledger if nothing else is said.

    They keep their data in `folder`, and go on with what is there; without one it is thrown away in the end.
    """

    def __init__(
        self,
        application: AnyHosted = LEDGER,
        *,
        size: int = 3,
        folder: Path | str | None = None,
        pace: Pace = PACE,
        limits: Limits = LIMITS,
    ) -> None:
        if size < 1:
            raise ValueError(f"expected at least one node, found {size}")
        self._temporary = TemporaryDirectory(prefix="quorumlog-") if folder is None else None
        data = Path(self._temporary.name if self._temporary is not None else str(folder))
        names = [f"{GROUP}{number}" for number in range(1, size + 1)]
        servers = dict(zip(names, free_addresses(size), strict=True))
        self.config = Config("this cluster", {GROUP: servers}, {GROUP: application}, data, pace, limits)
        self.said: list[str] = []
        """What the nodes have to say to whoever runs them, line by line."""
        self._application = application
        self._nodes: dict[ServerId, NodeProcess] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._background = Background()
        self._background.loop.set_exception_handler(self._unhandled)
        try:
            for name in names:
                self.start(name)
        except BaseException:
            self.close()
            raise

    @property
    def servers(self) -> Mapping[ServerId, Address]:
        """The nodes and their addresses."""
        return self.config.groups[GROUP]

    def client(self, patience: float = 1.0, session: str | None = None) -> AnySyncClient:
        """A client with a session of its own, or of this name; to be closed, or used in a `with`."""
        return SyncClient(GROUP, self.servers, self._application.codec, patience=patience, session=session)

    def read_model(
        self, projection: Folds[State, Any], *, subscribes: bool = True, source: ServerId | None = None
    ) -> SyncReadModel[State]:
        """A projection of the events, copied from any node; to be closed, or used in a `with`.

        `view(client.token)` tells what a client has written. Without `subscribes` it pulls instead of being pushed to.
        """
        codec = self._application.codec
        return SyncReadModel(GROUP, self.servers, codec, projection, subscribes=subscribes, source=source)

    def start(self, server: ServerId, *, is_new: bool = False) -> None:
        """Start a node that was stopped; it goes on with what its disk holds.

        The others do not listen to one that has lost its disk, unless `is_new` says that this is meant.
        """
        if server in self._nodes:
            raise ValueError(f"{server} is running")
        self._nodes[server] = self._background.wait(self._start(server, is_new=is_new))

    async def _start(self, server: ServerId, *, is_new: bool) -> NodeProcess:
        node = await self._opened(server, is_new=is_new)
        try:
            await node.start()
        except BaseException:
            await node.stop()
            raise
        node.failure.add_done_callback(lambda failure: self._failed(node, failure))
        return node

    async def _opened(self, server: ServerId, *, is_new: bool) -> NodeProcess:
        """A node with its storage, which is read in a thread: the other nodes have to be heard meanwhile."""
        loop, place = self._background.loop, self.config.place(server)
        opening = loop.run_in_executor(None, partial(running.opened, place, loop, self.said.append, is_new=is_new))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda opened: self._ending.add(loop.create_task(opened.result().stop())))
            raise

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What went wrong in the loop, if no node has taken it as its own: a connection ends, or else all nodes do."""
        if OF_CONNECTIONS.isdisjoint(context):
            for node in self._nodes.values():
                node.unhandled(loop, context)
        else:
            self.said.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _failed(self, node: NodeProcess, failure: asyncio.Future[None]) -> None:
        """What has stopped a node is said, and it talks to nobody any more; the process goes on, for it has others."""
        error = None if failure.cancelled() else failure.exception()
        if error is not None:
            self.said.append(f"{node.place.identity} stops: {error}")
            self._ending.add(self._background.loop.create_task(node.stop()))

    def stop(self, server: ServerId) -> None:
        """Stop a node. The others go on, if they are enough."""
        self._background.wait(self._nodes.pop(server).stop())

    def status(self) -> dict[ServerId, Status]:
        """How the nodes are that run."""

        async def asked() -> dict[ServerId, Status]:
            return {name: node.server.status() for name, node in self._nodes.items()}

        return self._background.wait(asked())

    def close(self) -> None:
        """Stop all nodes."""
        for server in list(self._nodes):
            self.stop(server)
        self._background.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
