"""What a client's operation becomes: whom it asks, how the answers combine, and what a history says of it.

An operation on one shard is one request to it. A transfer or an exchange between two shards is one request to the
coordinator, which answers when it has ended. What is on all shards (a total, or the account `exchange`, of which each
shard holds a part) is asked of every one of them twice, and true if nothing has changed between the two rounds.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypedDict, Unpack

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from quorumlog.core.client import Client
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import Answered, Conflict, Request
from quorumlog.core.two_phase_commit.messages import ShardId
from quorumlog.core.two_phase_commit.participant import Finding, total
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Command, Exchange, Total, Transfer
from quorumlog.ledger.coordinated import FORGOTTEN, Ending
from quorumlog.ledger.ledger import Received
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import Answer
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.duties import GroupId

Way: TypeAlias = Literal["log", "index"]
"""How a balance is read: by an event in the log of its shard, or by asking a quorum."""

How: TypeAlias = Literal["ok", "fail", "info"]
"""It happened, and has an answer; nothing has happened; or nobody knows."""

NOTHING: Final[FrozenMap[Any, Any]] = FrozenMap({})


class Line(Struct, frozen=True):
    """A line of a history, which `tlastep linearizable --model ledger` reads: an operation begins or completes."""

    process: int
    type: Literal["invoke", "ok", "fail", "info"]
    f: str
    value: Any


class Ended(Struct, frozen=True):
    """An operation is over: how, and with which answer."""

    how: How
    value: Any = None


class Operation(Struct, frozen=True):
    """What a client wants. It has a name, so that an answer that comes late is known."""

    id: str
    command: Command
    way: Way = "log"

    @property
    def f(self) -> str:
        """What a history calls it."""
        return type(self.command).__name__.lower()

    @property
    def argument(self) -> Any:
        """What a history says that was asked for."""
        fields = {name: value for name, value in to_builtins(self.command).items() if name != "f"}
        return fields or None


class Doing(Struct, frozen=True):
    """How far an operation is: what groups have found in this round, and, in the second one, in the first."""

    operation: Operation
    placement: Placement
    found: FrozenMap[ShardId, Finding] = NOTHING
    before: FrozenMap[ShardId, Finding] | None = None

    @property
    def groups(self) -> tuple[GroupId, ...]:
        """The groups that are asked in each round."""
        match self.operation.command:
            case Total() | Balance("exchange"):
                return self.placement.shards
            case Transfer(source, to) | Exchange(source, to):
                homes = {self.placement.home(source), self.placement.home(to)}
                return (self.placement.coordinator,) if len(homes) == 2 else tuple(homes)
            case command:
                return (self.placement.home(command.account),)

    def asks(self) -> tuple[GroupId, ...]:
        """The groups that have still to be asked in this round, or asked again. Each is sent the command."""
        return tuple([each for each in self.groups if each not in self.found])

    def hear(self, group: GroupId, said: Answer | Ending | Conflict) -> Doing | Ended:
        """A group answers. What happened is known, or there is more to ask."""
        if said is None or isinstance(said, Conflict):
            return Ended("fail")
        if said == FORGOTTEN:
            return Ended("info")
        if isinstance(said, tuple):
            return self.collect(group, said)
        return Ended("ok", to_builtins(said) if isinstance(said, Received) else said)

    def collect(self, shard: ShardId, finding: Finding) -> Doing | Ended:
        """A shard has found something: that is the answer, or a part of it. Spec: ReplicatedTwoPhaseCommit!Collected.

        What is true of several shards at once is what none of them has changed between the rounds.
        """
        if not self.is_of_all:
            return Ended("ok", finding[0])
        found = self.found.set(shard, finding)
        if any(each not in found for each in self.groups):
            return replace(self, found=found)
        if self.before is None:
            return replace(self, found=NOTHING, before=found)
        value = total(dict(self.before.items()), dict(found.items()))
        return Ended("fail") if value is None else Ended("ok", value)

    @property
    def is_of_all(self) -> bool:
        """Whether it reads all shards."""
        command = self.operation.command
        return isinstance(command, Total) or (isinstance(command, Balance) and command.account == EXCHANGE)


class Parts(TypedDict, total=False):
    """The parts of a caller that a step may replace."""

    process: int
    sessions: FrozenMap[GroupId, Client[Any]]
    doing: Doing | None
    asked: FrozenMap[GroupId, int]


class Caller(Struct, frozen=True):
    """A client that does one thing at a time: what it does now, and its session with each group.

    `asked` are the numbers of the commands of this round. It gives up when it likes: then nobody knows whether what it
    asked for takes effect, and it goes on as another process of the history, with new sessions.
    """

    name: str
    placement: Placement
    process: int
    sessions: FrozenMap[GroupId, Client[Any]] = NOTHING
    doing: Doing | None = None
    asked: FrozenMap[GroupId, int] = NOTHING

    def change(self, **parts: Unpack[Parts]) -> Caller:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def as_process(self, process: int) -> Caller:
        """The client with new sessions, as another process of the history."""
        groups = (self.placement.coordinator, *self.placement.shards)
        sessions = FrozenMap({group: Client[Any](f"{self.name}.{process}@{group}") for group in groups})
        return self.change(process=process, sessions=sessions, doing=None)

    def invoke(self, operation: Operation) -> tuple[Caller, Line]:
        """It begins to ask for something."""
        if self.doing is not None:
            raise Refused(f"{self.name} is busy")
        begun = self.change(doing=Doing(operation, self.placement), asked=NOTHING)
        return begun, Line(self.process, "invoke", operation.f, operation.argument)

    def asks(self) -> tuple[GroupId, ...]:
        """The groups of which it wants something through their logs."""
        return self.doing.asks() if self.doing is not None and self.doing.operation.way == "log" else ()

    def send(self, group: GroupId) -> tuple[Caller, Request[Command]]:
        """It sends the command to a group in this round, for the first time or again."""
        if self.doing is None or group not in self.asks():
            raise Refused(f"{self.name} wants nothing of {group}")
        session = self.sessions[group]
        number = self.asked[group] if group in self.asked else len(session.got) + 1
        client, request = session.send(number, None, self.doing.operation.command)
        return self.change(sessions=self.sessions.set(group, client), asked=self.asked.set(group, number)), request

    def accept(self, group: GroupId, number: int, answer: Answered[Any]) -> tuple[Caller, Line | None]:
        """An answer reaches it. What belongs to another round, or an operation that is over, is only noted."""
        noted = self.change(sessions=self.sessions.set(group, self.sessions[group].accept(number, answer)))
        if group not in self.asked or self.asked[group] != number:
            return noted, None
        return noted.hear(group, answer.said)

    def told(self, operation: str, group: GroupId, finding: Finding | None) -> tuple[Caller, Line | None]:
        """A leader whom a quorum has confirmed says what is on an account, or that it is in doubt."""
        if self.doing is None or self.doing.operation.id != operation:
            return self, None
        return self.hear(group, finding)

    def hear(self, group: GroupId, said: Answer | Ending | Conflict) -> tuple[Caller, Line | None]:
        """What a group says of the operation."""
        if self.doing is None:
            return self, None
        after = self.doing.hear(group, said)
        if isinstance(after, Ended):
            return self.complete(after)
        asked = NOTHING if after.before is not self.doing.before else self.asked
        return self.change(doing=after, asked=asked), None

    def complete(self, ended: Ended) -> tuple[Caller, Line]:
        """It has its answer."""
        assert self.doing is not None, "only what was begun ends"
        return self.change(doing=None), Line(self.process, ended.how, self.doing.operation.f, ended.value)


def idle(name: str, placement: Placement, process: int) -> Caller:
    """A client that has asked nothing yet."""
    return Caller(name, placement, process).as_process(process)
