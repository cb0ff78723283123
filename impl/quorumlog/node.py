"""A whole node, put together of the cores: consensus below, and above it the two gates that speak to the world.

Consensus tells the gates three things, and they are read off what a step of consensus did: that the node leads, that it
leads no more, that entries are decided. What a gate appends is proposed in the same step. Nothing here decides
anything; it is the one place that says who tells what to whom. Commands, and questions that go through the log, come to
the one gate; reads that ask a quorum to the other. Specs: Replication, LeaderOutput, ConsistentRead.

What is decided takes time to fold. So a gate may be told of it a slice at a time, and hears that it leads when it knows
the rest. To the spec each slice is a LeaderOutput!Commit, and LeaderOutput!Lead is the step of the election: the draft
that it makes is a function of the log, and nobody asks for it before it is worked out. Until then the node says
nothing, and what it is asked has not arrived.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core import consistent_read
from quorumlog.core.consensus.effects import BLANK, Committed, Durable, Effects, Input, Propose
from quorumlog.core.consensus.log import term_at
from quorumlog.core.consensus.messages import Entry as LogEntry
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.replica import Replica, restart, start, step
from quorumlog.core.consensus.state import LEADER
from quorumlog.core.consistent_read import GateEffect, Question, ReadId, Reply
from quorumlog.core.leader_output import Append, Asked, Entry, Gate, LeaderOutput, ProxyId, Request, Say, Tell
from quorumlog.persistent.strand import Items

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Content = TypeVar("Content")

Rules: TypeAlias = LeaderOutput[State, Command, Event, Answer, Randomness, Content]

ALL: Final = sys.maxsize
"""As many entries as there are."""


class Node(Struct, Generic[State, Answer, Content], frozen=True, cache_hash=True):
    """One server of a group: its part in consensus, its gate for commands, and its gate for reads.

    The gate has what the first `seen` entries of the log make: it was told of them, or has begun with a snapshot.
    """

    replica: Replica
    gate: Gate[State, Answer, Content]
    reads: consistent_read.Gate
    seen: int = 0

    @property
    def leads(self) -> bool:
        """Whether it leads, as far as it knows, and may speak: its gate has what the whole log makes."""
        return self.gate.leads

    def lags(self, most: int = ALL) -> bool:
        """Whether its gates are to be told something, if it is of no more than so many entries that it leads."""
        replica, seen = self.replica, self.seen
        return seen < replica.commit_index or (
            self.gate.drafts is None and replica.role == LEADER and len(replica.log) - seen <= most
        )


class Spoken(Struct, Generic[Answer], frozen=True):
    """What follows from a node's step: what consensus does, to be carried out first, and the answers to be given.

    `told` are the decided entries of which the gate has been told.
    """

    effects: Effects
    answers: tuple[Say[Answer], ...]
    told: tuple[Entry[Any], ...] = ()


class Service(Struct, Generic[State, Command, Event, Answer, Randomness, Content], frozen=True):
    """What a group of nodes does for the world: the steps of a node under the rules of one application."""

    rules: Rules[State, Command, Event, Answer, Randomness, Content]

    def begin(
        self, identity: ServerId, members: tuple[ServerId, ...], batch: int, disk: Durable = BLANK
    ) -> Node[State, Answer, Content]:
        """A node that starts with what its disk holds; at first, nothing."""
        return Node(start(identity, members, batch, disk), self.rules.begin(), consistent_read.gate(identity, members))

    def restart(self, node: Node[State, Answer, Content]) -> Node[State, Answer, Content]:
        """What is left of a node after a crash. Spec: Replication!Crash, LeaderOutput!Crash."""
        replica = restart(node.replica)
        return Node(replica, self.rules.begin(), consistent_read.gate(replica.identity, replica.members))

    def take(
        self, node: Node[State, Answer, Content], taken: Input, most: int = ALL
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """An input of consensus: the gate is told what comes of it, of up to `most` entries that it has to fold.

        With 0 a gate that has to fold is told nothing; `fold` does that later.
        """
        before = node.replica
        after, effects = step(before, taken)
        gate, reads = node.gate, node.reads
        if before.role == LEADER and after.role != LEADER:
            gate = self.rules.step_down(gate) if gate.leads else gate
            reads, _ = consistent_read.resign(reads)
        there = Node(after, gate, reads, node.seen)
        is_told = there.lags(most) and (most > 0 or gate.leads)
        return self.tell_gates(there, effects, most) if is_told else (there, Spoken(effects, ()))

    def fold(
        self, node: Node[State, Answer, Content], most: int
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """The gate is told a slice of what it has not been told. Spec: LeaderOutput!Commit."""
        return self.tell_gates(node, (), most)

    def tell_gates(
        self, node: Node[State, Answer, Content], effects: Effects, most: int
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """The gates are told of decided entries, and, when only `most` are left in the log, that they lead.

        A gate that leads has drafts, and nothing to fold: it is told all. A leader whose log holds more than that
        waits until it is decided; who cannot decide has nothing to say. Spec: LeaderOutput!Commit.
        """
        replica, gate, reads, seen = node.replica, node.gate, node.reads, node.seen
        decided = replica.commit_index
        told: tuple[Entry[Any], ...] = ()
        answers: tuple[Say[Answer], ...] = ()
        if seen < decided:
            end = decided if gate.leads or decided - seen <= most else seen + most
            told, seen = written(news(effects, seen, end) or replica.log[seen:end]), end
            gate, answers = self.rules.commit(gate, told)
        if replica.role == LEADER and not gate.leads and seen >= decided and len(replica.log) - seen <= most:
            gate = self.rules.lead(gate, written(replica.log[seen:]))
            reads, _ = consistent_read.lead(reads, replica.term)
        return Node(replica, gate, reads, seen), Spoken(effects, answers, told)

    def ask(
        self, node: Node[State, Answer, Content], by: ProxyId, request: Request[Command], randomness: Randomness
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """A client's request arrives. Spec: LeaderOutput!OnRequest."""
        gate, wanted = self.rules.on_request(node.gate, by, request, randomness)
        return self.carry_out(replace(node, gate=gate), wanted)

    def ask_all(
        self, node: Node[State, Answer, Content], asked: Iterable[Asked[Command, Randomness]]
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """Requests arrive, one after another; what the gate appends for all of them is proposed at once."""
        gate, wanted = self.rules.on_requests(node.gate, asked)
        return self.carry_out(replace(node, gate=gate), wanted)

    def acknowledge(
        self, node: Node[State, Answer, Content], message: int
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """The world outside has received a message. Spec: LeaderOutput!OnAcknowledgement."""
        gate, wanted = self.rules.on_acknowledgement(node.gate, message)
        return self.carry_out(replace(node, gate=gate), wanted)

    def tell(self, node: Node[State, Answer, Content]) -> Tell[Content]:
        """What the world outside is to be told next. Spec: LeaderOutput!Emit."""
        return self.rules.emit(node.gate)

    # -- reads that ask a quorum ------------------------------------------------------------------------------

    def read(self, node: Node[State, Answer, Content], read: ReadId) -> Node[State, Answer, Content]:
        """A read is called. If the node is deposed it is lost, and nobody is told. Spec: ConsistentRead!ReadByIndex."""
        reads, _ = consistent_read.read_by_index(node.reads, (read,))
        return replace(node, reads=reads)

    def read_all(self, node: Node[State, Answer, Content], called: Iterable[ReadId]) -> Node[State, Answer, Content]:
        """Several reads are called at once."""
        reads, _ = consistent_read.read_by_index(node.reads, called)
        return replace(node, reads=reads)

    def ask_quorum(
        self, node: Node[State, Answer, Content]
    ) -> tuple[Node[State, Answer, Content], tuple[GateEffect, ...]]:
        """The leader puts its question for all reads that wait. Spec: ConsistentRead!Ask."""
        known = node.replica.commit_index
        reads, effects = consistent_read.ask(node.reads, known, term_at(node.replica.log, known))
        return replace(node, reads=reads), effects

    def confirm(self, node: Node[State, Answer, Content], question: Question) -> Reply:
        """Another node says whether it knows of a later term. Spec: ConsistentRead!Confirm."""
        return consistent_read.confirm(node.replica.identity, node.replica.term, question)

    def on_reply(
        self, node: Node[State, Answer, Content], reply: Reply
    ) -> tuple[Node[State, Answer, Content], tuple[GateEffect, ...]]:
        """A reply arrives; with enough of them reads are answered from `gate.table`. Spec: ConsistentRead!OnReply."""
        reads, effects = consistent_read.on_reply(node.reads, reply, node.replica.commit_index)
        return replace(node, reads=reads), effects

    # -- inside -------------------------------------------------------------------------------------------------

    def carry_out(
        self, node: Node[State, Answer, Content], wanted: tuple[Say[Answer] | Append[Event], ...]
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """What the gate appends is proposed, and what it says is said."""
        replica, effects = node.replica, cast(Effects, ())
        for each in wanted:
            if type(each) is Append:
                replica, effects = step(replica, Propose(each.entries))
        said = tuple([each for each in wanted if type(each) is Say])
        return replace(node, replica=replica), Spoken(effects, said)


def written(log: Iterable[LogEntry]) -> tuple[Entry[Any], ...]:
    """The entries of a log that gates wrote: all but the no-ops of new leaders."""
    return cast("tuple[Entry[Any], ...]", tuple([entry.event for entry in log if entry.event is not None]))


def news(effects: Effects, seen: int, end: int) -> Items[LogEntry]:
    """The entries between the two that a step tells to be decided, if it tells just of them."""
    for effect in effects:
        if type(effect) is Committed and effect.after == seen and len(effect.entries) == end - seen:
            return effect.entries
    return ()
