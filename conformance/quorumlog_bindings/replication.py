"""The spec Replication and the consensus core: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from quorumlog.core.consensus.effects import Durable, Refused
from quorumlog.core.consensus.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    Message,
    ServerId,
    VoteReply,
    VoteRequest,
)
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import Indexes
from quorumlog.simulation import invariants, prepared, prepared_wide, run
from quorumlog.simulation.client import EVENTS
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.faults import Schedule
from quorumlog.simulation.schedule_text import text_of
from quorumlog_bindings.recorded_replication import recording
from tlastep.binding import Binding, Constants, Property, Simulation, remembered
from tlastep.values import Value, function, model_value, record

replication: Binding[Cluster] = Binding(
    "Replication",
    parts=("replicas", "network", "decided"),
    refused=Refused,
    ghosts=("decided",),
    unverified=("Committed: only that it reaches the ghost `decided`, not what the application does with it",),
    environment=("Crash", "Lose"),
)

NIL: Final = model_value("Nil")


# -- how the code's values are written in the spec ----------------------------------------------------------


def server(identity: ServerId | None) -> Value:
    """A server, or nobody."""
    return NIL if identity is None else model_value(identity)


def event(value: object) -> Value:
    """An event, or the no-op of a new leader."""
    return NIL if value is None else model_value(cast(str, value))


@remembered
def entry(one: Entry) -> Value:
    """One place of a log."""
    return record(term=one.term, event=event(one.event))


@remembered
def entries(log: Iterable[Entry]) -> tuple[Value, ...]:
    """A log, or a slice of one."""
    return tuple(map(entry, log))


@remembered
def disk(durable: Durable) -> Value:
    """What a crash leaves."""
    return record(term=durable.term, votedFor=server(durable.voted_for), log=entries(durable.log))


def vote_request(message: VoteRequest) -> dict[str, object]:
    return {"lastIndex": message.last_index, "lastTerm": message.last_term}


def vote_reply(message: VoteReply) -> dict[str, object]:
    return {"to": server(message.to)}


def append_request(message: AppendRequest) -> dict[str, object]:
    return {
        "to": server(message.to),
        "prevIndex": message.prev_index,
        "prevTerm": message.prev_term,
        "entries": entries(message.entries),
        "commitIndex": message.commit_index,
    }


def append_reply(message: AppendReply) -> dict[str, object]:
    return {"to": server(message.to), "accepted": message.accepted, "index": message.index}


FIELDS: Final = {
    VoteRequest: vote_request,
    VoteReply: vote_reply,
    AppendRequest: append_request,
    AppendReply: append_reply,
}


@remembered
def message(sent: Message) -> Value:
    """A message as a record."""
    kind = type(sent)
    fields = FIELDS[kind](sent)  # type: ignore[operator]  # each function takes the class that it stands beside
    return record(**{"type": kind.__name__, "from": server(sent.sender), "term": sent.term, **fields})


@remembered
def messages(sent: Iterable[Message]) -> frozenset[Value]:
    """A set of messages."""
    return frozenset(map(message, sent))


@remembered
def voters(votes: frozenset[ServerId]) -> Value:
    """A set of servers."""
    return frozenset(map(server, votes))


@remembered
def indexes(by_peer: Indexes) -> Value:
    """A number for each server."""
    return function({server(peer): index for peer, index in by_peer.items()})


@replication.observe_each("replicas")
def of_replica(identity: ServerId, replica: Replica) -> tuple[Value, dict[str, object]]:
    """What one server shows."""
    return server(identity), {
        "term": replica.term,
        "votedFor": server(replica.voted_for),
        "log": entries(replica.log),
        "disk": disk(replica.disk),
        "owed": messages(replica.owed),
        "role": replica.role,
        "votes": voters(replica.votes),
        "nextIndex": indexes(replica.next_index),
        "matchIndex": indexes(replica.match_index),
        "commitIndex": replica.commit_index,
    }


@replication.observe_part("network")
def of_network(network: frozenset[Message]) -> dict[str, object]:
    """The messages on their way."""
    return {"network": messages(network)}


@replication.observe_part("decided")
def of_decided(decided: tuple[Entry, ...]) -> dict[str, object]:
    """The ghost."""
    return {"decided": entries(decided)}


# -- where models start, and how far they go ----------------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    return tuple(sorted(map(str, cast(frozenset[Value], constants[constant]))))


def servers(constants: Constants) -> tuple[ServerId, ...]:
    """All servers."""
    return names(constants, "Server")


def bind_start(name: str, start: prepared.Start) -> None:
    """One of the initial predicates of MCReplication and the function that restates it."""

    @replication.start(name)
    def make(constants: Constants) -> Cluster:
        trio = cast(prepared.Three, servers(constants))
        event = (*names(constants, "Event"), "")[0]  # where there is none, no start needs one
        return start(trio, cast(int, constants["Batch"]), event)


for _name, _start in (*prepared.STARTS.items(), *prepared.LIVE_STARTS.items()):
    bind_start(_name, _start)


@replication.start("Starts")
def starts(constants: Constants) -> list[Cluster]:
    """MCReplicationWide!Starts."""
    return prepared_wide.starts(servers(constants), cast(int, constants["Batch"]), names(constants, "Event")[0])


@replication.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCReplication!Bound."""
    max_term, max_log = cast(int, constants["MaxTerm"]), cast(int, constants["MaxLog"])
    max_owed, max_network = cast(int, constants["MaxOwed"]), cast(int, constants["MaxNetwork"])
    standing = set(names(constants, "Standing"))

    def small_server(cluster: Cluster, i: ServerId) -> bool:
        replica = cluster.replicas[i]
        return (
            replica.term <= max_term
            and len(replica.log) <= max_log
            and len(replica.owed) <= max_owed
            and (i in standing or replica.role == "follower")
        )

    def small_network(cluster: Cluster) -> bool:
        return len(cluster.network) <= max_network

    return [Property(("i",), small_server), Property((), small_network)]


