"""Statements of a small database that nobody can foresee: they draw numbers, or take the row that they meet first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from quorumlog.core.frozen_map import FrozenMap
from quorumlog.core.operation_log import Database

STATEMENTS: Final = ("draw", "delete")
DICE: Final = (1, 2)
MET: Final[Mapping[int, str]] = {1: "x", 2: "y"}


class Outcome(Protocol):
    """The database after a statement, with what was drawn for it."""

    def __call__(self, database: Database[str, int], statement: str, drawn: int) -> Database[str, int]:
        """The database after a statement."""
        ...


def random_outcome(database: Database[str, int], statement: str, drawn: int) -> Database[str, int]:
    """A number is put into the row that is met, or that row is deleted. Spec: OperationLog!After."""
    others = {key: item for key, item in database.items() if key != MET[drawn]}
    return FrozenMap({**others, MET[drawn]: drawn} if statement == "draw" else others)


def fixed_outcome(database: Database[str, int], statement: str, drawn: int) -> Database[str, int]:
    """The same, if the die always falls on 1. Spec: StatementReplication!FixedAfter."""
    return random_outcome(database, statement, 1)
