"""The spec StatementReplication and the rejected design in the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.operation_log import Database
from quorumlog.simulation.statement_replication import INVARIANTS, ReplicaId, StatementReplication
from quorumlog.simulation.statements import CLOCK, STATEMENTS, Outcome, fixed_outcome, random_outcome
from quorumlog_bindings.databases import database, members
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Value, model_value

statement_replication: Binding[StatementReplication] = Binding(
    "StatementReplication", parts=("statements", "executed", "database"), refused=Refused, environment=("Restart",)
)

OUTCOMES: Final[Mapping[Value, Outcome]] = {"RandomAfter": random_outcome, "FixedAfter": fixed_outcome}


# -- how the code's values are written in the spec ----------------------------------------------------------


@statement_replication.observe_part("statements")
def of_statements(statements: tuple[str, ...]) -> dict[str, object]:
    return {"statements": statements}


@statement_replication.observe_each("executed")
def of_executed(member: ReplicaId, executed: int) -> tuple[Value, dict[str, object]]:
    return model_value(member), {"executed": executed}


@statement_replication.observe_each("database")
def of_database(member: ReplicaId, rows: Database[str, int]) -> tuple[Value, dict[str, object]]:
    return model_value(member), {"database": database(rows)}


# -- where models start, and how far they go ----------------------------------------------------------------


@statement_replication.start("Init")
def init(constants: Constants) -> StatementReplication:
    """StatementReplication!Init."""
    return StatementReplication.of(members(constants), OUTCOMES[constants["Outcome"]])


@statement_replication.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCStatementReplication!Bound."""
    most = cast(int, constants["MaxStatements"])
    return [Property((), lambda world: len(world.statements) <= most)]


# -- actions ------------------------------------------------------------------------------------------------

statement_replication.parameter("r", domain=members, spec=model_value)
statement_replication.parameter("s", domain=lambda constants: STATEMENTS)
statement_replication.parameter("x", domain=lambda constants: CLOCK)


@statement_replication.action
def Replicate(world: StatementReplication, s: str) -> StatementReplication:
    return world.replicate(s)


@statement_replication.action
def Execute(world: StatementReplication, r: ReplicaId, x: str) -> StatementReplication:
    return world.execute(r, x)


@statement_replication.action
def Restart(world: StatementReplication, r: ReplicaId) -> StatementReplication:
    return world.restart(r)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _test in INVARIANTS.items():
    statement_replication.invariant(_name)(_test)
