"""The log of a database without commands and events: what a statement has changed is the event, never the statement.

A primary carries statements out in place, on its own rows, however they turn out, and logs the rows that differ
afterwards. Consensus keeps the log. An operation may be applied twice. Spec: OperationLog.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.persistent.frozen_map import FrozenMap

Key = TypeVar("Key")
Item = TypeVar("Item")

Database: TypeAlias = FrozenMap[Key, Item]
"""The rows that are there, by their keys."""


class Row(Struct, Generic[Key, Item], frozen=True, cache_hash=True):
    """What a row holds after an operation; None where it is gone."""

    key: Key
    item: Item | None


Operation: TypeAlias = frozenset[Row[Key, Item]]
"""The rows that a statement has changed."""


class Replica(Struct, Generic[Key, Item], frozen=True, cache_hash=True):
    """One replica's rows, and how many operations of its log are in them."""

    leads: bool
    applied: int
    database: Database[Key, Item]

    def execute(
        self, log: Sequence[Operation[Key, Item]], statement: Callable[[Database[Key, Item]], Database[Key, Item]]
    ) -> tuple[Replica[Key, Item], Operation[Key, Item]]:
        """A primary carries out a statement; what it changed goes to the log. Spec: OperationLog!Execute."""
        if not self.leads:
            raise Refused("only the primary carries out statements")
        if self.applied != len(log):
            raise Refused("there are operations to be applied before")
        after = statement(self.database)
        return replace(self, database=after, applied=self.applied + 1), changed(self.database, after)

    def apply(self, log: Sequence[Operation[Key, Item]], decided: int) -> Replica[Key, Item]:
        """The next operation of this log, of which so many are decided. Spec: OperationLog!Apply.

        A primary applies all that is there, for it adds to that; the others only what is decided.
        """
        if self.applied >= (len(log) if self.leads else decided):
            raise Refused("there is no operation to be applied")
        return replace(self, database=written(self.database, log[self.applied]), applied=self.applied + 1)

    def lead(self) -> Replica[Key, Item]:
        """This replica is the primary now. Spec: OperationLog!Lead."""
        if self.leads:
            raise Refused("it is the primary already")
        return replace(self, leads=True)

    def step_down(self) -> Replica[Key, Item]:
        """There is another primary: rows that may never be decided are dropped. Spec: OperationLog!StepDown."""
        if not self.leads:
            raise Refused("it is not the primary")
        return recovering()


def recovering() -> Replica[Key, Item]:
    """A replica without rows, which recovers them from its log. Spec: OperationLog!Restart."""
    return Replica(leads=False, applied=0, database=FrozenMap({}))


def changed(before: Database[Key, Item], after: Database[Key, Item]) -> Operation[Key, Item]:
    """The rows that differ. Spec: OperationLog!Changed."""
    gone = [Row[Key, Item](key, None) for key in before if key not in after]
    new = [Row(key, item) for key, item in after.items() if key not in before or before[key] != item]
    return frozenset([*gone, *new])


def written(database: Database[Key, Item], operation: Operation[Key, Item]) -> Database[Key, Item]:
    """A database after an operation; a second time it changes nothing. Spec: OperationLog!Written."""
    rows = {row.key: row.item for row in operation}
    kept = {key: item for key, item in database.items() if key not in rows}
    return FrozenMap({**kept, **{key: item for key, item in rows.items() if item is not None}})


def recovered(operations: Iterable[Operation[Key, Item]]) -> Database[Key, Item]:
    """The database that these operations make. Spec: OperationLog!Recovered."""
    database: Database[Key, Item] = FrozenMap({})
    for operation in operations:
        database = written(database, operation)
    return database
