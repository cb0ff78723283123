"""The spec LeaderOutput and the gates of leaders: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

from quorumlog.core.client import Client, Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import Acknowledged, Answered, Conflict, Executed, Named, ProxyId, Session, Table
from quorumlog.simulation import output_invariants, prepared_output
from quorumlog.simulation.leader_output import Asked, Entry, Event, Given, Node, NodeId, Reign, Sent, Speaking, Told
from quorumlog_bindings.recorded_leader_output import recording
from tlastep.binding import Binding, Constants, Property
from tlastep.values import ModelValue, Value, in_order, model_value, record

leader_output: Binding[Speaking] = Binding(
    "LeaderOutput",
    parts=("nodes", "reign", "got", "proxy", "requests", "answers", "sent", "outside"),
    refused=Refused,
    unverified=("Request.command: the application of the spec decides by randomness alone",),
    environment=(
        *("Lead", "StepDown", "Follow", "Copy", "Crash", "Decide"),
        *("ReplaceProxy", "LoseRequest", "LoseAnswer", "LoseMessage"),
    ),
)

NIL: Final = model_value("Nil")
CONFLICT: Final = model_value("Conflict")
NOBODY: Final = "b"
"""Plays no part where a is the only node."""


# -- how the code's values are written in the spec ----------------------------------------------------------


def answer(given: Answered[Event] | None) -> Value:
    """An answer, or nothing yet."""
    return NIL if given is None else record(at=given.at, event=WORDS[type(given.said)](given.said))


def conflict(said: object) -> Value:
    """What stands for an event where there was a conflict."""
    return CONFLICT


def single(events: tuple[Event, ...]) -> Value:
    """The one event of a command."""
    return model_value(events[0])


WORDS: Final[Mapping[type, Callable[..., Value]]] = {str: model_value, Conflict: conflict, tuple: single}


def executed(entry: Executed[Event]) -> Value:
    """A command's entry."""
    return record(
        type="command",
        session=model_value(entry.session),
        number=entry.number,
        received=entry.received,
        event=WORDS[type(entry.events)](entry.events),
    )


def acknowledgement(entry: Acknowledged) -> Value:
    """An acknowledgement's entry."""
    return record(type="acknowledgement", message=entry.message)


KINDS: Final[Mapping[type, Callable[..., Value]]] = {Executed: executed, Acknowledged: acknowledgement}


def entries(log: Iterable[Entry]) -> tuple[Value, ...]:
    """A log."""
    return tuple(KINDS[type(entry)](entry) for entry in log)


def message(each: Told) -> Value:
    """A message to the outside."""
    return record(number=each.number, event=model_value(each.content))


def table(held: Table[int, Event, Event] | None, names: Iterable[str]) -> Value:
    """What a log makes, or Nil for no draft. Sessions that have asked nothing are shown, too."""
    return NIL if held is None else of_table(held, {name: held.session(name) for name in names})


def of_table(held: Table[int, Event, Event], sessions: dict[str, Session[Event]]) -> Value:
    """The same, with all sessions."""
    return record(
        events=held.events,
        last={model_value(name): each.last for name, each in sessions.items()},
        kept={model_value(name): tuple(map(answer, each.kept)) for name, each in sessions.items()},
        made=held.made,
        pending=tuple(map(message, held.pending)),
    )


def waiting(asked: Mapping[Named, frozenset[ProxyId]]) -> frozenset[Value]:
    """Who waits for which answer."""
    pairs = [(named, by) for named, askers in asked.items() for by in askers]
    return frozenset(record(by=by, session=model_value(name), number=each) for (name, each), by in pairs)


def number(natural: int | None) -> Value:
    """A number, or Nil."""
    return NIL if natural is None else natural


def asked(each: Asked) -> Value:
    """A request on its way."""
    request = each.request
    return record(
        by=each.by,
        session=model_value(request.session),
        number=request.number,
        received=request.received,
        expected=number(request.expected),
    )


def given(each: Given) -> Value:
    """An answer on its way."""
    said = each.said
    return record(
        **{"to": said.to, "from": model_value(each.sender), "term": each.term},
        session=model_value(said.session),
        number=said.number,
        answer=answer(said.answer),
    )


def sent(each: Sent) -> Value:
    """A message on its way to the outside."""
    told = each.message
    return record(
        **{"from": model_value(each.sender)}, number=told.number, event=model_value(told.content), term=each.term
    )


