"""What must hold of read models, sources and sessions, written from the words of the spec ReadModel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from quorumlog.core.event_sourcing import fold
from quorumlog.core.read_model import NodeId, ReaderId, ShardId
from quorumlog.simulation.read_model import Events, Readings, SessionId

Over: TypeAlias = tuple[str, ...]


def begins(whole: Events, beginning: Events) -> bool:
    """Whether one sequence begins with the other."""
    return whole[: len(beginning)] == beginning


# -- in every state -----------------------------------------------------------------------------------------


def node_ok(world: Readings, n: NodeId) -> bool:
    """Numbers are natural, and there is one for each shard."""
    node = world.nodes[n]
    sent = [each for source in node.sources.values() for each in source.sent.values() if each is not None]
    shards = set(world.setting.shards)
    return set(node.commit_index) == set(node.log) == shards and min([0, *node.commit_index.values(), *sent]) == 0


def reader_ok(world: Readings, r: ReaderId) -> bool:
    """The same for a read model, which follows a node and has a state that its projection can be in."""
    reader = world.readers[r]
    natural = min([0, *reader.since.values(), *reader.folded.values()]) == 0
    return natural and reader.source in world.setting.nodes and all(0 <= n < 13 for n in reader.state.values())


def session_ok(world: Readings, s: SessionId) -> bool:
    """The same for a session."""
    session = world.sessions[s]
    return min(0, *session.token.values(), *session.seen.values(), *session.written.values()) == 0


def answer_ok(world: Readings) -> bool:
    """An answer lacks one of three things, or nothing."""
    return world.answer.lacks <= {"read", "written", "recent"}


def prefix_of_committed(world: Readings, r: ReaderId, h: ShardId) -> bool:
    """Whatever a read model holds is committed, in its place."""
    return begins(world.decided[h], world.readers[r].copy[h])


def state_is_fold(world: Readings, r: ReaderId, h: ShardId) -> bool:
    """The projection is the fold of the first events of the copy."""
    reader, folds = world.readers[r], world.setting.folds
    taken = reader.copy[h][: reader.folded[h]]
    return len(taken) == reader.folded[h] and reader.state[h] == fold(folds, folds.start(), taken)


def monotonic_reads(world: Readings) -> bool:
    """No session is told less than it was told before."""
    return "read" not in world.answer.lacks


def read_your_writes(world: Readings) -> bool:
    """No session is told less than it has written."""
    return "written" not in world.answer.lacks


def recent_is_true(world: Readings) -> bool:
    """An answer that is not `unknown` holds all that its source has known for long."""
    return "recent" not in world.answer.lacks


def since_is_true(world: Readings, r: ReaderId, h: ShardId) -> bool:
    """A read model holds all that its source knew when it was asked."""
    reader = world.readers[r]
    since = reader.since[h]
    return since == 0 or len(reader.copy[h]) >= world.knew[reader.source][since - 1][h]


# -- of every step ------------------------------------------------------------------------------------------


def cursor_only_grows(before: Readings, after: Readings, r: ReaderId, h: ShardId) -> bool:
    """No cursor moves back, and what is before it stays."""
    return begins(after.readers[r].copy[h], before.readers[r].copy[h])


def refines(before: Readings, after: Readings, h: ShardId) -> bool:
    """The law of the event log, for each shard."""
    return begins(after.decided[h], before.decided[h])


INVARIANTS: Final[Mapping[str, tuple[tuple[Over, Callable[..., bool]], ...]]] = {
    "TypeOK": ((("n",), node_ok), (("r",), reader_ok), (("s",), session_ok), ((), answer_ok)),
    "PrefixOfCommitted": ((("r", "h"), prefix_of_committed),),
    "StateIsFold": ((("r", "h"), state_is_fold),),
    "MonotonicReads": (((), monotonic_reads),),
    "ReadYourWrites": (((), read_your_writes),),
    "RecentIsTrue": (((), recent_is_true),),
    "SinceIsTrue": ((("r", "h"), since_is_true),),
}

STEP_PROPERTIES: Final[Mapping[str, tuple[Over, Callable[..., bool]]]] = {
    "CursorOnlyGrows": (("r", "h"), cursor_only_grows),
    "Refines": (("h",), refines),
}
