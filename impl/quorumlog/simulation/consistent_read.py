"""Servers with their gates, the replies between them and the clients that write and read: one immutable value.

Each method is one step of the spec ConsistentRead. Consensus is what that spec makes of it: an election is one step,
and so is copying the leader's log to a follower. The gates are the core's. Spec: ConsistentRead.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Final, Literal, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core import consistent_read as core
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.log import is_as_complete, last_term, term_at
from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consensus.quorum import majority
from quorumlog.core.consistent_read import Answer, Append, Gate, GateEffects, Lost, PutQuestion, ReadEvent, Reply
from quorumlog.persistent.frozen_map import FrozenMap

Log: TypeAlias = tuple[Entry, ...]
Operation: TypeAlias = str
Phase: TypeAlias = Literal["idle", "open", "done", "lost"]
Network: TypeAlias = frozenset[Reply]
Indexes: TypeAlias = FrozenMap[ServerId, int]
IDLE: Final = "idle"
OPEN: Final = "open"
DONE: Final = "done"
LOST: Final = "lost"


class Setting(Struct, frozen=True, cache_hash=True):
    """What never changes: the servers and the operations. A write's name is its event and the value that it writes."""

    servers: tuple[ServerId, ...]
    writes: tuple[Operation, ...]
    log_reads: tuple[Operation, ...]
    index_reads: tuple[Operation, ...]

    @property
    def reads(self) -> tuple[Operation, ...]:
        """All reads."""
        return self.log_reads + self.index_reads


class Member(Struct, frozen=True, cache_hash=True):
    """What one server knows of consensus."""

    term: int
    log: Log
    commit_index: int
    match_index: Indexes


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    members: FrozenMap[ServerId, Member]
    gates: FrozenMap[ServerId, Gate]
    network: Network
    phase: FrozenMap[Operation, Phase]
    answer: FrozenMap[Operation, Operation | None]
    decided: Log
    decided_at_call: FrozenMap[Operation, int]


