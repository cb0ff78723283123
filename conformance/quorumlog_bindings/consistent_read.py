"""The spec ConsistentRead and the core's gates of reads: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import NoneType
from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consistent_read import Gate, ReadEvent, Reply
from quorumlog.simulation import read_properties, read_starts
from quorumlog.simulation.consistent_read import Member, Network, Operation, Phase, ReadCluster, Setting, electors
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Value, model_value, record

consistent_read: Binding[ReadCluster] = Binding(
    "ConsistentRead",
    parts=("members", "gates", "network", "phase", "answer", "decided", "decided_at_call"),
    refused=Refused,
    ghosts=("decided", "decidedAtCall"),
    unverified=("PutQuestion: when a question is put; that it can be put as long as it is open is Confirm",),
    environment=("Elect", "Copy", "StepDown", "Crash", "CallWrite", "Lose"),
)

NOTHING: Final = model_value("Nothing")
NO_OP: Final = model_value("NoOp")


# -- how the code's values are written in the spec ----------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    return tuple(sorted(map(str, cast(frozenset[Value], constants[constant]))))


def named(shown: Iterable[object]) -> frozenset[Value]:
    """A set of reads or of servers."""
    return frozenset(model_value(cast(str, each)) for each in shown)


def read_event(shown: ReadEvent) -> Value:
    """The event that a read through the log becomes."""
    return model_value(str(shown.read))


EVENTS: Final[dict[type, Callable[..., Value]]] = {
    NoneType: lambda _: NO_OP,
    ReadEvent: read_event,
    str: model_value,
}


def event(shown: object) -> Value:
    """The first entry of a leader, the event of a read, or a write."""
    return EVENTS[type(shown)](shown)


def entries(log: Iterable[Entry]) -> tuple[Value, ...]:
    """A log."""
    return tuple(record(term=entry.term, event=event(entry.event)) for entry in log)


def reply(sent: Reply) -> Value:
    """A reply as a record."""
    ends = {"from": model_value(sent.sender), "to": model_value(sent.to)}
    return record(**ends, term=sent.term, round=sent.round)


@consistent_read.observe_each("members")
def of_member(identity: ServerId, member: Member) -> tuple[Value, dict[str, object]]:
    return model_value(identity), {
        "term": member.term,
        "log": entries(member.log),
        "commitIndex": member.commit_index,
        "matchIndex": {model_value(peer): index for peer, index in member.match_index.items()},
    }


@consistent_read.observe_each("gates")
def of_gate(identity: ServerId, gate: Gate) -> tuple[Value, dict[str, object]]:
    return model_value(identity), {
        "leads": gate.leads,
        "logged": named(gate.logged),
        "waiting": named(gate.waiting),
        "asking": named(gate.asking),
        "round": gate.round,
        "confirmed": named(gate.confirmed),
    }


@consistent_read.observe_part("network")
def of_network(network: Network) -> dict[str, object]:
    return {"network": frozenset(map(reply, network))}


@consistent_read.observe_each("phase")
def of_phase(operation: Operation, phase: Phase) -> tuple[Value, dict[str, object]]:
    return model_value(operation), {"phase": phase}


@consistent_read.observe_each("answer")
def of_answer(read: Operation, answer: Operation | None) -> tuple[Value, dict[str, object]]:
    return model_value(read), {"answer": NOTHING if answer is None else model_value(answer)}


@consistent_read.observe_part("decided")
def of_decided(decided: tuple[Entry, ...]) -> dict[str, object]:
    return {"decided": entries(decided)}


@consistent_read.observe_each("decided_at_call")
def of_calls(read: Operation, number: int) -> tuple[Value, dict[str, object]]:
    return model_value(read), {"decidedAtCall": number}


# -- where models start, and how far they go ----------------------------------------------------------------


def servers(constants: Constants) -> tuple[ServerId, ...]:
    """All servers."""
    return names(constants, "Server")


def writes(constants: Constants) -> tuple[Operation, ...]:
    """All writes."""
    return names(constants, "Write")


def log_reads(constants: Constants) -> tuple[Operation, ...]:
    """The reads that go through the log."""
    return names(constants, "LogRead")


def index_reads(constants: Constants) -> tuple[Operation, ...]:
    """The reads that are answered after asking."""
    return names(constants, "IndexRead")


def reads(constants: Constants) -> tuple[Operation, ...]:
    """All reads."""
    return log_reads(constants) + index_reads(constants)


def bind_start(name: str, start: read_starts.Start) -> None:
    """One of the initial predicates and the function that restates it."""

    @consistent_read.start(name)
    def make(constants: Constants) -> list[ReadCluster]:
        said = writes(constants), log_reads(constants), index_reads(constants)
        return start(Setting(servers(constants), *said))


for _name, _start in read_starts.STARTS.items():
    bind_start(_name, _start)


@consistent_read.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCConsistentRead!Bound."""
    max_term, max_log = cast(int, constants["MaxTerm"]), cast(int, constants["MaxLog"])
    max_round, max_network = cast(int, constants["MaxRound"]), cast(int, constants["MaxNetwork"])
    standing = set(names(constants, "Standing"))

    def small_member(world: ReadCluster, i: ServerId) -> bool:
        return world.members[i].term <= max_term and len(world.members[i].log) <= max_log

    def small_gate(world: ReadCluster, i: ServerId) -> bool:
        return world.gates[i].round <= max_round and (i in standing or not world.gates[i].leads)

    def small_network(world: ReadCluster) -> bool:
        return len(world.network) <= max_network

    return [Property(("i",), small_member), Property(("i",), small_gate), Property((), small_network)]


