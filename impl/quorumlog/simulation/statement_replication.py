"""The way to replicate a database that is rejected: replicate statements, and let each replica carry them out.

It exists so that the spec's counterexample can be replayed on code. Spec: StatementReplication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.operation_log import Database
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.statements import STATEMENTS, Outcome

ReplicaId: TypeAlias = str


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    statements: tuple[str, ...]
    executed: FrozenMap[ReplicaId, int]
    database: FrozenMap[ReplicaId, Database[str, int]]


class StatementReplication(Struct, frozen=True, cache_hash=True):
    """Replicas that carry out one log of statements. What comes of a statement is given."""

    outcome: Outcome
    statements: tuple[str, ...]
    executed: FrozenMap[ReplicaId, int]
    database: FrozenMap[ReplicaId, Database[str, int]]

    @classmethod
    def of(cls, members: Iterable[ReplicaId], outcome: Outcome) -> StatementReplication:
        """Nothing has been asked. Spec: StatementReplication!Init."""
        names = tuple(members)
        empty: Database[str, int] = FrozenMap({})
        return cls(outcome, (), FrozenMap(dict.fromkeys(names, 0)), FrozenMap(dict.fromkeys(names, empty)))

    def change(self, **parts: Unpack[Parts]) -> StatementReplication:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def replicate(self, statement: str) -> StatementReplication:
        """A statement is put on the replicated log. Spec: StatementReplication!Replicate."""
        return self.change(statements=(*self.statements, statement))

    def execute(self, member: ReplicaId, drawn: str) -> StatementReplication:
        """A replica carries out the next statement, on its own. Spec: StatementReplication!Execute."""
        count = self.executed[member]
        if count == len(self.statements):
            raise Refused("it has carried out everything")
        after = self.outcome(self.database[member], self.statements[count], drawn)
        return self.change(executed=self.executed.set(member, count + 1), database=self.database.set(member, after))

    def restart(self, member: ReplicaId) -> StatementReplication:
        """A replica crashes, and starts again from the log of statements. Spec: StatementReplication!Restart."""
        return self.change(executed=self.executed.set(member, 0), database=self.database.set(member, FrozenMap({})))


def types_are_right(world: StatementReplication) -> bool:
    """All statements are known, and nobody has carried out more than there is."""
    known = all(statement in STATEMENTS for statement in world.statements)
    return known and all(0 <= count <= len(world.statements) for count in world.executed.values())


def replicas_agree(world: StatementReplication) -> bool:
    """Two replicas that have carried out the same statements hold the same rows."""
    return all(
        world.executed[one] != world.executed[other] or world.database[one] == world.database[other]
        for one, other in combinations(world.executed, 2)
    )


INVARIANTS: Final[Mapping[str, Callable[[StatementReplication], bool]]] = {
    "TypeOK": types_are_right,
    "ReplicasAgree": replicas_agree,
}
