"""What must hold of servers with gates and of every step of theirs, written from the words of the spec ConsistentRead.

The functions bear the names of the spec's properties, and each is about as little as possible: one server, one read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from quorumlog.core.consensus.log import term_at
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.quorum import is_quorum
from quorumlog.core.consistent_read import Gate, Reply
from quorumlog.simulation.consistent_read import DONE, IDLE, LOST, OPEN, Operation, ReadCluster, writes_of

Over: TypeAlias = Literal["i", "j", "m", "w", "r", "o"]


@dataclass(frozen=True)
class Rule:
    """A property: `test` holds of a world (or of two, before and after a step) for all that it is `over`."""

    test: Callable[..., bool]
    over: tuple[Over, ...] = ()


def in_gate(gate: Gate) -> frozenset[object]:
    """The reads in a gate. Spec: ConsistentRead!InGate."""
    return gate.logged | gate.waiting | gate.asking


def knows(world: ReadCluster, i: ServerId) -> bool:
    """Whether a leader knows what is decided. Spec: ConsistentRead!KnowsWhatIsDecided."""
    member = world.members[i]
    return member.commit_index > 0 and term_at(member.log, member.commit_index) == world.gates[i].leads


# -- in every state -----------------------------------------------------------------------------------------


def server_ok(world: ReadCluster, i: ServerId) -> bool:
    """What a server knows is of its type."""
    member, gate, setting = world.members[i], world.gates[i], world.setting
    return (
        min(member.term, member.commit_index, gate.leads, gate.round, *member.match_index.values()) >= 0
        and set(member.match_index) == set(setting.servers)
        and gate.logged <= set(setting.log_reads)
        and gate.waiting | gate.asking <= set(setting.index_reads)
        and gate.confirmed <= set(setting.servers)
    )


def reply_ok(world: ReadCluster, m: Reply) -> bool:
    """A reply is one."""
    return {m.sender, m.to} <= set(world.setting.servers) and min(m.term, m.round) >= 0


def operation_ok(world: ReadCluster, o: Operation) -> bool:
    """What an operation has come to is of its type."""
    if o in world.setting.reads:
        known = (*world.setting.writes, None)
        if world.answer[o] not in known or world.decided_at_call[o] < 0:
            return False
    return world.phase[o] in (IDLE, OPEN, DONE, LOST)


def election_safety(world: ReadCluster, i: ServerId, j: ServerId) -> bool:
    """No term has two leaders."""
    return i == j or not world.gates[i].leads or world.gates[i].leads != world.gates[j].leads


def state_machine_safety(world: ReadCluster, i: ServerId) -> bool:
    """What a server believes to be decided is in its log, and is what was decided."""
    member = world.members[i]
    known = member.log[: member.commit_index]
    return len(known) == member.commit_index and known == world.decided[: len(known)]


def knowledge_is_complete(world: ReadCluster, i: ServerId) -> bool:
    """A leader that may ask does know what is decided, unless somebody has heard of a later term."""
    leads = world.gates[i].leads
    if not leads or not knows(world, i) or any(world.members[j].term > leads for j in world.setting.servers):
        return True
    return world.members[i].commit_index == len(world.decided)


def no_read_is_forgotten(world: ReadCluster, r: Operation) -> bool:
    """An open read waits in one gate, and no gate holds a read that is not open."""
    gates = [i for i in world.setting.servers if r in in_gate(world.gates[i])]
    return len(gates) == (1 if world.phase[r] == OPEN else 0)


def only_leaders_answer(world: ReadCluster, i: ServerId) -> bool:
    """Who does not lead has an empty gate."""
    gate = world.gates[i]
    return gate.leads > 0 or not (in_gate(gate) or gate.round or gate.confirmed)


def questions_are_founded(world: ReadCluster, i: ServerId) -> bool:
    """Whoever asks knows what is decided, and has not been confirmed by a quorum yet."""
    gate = world.gates[i]
    return not gate.asking or (knows(world, i) and not is_quorum(gate.confirmed, world.setting.servers))


def returned_is_decided(world: ReadCluster, w: Operation) -> bool:
    """A write that has returned is decided."""
    return world.phase[w] != DONE or w in writes_of(world.decided)


# -- of every step ------------------------------------------------------------------------------------------


def log_refines(before: ReadCluster, after: ReadCluster) -> bool:
    """What is decided is one log that only grows."""
    return after.decided[: len(before.decided)] == before.decided


def writes_are_decided(before: ReadCluster, after: ReadCluster) -> bool:
    """The decided writes stay, and those that come after them have been called and are decided once."""
    old, new = writes_of(before.decided), writes_of(after.decided)
    called = all(before.phase[write] != IDLE for write in new[len(old) :])
    return new[: len(old)] == old and called and len(set(new)) == len(new)


def write_moves(before: ReadCluster, after: ReadCluster, w: Operation) -> bool:
    """A write is called, and returns once it is decided."""
    moved = before.phase[w], after.phase[w]
    if moved == (OPEN, DONE):
        return w in writes_of(after.decided)
    return moved[0] == moved[1] or moved == (IDLE, OPEN)


def read_moves(before: ReadCluster, after: ReadCluster, r: Operation) -> bool:
    """A read is called, and returns with a version that was current since, or is lost and returns nothing."""
    moved = before.phase[r], after.phase[r]
    count = before.decided_at_call[r], after.decided_at_call[r]
    if moved[1] == DONE and moved[0] != DONE:
        versions = (None, *writes_of(after.decided))
        oldest = count[0] if moved[0] == OPEN else len(writes_of(before.decided))
        return moved[0] in (IDLE, OPEN) and count[1] == 0 and after.answer[r] in versions[oldest:]
    if after.answer[r] != before.answer[r]:
        return False
    if moved == (IDLE, OPEN):
        return count[1] == len(writes_of(before.decided))
    return (moved == (OPEN, LOST) and count[1] == 0) or (moved[0] == moved[1] and count[0] == count[1])


INVARIANTS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "TypeOK": (Rule(server_ok, ("i",)), Rule(reply_ok, ("m",)), Rule(operation_ok, ("o",))),
    "ElectionSafety": (Rule(election_safety, ("i", "j")),),
    "StateMachineSafety": (Rule(state_machine_safety, ("i",)),),
    "KnowledgeIsComplete": (Rule(knowledge_is_complete, ("i",)),),
    "NoReadIsForgotten": (Rule(no_read_is_forgotten, ("r",)),),
    "OnlyLeadersAnswer": (Rule(only_leaders_answer, ("i",)),),
    "QuestionsAreFounded": (Rule(questions_are_founded, ("i",)),),
    "ReturnedIsDecided": (Rule(returned_is_decided, ("w",)),),
}

STEP_PROPERTIES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "LogRefines": (Rule(log_refines),),
    "Refines": (Rule(writes_are_decided), Rule(write_moves, ("w",)), Rule(read_moves, ("r",))),
}
