"""Reads of what is true now: the gate of a server, in which reads wait until they may be answered.

There are two ways. Through the log, a read is an event that changes nothing, and is answered when that is committed. By
asking, nothing is appended: the leader asks the others whether they know of a later term, and once a quorum does not,
it answers from what it knows to be committed. One question is on its way at a time; reads that come meanwhile wait for
the next one.

The gate knows of consensus what it is told: that its server leads a term, that it leads no more, what is committed and
in which term that was written. It says what is to be appended, asked, answered and given up. Spec: ConsistentRead.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consensus.quorum import is_quorum

ReadId: TypeAlias = Hashable
"""Names one call of a read. A read that was lost and is called again has another name."""

Reads: TypeAlias = frozenset[ReadId]
NONE: Final[Reads] = frozenset()
NOBODY: Final[frozenset[ServerId]] = frozenset()


class ReadEvent(Struct, frozen=True, cache_hash=True):
    """The event that a read through the log becomes. It changes no state, and says who asked."""

    read: ReadId


class Question(Struct, frozen=True, cache_hash=True):
    """A leader asks whether anybody knows of a later term than its own."""

    sender: ServerId
    term: int
    round: int


class Reply(Struct, frozen=True, cache_hash=True):
    """`sender` knows of no later term than `term`, and says so to the question with this number."""

    sender: ServerId
    to: ServerId
    term: int
    round: int


class Append(Struct, frozen=True):
    """Append these events to the log that this server leads."""

    events: tuple[ReadEvent, ...]


class PutQuestion(Struct, frozen=True):
    """Put this question to all others, and again from time to time, as long as it is open."""

    question: Question


class Answer(Struct, frozen=True):
    """Answer these reads from the state that the first `at` entries of the log make. They are committed."""

    reads: Reads
    at: int


class Lost(Struct, frozen=True):
    """These reads will not be answered here. Whoever called them may call again, elsewhere."""

    reads: Reads


GateEffect: TypeAlias = Append | PutQuestion | Answer | Lost
GateEffects: TypeAlias = tuple[GateEffect, ...]


class Changes(TypedDict, total=False):
    """The fields of a gate that a step may replace."""

    leads: int
    logged: Reads
    waiting: Reads
    asking: Reads
    round: int
    confirmed: frozenset[ServerId]


class Gate(Struct, frozen=True, cache_hash=True):
    """The reads that wait at one server. The first two fields never change; the others are the spec's variables."""

    identity: ServerId
    members: tuple[ServerId, ...]
    leads: int
    logged: Reads
    waiting: Reads
    asking: Reads
    round: int
    confirmed: frozenset[ServerId]

    def change(self, **parts: Unpack[Changes]) -> Gate:
        """A copy in which these fields are replaced."""
        return replace(self, **parts)


GateOutcome: TypeAlias = tuple[Gate, GateEffects]


def gate(identity: ServerId, members: tuple[ServerId, ...]) -> Gate:
    """The gate of a server that does not lead, as after every start. Spec: ConsistentRead!Init."""
    return Gate(identity, members, 0, NONE, NONE, NONE, 0, NOBODY)


# -- what consensus tells the gate --------------------------------------------------------------------------


def lead(before: Gate, term: int) -> GateOutcome:
    """The server leads this term from now on. What waited in the gate since an earlier one is lost."""
    resigned, effects = resign(before)
    return resigned.change(leads=term), effects


def resign(before: Gate) -> GateOutcome:
    """The server leads no more, or has never led: the gate is emptied. Spec: ConsistentRead!GatesEmptied."""
    lost = before.logged | before.waiting | before.asking
    return gate(before.identity, before.members), ((Lost(lost),) if lost else ())


def commit(before: Gate, after: int, entries: Iterable[Entry]) -> GateOutcome:
    """These entries, which follow the first `after` ones, are committed: reads whose own entry is among them return.

    An entry of another term is not one that a read in this gate waits for. Spec: ConsistentRead!Commit.
    """
    found: list[tuple[ReadId, int]] = []
    for index, entry in enumerate(entries, start=after + 1):
        event = entry.event
        if isinstance(event, ReadEvent) and entry.term == before.leads and event.read in before.logged:
            found.append((event.read, index))
    if not found:
        return before, ()
    answered = frozenset(read for read, _ in found)
    answers = tuple(Answer(frozenset((read,)), index) for read, index in found)
    return before.change(logged=before.logged - answered), answers


# -- what callers and other servers ask of it ---------------------------------------------------------------


def read_by_log(before: Gate, reads: Iterable[ReadId]) -> GateOutcome:
    """Reads are called that go through the log. Spec: ConsistentRead!ReadByLog."""
    require_leader(before)
    called = tuple(reads)
    return before.change(logged=before.logged.union(called)), (Append(tuple(map(ReadEvent, called))),)


def read_by_index(before: Gate, reads: Iterable[ReadId]) -> GateOutcome:
    """Reads are called that wait for the next question. Spec: ConsistentRead!ReadByIndex."""
    require_leader(before)
    return before.change(waiting=before.waiting.union(reads)), ()


def ask(before: Gate, commit_index: int, commit_term: int) -> GateOutcome:
    """Puts a question on behalf of all reads that wait, once an entry of the leader's own term is committed.

    `commit_term` is the term of the last entry that the server knows to be committed. In a group of one there is
    nobody to ask, and the reads are answered at once. Spec: ConsistentRead!Ask.
    """
    require_leader(before)
    if commit_term != before.leads:
        raise Refused(f"{before.identity} does not know yet what is committed")
    if before.asking or not before.waiting:
        raise Refused(f"{before.identity} has a question open already, or none to put")
    asked = before.change(waiting=NONE, asking=before.waiting, round=before.round + 1)
    after, answers = counted(asked, frozenset((before.identity,)), commit_index)
    return after, answers or (PutQuestion(question(after)),)


def question(asked: Gate) -> Question:
    """The question that is open, to be put again."""
    if not asked.asking:
        raise Refused(f"{asked.identity} has no question open")
    return Question(asked.identity, asked.leads, asked.round)


def confirm(identity: ServerId, term: int, asked: Question) -> Reply:
    """The reply of a server that knows of no term later than `term`. Spec: ConsistentRead!Confirm."""
    return Reply(identity, asked.sender, max(term, asked.term), asked.round)


def on_reply(before: Gate, reply: Reply, commit_index: int) -> GateOutcome:
    """A reply counts if it is one to the open question and knows of no later term. Spec: ConsistentRead!OnReply."""
    if not before.asking or (reply.term, reply.round) != (before.leads, before.round):
        return before, ()
    return counted(before, before.confirmed | {reply.sender}, commit_index)


def counted(asked: Gate, servers: frozenset[ServerId], commit_index: int) -> GateOutcome:
    """The open question after these servers have confirmed it. Spec: ConsistentRead!Counted."""
    if not is_quorum(servers, asked.members):
        return asked.change(confirmed=servers), ()
    return asked.change(asking=NONE, confirmed=NOBODY), (Answer(asked.asking, commit_index),)


def require_leader(before: Gate) -> None:
    """Refuses what only a leader does."""
    if not before.leads:
        raise Refused(f"{before.identity} does not lead")
