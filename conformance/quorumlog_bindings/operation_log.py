"""The spec OperationLog and the replicas of a small database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.operation_log import Operation, Replica
from quorumlog.simulation.operation_log import INVARIANTS, STEPS, Log, OperationLog, ReplicaId
from quorumlog.simulation.statements import CLOCK, STATEMENTS
from quorumlog_bindings.databases import database, item, members
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Value, model_value

operation_log: Binding[OperationLog] = Binding(
    "OperationLog",
    parts=("decided", "primary", "log", "replicas"),
    refused=Refused,
    environment=("Agree", "Copy", "Restart"),
)

NOBODY: Final = model_value("Nobody")


# -- how the code's values are written in the spec ----------------------------------------------------------


def operation(rows: Operation[str, int]) -> Value:
    """An operation as a set of pairs."""
    return frozenset([(row.key, item(row.item)) for row in rows])


def operations(log: Iterable[Operation[str, int]]) -> Value:
    """A log."""
    return tuple(map(operation, log))


@operation_log.observe_part("decided")
def of_decided(decided: Log) -> dict[str, object]:
    return {"decided": operations(decided)}


@operation_log.observe_part("primary")
def of_primary(primary: ReplicaId | None) -> dict[str, object]:
    return {"primary": NOBODY if primary is None else model_value(primary)}


@operation_log.observe_each("log")
def of_log(member: ReplicaId, log: Log) -> tuple[Value, dict[str, object]]:
    return model_value(member), {"log": operations(log)}


@operation_log.observe_each("replicas")
def of_replica(member: ReplicaId, replica: Replica[str, int]) -> tuple[Value, dict[str, object]]:
    rows = database(replica.database)
    return model_value(member), {"leads": replica.leads, "applied": replica.applied, "database": rows}


# -- where models start, and how far they go ----------------------------------------------------------------


@operation_log.start("Init")
def init(constants: Constants) -> OperationLog:
    """OperationLog!Init."""
    return OperationLog.of(members(constants))


@operation_log.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCOperationLog!Bound."""
    most = cast(int, constants["MaxLog"])
    return [Property(("r",), lambda world, r: len(world.log[r]) <= most)]


# -- actions ------------------------------------------------------------------------------------------------

operation_log.parameter("r", domain=members, spec=model_value)
operation_log.parameter("s", domain=lambda constants: STATEMENTS)
operation_log.parameter("x", domain=lambda constants: CLOCK)


@operation_log.action
def Execute(world: OperationLog, r: ReplicaId, s: str, x: str) -> OperationLog:
    return world.execute(r, s, x)


@operation_log.action
def Apply(world: OperationLog, r: ReplicaId) -> OperationLog:
    return world.apply(r)


@operation_log.action
def StepDown(world: OperationLog, r: ReplicaId) -> OperationLog:
    return world.step_down(r)


@operation_log.action
def Lead(world: OperationLog, r: ReplicaId) -> OperationLog:
    return world.lead(r)


@operation_log.action
def Agree(world: OperationLog) -> OperationLog:
    return world.agree()


@operation_log.action
def Copy(world: OperationLog, r: ReplicaId) -> OperationLog:
    return world.copy(r)


@operation_log.action
def Restart(world: OperationLog, r: ReplicaId) -> OperationLog:
    return world.restart(r)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _test in INVARIANTS.items():
    operation_log.invariant(_name)(_test)

for _name, _step in STEPS.items():
    operation_log.step_property(_name)(_step)
