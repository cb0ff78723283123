"""What there is in the whole system, and what is on its way in it: one immutable value whose parts are replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.client import Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.frozen_map import FrozenMap
from quorumlog.core.leader_output import Request
from quorumlog.core.read_model import (
    Ask,
    News,
    ReaderId,
    ReadModel,
    Source,
)
from quorumlog.core.two_phase_commit.coordinator import Outcome
from quorumlog.core.two_phase_commit.messages import AccountId, RequestId, ShardId, TransferId
from quorumlog.core.two_phase_commit.messages import Message as Mail
from quorumlog.simulation.composed.clients import Caller, ClientId, Line
from quorumlog.simulation.composed.groups import ITSELF, Answers, Group, GroupId, TheTable

ORDERS: Final = "orders"  # the session of what a shard does for the coordinator, and the coordinator for itself


class Asked(Struct, frozen=True):
    """A request on its way from a proxy to any node of a group."""

    group: GroupId
    by: int
    request: Request[Any]


class Told(Struct, frozen=True):
    """How a transfer ended, on its way to the client who asked."""

    transfer: TransferId
    outcome: Outcome


class Found(Struct, frozen=True):
    """What a leader says is on an account, on its way to the client who asked; None if a transfer is in doubt."""

    read: RequestId
    value: int | None


class Query(Struct, frozen=True):
    """A client's question about an account, on its way to any node of its shard. `again` tells its calls apart."""

    read: RequestId
    account: AccountId
    again: int


Letter: TypeAlias = Mail | Told | Found
"""What groups say to each other about transfers, and to the clients."""


class Parts(TypedDict, total=False):
    """The parts of the system that a step may replace."""

    groups: FrozenMap[GroupId, Group]
    callers: FrozenMap[ClientId, Caller]
    proxy: Proxy
    requests: tuple[Asked, ...]
    answers: Answers
    letters: tuple[Letter, ...]
    queries: tuple[Query, ...]
    questions: tuple[tuple[GroupId, Question], ...]
    replies: tuple[tuple[GroupId, Reply], ...]
    sources: FrozenMap[ServerId, Source]
    readers: FrozenMap[ReaderId, ReadModel[TheTable, Any]]
    asks: tuple[Ask, ...]
    news: tuple[News[Any], ...]
    history: tuple[Line, ...]
    processes: int
    operations: int
    now: int


class State(Struct, frozen=True):
    """Everything: who there is, what they hold, and what is on its way between them. `homes` never changes."""

    homes: FrozenMap[AccountId, ShardId]
    groups: FrozenMap[GroupId, Group]
    callers: FrozenMap[ClientId, Caller]
    proxy: Proxy
    requests: tuple[Asked, ...]
    answers: Answers
    letters: tuple[Letter, ...]
    queries: tuple[Query, ...]
    questions: tuple[tuple[GroupId, Question], ...]
    replies: tuple[tuple[GroupId, Reply], ...]
    sources: FrozenMap[ServerId, Source]
    readers: FrozenMap[ReaderId, ReadModel[TheTable, Any]]
    asks: tuple[Ask, ...]
    news: tuple[News[Any], ...]
    history: tuple[Line, ...]
    processes: int
    operations: int
    now: int

    def change(self, **parts: Unpack[Parts]) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def after(self, g: GroupId, outcome: tuple[Group, Answers]) -> Self:
        """The system after a step of a group."""
        group, said = outcome
        answers = tuple([each for each in said if each.to != ITSELF])
        return self.change(groups=self.groups.set(g, group), answers=tuple(dict.fromkeys((*self.answers, *answers))))

    def called(self, client: ClientId, caller: Caller, line: Line | None) -> Self:
        """A client is further, and the history may be longer."""
        history = self.history if line is None else (*self.history, line)
        return self.change(callers=self.callers.set(client, caller), history=history)

    def who_waits(self, request: RequestId, letter: Letter) -> ClientId:
        """The client for whom a letter is."""
        if letter not in self.letters:
            raise Refused("it is not on its way")
        for name, caller in self.callers.items():
            if caller.doing is not None and caller.doing.id == request:
                return name
        raise Refused("nobody waits for that")


def unsubscribed(readers: Iterable[ReaderId]) -> Source:
    """A node that has no subscriber."""
    return Source(FrozenMap(dict.fromkeys(readers, None)))


def without(sent: tuple[Any, ...], lost: object) -> tuple[Any, ...]:
    """What is on its way but for one."""
    if lost not in sent:
        raise Refused("it is not on its way")
    return tuple([each for each in sent if each != lost])


def with_news(sent: tuple[News[Any], ...], news: News[Any]) -> tuple[News[Any], ...]:
    """The news on their way, each once."""
    return sent if news in sent else (*sent, news)