# -- actions ------------------------------------------------------------------------------------------------

replication.parameter("i", "j", domain=servers, spec=server)
replication.parameter("e", domain=lambda constants: names(constants, "Event"), spec=event)
replication.parameter("m", among=lambda cluster: cluster.network, spec=message)


@replication.action
def Timeout(cluster: Cluster, i: ServerId) -> Cluster:
    return cluster.timeout(i)


@replication.action
def Sync(cluster: Cluster, i: ServerId) -> Cluster:
    return cluster.sync(i)


@replication.action
def Crash(cluster: Cluster, i: ServerId) -> Cluster:
    return cluster.crash(i)


@replication.action
def Propose(cluster: Cluster, i: ServerId, e: str) -> Cluster:
    return cluster.propose(i, e)


@replication.action
def Replicate(cluster: Cluster, i: ServerId, j: ServerId) -> Cluster:
    return cluster.replicate(i, j)


@replication.action
def OnVoteRequest(cluster: Cluster, i: ServerId, m: Message) -> Cluster:
    return cluster.deliver(i, m, VoteRequest)


@replication.action
def OnVoteReply(cluster: Cluster, i: ServerId, m: Message) -> Cluster:
    return cluster.deliver(i, m, VoteReply)


@replication.action
def OnAppendRequest(cluster: Cluster, i: ServerId, m: Message) -> Cluster:
    return cluster.deliver(i, m, AppendRequest)


@replication.action
def OnAppendReply(cluster: Cluster, i: ServerId, m: Message) -> Cluster:
    return cluster.deliver(i, m, AppendReply)


@replication.action
def Lose(cluster: Cluster, m: Message) -> Cluster:
    return cluster.lose(m)


@replication.action_of("NextResigning")
def Resign(cluster: Cluster, i: ServerId) -> Cluster:
    return cluster.resign(i)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in invariants.INVARIANTS.items():
    for _rule in _rules:
        replication.invariant(_name, *_rule.over)(_rule.test)
for _name, _rule in invariants.STEP_PROPERTIES.items():
    replication.step_property(_name, *_rule.over)(_rule.test)


# -- runs in the simulation ---------------------------------------------------------------------------------


def simulated_constants(schedule: Schedule) -> dict[str, str]:
    """The model of which a schedule's run is a behaviour: all its servers, and all events that commands become."""
    return {
        "Server": f"{{{', '.join(schedule.names)}}}",
        "Event": f"{{{', '.join(EVENTS)}}}",
        "Nil": "Nil",
        "Batch": str(schedule.batch),
    }


def simulated_relation(schedule: Schedule) -> str:
    """Leaders resign where servers ask each other before they stand."""
    return RELATIONS[schedule.asks]


RELATIONS: Final = {False: "Next", True: "NextResigning"}
replication.simulation = Simulation(run.made, text_of, run.run_beside, simulated_constants, simulated_relation)

# -- recordings of servers ----------------------------------------------------------------------------------

replication.recording = recording
