"""Who may speak, and what, when leaders change: the gate between consensus and the world. Spec: LeaderOutput.

A gate is told three things by consensus: that its node leads, that it leads no more, and which entries are decided.
It is asked by clients, and everything that it says is an effect. What it holds is a fold of the log; the rest, its
draft and who waits for an answer, it forgets when it is deposed, for another leader may decide otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, Generic, TypeAlias, TypeVar, final

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Application, raised
from quorumlog.persistent.hash_map import MISSING, HashMap
from quorumlog.persistent.strand import Items, extended, without_first

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Content = TypeVar("Content")

SessionId: TypeAlias = str
ProxyId: TypeAlias = Hashable


# -- what is said and written -------------------------------------------------------------------------------


class Request(Struct, Generic[Command], frozen=True, gc=False, cache_hash=True, array_like=True):
    """A client's command: `number` within its session, of which the first `received` answers have arrived.

    `expected` is how many events the client thinks that there are before its own, None if it does not care.
    """

    session: SessionId
    number: int
    received: int
    expected: int | None
    command: Command


@final
class Conflict(Struct, frozen=True):
    """What stands for events, and for an answer, where the client expected another state: nothing has happened."""

    reason: str = ""
    """What the application has raised instead, if that was why."""


CONFLICT = Conflict()


class Executed(Struct, Generic[Event], frozen=True, gc=False, cache_hash=True, array_like=True, tag="executed"):
    """An entry of the log: what a command became, and what its request said to have been received."""

    session: SessionId
    number: int
    received: int
    events: tuple[Event, ...] | Conflict


@final
class Acknowledged(Struct, frozen=True, gc=False, cache_hash=True, array_like=True, tag="acknowledged"):
    """An entry of the log: the world outside has received the message of this number."""

    message: int


Entry: TypeAlias = Executed[Event] | Acknowledged


class Answered(Struct, Generic[Answer], frozen=True, gc=False, cache_hash=True):
    """The one answer to a command: what the application said, and how many events there were then."""

    at: int
    said: Answer | Conflict


Added: TypeAlias = tuple[int, int, Answered[Answer]]  # a command's number, what was received by then, and the answer


class Message(Struct, Generic[Content], frozen=True, gc=False, cache_hash=True):
    """A message to the world outside, numbered over all sessions."""

    number: int
    content: Content


class Session(Struct, Generic[Answer], frozen=True, gc=False, cache_hash=True):
    """The last command of a session that was executed, and the answers to the latest commands that are kept."""

    last: int
    kept: Items[Answered[Answer]]

    @property
    def forgotten(self) -> int:
        """How many of the session's first answers are forgotten. Spec: LeaderOutput!Forgotten."""
        return self.last - len(self.kept)

    def remembered(self, number: int) -> Answered[Answer] | None:
        """The answer to a command, if it is executed and not forgotten. Spec: LeaderOutput!Remembered."""
        place = number - self.last + len(self.kept) - 1
        return self.kept[place] if place >= 0 and number <= self.last else None

    def since(self, number: int) -> tuple[int, Sequence[Answered[Answer]]]:
        """The answers to its commands from this one on that are kept, and to which one the first of them is."""
        place = max(number - self.forgotten - 1, 0)
        return self.forgotten + place + 1, tuple(self.kept[place:])

    def grown(self, added: Sequence[Added[Answer]]) -> Session[Answer]:
        """The session after these commands: what is received is not kept. Spec: LeaderOutput!Without."""
        received = max([min(received, number - 1) for number, received, _ in added])
        kept, more = extended(self.kept, tuple([answer for _, _, answer in added])), received - self.forgotten
        return Session(added[-1][0], without_first(kept, more) if more > 0 else kept)


NEW: Final[Session[Any]] = Session(0, ())
"""What is known of a session that has asked nothing yet."""


