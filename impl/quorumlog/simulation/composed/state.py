"""What there is in the whole system, and what is on its way in it: one immutable value whose parts are replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.client import Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import Request
from quorumlog.core.read_model import (
    Ask,
    News,
    ReaderId,
    ReadModel,
    Source,
    Token,
)
from quorumlog.core.two_phase_commit.messages import AccountId, RequestId
from quorumlog.core.two_phase_commit.participant import Finding
from quorumlog.ledger.forgetting import Letter as Mail
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Caller, Line
from quorumlog.sharding.duties import GroupId
from quorumlog.sharding.server import Answers, Said
from quorumlog.simulation.composed.groups import Group, TheTable

ClientId: TypeAlias = str


class Asked(Struct, frozen=True):
    """A request on its way from a proxy to any node of a group."""

    group: GroupId
    by: int
    request: Request[Any]


class Found(Struct, frozen=True):
    """What a leader of a shard finds on an account, on its way to the client who asked; None if it is in doubt."""

    read: RequestId
    shard: GroupId
    finding: Finding | None


class Query(Struct, frozen=True):
    """A client's question about an account, on its way to any node of its shard. `again` tells its calls apart."""

    read: RequestId
    account: AccountId
    again: int


Letter: TypeAlias = Mail | Found
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
    tokens: FrozenMap[ClientId, Token]
    asks: tuple[Ask, ...]
    news: tuple[News[Any], ...]
    history: tuple[Line, ...]
    processes: int
    operations: int
    now: int


class State(Struct, frozen=True):
    """Everything: who there is, what they hold, and what is on its way between them. `placement` never changes."""

    placement: Placement
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
    tokens: FrozenMap[ClientId, Token]
    asks: tuple[Ask, ...]
    news: tuple[News[Any], ...]
    history: tuple[Line, ...]
    processes: int
    operations: int
    now: int

    def change(self, **parts: Unpack[Parts]) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def after(self, g: GroupId, outcome: tuple[Group, Said]) -> Self:
        """The system after a step of a group."""
        group, said = outcome
        after = self.change(groups=self.groups.set(g, group)).with_letters(said.letters)
        return after.change(answers=tuple(dict.fromkeys((*self.answers, *said.answers))))

    def with_letters(self, letters: Iterable[Letter]) -> Self:
        """The system with more letters on their way, in an order that never differs."""
        more = sorted(letters, key=repr)
        return self.change(letters=tuple(dict.fromkeys((*self.letters, *more)))) if more else self

    def called(self, client: ClientId, caller: Caller, line: Line | None) -> Self:
        """A client is further, and the history may be longer."""
        history = self.history if line is None else (*self.history, line)
        return self.change(callers=self.callers.set(client, caller), history=history)

    def who_waits(self, request: RequestId, letter: Letter) -> ClientId:
        """The client for whom a letter is."""
        if letter not in self.letters:
            raise Refused("it is not on its way")
        for name, caller in self.callers.items():
            if caller.doing is not None and caller.doing.operation.id == request:
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
