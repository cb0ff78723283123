"""The world of transfers between shards: groups with logs, the network between them, clients, and the one ledger.

A group is here what consensus makes of it: events that are committed, and a suffix that its leader has appended. The
two protocols for shards are built on this one immutable value, one method a step. Spec: TransactionCoordinator.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, Literal, Self, TypeAlias, TypeVar

from msgspec import Struct, StructMeta
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Folds, fold
from quorumlog.core.two_phase_commit import coordinator
from quorumlog.core.two_phase_commit.coordinator import (
    ABORTED,
    COMMITTED,
    COORDINATION,
    Begin,
    Decided,
    Decisions,
    Settle,
    Tally,
)
from quorumlog.core.two_phase_commit.messages import (
    AccountId,
    Acknowledgement,
    Message,
    ShardId,
    Transfer,
    TransferId,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap

State = TypeVar("State")
Event = TypeVar("Event")
Kind = TypeVar("Kind", bound=Message)

OperationId: TypeAlias = str
GroupId: TypeAlias = str
Suffix: TypeAlias = tuple[Event, ...]
CoordinatorEvent: TypeAlias = coordinator.Event
Balances: TypeAlias = FrozenMap[AccountId, int]


class Standing(Struct, frozen=True, cache_hash=True):
    """What became of an operation; its answer, if it has one. Spec: TransactionCoordinator!Done."""

    state: Literal["idle", "open", "failed", "done"]
    value: int = 0


IDLE: Final = Standing("idle")
OPEN: Final = Standing("open")
FAILED: Final = Standing("failed")


class Group(Struct, Generic[State, Event], frozen=True, cache_hash=True):
    """A replicated log: the fold of what is committed, the leader's suffix, and those that some replica may hold."""

    state: State
    suffix: tuple[Event, ...] = ()
    tails: frozenset[tuple[Event, ...]] = frozenset({()})

    def draft(self, folds: Folds[State, Event]) -> State:
        """The speculative state."""
        return fold(folds, self.state, self.suffix)

    def append(self, events: tuple[Event, ...], returns: bool) -> Group[State, Event]:
        """The leader appends events. If suffixes may return, some replica may hold them from now on."""
        suffix = self.suffix + events
        return replace(self, suffix=suffix, tails=self.tails | {suffix} if returns else self.tails)

    def commit(self, folds: Folds[State, Event], returns: bool) -> tuple[Group[State, Event], Event]:
        """The oldest event of the suffix is committed. Replicas that hold another one there lose theirs."""
        if not self.suffix:
            raise Refused("nothing waits to be committed")
        event, rest = self.suffix[0], self.suffix[1:]
        tails = frozenset(tail[1:] for tail in self.tails if tail[:1] == (event,)) if returns else self.tails
        return Group(folds.evolve(self.state, event), rest, tails), event

    def electable(self, returns: bool) -> frozenset[tuple[Event, ...]]:
        """The suffixes with which a new leader may begin."""
        held = self.tails if returns else (self.suffix,)
        return frozenset(tail[:length] for tail in held for length in range(len(tail) + 1))

    def elect(self, suffix: tuple[Event, ...], returns: bool) -> Group[State, Event]:
        """A new leader begins with this suffix."""
        if suffix not in self.electable(returns):
            raise Refused("no replica holds this suffix")
        return replace(self, suffix=suffix)


class Setting(Struct, frozen=True, cache_hash=True):
    """What never changes: who there is, what may be asked for, and what the world may do."""

    initial: Balances
    home: FrozenMap[AccountId, ShardId]
    transfers: FrozenMap[TransferId, Transfer]
    deposits: FrozenMap[OperationId, int]
    balances: tuple[OperationId, ...]
    totals: tuple[OperationId, ...]
    account_of: FrozenMap[OperationId, AccountId]
    coordinator: GroupId
    hasty: frozenset[TransferId]
    electing: frozenset[GroupId]
    returning: frozenset[GroupId]
    lossy: frozenset[ShardId]

    @property
    def shards(self) -> tuple[ShardId, ...]:
        """The shards, in order."""
        return tuple(sorted(set(self.home.values())))

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """All that clients may ask for."""
        return (*self.transfers, *self.deposits, *self.balances, *self.totals)

    def at(self, shard: ShardId) -> dict[AccountId, int]:
        """The accounts of a shard, and what is on them at first."""
        return {account: self.initial[account] for account in self.home if self.home[account] == shard}

    def home_of(self, operation: OperationId) -> ShardId:
        """The shard that is asked for a deposit or a balance."""
        return self.home[self.account_of[operation]]

    def truth(self, operation: OperationId, ledger: Balances) -> frozenset[int]:
        """What it would truly answer now, if it has no effect. Spec: TransactionCoordinator!Truth."""
        if operation in self.balances:
            return frozenset({ledger[self.account_of[operation]]})
        if operation in self.totals:
            return frozenset({sum(ledger.values())})
        if operation in self.transfers:
            transfer = self.transfers[operation]
            return frozenset({0} if ledger[transfer.source] < transfer.amount else ())
        return frozenset()


