"""Replicas that decide on their speculative states, while leaders change. Spec: Speculation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import fold
from quorumlog.core.speculation import Speculative, begin
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.agreed import check_complete, common
from quorumlog.simulation.small_applications import Purse

NodeId: TypeAlias = str
Entries: TypeAlias = tuple[tuple[str, ...], ...]
COMMANDS: Final = ("put", "take")
DICE: Final = (1, 2)


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    decided: Entries
    newest: NodeId | None
    log: FrozenMap[NodeId, Entries]
    replicas: FrozenMap[NodeId, Speculative[int]]


class Speculation(Struct, frozen=True, cache_hash=True):
    """Replicas of a purse. The application never changes."""

    application: Purse
    decided: Entries
    newest: NodeId | None
    log: FrozenMap[NodeId, Entries]
    replicas: FrozenMap[NodeId, Speculative[int]]

    @classmethod
    def of(cls, nodes: Iterable[NodeId]) -> Speculation:
        """There is nothing, and nobody leads. Spec: Speculation!Init."""
        members, purse = tuple(nodes), Purse()
        return cls(
            application=purse,
            decided=(),
            newest=None,
            log=FrozenMap(dict.fromkeys(members, ())),
            replicas=FrozenMap(dict.fromkeys(members, begin(purse))),
        )

    def change(self, **parts: Unpack[Parts]) -> Speculation:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def lead(self, node: NodeId) -> Speculation:
        """A node learns that it leads. Spec: Speculation!Lead."""
        led = self.replicas[node].lead(self.application, self.log[node])
        check_complete(self.log[node], self.decided)
        return self.change(newest=node, replicas=self.replicas.set(node, led))

    def decide(self, node: NodeId, command: str, randomness: int) -> Speculation:
        """A leader, deposed or not, turns a command into events. Spec: Speculation!Decide."""
        decided, entry = self.replicas[node].decide(self.application, command, randomness)
        log = self.log.set(node, (*self.log[node], entry))
        return self.change(log=log, replicas=self.replicas.set(node, decided))

    def learn(self, node: NodeId) -> Speculation:
        """A node learns that the next entry of its log is decided. Spec: Speculation!Learn."""
        known = common(self.log[node], self.decided)
        learnt = self.replicas[node].learn(self.application, self.log[node], known)
        return self.change(replicas=self.replicas.set(node, learnt))

    def follow(self, node: NodeId) -> Speculation:
        """A deposed leader hears of its successor. Spec: Speculation!Follow."""
        if self.newest == node:
            raise Refused("it has no successor")
        return self.change(replicas=self.replicas.set(node, self.replicas[node].follow()))

    def agree(self) -> Speculation:
        """The next entry of the newest leader is decided. Spec: Speculation!Agree."""
        count, newest = len(self.decided), self.newest
        if newest is None or not self.replicas[newest].leads or count == len(self.log[newest]):
            raise Refused("there is nothing to be decided")
        return self.change(decided=self.log[newest][: count + 1])

    def copy(self, node: NodeId) -> Speculation:
        """A node that does not lead gets the log of the newest leader. Spec: Speculation!Copy."""
        newest = self.newest
        if newest is None or newest == node or self.replicas[node].leads or self.log[node] == self.log[newest]:
            raise Refused("there is nothing to be copied")
        return self.change(log=self.log.set(node, self.log[newest]))

    def restart(self, node: NodeId) -> Speculation:
        """A node crashes, and starts again with its log. Spec: Speculation!Restart."""
        return self.change(replicas=self.replicas.set(node, begin(self.application)))

    def replay(self, entries: Entries) -> int:
        """The state that these entries make. Spec: Speculation!Replay."""
        return fold(self.application, self.application.start(), chain.from_iterable(entries))


def types_are_right(world: Speculation) -> bool:
    """A node that has led is one of the nodes, and nothing counts below zero."""
    known = world.newest is None or world.newest in world.replicas
    return known and all(replica.folded >= 0 and replica.state >= 0 for replica in world.replicas.values())


def state_is_decided(world: Speculation) -> bool:
    """A node's state is the fold of what is decided, and of nothing else."""
    return all(
        replica.folded <= len(world.decided) and replica.state == world.replay(world.decided[: replica.folded])
        for replica in world.replicas.values()
    )


def draft_is_whole_log(world: Speculation) -> bool:
    """A leader's speculative state is the fold of its whole log."""
    return all(
        replica.draft == world.replay(world.log[node]) for node, replica in world.replicas.items() if replica.leads
    )


def draft_is_discarded(world: Speculation) -> bool:
    """Nobody but a leader has a speculative state."""
    return all(replica.leads or replica.draft is None for replica in world.replicas.values())


def decided_on_its_past(world: Speculation) -> bool:
    """Whatever is decided is what some command becomes in the state before it."""
    for place, entry in enumerate(world.decided):
        before = world.replay(world.decided[:place])
        if not any(entry == world.application.decide(before, command, die) for command in COMMANDS for die in DICE):
            return False
    return True


def extends(world: Speculation, following: Speculation) -> bool:
    """What is decided only grows."""
    return following.decided[: len(world.decided)] == world.decided


INVARIANTS: Final[Mapping[str, Callable[[Speculation], bool]]] = {
    "TypeOK": types_are_right,
    "StateIsDecided": state_is_decided,
    "DraftIsWholeLog": draft_is_whole_log,
    "DraftIsDiscarded": draft_is_discarded,
    "DecidedOnItsPast": decided_on_its_past,
}

STEPS: Final[Mapping[str, Callable[[Speculation, Speculation], bool]]] = {"Refines": extends}
