"""The client for programs that wait: the same calls, each of which comes back with its answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Generic, TypeVar

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime.background import Background
from quorumlog.runtime.client import Client
from quorumlog.runtime.wire import Codec

Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")


class SyncClient(Generic[Command, Event, Answer]):
    """A session with one group, as `Client`, with a loop in a thread of its own. Several threads may use it."""

    def __init__(
        self,
        group: str,
        servers: Mapping[ServerId, tuple[str, int]],
        codec: Codec[Command, Event, Answer],
        *,
        patience: float = 1.0,
    ) -> None:
        self._background = Background()

        async def made() -> Client[Command, Event, Answer]:
            return Client(group, servers, codec, patience=patience)

        self._client = self._background.wait(made())

    @property
    def at(self) -> int:
        """How many events there were, as far as this client was told."""
        return self._client.at

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
