"""The spec CommandReplication and the rejected design in the simulation: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.command_replication import INVARIANTS, Command, CommandReplication, Event, NodeId, State
from tlastep.binding import Binding, Constants, Property
from tlastep.values import ModelValue, Value, in_order, model_value

command_replication: Binding[CommandReplication] = Binding(
    "CommandReplication",
    parts=("commands", "events", "state", "leader", "answered"),
    refused=Refused,
    environment=("Lead", "Restart"),
)


# -- the definitions of MCCommandReplication that stand for constants, once more in Python -------------------

COMMANDS: Final = ("deposit", "exchange")
EVENTS: Final = ("deposited", "exchangedAt2", "exchangedAt3")
DERIVE: Final[Mapping[Value, Mapping[Command, tuple[Event, ...]]]] = {
    "RandomDerive": {"deposit": ("deposited",), "exchange": ("exchangedAt2", "exchangedAt3")},
    "FixedDerive": {"deposit": ("deposited",), "exchange": ("exchangedAt2",)},
}
BALANCE: Final[Mapping[Event, Callable[[int], int]]] = {
    "deposited": lambda balance: (balance + 1) % 11,
    "exchangedAt2": lambda balance: 2 * balance % 11,
    "exchangedAt3": lambda balance: 3 * balance % 11,
}


def balance(state: State, event: Event) -> State:
    """MCCommandReplication!Balance."""
    return BALANCE[event](cast(int, state))


# -- how the code's values are written in the spec ----------------------------------------------------------


def node(identity: NodeId) -> Value:
    """A node."""
    return model_value(identity)


@command_replication.observe_part("commands")
def of_commands(commands: tuple[Command, ...]) -> dict[str, object]:
    return {"commands": commands}


@command_replication.observe_each("events")
def of_events(identity: NodeId, events: tuple[Event, ...]) -> tuple[Value, dict[str, object]]:
    return node(identity), {"events": events}


@command_replication.observe_each("state")
def of_state(identity: NodeId, state: State) -> tuple[Value, dict[str, object]]:
    return node(identity), {"state": state}


@command_replication.observe_part("leader")
def of_leader(leader: NodeId) -> dict[str, object]:
    return {"leader": node(leader)}


@command_replication.observe_part("answered")
def of_answered(answered: tuple[Event, ...]) -> dict[str, object]:
    return {"answered": answered}


# -- where models start, and how far they go ----------------------------------------------------------------


def nodes(constants: Constants) -> tuple[NodeId, ...]:
    """All nodes."""
    members = cast(frozenset[ModelValue], constants["Node"])
    return tuple(member.name for member in cast(list[ModelValue], in_order(members)))


@command_replication.start("Init")
def init(constants: Constants) -> list[CommandReplication]:
    """CommandReplication!Init: any node may lead."""
    members = nodes(constants)
    derive, start = DERIVE[constants["Derive"]], cast(int, constants["Start"])
    return [CommandReplication.of(members, derive, start, balance, leader) for leader in members]


@command_replication.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCCommandReplication!Bound."""
    most = cast(int, constants["MaxCommands"])
    return [Property((), lambda world: len(world.commands) <= most)]


# -- actions ------------------------------------------------------------------------------------------------

command_replication.parameter("n", domain=nodes, spec=node)
command_replication.parameter("c", domain=lambda constants: COMMANDS)
command_replication.parameter("e", domain=lambda constants: EVENTS)


@command_replication.action
def Replicate(world: CommandReplication, c: Command) -> CommandReplication:
    return world.replicate(c)


@command_replication.action
def Execute(world: CommandReplication, n: NodeId, e: Event) -> CommandReplication:
    return world.execute(n, e)


@command_replication.action
def Lead(world: CommandReplication, n: NodeId) -> CommandReplication:
    return world.lead(n)


@command_replication.action
def Answer(world: CommandReplication) -> CommandReplication:
    return world.answer()


@command_replication.action
def Restart(world: CommandReplication, n: NodeId) -> CommandReplication:
    return world.restart(n)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _test in INVARIANTS.items():
    command_replication.invariant(_name)(_test)