class ReadCluster(Struct, frozen=True, cache_hash=True):
    """Servers, gates, replies, clients, and the ghosts: what was decided, and how many writes were at each call."""

    setting: Setting
    members: FrozenMap[ServerId, Member]
    gates: FrozenMap[ServerId, Gate]
    network: Network
    phase: FrozenMap[Operation, Phase]
    answer: FrozenMap[Operation, Operation | None]
    decided: Log
    decided_at_call: FrozenMap[Operation, int]

    @classmethod
    def of(cls, setting: Setting) -> ReadCluster:
        """Servers that have never run, and nothing called. Spec: ConsistentRead!Init."""
        servers = setting.servers
        nobody = FrozenMap(dict.fromkeys(servers, 0))
        operations: tuple[Operation, ...] = setting.writes + setting.reads
        idle: dict[Operation, Phase] = dict.fromkeys(operations, IDLE)
        return cls(
            setting=setting,
            members=FrozenMap(dict.fromkeys(servers, Member(0, (), 0, nobody))),
            gates=FrozenMap({server: core.gate(server, servers) for server in servers}),
            network=frozenset(),
            phase=FrozenMap(idle),
            answer=FrozenMap(dict.fromkeys(setting.reads)),
            decided=(),
            decided_at_call=FrozenMap(dict.fromkeys(setting.reads, 0)),
        )

    def change(self, **parts: Unpack[Parts]) -> ReadCluster:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    # -- what consensus does ---------------------------------------------------------------------------------

    def elect(self, i: ServerId, electors: frozenset[ServerId]) -> ReadCluster:
        """A server is elected and appends its first entry. Spec: ConsistentRead!Elect."""
        if self.gates[i].leads or i not in electors:
            raise Refused(f"{i} leads already, or does not vote for itself")
        mine = self.members[i].log
        for elector in electors:
            theirs = self.members[elector].log
            if not is_as_complete(len(mine), last_term(mine), theirs):
                raise Refused(f"{elector} holds more than {i}")
        term = 1 + max(self.members[elector].term for elector in electors)
        world = self
        for elector in sorted(electors):
            world = world.follow(elector, term)
        world = world.carry_out(i, *core.lead(world.gates[i], term))
        return world.append(i, term, (None,))

    def copy_log(self, i: ServerId, j: ServerId) -> ReadCluster:
        """A follower takes over the log of a leader, and acknowledges. Spec: ConsistentRead!Copy."""
        leads = self.gates[i].leads
        if i == j or not leads or self.members[j].term > leads:
            raise Refused(f"{j} takes nothing from {i}")
        leader, follower = self.members[i], self.members[j]
        if leader.match_index[j] == len(leader.log) and follower.commit_index >= leader.commit_index:
            raise Refused(f"{j} has all of it")
        world = self.follow(j, leads)
        known = max(follower.commit_index, leader.commit_index)
        copied = replace(world.members[j], log=leader.log, commit_index=known)
        told = replace(leader, match_index=leader.match_index.set(j, len(leader.log)))
        return world.change(members=world.members.set(j, copied).set(i, told))

    def step_down(self, i: ServerId, j: ServerId) -> ReadCluster:
        """A leader hears of a later term. Spec: ConsistentRead!StepDown."""
        later = self.members[j].term
        if not self.gates[i].leads or later <= self.gates[i].leads:
            raise Refused(f"{i} hears nothing new from {j}")
        return self.follow(i, later)

    def crash(self, i: ServerId) -> ReadCluster:
        """A server stops, and starts again with its term and its log. Spec: ConsistentRead!Crash."""
        world = self.follow(i, self.members[i].term)
        return world.change(members=world.members.set(i, replace(world.members[i], commit_index=0)))

    def follow(self, i: ServerId, term: int) -> ReadCluster:
        """A server of this term that does not lead."""
        nobody = FrozenMap(dict.fromkeys(self.setting.servers, 0))
        world = self.change(members=self.members.set(i, replace(self.members[i], term=term, match_index=nobody)))
        return world.carry_out(i, *core.resign(self.gates[i]))

    def call_write(self, i: ServerId, w: Operation) -> ReadCluster:
        """A client calls a write, and a leader appends it. Spec: ConsistentRead!CallWrite."""
        leads = self.gates[i].leads
        if not leads or self.phase[w] != IDLE:
            raise Refused(f"{i} does not lead, or {w} has been called")
        return self.append(i, leads, (w,)).change(phase=self.phase.set(w, OPEN))

    def append(self, i: ServerId, term: int, events: Iterable[object]) -> ReadCluster:
        """A leader's log grows."""
        member = self.members[i]
        entries = tuple(Entry(term, event) for event in events)
        return self.change(members=self.members.set(i, replace(member, log=member.log + entries)))

    def commit(self, i: ServerId) -> ReadCluster:
        """A leader learns what a quorum has acknowledged. Spec: ConsistentRead!Commit."""
        leads = self.gates[i].leads
        if not leads:
            raise Refused(f"{i} does not lead")
        member = self.members[i]
        reached = sorted((member.match_index[j] for j in self.setting.servers if j != i), reverse=True)
        index = reached[majority(len(self.setting.servers)) - 2]
        if index <= member.commit_index or term_at(member.log, index) != leads:
            raise Refused(f"{i} learns nothing")
        entries = member.log[member.commit_index : index]
        world = self.change(members=self.members.set(i, replace(member, commit_index=index)))
        if index > len(self.decided):
            world = world.change(decided=member.log[:index])
        world = world.carry_out(i, *core.commit(self.gates[i], member.commit_index, entries))
        written = [entry.event for entry in entries if entry.term == leads and entry.event in self.setting.writes]
        for write in written:
            world = world.change(phase=world.phase.set(str(write), DONE))
        return world

    # -- what the gates do -----------------------------------------------------------------------------------

    def read_by_log(self, i: ServerId, r: Operation) -> ReadCluster:
        """A read that goes through the log is called. Spec: ConsistentRead!ReadByLog."""
        return self.carry_out(i, *core.read_by_log(self.gates[i], (r,))).called(r, self.phase[r])

    def read_by_index(self, i: ServerId, r: Operation) -> ReadCluster:
        """A read that waits for the next question is called. Spec: ConsistentRead!ReadByIndex."""
        return self.carry_out(i, *core.read_by_index(self.gates[i], (r,))).called(r, self.phase[r])

    def called(self, r: Operation, before: Phase) -> ReadCluster:
        """A client has called a read that it had not called before."""
        if before != IDLE:
            raise Refused(f"{r} has been called")
        number = len(writes_of(self.decided))
        return self.change(phase=self.phase.set(r, OPEN), decided_at_call=self.decided_at_call.set(r, number))

    def ask(self, i: ServerId) -> ReadCluster:
        """A leader puts a question for all reads that wait. Spec: ConsistentRead!Ask."""
        member = self.members[i]
        known = term_at(member.log, member.commit_index)
        return self.carry_out(i, *core.ask(self.gates[i], member.commit_index, known))

    def confirm(self, i: ServerId, j: ServerId) -> ReadCluster:
        """The question reaches another server, which replies. Spec: ConsistentRead!Confirm."""
        if i == j:
            raise Refused(f"{i} does not ask itself")
        reply = core.confirm(j, self.members[j].term, core.question(self.gates[i]))
        return self.change(network=self.network | frozenset((reply,)))

    def on_reply(self, i: ServerId, m: Reply) -> ReadCluster:
        """A reply arrives, and stays in the network. Spec: ConsistentRead!OnReply."""
        if m.to != i or m not in self.network:
            raise Refused(f"{m} is not on its way to {i}")
        return self.carry_out(i, *core.on_reply(self.gates[i], m, self.members[i].commit_index))

    def lose(self, m: Reply) -> ReadCluster:
        """A reply is lost. Spec: ConsistentRead!Lose."""
        if m not in self.network:
            raise Refused(f"{m} is not on its way")
        return self.change(network=self.network - frozenset((m,)))

    def carry_out(self, i: ServerId, after: Gate, effects: GateEffects) -> ReadCluster:
        """What a step of a gate comes to. A question needs nothing here: it is there for as long as it is open."""
        world = self if after is self.gates[i] else self.change(gates=self.gates.set(i, after))
        for effect in effects:
            match effect:
                case Append(events):
                    world = world.append(i, after.leads, events)
                case Answer(reads, at):
                    world = world.answered(sorted(map(str, reads)), state(world.members[i].log[:at]))
                case Lost(reads):
                    world = world.ended(sorted(map(str, reads)), LOST)
                case PutQuestion():
                    pass
        return world

    def answered(self, reads: Iterable[Operation], value: Operation | None) -> ReadCluster:
        """Reads return with this value."""
        world = self
        for read in reads:
            world = world.change(answer=world.answer.set(read, value)).ended((read,), DONE)
        return world

    def ended(self, reads: Iterable[Operation], phase: Phase) -> ReadCluster:
        """Reads are no longer open."""
        world = self
        for read in reads:
            counts = world.decided_at_call.set(read, 0)
            world = world.change(phase=world.phase.set(read, phase), decided_at_call=counts)
        return world

    # -- ways to read that are wrong -------------------------------------------------------------------------

    def read_from_leader(self, i: ServerId, r: Operation) -> ReadCluster:
        """A leader answers without making sure that it leads. Spec: ConsistentRead!ReadFromLeader."""
        if not self.gates[i].leads:
            raise Refused(f"{i} does not lead")
        return self.read_from_model(i, r)

    def read_from_model(self, i: ServerId, r: Operation) -> ReadCluster:
        """Any server answers from what it knows to be decided. Spec: ConsistentRead!ReadFromModel."""
        if self.phase[r] != IDLE:
            raise Refused(f"{r} has been called")
        member = self.members[i]
        return self.answered((r,), state(member.log[: member.commit_index]))

    def ask_early(self, i: ServerId) -> ReadCluster:
        """A leader asks, whatever it knows to be decided. Spec: ConsistentRead!AskEarly."""
        gate = self.gates[i]
        return self.carry_out(i, *core.ask(gate, self.members[i].commit_index, gate.leads))


def writes_of(entries: Iterable[Entry]) -> tuple[Operation, ...]:
    """The writes among these entries, in their order. Spec: ConsistentRead!WritesOf."""
    events = (entry.event for entry in entries)
    return tuple(str(event) for event in events if event is not None and not isinstance(event, ReadEvent))


def state(entries: Iterable[Entry]) -> Operation | None:
    """What was written last. Spec: ConsistentRead!State."""
    written = writes_of(entries)
    return written[-1] if written else None


def electors(servers: tuple[ServerId, ...]) -> list[frozenset[ServerId]]:
    """The smallest quorums. Spec: ConsistentRead!Electors."""
    return [frozenset(each) for each in combinations(servers, majority(len(servers)))]
