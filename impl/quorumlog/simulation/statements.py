"""Statements of a small database that nobody can foresee: what comes of them depends on what the clock says."""

from __future__ import annotations

from typing import Final, Protocol

from quorumlog.core.operation_log import Database
from quorumlog.persistent.frozen_map import FrozenMap

STATEMENTS: Final = ("count", "expire")
CLOCK: Final = ("early", "late")


class Outcome(Protocol):
    """The database after a statement, with what was drawn for it."""

    def __call__(self, database: Database[str, int], statement: str, drawn: str) -> Database[str, int]:
        """The database after a statement."""
        ...


def random_outcome(database: Database[str, int], statement: str, drawn: str) -> Database[str, int]:
    """Row x is counted up, from 2 to 1 again, or deleted if it is late. Spec: OperationLog!After."""
    match statement, drawn:
        case "count", _:
            return database.set("x", 2 if database.get("x", 0) == 1 else 1)
        case _, "late":
            return FrozenMap({key: item for key, item in database.items() if key != "x"})
        case _:
            return database


def fixed_outcome(database: Database[str, int], statement: str, drawn: str) -> Database[str, int]:
    """The same without the clock: a row is late when it has come to 2. Spec: StatementReplication!FixedAfter."""
    return random_outcome(database, statement, "late" if database.get("x", 0) == 2 else "early")