class Abstract(StructMeta, ABCMeta):
    """The kind of classes that are values and leave something to their subclasses."""


class Transfers(Struct, Generic[State, Event], metaclass=Abstract, frozen=True, cache_hash=True):
    """The coordinator's group, those of the shards, the network and the clients. `ledger` and `possible` are ghosts.

    A subclass says what a shard decides, evolves and says, and how shards are read.
    """

    setting: Setting
    coordination: Group[Decisions, CoordinatorEvent]
    tally: Tally
    shards: FrozenMap[ShardId, Group[State, Event]]
    network: frozenset[Message]
    op: FrozenMap[OperationId, Standing]
    ledger: Balances
    possible: FrozenMap[OperationId, frozenset[int]]

    def change(self, **parts: object) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    @abstractmethod
    def application(self, shard: ShardId) -> Folds[State, Event]:
        """What decides and evolves at a shard."""

    # -- clients -------------------------------------------------------------------------------------------------

    def call(self, o: OperationId) -> Self:
        """Somebody asks for an operation. Spec: ReplicatedTwoPhaseCommit!Call, TryConfirmCancel!Call."""
        if self.op[o] != IDLE:
            raise Refused(f"{o} was called already")
        possible = self.possible.set(o, self.setting.truth(o, self.ledger))
        return self.change(op=self.op.set(o, OPEN), possible=possible)

    def answer(self, o: OperationId, answer: Standing) -> Self:
        """An operation is answered. Spec: TransactionCoordinator!Answers."""
        self.require_open(o)
        return self.change(op=self.op.set(o, answer), possible=self.possible.set(o, frozenset()))

    def require_open(self, o: OperationId) -> None:
        """Clients ask until they are answered, and not before they want anything."""
        if self.op[o] != OPEN:
            raise Refused(f"{o} is not open")

    def answer_transfer(self, t: TransferId) -> Self:
        """The coordinator answers, from its committed state.

        Spec: ReplicatedTwoPhaseCommit!AnswerTransfer, TryConfirmCancel!AnswerTransfer.
        """
        ended = coordinator.outcome(self.coordination.state, t)
        if ended is None:
            raise Refused(f"{t} has not ended")
        return self.answer(t, FAILED if ended == ABORTED else Standing("done", int(ended == COMMITTED)))

    # -- the coordinator -----------------------------------------------------------------------------------------

    @property
    def returns(self) -> bool:
        """Whether a suffix of the coordinator's group may come back."""
        return self.setting.coordinator in self.setting.returning

    def known(self) -> Decisions:
        """What the coordinator's leader decides on. Spec: TransactionCoordinator!SpeculativeDecision."""
        return self.coordination.draft(COORDINATION)

    def ordered(self, command: Begin | Settle | None, tally: Tally) -> Self:
        """The leader has heard something, and appends what a command becomes."""
        events = COORDINATION.decide(self.known(), command) if command else ()
        return self.change(coordination=self.coordination.append(events, self.returns), tally=tally)

    def on_transfer(self, t: TransferId) -> Self:
        """A client asks for a transfer. Spec: ReplicatedTwoPhaseCommit!OnTransfer, TryConfirmCancel!OnTransfer."""
        self.require_open(t)
        return self.ordered(Begin(self.setting.transfers[t]), self.tally)

    def on_vote(self, m: Message) -> Self:
        """A vote arrives. Spec: ReplicatedTwoPhaseCommit!OnVote, TryConfirmCancel!OnVote."""
        tally, command = coordinator.count_vote(self.tally, self.known(), arrived(m, Vote))
        return self.ordered(command, tally)

    def on_acknowledgement(self, m: Message) -> Self:
        """An acknowledgement arrives.

        Spec: ReplicatedTwoPhaseCommit!OnAcknowledgement, TryConfirmCancel!OnAcknowledgement.
        """
        return self.change(tally=coordinator.note_acknowledgement(self.tally, arrived(m, Acknowledgement)))

    def time_out(self, t: TransferId) -> Self:
        """A transfer's time has run out. Spec: ReplicatedTwoPhaseCommit!TimeOut, TryConfirmCancel!TimeOut."""
        if t not in self.setting.hasty:
            raise Refused(f"{t} has time")
        tally, command = coordinator.give_up(self.tally, self.known(), t)
        return self.ordered(command, tally)

    def commit_decision(self) -> Self:
        """The oldest event of the coordinator's suffix is committed.

        Spec: ReplicatedTwoPhaseCommit!CommitDecision, TryConfirmCancel!CommitDecision.
        """
        group, event = self.coordination.commit(COORDINATION, self.returns)
        after = self.change(coordination=group)
        if isinstance(event, Decided) and event.outcome == COMMITTED:
            return after.took_effect(self.setting.transfers[event.transfer])
        return after

    def took_effect(self, transfer: Transfer) -> Self:
        """The ghosts when a transfer takes effect."""
        source, target, amount = transfer.source, transfer.target, transfer.amount
        ledger = self.ledger.set(source, self.ledger[source] - amount)
        return self.effect(ledger.set(target, ledger[target] + amount))

    def effect(self, ledger: Balances) -> Self:
        """The ledger has changed: what might be answered now is remembered. Spec: TransactionCoordinator!Effect."""
        possible = self.possible
        for o in self.setting.operations:
            true = possible[o] | self.setting.truth(o, ledger) if self.op[o] == OPEN else frozenset[int]()
            possible = possible.set(o, true)
        return self.change(ledger=ledger, possible=possible)

    def speak(self) -> Self:
        """The coordinator says all that it has to. Spec: ReplicatedTwoPhaseCommit!Speak, TryConfirmCancel!Speak."""
        return self.send(coordinator.messages(self.coordination.state, self.tally))

    def elect_coordinator(self, es: Suffix[CoordinatorEvent]) -> Self:
        """The coordinator's group has a new leader, who has heard nothing.

        Spec: ReplicatedTwoPhaseCommit!ElectCoordinator, TryConfirmCancel!ElectCoordinator.
        """
        self.require_electing(self.setting.coordinator)
        return self.change(coordination=self.coordination.elect(es, self.returns), tally=Tally())

    def require_electing(self, group: GroupId) -> None:
        """Leaders change in some groups only."""
        if group not in self.setting.electing:
            raise Refused(f"{group} keeps its leader")

    def electable(self) -> frozenset[Suffix[CoordinatorEvent]]:
        """The suffixes of a new leader. Spec: TransactionCoordinator!CoordinatorElectable."""
        return self.coordination.electable(self.returns)

    # -- the network ---------------------------------------------------------------------------------------------

    def send(self, messages: Iterable[Message]) -> Self:
        """Messages are on their way."""
        return self.change(network=self.network | frozenset(messages))

    def lose(self, m: Message) -> Self:
        """A message is lost. Spec: ReplicatedTwoPhaseCommit!Lose, TryConfirmCancel!Lose."""
        if m not in self.network or m.shard not in self.setting.lossy:
            raise Refused(f"{m} is not lost")
        return self.change(network=self.network - frozenset((m,)))

    # -- the shards ----------------------------------------------------------------------------------------------

    def returns_at(self, shard: ShardId) -> bool:
        """Whether a suffix of a shard may come back."""
        return shard in self.setting.returning

    def append_at(self, shard: ShardId, events: tuple[Event, ...]) -> Self:
        """A shard's leader appends events. Spec: ReplicatedTwoPhaseCommit!AppendAt."""
        log = self.shards[shard].append(events, self.returns_at(shard))
        return self.change(shards=self.shards.set(shard, log))

    def commit_event(self, s: ShardId) -> Self:
        """A shard's oldest event is committed.

        Spec: ReplicatedTwoPhaseCommit!CommitEvent, TryConfirmCancel!CommitEvent.
        """
        log, event = self.shards[s].commit(self.application(s), self.returns_at(s))
        return self.change(shards=self.shards.set(s, log)).after_event(event)

    @abstractmethod
    def speak_shard(self, s: ShardId) -> Self:
        """A shard says all that it has to."""

    def after_event(self, event: Event) -> Self:
        """The ghosts when an event of a shard is committed."""
        return self

    def elect_leader(self, s: ShardId, tail: Suffix[Event]) -> Self:
        """A shard has a new leader. Spec: ReplicatedTwoPhaseCommit!ElectLeader, TryConfirmCancel!ElectLeader."""
        self.require_electing(s)
        return self.change(shards=self.shards.set(s, self.shards[s].elect(tail, self.returns_at(s))))

    def suffixes(self) -> frozenset[Suffix[Event]]:
        """The suffixes that a new leader of some shard may have. Spec: ReplicatedTwoPhaseCommit!Electable."""
        return frozenset().union(*(self.shards[s].electable(self.returns_at(s)) for s in self.setting.shards))


def begun(setting: Setting, application: Callable[[Mapping[AccountId, int]], Folds[State, Event]]) -> dict[str, Any]:
    """The fields of a world in which nobody has asked for anything. Spec: TransactionCoordinator!CoordinatorInit."""
    shards = {shard: Group[State, Event](application(setting.at(shard)).start()) for shard in setting.shards}
    return {
        "setting": setting,
        "coordination": Group(COORDINATION.start()),
        "tally": Tally(),
        "shards": FrozenMap(shards),
        "network": frozenset(),
        "op": FrozenMap(dict.fromkeys(setting.operations, IDLE)),
        "ledger": setting.initial,
        "possible": FrozenMap(dict.fromkeys(setting.operations, frozenset())),
    }


def arrived(message: Message, kind: type[Kind], also: Callable[[Kind], bool] = lambda _: True) -> Kind:
    """A message that arrives, if it is one of a kind."""
    if not isinstance(message, kind) or not also(message):
        raise Refused(f"{type(message).__name__} is no {kind.__name__} of this kind")
    return message
