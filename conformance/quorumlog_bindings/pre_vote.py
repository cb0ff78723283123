"""The spec PreVote and servers that ask before they stand: the same actions, the same variables."""

from __future__ import annotations

from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
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
from quorumlog.pre_vote import PreVote, PreVoteReply, PreVoteRequest
from quorumlog.simulation import pre_vote_properties, pre_vote_starts, pre_vote_wide
from quorumlog.simulation.network import Network
from quorumlog.simulation.pre_vote import Asker, Canvass, Electorate
from quorumlog.simulation.prepared import Three
from quorumlog_bindings import replication as consensus
from quorumlog_bindings.replication import event, names, server, servers, voters
from tlastep.binding import Binding, Constants, Property, remembered
from tlastep.values import Value, record

pre_vote: Binding[Electorate] = Binding(
    "PreVote",
    parts=("replicas", "network", "decided", "askers", "canvass"),
    refused=Refused,
    ghosts=("decided",),
    unverified=("The number of an attempt: that whoever draws it has never drawn it before",),
    environment=("Crash", "Lose", "LosePreVote", "Tick"),
)


# -- how the code's values are written in the spec ----------------------------------------------------------


def pre_vote_request(message: PreVoteRequest) -> dict[str, object]:
    """What a request has beside its kind, its sender and its attempt."""
    return {"term": message.term, "lastIndex": message.last_index, "lastTerm": message.last_term}


def pre_vote_reply(message: PreVoteReply) -> dict[str, object]:
    """The same of a reply."""
    return {"to": server(message.to)}


FIELDS: Final = {PreVoteRequest: pre_vote_request, PreVoteReply: pre_vote_reply}


@remembered
def asked(sent: PreVote) -> Value:
    """A pre-vote as a record."""
    kind = type(sent)
    fields = FIELDS[kind](sent)  # type: ignore[operator]  # each function takes the class that it stands beside
    return record(**{"type": kind.__name__, "from": server(sent.sender), "attempt": sent.attempt, **fields})


@pre_vote.observe_each("replicas")
def of_replica(identity: ServerId, replica: Replica) -> tuple[Value, dict[str, object]]:
    """What consensus shows of a server."""
    return consensus.of_replica(identity, replica)


@pre_vote.observe_part("network")
def of_network(network: Network) -> dict[str, object]:
    """The messages of consensus on their way."""
    return consensus.of_network(network)


@pre_vote.observe_part("decided")
def of_decided(decided: tuple[Entry, ...]) -> dict[str, object]:
    """The ghost."""
    return consensus.of_decided(decided)


@pre_vote.observe_each("askers")
def of_asker(identity: ServerId, asker: Asker) -> tuple[Value, dict[str, object]]:
    """What a server knows of the others' being there, and how often it has asked."""
    contact = asker.contact
    return server(identity), {
        "attempt": asker.attempt,
        "heard": contact.heard,
        "grants": voters(contact.grants),
        "replied": voters(contact.replied),
    }


@pre_vote.observe_part("canvass")
def of_canvass(canvass: Canvass) -> dict[str, object]:
    """The pre-votes on their way."""
    return {"canvass": frozenset(map(asked, canvass))}


# -- where models start, and how far they go ----------------------------------------------------------------


def bind_start(name: str, start: pre_vote_starts.Start) -> None:
    """One of the initial predicates and the function that restates it."""

    @pre_vote.start(name)
    def make(constants: Constants) -> Electorate:
        return start(cast(Three, servers(constants)), cast(int, constants["Batch"]))


for _name, _start in pre_vote_starts.STARTS.items():
    bind_start(_name, _start)


@pre_vote.start("Starts")
def starts(constants: Constants) -> list[Electorate]:
    """MCPreVoteWide!Starts."""
    return pre_vote_wide.starts(servers(constants), cast(int, constants["Batch"]), names(constants, "Event")[0])


