"""The client for programs that wait: the same calls, each of which comes back with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Generic, TypeVar

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Folds
from quorumlog.runtime.background import Background
from quorumlog.runtime.client import Client
from quorumlog.runtime.read_model import SyncReadModel
from quorumlog.runtime.wire import Codec, Status

Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
State = TypeVar("State")


class SyncClient(Generic[Command, Event, Answer]):
    """A session with one group, as `Client`, with a loop in a thread of its own. Several threads may use it."""

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, tuple[str, int]],
        codec: Codec[Command, Event, Answer],
        *,
        patience: float = 1.0,
        session: str | None = None,
    ) -> None:
        self._group, self._servers, self._codec = group, dict(servers), codec
        self._background = Background()

        async def made() -> Client[Command, Event, Answer]:
            return Client(group, servers, codec, patience=patience, session=session)

        self._client = self._background.wait(made())

    @property
    def at(self) -> int:
        """How many events there were, as far as this client was told."""
        return self._client.at

    @property
    def token(self) -> dict[str, int]:
        """What this client has seen, for read models. Spec: ReadModel!Decide."""
        return self._client.token

    @property
    def leader(self) -> ServerId | None:
        """The server that this client talks to, and that leads as far as anybody knows."""
        return self._client.leader

    def ask(self, command: Command, expected: int | None = None, timeout: float | None = 10) -> Answer:
        """Ask for a command. Raises `Expected`, or `Unanswered` after `timeout` seconds."""
        return self._background.wait(self._client.ask(command, expected, timeout))

    def read(self, question: Command, timeout: float | None = 10) -> Answer:
        """Ask a question of what is true now. Raises `NotAQuestion`, or `Unanswered` after `timeout` seconds."""
        return self._background.wait(self._client.read(question, timeout))

    def status(self, timeout: float | None = 10) -> Status:
        """How the leader is. Raises `Unanswered` after `timeout` seconds."""
        return self._background.wait(self._client.status(timeout))

    def read_model(
        self, projection: Folds[State, Event], *, subscribes: bool = True, source: ServerId | None = None
    ) -> SyncReadModel[State]:
        """A read model of the same group, to be closed for itself; `view(client.token)` tells what was written here."""
        return SyncReadModel(self._group, self._servers, self._codec, projection, subscribes=subscribes, source=source)

    def close(self) -> None:
        """Whatever is not answered is never answered."""
        self._background.wait(self._client.close())
        self._background.close()

    def __enter__(self) -> SyncClient[Command, Event, Answer]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
