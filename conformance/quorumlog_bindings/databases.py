"""How a small database is written in the specs: what OperationLog and StatementReplication have in common."""

from __future__ import annotations

from typing import Final, cast

from quorumlog.core.operation_log import Database
from quorumlog.persistent.frozen_map import FrozenMap
from tlastep.binding import Constants
from tlastep.values import Fn, ModelValue, Value, in_order, model_value

ABSENT: Final = model_value("Absent")
KEYS: Final = ("x",)


def members(constants: Constants) -> tuple[str, ...]:
    """All replicas."""
    found = cast(frozenset[ModelValue], constants["Replica"])
    return tuple(member.name for member in cast(list[ModelValue], in_order(found)))


def item(held: int | None) -> Value:
    """What a row holds."""
    return ABSENT if held is None else held


def database(rows: Database[str, int]) -> Value:
    """A database as what each key holds."""
    held: FrozenMap[str, int | None] = FrozenMap({**dict.fromkeys(KEYS), **dict(rows.items())})
    return Fn({key: item(held[key]) for key in held})