# -- actions ------------------------------------------------------------------------------------------------

consistent_read.parameter("i", "j", domain=servers, spec=model_value)
consistent_read.parameter("q", domain=lambda constants: electors(servers(constants)), spec=named)
consistent_read.parameter("w", domain=writes, spec=model_value)
consistent_read.parameter("logged", domain=log_reads, spec=model_value)
consistent_read.parameter("asking", domain=index_reads, spec=model_value)
consistent_read.parameter("r", domain=reads, spec=model_value)
consistent_read.parameter("o", domain=lambda constants: writes(constants) + reads(constants), spec=model_value)
consistent_read.parameter("m", among=lambda world: world.network, spec=reply)


@consistent_read.action
def Elect(world: ReadCluster, i: ServerId, q: frozenset[ServerId]) -> ReadCluster:
    return world.elect(i, q)


@consistent_read.action
def Copy(world: ReadCluster, i: ServerId, j: ServerId) -> ReadCluster:
    return world.copy_log(i, j)


@consistent_read.action
def StepDown(world: ReadCluster, i: ServerId, j: ServerId) -> ReadCluster:
    return world.step_down(i, j)


@consistent_read.action
def Crash(world: ReadCluster, i: ServerId) -> ReadCluster:
    return world.crash(i)


@consistent_read.action
def CallWrite(world: ReadCluster, i: ServerId, w: Operation) -> ReadCluster:
    return world.call_write(i, w)


@consistent_read.action
def ReadByLog(world: ReadCluster, i: ServerId, logged: Operation) -> ReadCluster:
    return world.read_by_log(i, logged)


@consistent_read.action
def ReadByIndex(world: ReadCluster, i: ServerId, asking: Operation) -> ReadCluster:
    return world.read_by_index(i, asking)


@consistent_read.action
def Ask(world: ReadCluster, i: ServerId) -> ReadCluster:
    return world.ask(i)


@consistent_read.action
def Confirm(world: ReadCluster, i: ServerId, j: ServerId) -> ReadCluster:
    return world.confirm(i, j)


@consistent_read.action
def OnReply(world: ReadCluster, i: ServerId, m: Reply) -> ReadCluster:
    return world.on_reply(i, m)


@consistent_read.action
def Commit(world: ReadCluster, i: ServerId) -> ReadCluster:
    return world.commit(i)


@consistent_read.action
def Lose(world: ReadCluster, m: Reply) -> ReadCluster:
    return world.lose(m)


# -- ways to read that are wrong ------------------------------------------------------------------------------


@consistent_read.action_of("NextFromLeader")
def ReadFromLeader(world: ReadCluster, i: ServerId, r: Operation) -> ReadCluster:
    return world.read_from_leader(i, r)


@consistent_read.action_of("NextFromModel")
def ReadFromModel(world: ReadCluster, i: ServerId, r: Operation) -> ReadCluster:
    return world.read_from_model(i, r)


@consistent_read.action_of("NextEarly")
def AskEarly(world: ReadCluster, i: ServerId) -> ReadCluster:
    return world.ask_early(i)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in read_properties.INVARIANTS.items():
    for _rule in _rules:
        consistent_read.invariant(_name, *_rule.over)(_rule.test)
for _name, _rules in read_properties.STEP_PROPERTIES.items():
    for _rule in _rules:
        consistent_read.step_property(_name, *_rule.over)(_rule.test)
