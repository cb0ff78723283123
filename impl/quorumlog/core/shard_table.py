"""Which shard decides a command: the table of shards, routers that read it, and shards that hold keys by it.

The table is an application over a replicated log, and its versions are the positions of that log. Routers and shards
read it late, so it decides nothing: a shard decides for the keys that it *holds* by events of its own log, and hands a
key over, with all that it has decided for it, once its release is committed. Functions of a shard's leader append to
its draft; what a leader says to others, refusals excepted, it says of what is committed. Spec: Routing.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.persistent.frozen_map import FrozenMap

Key: TypeAlias = str
ShardId: TypeAlias = str
RouterId: TypeAlias = str
CommandId: TypeAlias = str


class Command(Struct, frozen=True, cache_hash=True):
    """What a client asks for: it has an identity, kept when it is sent again, and is about one key."""

    identity: CommandId
    key: Key


# -- the table -----------------------------------------------------------------------------------------------


class Assignment(Struct, frozen=True, cache_hash=True):
    """A key is owned by a shard from now on: command and event of the table."""

    key: Key
    shard: ShardId


Table: TypeAlias = tuple[Assignment, ...]


def owner(table: Table, key: Key) -> ShardId | None:
    """Who owns a key, as far as this table goes; nobody owns an unknown one. Spec: Routing!OwnerAt."""
    return next((each.shard for each in reversed(table) if each.key == key), None)


def next_about(table: Table, key: Key, version: int) -> int:
    """The first later version that is about a key, 0 if there is none. Spec: Routing!NextAbout."""
    return next((v for v, each in enumerate(table[version:], version + 1) if each.key == key), 0)


class ShardTable:
    """The table as an application over a log. Nothing about it is random."""

    def start(self) -> Table:
        """No key has an owner."""
        return ()

    def evolve(self, state: Table, event: Assignment) -> Table:
        """One more version."""
        return (*state, event)

    def decide(self, state: Table, command: Assignment, randomness: None = None) -> tuple[Assignment, ...]:
        """Gives a key to a shard. Refused if that one owns it already. Spec: Routing!Assign."""
        if owner(state, command.key) == command.shard:
            raise Refused(f"{command.shard} owns {command.key} already")
        return (command,)

    def answer(self, state: Table, events: tuple[Assignment, ...]) -> int:
        """The version that was made."""
        return len(state)


# -- messages, and the events of a shard ---------------------------------------------------------------------


class Request(Struct, frozen=True, cache_hash=True):
    """A router sends a command on. Spec: Routing!Request."""

    sender: RouterId
    to: ShardId
    command: Command


class Refusal(Struct, frozen=True, cache_hash=True):
    """A shard does not hold the key, and has read the table up to this version. Spec: Routing!Refusal."""

    to: RouterId
    version: int


class Handover(Struct, frozen=True, cache_hash=True):
    """A key goes to its next owner, with all that was decided for it. Spec: Routing!Handover."""

    key: Key
    version: int
    to: ShardId
    decided: tuple[CommandId, ...]


class Taken(Struct, frozen=True, cache_hash=True):
    """The shard holds a key, as a version says, and these commands were decided before. Spec: Routing!Taken."""

    key: Key
    version: int
    decided: tuple[CommandId, ...]


class Decided(Struct, frozen=True, cache_hash=True):
    """The shard has decided a command. Spec: Routing!Decided."""

    command: Command


class Released(Struct, frozen=True, cache_hash=True):
    """The shard holds a key no longer: a version gives it to another. Spec: Routing!Released."""

    key: Key
    version: int
    to: ShardId


ShardEvent: TypeAlias = Taken | Decided | Released


class KeyState(Struct, frozen=True, cache_hash=True):
    """What a shard's events have made of a key; `next` is the version that took it away, `to` its next owner."""

    version: int = 0
    holds: bool = False
    decided: tuple[CommandId, ...] = ()
    next: int = 0
    to: ShardId | None = None


FRESH: Final = KeyState()
"""A key that the shard has never held."""

Keys: TypeAlias = FrozenMap[Key, KeyState]


def evolve(keys: Keys, event: ShardEvent) -> Keys:
    """The state after one more event. Spec: Routing!Evolve."""
    if isinstance(event, Taken):
        return keys.set(event.key, KeyState(event.version, True, event.decided))
    if isinstance(event, Released):
        return keys.set(event.key, replace(keys[event.key], holds=False, next=event.version, to=event.to))
    state = keys[event.command.key]
    return keys.set(event.command.key, replace(state, decided=(*state.decided, event.command.identity)))


# -- the leader of a shard -----------------------------------------------------------------------------------


