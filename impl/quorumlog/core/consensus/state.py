"""The value that a step takes and answers: everything that one server knows, and how it begins after a crash."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import BLANK, Durable, Effects
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import Entry, Message, ServerId
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.strand import Read, Strand

Role: TypeAlias = Literal["follower", "candidate", "leader"]
FOLLOWER: Final = "follower"
CANDIDATE: Final = "candidate"
LEADER: Final = "leader"
ROLES: Final[tuple[Role, ...]] = (FOLLOWER, CANDIDATE, LEADER)

Indexes: TypeAlias = FrozenMap[ServerId, int]


class Changes(TypedDict, total=False):
    """The fields of a replica that a step may replace."""

    term: int
    voted_for: ServerId | None
    log: Log
    disk: Durable
    owed: frozenset[Message]
    role: Role
    votes: frozenset[ServerId]
    next_index: Indexes
    match_index: Indexes
    commit_index: int


class Replica(Struct, frozen=True, cache_hash=True):
    """One server. The first three fields never change; the others bear the names of the spec's variables."""

    identity: ServerId
    members: tuple[ServerId, ...]
    batch: int
    term: int
    voted_for: ServerId | None
    log: Log
    disk: Durable
    owed: frozenset[Message]
    role: Role
    votes: frozenset[ServerId]
    next_index: Indexes
    match_index: Indexes
    commit_index: int

    def change(self, **parts: Unpack[Changes]) -> Replica:
        """A copy in which these fields are replaced."""
        return replace(self, **parts)


Outcome: TypeAlias = tuple[Replica, Effects]


def start(identity: ServerId, members: tuple[ServerId, ...], batch: int, disk: Durable = BLANK) -> Replica:
    """A server that begins with what its disk holds, and nothing else: for the first time or after a crash."""
    return Replica(
        identity=identity,
        members=members,
        batch=batch,
        term=disk.term,
        voted_for=disk.voted_for,
        log=disk.log,
        disk=disk,
        owed=frozenset(),
        role=FOLLOWER,
        votes=frozenset(),
        next_index=everyone(members, 1),
        match_index=everyone(members, 0),
        commit_index=0,
    )


def restart(replica: Replica) -> Replica:
    """What is left of a server after a crash: its disk. Spec: Replication!Crash."""
    return start(replica.identity, replica.members, replica.batch, replica.disk)


def lightened(replica: Replica, base: int, read: Read[Entry]) -> Replica:
    """An equal server that no longer holds the first `base` entries of its log, all decided, in memory, but reads them.

    Log and disk share what they have in common before and after, so comparing them stays cheap.
    """
    old = replica.disk.log
    log = Strand.of(replica.log) if isinstance(replica.log, tuple) else replica.log
    light = log.lighter(min(base, replica.commit_index), read)
    disk = light[: len(old)] if log[: len(old)] == old else old
    return replica.change(log=light, disk=replace(replica.disk, log=disk))


def everyone(members: tuple[ServerId, ...], index: int) -> Indexes:
    """The same index for every member."""
    return FrozenMap(dict.fromkeys(members, index))
