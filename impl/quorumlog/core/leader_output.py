"""Who may speak, and what, when leaders change: the gate between consensus and the world. Spec: LeaderOutput.

A gate is told three things by consensus: that its node leads, that it leads no more, and which entries are decided.
It is asked by clients, and everything that it says is an effect. What it holds is a fold of the log; the rest, its
draft and who waits for an answer, it forgets when it is deposed, for another leader may decide otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Application, fold
from quorumlog.core.frozen_map import FrozenMap

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Content = TypeVar("Content")

SessionId: TypeAlias = str
ProxyId: TypeAlias = Hashable


# -- what is said and written -------------------------------------------------------------------------------


class Request(Struct, Generic[Command], frozen=True, cache_hash=True, array_like=True):
    """A client's command: `number` within its session, of which the first `received` answers have arrived.

    `expected` is how many events the client thinks that there are before its own, None if it does not care.
    """

    session: SessionId
    number: int
    received: int
    expected: int | None
    command: Command


class Conflict(Struct, frozen=True):
    """What stands for events, and for an answer, where the client expected another state: nothing has happened."""


CONFLICT = Conflict()


class Executed(Struct, Generic[Event], frozen=True, cache_hash=True, array_like=True, tag="executed"):
    """An entry of the log: what a command became, and what its request said to have been received."""

    session: SessionId
    number: int
    received: int
    events: tuple[Event, ...] | Conflict


class Acknowledged(Struct, frozen=True, cache_hash=True, array_like=True, tag="acknowledged"):
    """An entry of the log: the world outside has received the message of this number."""

    message: int


Entry: TypeAlias = Executed[Event] | Acknowledged


class Answered(Struct, Generic[Answer], frozen=True, cache_hash=True):
    """The one answer to a command: what the application said, and how many events there were then."""

    at: int
    said: Answer | Conflict


class Message(Struct, Generic[Content], frozen=True, cache_hash=True):
    """A message to the world outside, numbered over all sessions."""

    number: int
    content: Content


# -- what the log makes -------------------------------------------------------------------------------------


class Session(Struct, Generic[Answer], frozen=True, cache_hash=True):
    """The last command of a session that was executed, and the answers to the latest commands that are kept."""

    last: int
    kept: tuple[Answered[Answer], ...]

    @property
    def forgotten(self) -> int:
        """How many of the session's first answers are forgotten. Spec: LeaderOutput!Forgotten."""
        return self.last - len(self.kept)

    def remembered(self, number: int) -> Answered[Answer] | None:
        """The answer to a command, if it is executed and not forgotten. Spec: LeaderOutput!Remembered."""
        return self.kept[number - self.forgotten - 1] if self.forgotten < number <= self.last else None

    def without(self, received: int) -> tuple[Answered[Answer], ...]:
        """The answers to be kept when so many have been received. Spec: LeaderOutput!Without."""
        return self.kept[max(0, received - self.forgotten) :]


