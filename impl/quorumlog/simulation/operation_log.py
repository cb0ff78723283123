"""Replicas of a database whose operations are replicated, while primaries change. Spec: OperationLog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import combinations
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.operation_log import Operation, Replica, recovered, recovering, written
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.agreed import check_complete, common
from quorumlog.simulation.statements import random_outcome

ReplicaId: TypeAlias = str
Log: TypeAlias = tuple[Operation[str, int], ...]
Replicas: TypeAlias = FrozenMap[ReplicaId, Replica[str, int]]


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    decided: Log
    primary: ReplicaId | None
    log: FrozenMap[ReplicaId, Log]
    replicas: Replicas


class OperationLog(Struct, frozen=True, cache_hash=True):
    """A small database in several copies."""

    decided: Log
    primary: ReplicaId | None
    log: FrozenMap[ReplicaId, Log]
    replicas: Replicas

    @classmethod
    def of(cls, members: Iterable[ReplicaId]) -> OperationLog:
        """There is no row, and no primary. Spec: OperationLog!Init."""
        names = tuple(members)
        started: Replica[str, int] = recovering()
        return cls((), None, FrozenMap(dict.fromkeys(names, ())), FrozenMap(dict.fromkeys(names, started)))

    def change(self, **parts: Unpack[Parts]) -> OperationLog:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def execute(self, member: ReplicaId, statement: str, drawn: str) -> OperationLog:
        """A primary carries out a statement. Spec: OperationLog!Execute."""
        outcome = partial(random_outcome, statement=statement, drawn=drawn)
        done, operation = self.replicas[member].execute(self.log[member], outcome)
        log = self.log.set(member, (*self.log[member], operation))
        return self.change(log=log, replicas=self.replicas.set(member, done))

    def apply(self, member: ReplicaId) -> OperationLog:
        """A replica applies the next operation of its log. Spec: OperationLog!Apply."""
        known = common(self.log[member], self.decided)
        return self.change(replicas=self.replicas.set(member, self.replicas[member].apply(self.log[member], known)))

    def step_down(self, member: ReplicaId) -> OperationLog:
        """A deposed primary hears of its successor. Spec: OperationLog!StepDown."""
        if self.primary == member:
            raise Refused("it has no successor")
        return self.change(replicas=self.replicas.set(member, self.replicas[member].step_down()))

    def lead(self, member: ReplicaId) -> OperationLog:
        """A replica is made the primary. Spec: OperationLog!Lead."""
        check_complete(self.log[member], self.decided)
        return self.change(primary=member, replicas=self.replicas.set(member, self.replicas[member].lead()))

    def agree(self) -> OperationLog:
        """The next operation of the newest primary is decided. Spec: OperationLog!Agree."""
        count, primary = len(self.decided), self.primary
        if primary is None or not self.replicas[primary].leads or count == len(self.log[primary]):
            raise Refused("there is nothing to be decided")
        return self.change(decided=self.log[primary][: count + 1])

    def copy(self, member: ReplicaId) -> OperationLog:
        """A replica that is not the primary gets the newest primary's log. Spec: OperationLog!Copy."""
        primary = self.primary
        if primary in (None, member) or primary is None or self.replicas[member].leads:
            raise Refused("it copies from nobody")
        if self.log[member] == self.log[primary]:
            raise Refused("there is nothing to be copied")
        return self.change(log=self.log.set(member, self.log[primary]))

    def restart(self, member: ReplicaId) -> OperationLog:
        """A replica crashes, and starts again with its log. Spec: OperationLog!Restart."""
        return self.change(replicas=self.replicas.set(member, recovering()))


def types_are_right(world: OperationLog) -> bool:
    """No replica has applied more than there is, and a primary is one of them."""
    known = world.primary is None or world.primary in world.replicas
    return known and all(0 <= each.applied <= len(world.log[member]) for member, each in world.replicas.items())


def replicas_agree(world: OperationLog) -> bool:
    """Two replicas that have applied the same operations hold the same rows."""
    held = [(world.log[member][: each.applied], each.database) for member, each in world.replicas.items()]
    return all(one[1] == other[1] for one, other in combinations(held, 2) if one[0] == other[0])


def database_is_log(world: OperationLog) -> bool:
    """A database is what its operations make."""
    return all(each.database == recovered(world.log[member][: each.applied]) for member, each in world.replicas.items())


def others_hold_decided(world: OperationLog) -> bool:
    """Whoever is not the primary holds nothing but what is decided."""
    return all(
        each.leads or each.applied <= common(world.log[member], world.decided)
        for member, each in world.replicas.items()
    )


def repeats_are_harmless(world: OperationLog) -> bool:
    """An operation that is applied a second time changes nothing."""
    return all(
        written(each.database, world.log[member][each.applied - 1]) == each.database
        for member, each in world.replicas.items()
        if each.applied
    )


def extends(world: OperationLog, following: OperationLog) -> bool:
    """What is decided only grows."""
    return following.decided[: len(world.decided)] == world.decided


INVARIANTS: Final[Mapping[str, Callable[[OperationLog], bool]]] = {
    "TypeOK": types_are_right,
    "ReplicasAgree": replicas_agree,
    "DatabaseIsLog": database_is_log,
    "OthersHoldDecided": others_hold_decided,
    "RepeatsAreHarmless": repeats_are_harmless,
}

STEPS: Final[Mapping[str, Callable[[OperationLog, OperationLog], bool]]] = {"Refines": extends}