class ShardLeader(Struct, frozen=True, cache_hash=True):
    """A shard as its leader sees it: what is committed, what it has appended to it, and the table that it has read."""

    name: ShardId
    keys: Keys = FrozenMap({})
    draft: tuple[ShardEvent, ...] = ()
    heard: Table = ()

    def speculative(self, key: Key) -> KeyState:
        """What the leader decides on. Spec: Routing!Speculative."""
        keys = self.keys
        for event in self.draft:
            keys = evolve(keys, event)
        return keys.get(key, FRESH)

    def appends(self, event: ShardEvent) -> ShardLeader:
        """The draft with one more event. Spec: Routing!Appends."""
        return replace(self, draft=(*self.draft, event))


def hear(shard: ShardLeader, assignment: Assignment) -> ShardLeader:
    """The leader reads the next entry of the table. Spec: Routing!Hear."""
    return replace(shard, heard=(*shard.heard, assignment))


def take_first(shard: ShardLeader, key: Key) -> ShardLeader:
    """The shard takes a key that nobody has held before. Spec: Routing!TakeFirst."""
    version = next_about(shard.heard, key, 0)
    if not version or shard.heard[version - 1].shard != shard.name or shard.speculative(key).version >= version:
        raise Refused(f"{key} is not for {shard.name} to take")
    return shard.appends(Taken(key, version, ()))


def release(shard: ShardLeader, key: Key) -> ShardLeader:
    """The shard has heard that a key that it holds is to go to another one. Spec: Routing!Release."""
    state = shard.speculative(key)
    version = next_about(shard.heard, key, state.version)
    if not state.holds or not version:
        raise Refused(f"{shard.name} has no cause to release {key}")
    return shard.appends(Released(key, version, shard.heard[version - 1].shard))


def hand_over(shard: ShardLeader, key: Key) -> Handover:
    """What the next owner is told, again and again, once the release is committed. Spec: Routing!HandOver."""
    state = shard.keys.get(key, FRESH)
    if state.to is None:
        raise Refused(f"{shard.name} has not released {key}")
    return Handover(key, state.next, state.to, state.decided)


def on_handover(shard: ShardLeader, handover: Handover) -> ShardLeader:
    """The shard takes a key that is handed to it, once for each version. Spec: Routing!OnHandover."""
    if handover.to != shard.name:
        raise Refused(f"this is not for {shard.name}")
    if shard.speculative(handover.key).version >= handover.version:
        return shard
    return shard.appends(Taken(handover.key, handover.version, handover.decided))


def on_request(shard: ShardLeader, request: Request) -> tuple[ShardLeader, Refusal | None]:
    """A command arrives: it is decided once, if the shard holds its key. Spec: Routing!OnRequest."""
    if request.to != shard.name:
        raise Refused(f"this is not for {shard.name}")
    state = shard.speculative(request.command.key)
    if not state.holds:
        return shard, Refusal(request.sender, len(shard.heard))
    if request.command.identity in state.decided:
        return shard, None
    return shard.appends(Decided(request.command)), None


def is_decided(shard: ShardLeader, command: Command) -> bool:
    """Whether the client may be told that a command is decided. Spec: Routing!Answer."""
    return command.identity in shard.keys.get(command.key, FRESH).decided


def commit(shard: ShardLeader) -> tuple[ShardLeader, ShardEvent]:
    """The next event of the draft is committed. Spec: Routing!Commit."""
    if not shard.draft:
        raise Refused(f"{shard.name} has nothing to commit")
    event = shard.draft[0]
    return replace(shard, keys=evolve(shard.keys, event), draft=shard.draft[1:]), event


def depose(shard: ShardLeader) -> ShardLeader:
    """Another leader, which has only what is committed, and has yet to read the table. Spec: Routing!Depose."""
    return replace(shard, draft=(), heard=())


# -- a router ------------------------------------------------------------------------------------------------


class Router(Struct, frozen=True, cache_hash=True):
    """A router: its copy of the table, and the version that it must have before it routes again."""

    name: RouterId
    copy: Table = ()
    least: int = 0


def route(router: Router, command: Command) -> Request:
    """A command for the owner of its key. Refused while the table is known to be stale. Spec: Routing!Route."""
    shard = owner(router.copy, command.key)
    if len(router.copy) < router.least or shard is None:
        raise Refused(f"{router.name} cannot tell who owns {command.key}")
    return Request(router.name, shard, command)


def on_refusal(router: Router, refusal: Refusal) -> Router:
    """A shard has another table: what it has read, this router has to read. Spec: Routing!OnRefusal."""
    if refusal.to != router.name:
        raise Refused(f"this is not for {router.name}")
    return replace(router, least=max(router.least, refusal.version))


def refresh(router: Router, assignment: Assignment) -> Router:
    """The router reads the next entry of the table. Spec: Routing!Refresh."""
    return replace(router, copy=(*router.copy, assignment))


def is_unknown(router: Router, key: Key, confirmed: int) -> bool:
    """Whether a key may be refused, when a consistent read has confirmed this version. Spec: Routing!Refuse."""
    return len(router.copy) == confirmed and owner(router.copy, key) is None