@leader_output.observe_each("nodes")
def of_node(identity: NodeId, node: Node) -> tuple[Value, dict[str, object]]:
    """What one node shows."""
    gate = node.gate
    return model_value(identity), {
        "follows": node.follows,
        "leads": gate.leads,
        "log": entries(node.log),
        "applied": gate.applied,
        "table": table(gate.table, node.sessions),
        "draft": table(gate.draft, node.sessions),
        "waiting": waiting(gate.waiting),
    }


@leader_output.observe_part("reign")
def of_reign(reign: tuple[Reign, ...]) -> dict[str, object]:
    return {
        "reign": {
            each.term: record(leader=model_value(each.leader), log=entries(each.log), decided=each.decided)
            for each in reign
        }
    }


@leader_output.observe_each("got")
def of_client(name: str, client: Client[Event]) -> tuple[Value, dict[str, object]]:
    return model_value(name), {"got": tuple(map(answer, client.got))}


@leader_output.observe_part("proxy")
def of_proxy(proxy: Proxy) -> dict[str, object]:
    held = frozenset(record(session=model_value(session), number=each) for session, each in proxy.open)
    return {"proxy": proxy.proxy, "open": held}


@leader_output.observe_part("requests")
def of_requests(requests: frozenset[Asked]) -> dict[str, object]:
    return {"requests": frozenset(map(asked, requests))}


@leader_output.observe_part("answers")
def of_answers(answers: frozenset[Given]) -> dict[str, object]:
    return {"answers": frozenset(map(given, answers))}


@leader_output.observe_part("sent")
def of_sent(messages: frozenset[Sent]) -> dict[str, object]:
    return {"sent": frozenset(map(sent, messages))}


@leader_output.observe_part("outside")
def of_outside(outside: tuple[Told, ...]) -> dict[str, object]:
    return {"outside": tuple(map(message, outside))}


# -- where models start, and how far they go ----------------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    members = cast(frozenset[ModelValue], constants[constant])
    return tuple(member.name for member in cast(list[ModelValue], in_order(members)))


def natural(value: Value) -> int | None:
    """A number, or None for Nil."""
    return EXPECTATIONS[type(value)](value)


def nothing(value: object) -> None:
    """What Nil stands for."""
    return


EXPECTATIONS: Final[Mapping[type, Callable[..., int | None]]] = {int: int, ModelValue: nothing}


def terms(constants: Constants) -> tuple[int, ...]:
    """The terms in which there may be a leader."""
    return tuple(sorted(cast(frozenset[int], constants["Term"])))


@leader_output.start("Init")
def init(constants: Constants) -> Speaking:
    """LeaderOutput!Init."""
    return Speaking.of(names(constants, "Node"), names(constants, "Session"), names(constants, "Outgoing"))


def cast_of(constants: Constants) -> prepared_output.Cast:
    """Who plays in the stories of MCLeaderOutput: its CHOOSE takes the first that fits."""
    nodes = (*names(constants, "Node"), NOBODY)
    event = [*names(constants, "Outgoing"), *names(constants, "Event")][0]
    others = [*(frozenset(names(constants, "Event")) - {event}), event]
    story = cast(ModelValue, constants["s"]).name
    return prepared_output.Cast(init(constants), nodes[0], nodes[1], story, event, others[0])


def bind_start(name: str, start: prepared_output.Start) -> None:
    """One of the initial predicates of MCLeaderOutput and the function that restates it."""

    @leader_output.start(name)
    def make(constants: Constants) -> Speaking:
        return start(cast_of(constants))


for _name, _start in prepared_output.STARTS.items():
    bind_start(_name, _start)


bind_start("LiveToTell", prepared_output.to_tell)


@leader_output.start("Starts")
def starts(constants: Constants) -> list[Speaking]:
    """MCLeaderOutput!Starts."""
    return [start(cast_of(constants)) for start in prepared_output.WALKS]