@pre_vote.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCPreVote!Bound, and MCPreVoteWide!Bound."""
    max_term, max_log = cast(int, constants["MaxTerm"]), cast(int, constants["MaxLog"])
    max_owed, max_network = cast(int, constants["MaxOwed"]), cast(int, constants["MaxNetwork"])
    max_attempt, max_canvass = cast(int, constants["MaxAttempt"]), cast(int, constants["MaxCanvass"])
    standing, asking = set(names(constants, "Standing")), set(names(constants, "Asking"))

    def small_server(electorate: Electorate, i: ServerId) -> bool:
        replica = electorate.replicas[i]
        return (
            replica.term <= max_term
            and len(replica.log) <= max_log
            and len(replica.owed) <= max_owed
            and (i in standing or replica.role == "follower")
        )

    def few_attempts(electorate: Electorate, i: ServerId) -> bool:
        return electorate.askers[i].attempt <= (max_attempt if i in asking else 0)

    def small_network(electorate: Electorate) -> bool:
        return len(electorate.network) <= max_network

    def small_canvass(electorate: Electorate) -> bool:
        return len(electorate.canvass) <= max_canvass

    over = [Property(("i",), small_server), Property(("i",), few_attempts)]
    return [*over, Property((), small_network), Property((), small_canvass)]


@pre_vote.bound("OneAtATime")
def one_at_a_time(constants: Constants) -> list[Property]:
    """MCPreVote!OneAtATime."""
    return [Property((), lambda electorate: not (electorate.network and electorate.canvass))]


@pre_vote.bound("Healthy")
def healthy(constants: Constants) -> list[Property]:
    """MCPreVote!Healthy."""
    steady = set(names(constants, "Steady"))

    def is_healthy(electorate: Electorate, i: ServerId) -> bool:
        return i not in steady or electorate.contact(i).heard or electorate.replicas[i].role == "leader"

    return [Property(("i",), is_healthy)]


# -- actions ------------------------------------------------------------------------------------------------

pre_vote.parameter("i", "j", domain=servers, spec=server)
pre_vote.parameter("e", domain=lambda constants: names(constants, "Event"), spec=event)
pre_vote.parameter("m", among=lambda electorate: electorate.network, spec=consensus.message)
pre_vote.parameter("p", among=lambda electorate: electorate.canvass, spec=asked)


@pre_vote.action
def Ask(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.ask(i)


@pre_vote.action
def OnPreVoteRequest(electorate: Electorate, i: ServerId, p: PreVote) -> Electorate:
    return electorate.hear(i, p, PreVoteRequest)


@pre_vote.action
def OnPreVoteReply(electorate: Electorate, i: ServerId, p: PreVote) -> Electorate:
    return electorate.hear(i, p, PreVoteReply)


@pre_vote.action
def Timeout(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.timeout(i)


@pre_vote.action
def Tick(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.tick(i)


@pre_vote.action
def Sync(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.sync(i)


@pre_vote.action
def Crash(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.crash(i)


@pre_vote.action
def Propose(electorate: Electorate, i: ServerId, e: str) -> Electorate:
    return electorate.propose(i, e)


@pre_vote.action
def Replicate(electorate: Electorate, i: ServerId, j: ServerId) -> Electorate:
    return electorate.replicate(i, j)


@pre_vote.action
def OnVoteRequest(electorate: Electorate, i: ServerId, m: Message) -> Electorate:
    return electorate.deliver(i, m, VoteRequest)


@pre_vote.action
def OnVoteReply(electorate: Electorate, i: ServerId, m: Message) -> Electorate:
    return electorate.deliver(i, m, VoteReply)


@pre_vote.action
def OnAppendRequest(electorate: Electorate, i: ServerId, m: Message) -> Electorate:
    return electorate.deliver(i, m, AppendRequest)


@pre_vote.action
def OnAppendReply(electorate: Electorate, i: ServerId, m: Message) -> Electorate:
    return electorate.deliver(i, m, AppendReply)


@pre_vote.action
def Lose(electorate: Electorate, m: Message) -> Electorate:
    return electorate.lose(m)


@pre_vote.action
def LosePreVote(electorate: Electorate, p: PreVote) -> Electorate:
    return electorate.lose_pre_vote(p)


@pre_vote.action_of("NextUnasked")
def Stand(electorate: Electorate, i: ServerId) -> Electorate:
    return electorate.stand_unasked(i)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _parts in pre_vote_properties.INVARIANTS.items():
    for _over, _test in _parts:
        pre_vote.invariant(_name, *_over)(_test)
for _name, _parts in pre_vote_properties.STEP_PROPERTIES.items():
    for _over, _test in _parts:
        pre_vote.step_property(_name, *_over)(_test)