class Table(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """What the log makes: the application's state, how many events, and for each session what was executed.

    `made` messages to the outside have been written, and `pending` are those that are not acknowledged.
    """

    state: State
    events: int
    sessions: FrozenMap[SessionId, Session[Answer]]
    made: int
    pending: tuple[Message[Content], ...]

    def session(self, session: SessionId) -> Session[Answer]:
        """What is known of a session; of one that has asked nothing yet, nothing."""
        return self.sessions[session] if session in self.sessions else Session(0, ())


# -- the gate -----------------------------------------------------------------------------------------------


class Waiting(Struct, frozen=True, cache_hash=True):
    """Who is to be answered when a command is decided."""

    by: ProxyId
    session: SessionId
    number: int


class Gate(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """What a node holds for the world. `draft` is there while it leads, and decides what commands become."""

    applied: int
    table: Table[State, Answer, Content]
    draft: Table[State, Answer, Content] | None
    waiting: frozenset[Waiting]

    @property
    def leads(self) -> bool:
        """Whether the node leads, as far as it was told."""
        return self.draft is not None


class Append(Struct, Generic[Event], frozen=True):
    """Consensus is to append this entry to the log that the node leads, in the same step."""

    entry: Entry[Event]


class Say(Struct, Generic[Answer], frozen=True):
    """Send an answer to the proxy that asked."""

    to: ProxyId
    session: SessionId
    number: int
    answer: Answered[Answer]


class Tell(Struct, Generic[Content], frozen=True):
    """Send a message to the world outside."""

    message: Message[Content]


# -- the rules ----------------------------------------------------------------------------------------------


class LeaderOutput(Struct, Generic[State, Command, Event, Answer, Randomness, Content], frozen=True):
    """The rules of speaking, for one application: each method is a step of a gate, and answers what follows.

    `messages` says what its events send to the world outside, in the state after them.
    """

    application: Application[State, Command, Event, Answer, Randomness]
    messages: Callable[[State, tuple[Event, ...]], tuple[Content, ...]]

    def begin(self) -> Gate[State, Answer, Content]:
        """A gate that has been told nothing: the first one, and the one after a crash. Spec: LeaderOutput!Crash."""
        return Gate(0, self.empty(), None, frozenset())

    def lead(self, gate: Gate[State, Answer, Content], rest: Iterable[Entry[Event]]) -> Gate[State, Answer, Content]:
        """The node leads; `rest` is what its log holds beyond the applied entries. Spec: LeaderOutput!Lead."""
        if gate.leads:
            raise Refused("it leads already")
        return replace(gate, draft=self.fold(gate.table, rest))

    def step_down(self, gate: Gate[State, Answer, Content]) -> Gate[State, Answer, Content]:
        """The node leads no more: nothing that is not decided is remembered. Spec: LeaderOutput!StepDown."""
        if not gate.leads:
            raise Refused("it does not lead")
        return replace(gate, draft=None, waiting=frozenset())

    def commit(
        self, gate: Gate[State, Answer, Content], entries: tuple[Entry[Event], ...]
    ) -> tuple[Gate[State, Answer, Content], tuple[Say[Answer], ...]]:
        """These entries, the next ones, are decided: who waited for that is answered. Spec: LeaderOutput!Commit."""
        table = self.fold(gate.table, entries)
        ready = [each for each in gate.waiting if each.number <= table.session(each.session).last]
        said = [answer_to(table, each) for each in sorted(ready, key=in_order)]
        waiting = gate.waiting.difference(ready)
        after = replace(gate, applied=gate.applied + len(entries), table=table, waiting=waiting)
        return after, tuple(each for each in said if each is not None)

    def on_request(
        self, gate: Gate[State, Answer, Content], by: ProxyId, request: Request[Command], randomness: Randomness
    ) -> tuple[Gate[State, Answer, Content], tuple[Say[Answer] | Append[Event], ...]]:
        """A client asks, for the first time or again, through the proxy `by`. Spec: LeaderOutput!OnRequest."""
        if gate.draft is None:
            return gate, ()
        asker = Waiting(by, request.session, request.number)
        said = answer_to(gate.table, asker)
        if said is not None:
            return gate, (said,)
        if request.number <= gate.table.session(request.session).last:
            return gate, ()  # forgotten: the client has said that it has the answer
        written = gate.draft.session(request.session).last
        if request.number > written + 1:
            return gate, ()  # it has overtaken an earlier command, and will come again
        waits = replace(gate, waiting=gate.waiting | {asker})
        if request.number <= written:
            return waits, ()
        entry = self.executed(gate.draft, request, randomness)
        return replace(waits, draft=self.apply(gate.draft, entry)), (Append(entry),)

    def emit(self, gate: Gate[State, Answer, Content]) -> Tell[Content]:
        """The oldest message that is not acknowledged is sent, perhaps again. Spec: LeaderOutput!Emit."""
        if not gate.leads or not gate.table.pending:
            raise Refused("it does not lead, or has nothing to tell")
        return Tell(gate.table.pending[0])

    def on_acknowledgement(
        self, gate: Gate[State, Answer, Content], number: int
    ) -> tuple[Gate[State, Answer, Content], tuple[Append[Event], ...]]:
        """The outside has received a message: that is written down, once. Spec: LeaderOutput!OnAcknowledgement."""
        if gate.draft is None or not gate.draft.pending or gate.draft.pending[0].number != number:
            return gate, ()
        entry = Acknowledged(number)
        return replace(gate, draft=self.apply(gate.draft, entry)), (Append(entry),)

    # -- what the log makes -----------------------------------------------------------------------------------

    def empty(self) -> Table[State, Answer, Content]:
        """What no entry has made yet. Spec: LeaderOutput!EmptyTable."""
        return Table(self.application.start(), 0, FrozenMap({}), 0, ())

    def executed(
        self, draft: Table[State, Answer, Content], request: Request[Command], randomness: Randomness
    ) -> Executed[Event]:
        """The entry that a command becomes, decided on the draft."""
        events: tuple[Event, ...] | Conflict = CONFLICT
        if request.expected is None or request.expected == draft.events:
            events = self.application.decide(draft.state, request.command, randomness)
        return Executed(request.session, request.number, request.received, events)

    def apply(self, table: Table[State, Answer, Content], entry: Entry[Event]) -> Table[State, Answer, Content]:
        """The table after one more entry: a pure function of the two. Spec: LeaderOutput!Apply."""
        if isinstance(entry, Acknowledged):
            return replace(table, pending=table.pending[1:])
        if isinstance(entry.events, Conflict):
            return answered(table, entry, CONFLICT)
        state = fold(self.application, table.state, entry.events)
        contents = self.messages(state, entry.events)
        told = tuple(Message(number, each) for number, each in enumerate(contents, table.made + 1))
        after = replace(
            table,
            state=state,
            events=table.events + len(entry.events),
            made=table.made + len(told),
            pending=table.pending + told,
        )
        return answered(after, entry, self.application.answer(state, entry.events))

    def fold(
        self, table: Table[State, Answer, Content], entries: Iterable[Entry[Event]]
    ) -> Table[State, Answer, Content]:
        """The table after these entries. Spec: LeaderOutput!Fold."""
        for entry in entries:
            table = self.apply(table, entry)
        return table


def no_messages(state: object, events: tuple[object, ...]) -> tuple[object, ...]:
    """Of an application that has nothing to say to the world outside."""
    return ()


def in_order(waits: Waiting) -> tuple[SessionId, int, str]:
    """The order in which those who wait are answered: always the same one, whatever order a set has."""
    return waits.session, waits.number, str(waits.by)


def answered(
    table: Table[State, Answer, Content], entry: Executed[Event], said: Answer | Conflict
) -> Table[State, Answer, Content]:
    """The table with one more answer, and without those that the client has. Spec: LeaderOutput!Executed."""
    kept = table.session(entry.session).without(entry.received)
    session = Session(entry.number, (*kept, Answered(table.events, said)))
    return replace(table, sessions=table.sessions.set(entry.session, session))


def answer_to(table: Table[State, Answer, Content], asker: Waiting) -> Say[Answer] | None:
    """What is to be said to who asked for a command, if it is executed and not forgotten."""
    answer = table.session(asker.session).remembered(asker.number)
    return None if answer is None else Say(asker.by, asker.session, asker.number, answer)
