"""Clients of the whole system: what they ask for, how far they are with it, and the history of their calls.

A client does one thing at a time. It gives up when it likes: then nobody knows whether what it asked for takes effect,
and it goes on as another process.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.client import Client
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.frozen_map import FrozenMap
from quorumlog.core.leader_output import Answered, Conflict, Request
from quorumlog.core.two_phase_commit.coordinator import COMMITTED, Begin, Outcome
from quorumlog.core.two_phase_commit.coordinator import REFUSED as REFUSED_TRANSFER
from quorumlog.core.two_phase_commit.messages import AccountId, RequestId, ShardId, Transfer
from quorumlog.core.two_phase_commit.participant import (
    Command,
    Deposit,
    Deposited,
    Event,
    Finding,
    Participation,
    Read,
    ShardState,
    total,
)
from quorumlog.simulation.composed.groups import GroupId

ClientId: TypeAlias = str
What: TypeAlias = Literal["deposit", "transfer", "balance", "total"]
Way: TypeAlias = Literal["log", "index"]
COORDINATOR: Final[GroupId] = "c"


class Shard(Struct, frozen=True):
    """A shard whose answers bear the version that was found: a total over several shards compares it."""

    participation: Participation

    def start(self) -> ShardState:
        """The balances, and nothing else."""
        return self.participation.start()

    def evolve(self, state: ShardState, event: Event) -> ShardState:
        """The state after one more event."""
        return self.participation.evolve(state, event)

    def decide(self, state: ShardState, command: Command, randomness: None) -> tuple[Event, ...]:
        """The events that follow from a command."""
        return self.participation.decide(state, command)

    def answer(self, state: ShardState, events: tuple[Event, ...]) -> Finding | None:
        """What a deposit or a read found, if these events are one."""
        for event in events:
            if isinstance(event, Deposited | Read):
                return state.done[event.request, event.round if isinstance(event, Read) else 1]
        return None


class Operation(Struct, frozen=True):
    """What a client wants. Of a deposit only the target counts, of a balance only the source, of a total neither.

    A balance may be read in two ways: `log`, as a command, or `index`, by asking a quorum.
    """

    id: RequestId
    f: What
    source: AccountId
    target: AccountId
    amount: int
    way: Way = "log"


class Line(Struct, frozen=True):
    """A line of the history: an operation of a process begins or completes."""

    process: int
    type: Literal["invoke", "ok", "fail", "info"]
    f: What
    value: Any


class Parts(TypedDict, total=False):
    """The parts of a caller that a step may replace."""

    process: int
    sessions: FrozenMap[GroupId, Client[Any]]
    doing: Operation | None
    round: Literal[1, 2]
    asked: FrozenMap[GroupId, int]
    found: FrozenMap[tuple[ShardId, int], Finding]


class Caller(Struct, frozen=True):
    """A client: what it does now, and its session with each group.

    `asked` are the numbers of the commands of this round, `found` what shards have told it for a total.
    """

    name: ClientId
    homes: FrozenMap[AccountId, ShardId]
    process: int
    sessions: FrozenMap[GroupId, Client[Any]]
    doing: Operation | None
    round: Literal[1, 2]
    asked: FrozenMap[GroupId, int]
    found: FrozenMap[tuple[ShardId, int], Finding]

    def change(self, **parts: Unpack[Parts]) -> Caller:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def as_process(self, process: int) -> Caller:
        """The client with new sessions, as another process of the history."""
        groups = (COORDINATOR, *dict.fromkeys(self.homes.values()))
        sessions = FrozenMap({group: Client[Any](f"{self.name}.{process}@{group}") for group in groups})
        return self.change(process=process, sessions=sessions, doing=None)

    def invoke(self, operation: Operation) -> tuple[Caller, Line]:
        """It begins to ask for something."""
        if self.doing is not None:
            raise Refused(f"{self.name} is busy")
        begun = self.change(doing=operation, round=1, asked=FrozenMap({}), found=FrozenMap({}))
        return begun, Line(self.process, "invoke", operation.f, argument(operation))

    def commands(self) -> dict[GroupId, object]:
        """What it has to ask of which group in this round."""
        doing = self.doing
        if doing is None:
            return {}
        if doing.f == "deposit":
            return {self.homes[doing.target]: Deposit(doing.id, doing.target, doing.amount)}
        if doing.f == "balance":
            if doing.way == "index":
                return {}
            return {self.homes[doing.source]: Read(doing.id, doing.source, 1)}
        if doing.f == "transfer":
            return {COORDINATOR: Begin(transfer_of(doing, self.homes))}
        return {shard: Read(doing.id, None, self.round) for shard in dict.fromkeys(self.homes.values())}

    def send(self, group: GroupId) -> tuple[Caller, Request[Any]]:
        """It sends a command of this round, for the first time or again."""
        commands = self.commands()
        if group not in commands:
            raise Refused(f"{self.name} wants nothing of {group}")
        session = self.sessions[group]
        number = self.asked[group] if group in self.asked else len(session.got) + 1
        client, request = session.send(number, None, commands[group])
        return self.change(sessions=self.sessions.set(group, client), asked=self.asked.set(group, number)), request

    def accept(self, group: GroupId, number: int, answer: Answered[Finding | None]) -> tuple[Caller, Line | None]:
        """An answer reaches it. What belongs to another round, or an operation that is over, is only noted."""
        session = self.sessions[group].accept(number, answer)
        noted = self.change(sessions=self.sessions.set(group, session))
        doing = self.doing
        if doing is None or group not in self.asked or self.asked[group] != number or doing.f == "transfer":
            return noted, None
        said = answer.said
        assert not isinstance(said, Conflict), "nobody here expects another state"
        if said is None:  # something that was to be read is in doubt
            return noted.complete("fail", None)
        if doing.f == "total":
            return noted.collect(group, said)
        return noted.complete("ok", True if doing.f == "deposit" else said[0])

    def collect(self, shard: ShardId, finding: Finding) -> tuple[Caller, Line | None]:
        """A shard has answered: the next round, or the end, once all have."""
        found = self.found.set((shard, self.round), finding)
        shards = tuple(dict.fromkeys(self.homes.values()))
        if any((each, self.round) not in found for each in shards):
            return self.change(found=found), None
        if self.round == 1:
            return self.change(found=found, round=2, asked=FrozenMap({})), None
        first, second = ({each: found[each, number] for each in shards} for number in (1, 2))
        said = total(first, second)
        return self.complete("fail" if said is None else "ok", said)

    def hear(self, transfer: RequestId, outcome: Outcome) -> tuple[Caller, Line | None]:
        """The coordinator says how a transfer ended."""
        if self.doing is None or self.doing.id != transfer:
            return self, None
        if outcome == COMMITTED:
            return self.complete("ok", True)
        return self.complete("ok", False) if outcome == REFUSED_TRANSFER else self.complete("fail", None)

    def told(self, read: RequestId, value: int | None) -> tuple[Caller, Line | None]:
        """A leader whom a quorum has confirmed says what is on the account, or that a transfer is in doubt."""
        if self.doing is None or self.doing.id != read:
            return self, None
        return self.complete("fail" if value is None else "ok", value)

    def complete(self, how: Literal["ok", "fail", "info"], value: object) -> tuple[Caller, Line]:
        """It has its answer."""
        assert self.doing is not None, "only what was begun ends"
        return self.change(doing=None), Line(self.process, how, self.doing.f, value)


def idle(name: ClientId, homes: FrozenMap[AccountId, ShardId], process: int) -> Caller:
    """A client that has asked nothing yet."""
    nothing: FrozenMap[Any, Any] = FrozenMap({})
    return Caller(name, homes, 0, nothing, None, 1, nothing, nothing).as_process(process)


def transfer_of(doing: Operation, homes: FrozenMap[AccountId, ShardId]) -> Transfer:
    """The transfer that a client asks for."""
    source, target = doing.source, doing.target
    return Transfer(doing.id, source, target, doing.amount, homes[source], homes[target])


def argument(operation: Operation) -> object:
    """What the history says that was asked for."""
    if operation.f == "deposit":
        return {"account": operation.target, "amount": operation.amount}
    if operation.f == "transfer":
        return {"from": operation.source, "to": operation.target, "amount": operation.amount}
    return {"account": operation.source} if operation.f == "balance" else None
