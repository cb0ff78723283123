"""The spec Routing and the core of the table of shards: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.shard_table import (
    Command,
    CommandId,
    Decided,
    Handover,
    Key,
    KeyState,
    Refusal,
    Released,
    Request,
    Router,
    RouterId,
    ShardEvent,
    ShardId,
    ShardLeader,
    Table,
    Taken,
)
from quorumlog.simulation import routing_properties
from quorumlog.simulation.routing import Entry, Message, Network, Routed
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Value, model_value, record

routing: Binding[Routed] = Binding(
    "Routing",
    parts=("table", "shards", "routers", "network", "answered", "history"),
    refused=Refused,
    ghosts=("history",),
    environment=("Depose", "Replace", "Lose"),
)

NOBODY: Final = model_value("Nobody")
Fields: TypeAlias = dict[str, object]


# -- how the code's values are written in the spec ----------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    return tuple(sorted(map(str, cast(frozenset[Value], constants[constant]))))


def shard(identity: ShardId | None) -> Value:
    """A shard, or nobody."""
    return NOBODY if identity is None else model_value(identity)


def commands(decided: tuple[CommandId, ...]) -> tuple[Value, ...]:
    """A sequence of commands."""
    return tuple(map(model_value, decided))


def key_state(state: KeyState) -> Value:
    """What a shard knows of a key."""
    return record(
        version=state.version,
        holds=state.holds,
        decided=commands(state.decided),
        next=state.next,
        to=shard(state.to),
    )


def taken(event: Taken) -> Fields:
    """A key was taken."""
    return {"key": model_value(event.key), "version": event.version, "decided": commands(event.decided)}


def decided(event: Decided) -> Fields:
    """A command was decided."""
    return {"command": model_value(event.command.identity)}


def released(event: Released) -> Fields:
    """A key was released."""
    return {"key": model_value(event.key), "version": event.version, "to": shard(event.to)}


def request(message: Request) -> Fields:
    """A command on its way to a shard."""
    ends = {"from": model_value(message.sender), "to": shard(message.to)}
    return {**ends, "command": model_value(message.command.identity)}


def refusal(message: Refusal) -> Fields:
    """A refusal on its way to a router."""
    return {"to": model_value(message.to), "version": message.version}


def handover(message: Handover) -> Fields:
    """A key on its way to its next owner."""
    return {
        "key": model_value(message.key),
        "version": message.version,
        "to": shard(message.to),
        "decided": commands(message.decided),
    }


FIELDS: Final = cast(
    Mapping[type, Callable[[object], Fields]],
    {
        Taken: taken,
        Decided: decided,
        Released: released,
        Request: request,
        Refusal: refusal,
        Handover: handover,
    },
)


def tagged(value: ShardEvent | Message) -> Value:
    """An event or a message as a record."""
    return record(type=type(value).__name__, **FIELDS[type(value)](value))


def assignments(table: Table) -> tuple[Value, ...]:
    """A table, or a copy of its beginning."""
    return tuple(record(key=model_value(each.key), shard=shard(each.shard)) for each in table)


@routing.observe_part("table")
def of_table(table: Table) -> Fields:
    return {"table": assignments(table)}


@routing.observe_each("shards")
def of_shard(identity: ShardId, leader: ShardLeader) -> tuple[Value, Fields]:
    return shard(identity), {
        "keys": {model_value(key): key_state(state) for key, state in leader.keys.items()},
        "draft": tuple(map(tagged, leader.draft)),
        "heard": assignments(leader.heard),
    }


@routing.observe_each("routers")
def of_router(identity: RouterId, router: Router) -> tuple[Value, Fields]:
    return model_value(identity), {"copy": assignments(router.copy), "least": router.least}


@routing.observe_part("network")
def of_network(network: Network) -> Fields:
    return {"network": frozenset(map(tagged, network))}


@routing.observe_each("answered")
def of_answered(identity: CommandId, said: str) -> tuple[Value, Fields]:
    return model_value(identity), {"answered": said}


@routing.observe_each("history")
def of_history(key: Key, history: tuple[Entry, ...]) -> tuple[Value, Fields]:
    entries = tuple(
        record(command=model_value(each.command), shard=shard(each.shard), version=each.version) for each in history
    )
    return model_value(key), {"history": entries}


# -- where models start, and how far they go ----------------------------------------------------------------

# MCRouting!OneKey and MCRouting!TwoKeys: the key of the first command, and that of the others.
KEY_OF: Final[Mapping[Value, Callable[[tuple[Key, ...]], tuple[Key, Key]]]] = {
    "OneKey": lambda keys: (keys[0], keys[0]),
    "TwoKeys": lambda keys: (keys[0], keys[1]),
}


@routing.start("Init")
def init(constants: Constants) -> Routed:
    """Routing!Init."""
    keys = names(constants, "Key")
    first, *others = names(constants, "Command")
    one, other = KEY_OF[constants["KeyOf"]](keys)
    asked = (Command(first, one), *(Command(each, other) for each in others))
    return Routed.of(keys, names(constants, "Shard"), names(constants, "Router"), asked)


@routing.start("InitHeld")
def held(constants: Constants) -> Routed:
    """MCRouting!InitHeld."""
    return routing_properties.held(init(constants), names(constants, "Key")[0], names(constants, "Shard")[0])


routing.start("HeldSpec")(held)


@routing.start("InitMoved")
def moved(constants: Constants) -> list[Routed]:
    """MCRouting!InitMoved: to any other shard."""
    first, *others = names(constants, "Shard")
    return [routing_properties.moved(init(constants), names(constants, "Key")[0], first, each) for each in others]


@routing.start("Starts")
def starts(constants: Constants) -> list[Routed]:
    """MCRouting!Starts."""
    return [init(constants), held(constants), *moved(constants)]


@routing.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCRouting!Bound."""
    last, waiting, crowd = (cast(int, constants[name]) for name in ("MaxVersion", "MaxDraft", "MaxNetwork"))
    return [
        Property((), lambda world: len(world.table) <= last),
        Property(("h",), lambda world, h: len(world.shards[h].draft) <= waiting),
        Property((), lambda world: len(world.network) <= crowd),
    ]


