"""The spec Speculation and the replicas that decide on their speculative states."""

from __future__ import annotations

from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.speculation import Speculative
from quorumlog.simulation.speculation import COMMANDS, DICE, INVARIANTS, STEPS, Entries, NodeId, Speculation
from tlastep.binding import Binding, Constants, Property
from tlastep.values import ModelValue, Value, in_order, model_value

speculation: Binding[Speculation] = Binding(
    "Speculation",
    parts=("decided", "newest", "log", "replicas"),
    refused=Refused,
    environment=("Agree", "Copy", "Restart"),
)

NOTHING: Final = model_value("Nothing")


# -- how the code's values are written in the spec ----------------------------------------------------------


@speculation.observe_part("decided")
def of_decided(decided: Entries) -> dict[str, object]:
    return {"decided": decided}


@speculation.observe_part("newest")
def of_newest(newest: NodeId | None) -> dict[str, object]:
    return {"newest": NOTHING if newest is None else model_value(newest)}


@speculation.observe_each("log")
def of_log(node: NodeId, log: Entries) -> tuple[Value, dict[str, object]]:
    return model_value(node), {"log": log}


@speculation.observe_each("replicas")
def of_replica(node: NodeId, replica: Speculative[int]) -> tuple[Value, dict[str, object]]:
    draft = NOTHING if replica.draft is None else replica.draft
    return model_value(node), {
        "folded": replica.folded,
        "state": replica.state,
        "leads": replica.leads,
        "draft": draft,
    }


# -- where models start, and how far they go ----------------------------------------------------------------


def nodes(constants: Constants) -> tuple[NodeId, ...]:
    """All nodes."""
    members = cast(frozenset[ModelValue], constants["Node"])
    return tuple(member.name for member in cast(list[ModelValue], in_order(members)))


@speculation.start("Init")
def init(constants: Constants) -> Speculation:
    """Speculation!Init."""
    return Speculation.of(nodes(constants))


@speculation.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCSpeculation!Bound."""
    most = cast(int, constants["MaxLog"])
    return [Property(("n",), lambda world, n: len(world.log[n]) <= most)]


# -- actions ------------------------------------------------------------------------------------------------

speculation.parameter("n", domain=nodes, spec=model_value)
speculation.parameter("c", domain=lambda constants: COMMANDS)
speculation.parameter("r", domain=lambda constants: DICE)


@speculation.action
def Lead(world: Speculation, n: NodeId) -> Speculation:
    return world.lead(n)


@speculation.action
def Decide(world: Speculation, n: NodeId, c: str, r: int) -> Speculation:
    return world.decide(n, c, r)


@speculation.action
def Learn(world: Speculation, n: NodeId) -> Speculation:
    return world.learn(n)


@speculation.action
def Follow(world: Speculation, n: NodeId) -> Speculation:
    return world.follow(n)


@speculation.action
def Agree(world: Speculation) -> Speculation:
    return world.agree()


@speculation.action
def Copy(world: Speculation, n: NodeId) -> Speculation:
    return world.copy(n)


@speculation.action
def Restart(world: Speculation, n: NodeId) -> Speculation:
    return world.restart(n)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _test in INVARIANTS.items():
    speculation.invariant(_name)(_test)

for _name, _step in STEPS.items():
    speculation.step_property(_name)(_step)
