"""The spec ReadModel and the core of read models: the same actions, the same variables."""

from __future__ import annotations

from itertools import product
from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.read_model import Ask, News, NodeId, ReaderId, ShardId
from quorumlog.simulation import read_model_properties, read_model_starts
from quorumlog.simulation.read_model import (
    Event,
    Events,
    Message,
    Network,
    Node,
    Positions,
    Reader,
    Readings,
    Said,
    Session,
    SessionId,
    Setting,
)
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Value, model_value, record

read_model: Binding[Readings] = Binding(
    "ReadModel",
    parts=("decided", "nodes", "readers", "sessions", "now", "network", "knew", "answer"),
    refused=Refused,
    ghosts=("seen", "written", "knew", "answer"),
    environment=("Hold", "Decide", "Learn", "Crash", "Tick", "Lose"),
)

NOBODY: Final = model_value("Nobody")


# -- how the code's values are written in the spec ----------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    return tuple(sorted(map(str, cast(frozenset[Value], constants[constant]))))


def events(shown: Events) -> tuple[Value, ...]:
    """A sequence of events."""
    return tuple(map(model_value, shown))


def logs(shown: object) -> dict[Value, Value]:
    """A sequence of events for each shard."""
    return {model_value(shard): events(each) for shard, each in cast(dict[ShardId, Events], shown).items()}


def numbers(shown: Positions) -> dict[Value, Value]:
    """A number for each shard."""
    return {model_value(shard): number for shard, number in shown.items()}


def position(sent: int | None) -> Value:
    """Up to where events have been sent, if somebody wants them."""
    return NOBODY if sent is None else sent


def sent_to(node: Node, reader: ReaderId) -> dict[Value, Value]:
    """The same for each shard."""
    return {model_value(shard): position(source.sent[reader]) for shard, source in node.sources.items()}


def ask(message: Ask) -> dict[str, object]:
    """What only a question has."""
    return {"subscribe": message.subscribe}


def news(message: News[Event]) -> dict[str, object]:
    """What only news has."""
    return {"events": events(message.events), "end": message.end}


FIELDS: Final = {Ask: ask, News: news}


def message(sent: Message) -> Value:
    """A message as a record."""
    kind = type(sent)
    fields = FIELDS[kind](sent)  # type: ignore[operator]  # each function takes the class that it stands beside
    ends = {"from": model_value(sent.sender), "to": model_value(sent.to), "shard": model_value(sent.shard)}
    return record(**{"type": kind.__name__, **ends, "after": sent.after, "time": sent.time, **fields})


@read_model.observe_each("decided")
def of_decided(shard: ShardId, decided: Events) -> tuple[Value, dict[str, object]]:
    return model_value(shard), {"decided": events(decided)}


@read_model.observe_each("nodes")
def of_node(identity: NodeId, node: Node) -> tuple[Value, dict[str, object]]:
    readers = {reader for source in node.sources.values() for reader in source.sent}
    sent = {model_value(reader): sent_to(node, reader) for reader in readers}
    return model_value(identity), {"log": logs(node.log), "commitIndex": numbers(node.commit_index), "sent": sent}


@read_model.observe_each("readers")
def of_reader(identity: ReaderId, reader: Reader) -> tuple[Value, dict[str, object]]:
    return model_value(identity), {
        "source": model_value(reader.source),
        "copy": logs(reader.copy),
        "since": numbers(reader.since),
        "folded": numbers(reader.folded),
        "state": numbers(reader.state),
    }


@read_model.observe_each("sessions")
def of_session(identity: SessionId, session: Session) -> tuple[Value, dict[str, object]]:
    shown = {"token": session.token, "seen": session.seen, "written": session.written}
    return model_value(identity), {name: numbers(each) for name, each in shown.items()}


@read_model.observe_part("now")
def of_now(now: int) -> dict[str, object]:
    return {"now": now}


@read_model.observe_part("network")
def of_network(network: Network) -> dict[str, object]:
    return {"network": frozenset(map(message, network))}


@read_model.observe_each("knew")
def of_knew(identity: NodeId, knew: tuple[Positions, ...]) -> tuple[Value, dict[str, object]]:
    return model_value(identity), {"knew": tuple(map(numbers, knew))}


@read_model.observe_part("answer")
def of_answer(answer: Said) -> dict[str, object]:
    return {"answer": record(unknown=answer.unknown, lacks=answer.lacks)}


# -- where models start, and how far they go ----------------------------------------------------------------