class Table(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """What the log makes: the application's state, how many events, and for each session what was executed.

    `made` messages to the outside have been written, and `pending` are those that are not acknowledged.
    """

    state: State
    events: int
    sessions: HashMap[SessionId, Session[Answer]]
    made: int
    pending: Items[Message[Content]]

    def session(self, session: SessionId) -> Session[Answer]:
        """What is known of a session."""
        return self.sessions.get(session, NEW)


Named: TypeAlias = tuple[SessionId, int]  # a command: whose it is, and its number
Asked: TypeAlias = tuple[ProxyId, Request[Command], Randomness]  # a request, whence it came, and what was drawn for it
NOBODY: Final[frozenset[ProxyId]] = frozenset()


class Draft(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """What the log makes up to an end: the table after so many entries."""

    end: int
    table: Table[State, Answer, Content]


class Gate(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """What a node holds for the world. While it leads, `drafts` are what its log makes beyond the applied entries.

    There is a draft for the end of each batch of entries: the last one decides what commands become, and each saves
    folding again what was folded when it was appended. `waiting` says who is to be answered when a command is decided.
    """

    applied: int
    table: Table[State, Answer, Content]
    drafts: tuple[Draft[State, Answer, Content], ...] | None
    waiting: HashMap[Named, frozenset[ProxyId]]

    @property
    def leads(self) -> bool:
        """Whether the node leads, as far as it was told."""
        return self.drafts is not None

    @property
    def last(self) -> Draft[State, Answer, Content]:
        """What the whole log makes, of a node that leads."""
        return self.drafts[-1] if self.drafts else Draft(self.applied, self.table)

    @property
    def draft(self) -> Table[State, Answer, Content] | None:
        """What commands are decided on; nothing, of a node that does not lead."""
        return None if self.drafts is None else self.last.table


class Append(Struct, Generic[Event], frozen=True):
    """Consensus is to append these entries to the log that the node leads, in the same step."""

    entries: tuple[Entry[Event], ...]


class Say(Struct, Generic[Answer], frozen=True, gc=False):
    """Send an answer to the proxy that asked."""

    to: ProxyId
    session: SessionId
    number: int
    answer: Answered[Answer]


class Tell(Struct, Generic[Content], frozen=True, gc=False):
    """Send a message to the world outside."""

    message: Message[Content]


class LeaderOutput(Struct, Generic[State, Command, Event, Answer, Randomness, Content], frozen=True):
    """The rules of speaking, for one application: each method is a step of a gate, and answers what follows.

    `messages` says what its events send to the world outside, in the state after them.
    """

    application: Application[State, Command, Event, Answer, Randomness]
    messages: Callable[[State, tuple[Event, ...]], tuple[Content, ...]]

    def begin(self) -> Gate[State, Answer, Content]:
        """A gate that has been told nothing: the first one, and the one after a crash. Spec: LeaderOutput!Crash."""
        return Gate(0, self.empty(), None, HashMap())

    def lead(self, gate: Gate[State, Answer, Content], rest: Iterable[Entry[Event]]) -> Gate[State, Answer, Content]:
        """The node leads; `rest` is what its log holds beyond the applied entries. Spec: LeaderOutput!Lead."""
        if gate.leads:
            raise Refused("it leads already")
        drafts = accumulate(rest, lambda draft, entry: self.drafted(draft, (entry,)), initial=gate.last)
        return replace(gate, drafts=tuple(drafts)[1:])

    def step_down(self, gate: Gate[State, Answer, Content]) -> Gate[State, Answer, Content]:
        """The node leads no more: nothing that is not decided is remembered. Spec: LeaderOutput!StepDown."""
        if not gate.leads:
            raise Refused("it does not lead")
        return replace(gate, drafts=None, waiting=HashMap())

    def commit(
        self, gate: Gate[State, Answer, Content], entries: tuple[Entry[Event], ...]
    ) -> tuple[Gate[State, Answer, Content], tuple[Say[Answer], ...]]:
        """These entries, the next ones, are decided: who waited for that is answered. Spec: LeaderOutput!Commit.

        A leader has made tables of them before. Its log only grows, so these are the same.
        """
        applied = gate.applied + len(entries)
        passed = [each for each in gate.drafts or () if each.end <= applied]
        known = passed[-1] if passed else Draft(gate.applied, gate.table)
        table = self.fold(known.table, entries[known.end - gate.applied :])
        if gate.drafts is None:
            return replace(gate, applied=applied, table=table), ()
        asked, waiting = gate.waiting.taken([(each.session, each.number) for each in entries if type(each) is Executed])
        said: list[Say[Answer]] = []
        kept: dict[SessionId, tuple[int, Sequence[Answered[Answer]]]] = {}
        for (session, number), askers in asked.items():
            first, answers = kept.get(session) or kept.setdefault(session, table.session(session).since(number))
            if 0 <= number - first < len(answers):
                for by in askers if len(askers) == 1 else sorted(askers, key=str):  # whatever order a set has
                    said.append(Say(by, session, number, answers[number - first]))
        return Gate(applied, table, gate.drafts[len(passed) :], waiting), tuple(said)

    def on_request(
        self, gate: Gate[State, Answer, Content], by: ProxyId, request: Request[Command], randomness: Randomness
    ) -> tuple[Gate[State, Answer, Content], tuple[Say[Answer] | Append[Event], ...]]:
        """A client asks, for the first time or again, through the proxy `by`. Spec: LeaderOutput!OnRequest."""
        return self.on_requests(gate, ((by, request, randomness),))

    def on_requests(
        self, gate: Gate[State, Answer, Content], asked: Iterable[Asked[Command, Randomness]]
    ) -> tuple[Gate[State, Answer, Content], tuple[Say[Answer] | Append[Event], ...]]:
        """Clients ask, one after another. Spec: LeaderOutput!OnRequest, once for each request."""
        if gate.drafts is None:
            return gate, ()
        decided, before = gate.table.sessions.get, gate.last
        draft = Folding(self, before.table)
        waits: dict[Named, frozenset[ProxyId]] = {}
        said: list[Say[Answer] | Append[Event]] = []
        written: list[Entry[Event]] = []
        session, asker, alone, done, last = "", MISSING, NOBODY, NEW, 0
        for by, request, randomness in asked:
            if request.session != session or by != asker:  # as above
                session, asker, alone = request.session, by, frozenset((by,))
                done, last = decided(session, NEW), draft.last(session)
            _, number = named = session, request.number
            if number <= done.last:
                if (answer := done.remembered(number)) is not None:
                    said.append(Say(by, session, number, answer))
                # else it is forgotten: the client has said that it has the answer
            elif number <= last:
                waits[named] = (waits.get(named) or gate.waiting.get(named) or NOBODY) | {by}
            elif number == last + 1:
                waits[named], last = alone, number
                written.append(self.executed(draft, request, randomness))
            # else it has overtaken an earlier command, and will come again
        after = replace(gate, waiting=gate.waiting.update(waits))
        if not written:
            return after, tuple(said)
        made = Draft(before.end + len(written), draft.table())
        return replace(after, drafts=(*gate.drafts, made)), (*said, Append(tuple(written)))

    def emit(self, gate: Gate[State, Answer, Content]) -> Tell[Content]:
        """The oldest message that is not acknowledged is sent, perhaps again. Spec: LeaderOutput!Emit."""
        if not gate.leads or not gate.table.pending:
            raise Refused("it does not lead, or has nothing to tell")
        return Tell(gate.table.pending[0])

    def on_acknowledgement(
        self, gate: Gate[State, Answer, Content], number: int
    ) -> tuple[Gate[State, Answer, Content], tuple[Append[Event], ...]]:
        """The outside has received a message: that is written down, once. Spec: LeaderOutput!OnAcknowledgement."""
        if gate.drafts is None or not gate.last.table.pending or gate.last.table.pending[0].number != number:
            return gate, ()
        entry = Acknowledged(number)
        return replace(gate, drafts=(*gate.drafts, self.drafted(gate.last, (entry,)))), (Append((entry,)),)

    # -- what the log makes -----------------------------------------------------------------------------------

    def empty(self) -> Table[State, Answer, Content]:
        """What no entry has made yet. Spec: LeaderOutput!EmptyTable."""
        return Table(self.application.start(), 0, HashMap(), 0, ())

    def executed(
        self, draft: Folding[State, Event, Answer, Content], request: Request[Command], randomness: Randomness
    ) -> Executed[Event]:
        """The entry that a command becomes, decided on the draft and added to it.

        Where the application raises, that command fails and no other; the entry says why, so that replicas agree.
        """
        events: tuple[Event, ...] | Conflict = CONFLICT
        if request.expected is None or request.expected == draft.events:
            try:
                events = self.application.decide(draft.state, request.command, randomness)
                draft.add(made := Executed(request.session, request.number, request.received, events))
                return made
            except Exception as error:  # whatever the application's own code raises
                events = Conflict(raised(error))
        draft.add(made := Executed(request.session, request.number, request.received, events))
        return made

    def fold(
        self, table: Table[State, Answer, Content], entries: Iterable[Entry[Event]]
    ) -> Table[State, Answer, Content]:
        """The table after these entries: a pure function of the two. Spec: LeaderOutput!Fold."""
        folding = Folding(self, table)
        for entry in entries:
            folding.add(entry)
        return folding.table()

    def drafted(
        self, draft: Draft[State, Answer, Content], entries: tuple[Entry[Event], ...]
    ) -> Draft[State, Answer, Content]:
        """The draft after these entries."""
        return Draft(draft.end + len(entries), self.fold(draft.table, entries))


class Folding(Generic[State, Event, Answer, Content]):
    """A table while entries are folded into it, within one step: what sessions become is written down at the end."""

    __slots__ = ("answer", "before", "events", "evolve", "made", "messages", "pending", "sessions", "state")

    def __init__(
        self, rules: LeaderOutput[State, Any, Event, Answer, Any, Content], table: Table[State, Answer, Content]
    ) -> None:
        self.evolve, self.answer, self.messages = rules.application.evolve, rules.application.answer, rules.messages
        self.before = table
        self.state, self.events, self.made, self.pending = table.state, table.events, table.made, table.pending
        self.sessions: dict[SessionId, list[Added[Answer]]] = {}

    def session(self, session: SessionId) -> Session[Answer]:
        """What is known of a session by now."""
        before, added = self.before.session(session), self.sessions.get(session)
        return before.grown(added) if added else before

    def last(self, session: SessionId) -> int:
        """The last command of a session by now."""
        added = self.sessions.get(session)
        return added[-1][0] if added else self.before.session(session).last

    def add(self, entry: Entry[Event]) -> None:
        """One more entry; all of it, or if the application raises, nothing. Spec: LeaderOutput!Apply."""
        if type(entry) is Acknowledged:
            self.pending = without_first(self.pending, 1)
            return
        events = entry.events
        if type(events) is Conflict:
            said: Answer | Conflict = events
        else:
            state = self.state
            for event in events:
                state = self.evolve(state, event)
            contents, said = self.messages(state, events), self.answer(state, events)
            if contents:
                told = tuple([Message(number, each) for number, each in enumerate(contents, self.made + 1)])
                self.made, self.pending = self.made + len(told), extended(self.pending, told)
            self.state, self.events = state, self.events + len(events)
        added = self.sessions.get(entry.session) or self.sessions.setdefault(entry.session, [])
        added.append((entry.number, entry.received, Answered(self.events, said)))

    def table(self) -> Table[State, Answer, Content]:
        """The table by now."""
        sessions = self.before.sessions.update({name: self.session(name) for name in self.sessions})
        return Table(self.state, self.events, sessions, self.made, self.pending)


def no_messages(state: object, events: tuple[object, ...]) -> tuple[object, ...]:
    """Of an application that has nothing to say to the world outside."""
    return ()
