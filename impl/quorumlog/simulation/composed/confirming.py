"""What the gates for reads did in one shard, in a walk of the whole system, in the words of the spec ConsistentRead.

To that spec consensus is four numbers a server, all of it durable at once. Here it is what Replication judges, so the
world of the spec is told of it only: terms, logs, what is known to be decided. A leader counts there its whole log as
written; so an acknowledgement of more than the leader's own disk holds counts once it matters. Entries are writes, each
with a name of its own in each term; reads that go through the log are commands here, and so writes, too.
"""

from __future__ import annotations

from typing import Any, Final

from quorumlog.core import consistent_read as core
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import LEADER
from quorumlog.core.consistent_read import Question, ReadId, Reply
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.server import TheNode
from quorumlog.simulation.composed.consensus import Taken
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.telling import Step, Telling, agree
from quorumlog.simulation.consistent_read import Member, ReadCluster, Setting

WRITES: Final = tuple(f"w{number}" for number in range(50))
READS: Final = tuple(f"r{number}" for number in range(48))
"""What entries and reads are called; a walk has fewer in a group."""


class Confirming:
    """Tells the steps of the gates for reads in one group, move by move."""

    def __init__(self, group: Group) -> None:
        self.group = group.name
        self._servers = tuple(group.nodes)
        self._telling = Telling(ReadCluster.of(Setting(self._servers, WRITES, (), READS)))
        self._entries: dict[Entry, Entry] = {}
        self._logs: dict[Log, tuple[Entry, ...]] = {}
        self._reads: dict[ReadId, str] = {}

    def steps(self, each: Taken) -> list[Step]:
        """The steps of the gates in this group that a move was made of, and before them what came of consensus."""
        name, arguments = each.move
        before, after = each.before.groups[self.group], each.after.groups[self.group]
        if name == "on_question" and arguments[1] == self.group:
            self._on_question(arguments[0], arguments[2])
        elif name == "lose_reply" and arguments[0] == self.group:
            self._take("Lose", (arguments[1],), self.world.lose(arguments[1]))
        elif name == "on_reply" and arguments[1] == self.group:
            i, _, reply = arguments
            self._take("OnReply", (i, reply), self.world.on_reply(i, reply))
        elif before is after:
            return []
        elif name == "on_query":
            read = self._read(arguments[1])
            self._take("ReadByIndex", (arguments[0], read), self.world.read_by_index(arguments[0], read))
        elif name == "ask_quorum":
            self._take("Ask", arguments[1:], self.world.ask(arguments[1]))
        elif name == "crash":
            self._crash(arguments[1], after)
        else:
            self._consensus(before, after)
        self._compare(before, after)
        return self._telling.told()

    def rest(self) -> list[Step]:
        """What has changed outside since the last step."""
        return self._telling.rest()

    @property
    def world(self) -> ReadCluster:
        """The group, as the spec sees it."""
        return self._telling.world

    # -- gates ----------------------------------------------------------------------------------------------------

    def _on_question(self, j: ServerId, question: Question) -> None:
        """A reply to the open question is a step of the spec. One to an older question does not matter any more."""
        i = question.sender
        gate = self.world.gates[i]
        if gate.asking and (gate.leads, gate.round) == (question.term, question.round):
            self._take("Confirm", (i, j), self.world.confirm(i, j))
            return
        reply = core.confirm(j, self.world.members[j].term, question)
        self._telling.around(self.world.change(network=self.world.network | {reply}))

    def _crash(self, i: ServerId, after: Group) -> None:
        """What a disk lacks is lost with the memory; the rest is the spec's crash."""
        left, now = self.world.members[i], after.nodes[i].replica
        kept = Member(now.term, self._log(now.log), left.commit_index, left.match_index)
        self._telling.around(self.world.change(members=self.world.members.set(i, kept)))
        self._take("Crash", (i,), self.world.crash(i))

    # -- consensus ------------------------------------------------------------------------------------------------

    def _consensus(self, before: Group, after: Group) -> None:
        """What consensus did, in one move of a node; or what a leader's other gate has appended."""
        for i, node in after.nodes.items():
            old, now = before.nodes[i].replica, node.replica
            if now is old:
                continue
            if now.role != LEADER or old.role != LEADER:
                self._telling.around(self._with(i, now, now.commit_index, now.log))
                self._changed_roles(i, before.nodes[i], node)
                continue
            self._telling.around(self._with(i, now, old.commit_index, old.log))
            for entry in self._log(now.log)[len(old.log) :]:
                self._take("CallWrite", (i, entry.event), self.world.call_write(i, str(entry.event)))
            if now.commit_index != old.commit_index:
                self._take("Commit", (i,), self.world.commit(i))
        agree(f"what is decided in {self.group}", self._log(after.decided), self.world.decided)

    def _changed_roles(self, i: ServerId, old: TheNode, node: TheNode) -> None:
        gate = self.world.gates[i]
        if old.replica.role == LEADER:
            self._telling.around(self.world.carry_out(i, *core.resign(gate)))
        if node.replica.role == LEADER:
            self._telling.around(self.world.carry_out(i, *core.lead(gate, node.replica.term)))

    def _with(self, i: ServerId, now: Replica, known: int, log: Log) -> ReadCluster:
        """The group when one of its servers is so far."""
        written = max(len(now.disk.log), now.commit_index)
        leads = now.role == LEADER
        match = {j: min(now.match_index[j], written) if leads and j != i else 0 for j in self._servers}
        member = Member(now.term, self._log(log), known, FrozenMap(match))
        return self.world.change(members=self.world.members.set(i, member))

    # -- both -----------------------------------------------------------------------------------------------------

    def _take(self, action: str, arguments: tuple[Any, ...], after: ReadCluster) -> None:
        self._telling.take(action, arguments, after)

    def _read(self, read: ReadId) -> str:
        return self._reads.setdefault(read, READS[len(self._reads)])

    def _log(self, entries: Log) -> tuple[Entry, ...]:
        if entries not in self._logs:
            self._logs[entries] = tuple(map(self._entry, entries))
        return self._logs[entries]

    def _entry(self, entry: Entry) -> Entry:
        if entry.event is None:
            return entry
        return self._entries.setdefault(entry, Entry(entry.term, WRITES[len(self._entries)]))

    def _compare(self, before: Group, after: Group) -> None:
        for i, node in after.nodes.items():
            if node is not before.nodes[i]:
                mine, gate = node.reads, self.world.gates[i]
                renamed = mine.change(
                    waiting=frozenset(map(self._read, mine.waiting)), asking=frozenset(map(self._read, mine.asking))
                )
                agree(f"the gate for reads of {i}", renamed, gate)


def replies(sent: tuple[tuple[str, Reply], ...], group: str) -> frozenset[Reply]:
    """The replies on their way in a group."""
    return frozenset(reply for name, reply in sent if name == group)