def setting(constants: Constants) -> Setting:
    """Who there is, in a model."""
    return Setting(
        nodes=names(constants, "Node"),
        readers=names(constants, "Model"),
        pushed=frozenset(names(constants, "Pushed")),
        sessions=names(constants, "Session"),
        careful=frozenset(names(constants, "Careful")),
        shards=names(constants, "Shard"),
        batch=cast(int, constants["Batch"]),
        patience=cast(int, constants["Patience"]),
        folds=read_model_starts.Number(names(constants, "Event")[0]),
    )


@read_model.start("Init")
def init(constants: Constants) -> list[Readings]:
    """ReadModel!Init: each read model follows any of the nodes."""
    chosen = setting(constants)
    return [Readings.of(chosen, each) for each in product(chosen.nodes, repeat=len(chosen.readers))]


@read_model.start("InitSubscribed")
def subscribed(constants: Constants) -> Readings:
    """MCReadModel!InitSubscribed."""
    return read_model_starts.subscribed(setting(constants))


@read_model.start("InitNewSource")
def new_source(constants: Constants) -> list[Readings]:
    """MCReadModel!InitNewSource."""
    return read_model_starts.new_source(setting(constants), names(constants, "Event")[0])


@read_model.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCReadModel!Bound."""
    most, crowd, end = (cast(int, constants[name]) for name in ("MaxEvents", "MaxNetwork", "MaxTime"))
    rebuilding = names(constants, "Rebuilding")

    def small_log(world: Readings, n: NodeId, h: ShardId) -> bool:
        return len(world.nodes[n].log[h]) <= min(most, len(world.decided[h]) + 1)

    def small_model(world: Readings, r: ReaderId, h: ShardId) -> bool:
        return r in rebuilding or world.readers[r].folded[h] == len(world.readers[r].copy[h])

    return [
        Property(("n", "h"), small_log),
        Property(("r", "h"), small_model),
        Property((), lambda world: world.now <= end),
        Property((), lambda world: len(world.network) <= crowd),
    ]


# -- actions ------------------------------------------------------------------------------------------------

read_model.parameter("n", domain=lambda constants: names(constants, "Node"), spec=model_value)
read_model.parameter("r", domain=lambda constants: names(constants, "Model"), spec=model_value)
read_model.parameter("s", domain=lambda constants: names(constants, "Session"), spec=model_value)
read_model.parameter("h", domain=lambda constants: names(constants, "Shard"), spec=model_value)
read_model.parameter("e", domain=lambda constants: names(constants, "Event"), spec=model_value)
read_model.parameter("m", among=lambda world: world.network, spec=message)


@read_model.action
def Hold(world: Readings, n: NodeId, h: ShardId, e: Event) -> Readings:
    return world.hold(n, h, e)


@read_model.action
def Decide(world: Readings, n: NodeId, h: ShardId, s: SessionId) -> Readings:
    return world.decide(n, h, s)


@read_model.action
def Learn(world: Readings, n: NodeId, h: ShardId) -> Readings:
    return world.learn(n, h)


@read_model.action
def Crash(world: Readings, n: NodeId) -> Readings:
    return world.crash(n)


@read_model.action
def Tick(world: Readings) -> Readings:
    return world.tick()


@read_model.action
def Lose(world: Readings, m: Message) -> Readings:
    return world.lose(m)


@read_model.action
def OnAsk(world: Readings, n: NodeId, m: Message) -> Readings:
    return world.on_ask(n, m)


@read_model.action
def Push(world: Readings, n: NodeId, r: ReaderId, h: ShardId) -> Readings:
    return world.push(n, r, h)


@read_model.action
def Drop(world: Readings, n: NodeId, r: ReaderId, h: ShardId) -> Readings:
    return world.drop(n, r, h)


@read_model.action
def Request(world: Readings, r: ReaderId, h: ShardId) -> Readings:
    return world.request(r, h)


@read_model.action
def OnNews(world: Readings, r: ReaderId, m: Message) -> Readings:
    return world.on_news(r, m)


@read_model.action
def Switch(world: Readings, r: ReaderId, n: NodeId) -> Readings:
    return world.switch(r, n)


@read_model.action
def Rebuild(world: Readings, r: ReaderId, h: ShardId) -> Readings:
    return world.rebuild(r, h)


@read_model.action
def Replay(world: Readings, r: ReaderId, h: ShardId) -> Readings:
    return world.replay(r, h)


@read_model.action
def Query(world: Readings, s: SessionId, r: ReaderId, h: ShardId) -> Readings:
    return world.query(s, r, h)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in read_model_properties.INVARIANTS.items():
    for _over, _test in _rules:
        read_model.invariant(_name, *_over)(_test)
for _name, (_over, _test) in read_model_properties.STEP_PROPERTIES.items():
    read_model.step_property(_name, *_over)(_test)
