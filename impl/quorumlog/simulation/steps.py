"""Steps of a run in the spec's words, and findings: what a watcher of a run is told, and what it may say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    Message,
    ServerId,
    VoteReply,
    VoteRequest,
)
from quorumlog.simulation.agenda import MILLISECOND
from quorumlog.simulation.cluster import Cluster

Argument: TypeAlias = ServerId | str | Message


class Step(NamedTuple):
    """One step of the cluster: the spec's action and its arguments, and the cluster before and after."""

    number: int
    time: int
    action: str
    arguments: tuple[Argument, ...]
    before: Cluster
    after: Cluster

    def text(self) -> str:
        """The step as a line of a transcript."""
        return f"{clock(self.time)}  {self.action}({', '.join(map(shown, self.arguments))})"


Observer: TypeAlias = Callable[[Step], None]


class Finding(Struct, frozen=True):
    """What was found wrong. `kind` is `invariant`, `property`, `end to end`, `exception` or `spec`."""

    kind: str
    name: str
    says: str
    step: int
    time: int

    def text(self) -> str:
        """One line for people."""
        return f"{self.kind} {self.name}, after step {self.step} at {clock(self.time)}: {self.says}"


class Found(Exception):
    """Raised by whoever watches a run, and ends it."""

    def __init__(self, kind: str, name: str, says: str) -> None:
        super().__init__(f"{kind} {name}: {says}")
        self.kind = kind
        self.name = name
        self.says = says


def clock(time: int) -> str:
    """A time in milliseconds."""
    return f"{time / MILLISECOND:9.3f}"


def entries_text(entries: Iterable[Entry]) -> str:
    """Entries as events with their terms."""
    return " ".join(f"{'no-op' if entry.event is None else entry.event}@{entry.term}" for entry in entries) or "nothing"


def shown(argument: Argument) -> str:
    """A server, an event or a message as text."""
    if isinstance(argument, str):
        return argument
    if isinstance(argument, VoteRequest):
        says = f"log ends at {argument.last_index} of term {argument.last_term}"
        return f"VoteRequest from {argument.sender} in term {argument.term}: {says}"
    route = f"from {argument.sender} to {argument.to} in term {argument.term}"
    if isinstance(argument, VoteReply):
        return f"VoteReply {route}"
    if isinstance(argument, AppendRequest):
        place = f"after {argument.prev_index} of term {argument.prev_term}, decided {argument.commit_index}"
        return f"AppendRequest {route}: {entries_text(argument.entries)} {place}"
    assert isinstance(argument, AppendReply)
    return f"AppendReply {route}: {'accepted' if argument.accepted else 'refused'} {argument.index}"