@leader_output.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCLeaderOutput!Bound."""
    max_log, max_asked = cast(int, constants["MaxLog"]), cast(int, constants["MaxAsked"])
    max_proxy = cast(int, constants["MaxProxy"])
    return [
        Property((), lambda world: all(len(reign.log) <= max_log for reign in world.reign)),
        Property(("s",), lambda world, s: len(world.got[s].got) <= max_asked),
        Property((), lambda world: world.proxy.proxy <= max_proxy),
    ]


# -- actions ------------------------------------------------------------------------------------------------


def bounded_indexes(constants: Constants) -> range:
    """MCLeaderOutput!Indexes."""
    return range(max(cast(int, constants["MaxLog"]), cast(int, constants["MaxAsked"])) + 2)


def given_indexes(constants: Constants) -> Iterable[int]:
    """A set of numbers that a configuration lists."""
    return cast(Iterable[int], in_order(cast(frozenset[Value], constants["Index"])))


INDEXES: Final[Mapping[type, Callable[[Constants], Iterable[int]]]] = {str: bounded_indexes, frozenset: given_indexes}


def indexes(constants: Constants) -> Iterable[int]:
    """The numbers of commands and entries: a definition of MCLeaderOutput, or a set."""
    return INDEXES[type(constants["Index"])](constants)


leader_output.parameter("n", domain=lambda constants: names(constants, "Node"), spec=model_value)
leader_output.parameter("s", domain=lambda constants: names(constants, "Session"), spec=model_value)
leader_output.parameter("e", domain=lambda constants: names(constants, "Event"), spec=model_value)
leader_output.parameter("k", domain=indexes)
leader_output.parameter("t", domain=terms)
leader_output.parameter("u", domain=lambda constants: (0, *terms(constants)))
leader_output.parameter(
    "x", domain=lambda constants: map(natural, cast(frozenset[Value], constants["Expected"])), spec=number
)
leader_output.parameter("m", among=lambda world: world.requests, spec=asked)
leader_output.parameter("r", among=lambda world: world.answers, spec=given)
leader_output.parameter("o", among=lambda world: world.sent, spec=sent)


@leader_output.action
def Send(world: Speaking, s: str, k: int, x: int | None) -> Speaking:
    return world.send(s, k, x)


@leader_output.action
def Return(world: Speaking, r: Given) -> Speaking:
    return world.hand_on(r)


@leader_output.action
def ReplaceProxy(world: Speaking) -> Speaking:
    return world.replace_proxy()


@leader_output.action
def OnRequest(world: Speaking, n: NodeId, m: Asked, e: Event) -> Speaking:
    return world.on_request(n, m, e)


@leader_output.action
def Commit(world: Speaking, n: NodeId, k: int) -> Speaking:
    return world.commit(n, k)


@leader_output.action
def Lead(world: Speaking, n: NodeId, t: int) -> Speaking:
    return world.lead(n, t)


@leader_output.action
def StepDown(world: Speaking, n: NodeId) -> Speaking:
    return world.step_down(n)


@leader_output.action
def Follow(world: Speaking, n: NodeId, t: int) -> Speaking:
    return world.follow(n, t)


@leader_output.action
def Copy(world: Speaking, n: NodeId, t: int, k: int) -> Speaking:
    return world.copy(n, t, k)


@leader_output.action
def Crash(world: Speaking, n: NodeId, u: int, k: int) -> Speaking:
    return world.crash(n, u, k)


@leader_output.action
def Decide(world: Speaking, t: int, k: int) -> Speaking:
    return world.decide(t, k)


@leader_output.action
def Emit(world: Speaking, n: NodeId) -> Speaking:
    return world.emit(n)


@leader_output.action
def Take(world: Speaking, o: Sent) -> Speaking:
    return world.take(o)


@leader_output.action
def OnAcknowledgement(world: Speaking, n: NodeId, k: int) -> Speaking:
    return world.on_acknowledgement(n, k)


@leader_output.action
def LoseRequest(world: Speaking, m: Asked) -> Speaking:
    return world.lose_request(m)


@leader_output.action
def LoseAnswer(world: Speaking, r: Given) -> Speaking:
    return world.lose_answer(r)


@leader_output.action
def LoseMessage(world: Speaking, o: Sent) -> Speaking:
    return world.lose_message(o)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in output_invariants.INVARIANTS.items():
    for _test, _over in _rules:
        leader_output.invariant(_name, *_over)(_test)
for _name, (_test, _over) in output_invariants.STEP_PROPERTIES.items():
    leader_output.step_property(_name, *_over)(_test)
leader_output.recording = recording