# -- actions ------------------------------------------------------------------------------------------------

routing.parameter("k", domain=lambda constants: names(constants, "Key"), spec=model_value)
routing.parameter("h", domain=lambda constants: names(constants, "Shard"), spec=model_value)
routing.parameter("r", domain=lambda constants: names(constants, "Router"), spec=model_value)
routing.parameter("c", domain=lambda constants: names(constants, "Command"), spec=model_value)
routing.parameter("m", among=lambda world: world.network, spec=tagged)


@routing.action
def Assign(world: Routed, k: Key, h: ShardId) -> Routed:
    return world.assign(k, h)


@routing.action
def Hear(world: Routed, h: ShardId) -> Routed:
    return world.hear(h)


@routing.action
def TakeFirst(world: Routed, h: ShardId, k: Key) -> Routed:
    return world.take_first(h, k)


@routing.action
def Release(world: Routed, h: ShardId, k: Key) -> Routed:
    return world.release(h, k)


@routing.action
def HandOver(world: Routed, h: ShardId, k: Key) -> Routed:
    return world.hand_over(h, k)


@routing.action
def OnHandover(world: Routed, h: ShardId, m: Message) -> Routed:
    return world.on_handover(h, m)


@routing.action
def OnRequest(world: Routed, h: ShardId, m: Message) -> Routed:
    return world.on_request(h, m)


@routing.action
def Answer(world: Routed, h: ShardId, c: CommandId) -> Routed:
    return world.answer(h, c)


@routing.action
def Commit(world: Routed, h: ShardId) -> Routed:
    return world.commit(h)


@routing.action
def Depose(world: Routed, h: ShardId) -> Routed:
    return world.depose(h)


@routing.action
def Route(world: Routed, r: RouterId, c: CommandId) -> Routed:
    return world.route(r, c)


@routing.action
def OnRefusal(world: Routed, r: RouterId, m: Message) -> Routed:
    return world.on_refusal(r, m)


@routing.action
def Refresh(world: Routed, r: RouterId) -> Routed:
    return world.refresh(r)


@routing.action
def Refuse(world: Routed, r: RouterId, c: CommandId) -> Routed:
    return world.refuse(r, c)


@routing.action
def Replace(world: Routed, r: RouterId) -> Routed:
    return world.replace(r)


@routing.action
def Lose(world: Routed, m: Message) -> Routed:
    return world.lose(m)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, (_over, _test) in routing_properties.INVARIANTS.items():
    routing.invariant(_name, *_over)(_test)
for _name, _test in routing_properties.STEP_PROPERTIES.items():
    routing.step_property(_name)(_test)
