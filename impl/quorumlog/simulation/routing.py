"""A table of shards, shards that hold keys, routers and clients, and the network between them: one immutable value.

Each method is one step of the spec Routing, and calls the core's function for it. Consensus is what that spec makes of
it: a draft is committed event by event, or lost with its leader. Spec: Routing.
"""

from __future__ import annotations

from typing import TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.shard_table import (
    FRESH,
    Assignment,
    Command,
    CommandId,
    Decided,
    Handover,
    Key,
    Refusal,
    Request,
    Router,
    RouterId,
    ShardId,
    ShardLeader,
    ShardTable,
    Table,
    commit,
    depose,
    hand_over,
    hear,
    is_decided,
    is_unknown,
    on_handover,
    on_refusal,
    on_request,
    refresh,
    release,
    route,
    take_first,
)
from quorumlog.persistent.frozen_map import FrozenMap

Message: TypeAlias = Request | Refusal | Handover
Network: TypeAlias = frozenset[Message]
TABLE = ShardTable()


class Entry(Struct, frozen=True, cache_hash=True):
    """One decision in the ghost `history`: which command, by which shard, holding its key under which version."""

    command: CommandId
    shard: ShardId
    version: int


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    table: Table
    shards: FrozenMap[ShardId, ShardLeader]
    routers: FrozenMap[RouterId, Router]
    network: Network
    answered: FrozenMap[CommandId, str]
    history: FrozenMap[Key, tuple[Entry, ...]]


class Routed(Struct, frozen=True, cache_hash=True):
    """The whole world of Routing. `commands` never changes; `history` is a ghost."""

    commands: FrozenMap[CommandId, Command]
    table: Table
    shards: FrozenMap[ShardId, ShardLeader]
    routers: FrozenMap[RouterId, Router]
    network: Network
    answered: FrozenMap[CommandId, str]
    history: FrozenMap[Key, tuple[Entry, ...]]

    @classmethod
    def of(
        cls,
        keys: tuple[Key, ...],
        shards: tuple[ShardId, ...],
        routers: tuple[RouterId, ...],
        commands: tuple[Command, ...],
    ) -> Routed:
        """No key has an owner. Spec: Routing!Init."""
        unheld = FrozenMap(dict.fromkeys(keys, FRESH))
        return cls(
            commands=FrozenMap({command.identity: command for command in commands}),
            table=TABLE.start(),
            shards=FrozenMap({shard: ShardLeader(shard, unheld) for shard in shards}),
            routers=FrozenMap({router: Router(router) for router in routers}),
            network=frozenset(),
            answered=FrozenMap({command.identity: "no" for command in commands}),
            history=FrozenMap(dict.fromkeys(keys, ())),
        )

    def change(self, **parts: Unpack[Parts]) -> Routed:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def with_shard(self, shard: ShardLeader) -> FrozenMap[ShardId, ShardLeader]:
        """The shards, of which one has changed."""
        return self.shards.set(shard.name, shard)

    def with_router(self, router: Router) -> FrozenMap[RouterId, Router]:
        """The routers, of which one has changed."""
        return self.routers.set(router.name, router)

    def next_entry(self, read: int) -> Assignment:
        """The entry of the table that follows what somebody has read."""
        if read >= len(self.table):
            raise Refused("there is no more to read")
        return self.table[read]

    # -- the table -----------------------------------------------------------------------------------------------

    def assign(self, k: Key, h: ShardId) -> Routed:
        """A key is given to a shard. Spec: Routing!Assign."""
        table = self.table
        for event in TABLE.decide(table, Assignment(k, h)):
            table = TABLE.evolve(table, event)
        return self.change(table=table)

    # -- a shard -------------------------------------------------------------------------------------------------

    def hear(self, h: ShardId) -> Routed:
        """A shard reads one more entry of the table. Spec: Routing!Hear."""
        shard = self.shards[h]
        return self.change(shards=self.with_shard(hear(shard, self.next_entry(len(shard.heard)))))

    def take_first(self, h: ShardId, k: Key) -> Routed:
        """A shard takes a new key. Spec: Routing!TakeFirst."""
        return self.change(shards=self.with_shard(take_first(self.shards[h], k)))

    def release(self, h: ShardId, k: Key) -> Routed:
        """A shard releases a key. Spec: Routing!Release."""
        return self.change(shards=self.with_shard(release(self.shards[h], k)))

    def hand_over(self, h: ShardId, k: Key) -> Routed:
        """A shard hands a key over. Spec: Routing!HandOver."""
        return self.change(network=send(self.network, hand_over(self.shards[h], k)))

    def on_handover(self, h: ShardId, message: Message) -> Routed:
        """A shard is handed a key. Spec: Routing!OnHandover."""
        if not isinstance(message, Handover) or message not in self.network:
            raise Refused("no key is on its way")
        return self.change(shards=self.with_shard(on_handover(self.shards[h], message)))

    def on_request(self, h: ShardId, message: Message) -> Routed:
        """A command arrives at a shard. Spec: Routing!OnRequest."""
        if not isinstance(message, Request) or message not in self.network:
            raise Refused("no command is on its way")
        shard, refusal = on_request(self.shards[h], message)
        if refusal is not None:
            return self.change(network=send(self.network, refusal))
        return self.change(shards=self.with_shard(shard))

    def answer(self, h: ShardId, c: CommandId) -> Routed:
        """A client is told that its command is decided. Spec: Routing!Answer."""
        if not is_decided(self.shards[h], self.commands[c]):
            raise Refused(f"{h} knows of no decision of {c}")
        return self.change(answered=self.answered.set(c, "decided"))

    def commit(self, h: ShardId) -> Routed:
        """A shard's next event is committed. Spec: Routing!Commit."""
        before = self.shards[h]
        shard, event = commit(before)
        shards = self.with_shard(shard)
        if not isinstance(event, Decided):
            return self.change(shards=shards)
        key = event.command.key
        entry = Entry(event.command.identity, h, before.keys[key].version)
        return self.change(shards=shards, history=self.history.set(key, (*self.history[key], entry)))

    def depose(self, h: ShardId) -> Routed:
        """A shard has a new leader. Spec: Routing!Depose."""
        return self.change(shards=self.with_shard(depose(self.shards[h])))

    # -- a router ------------------------------------------------------------------------------------------------

    def route(self, r: RouterId, c: CommandId) -> Routed:
        """A router sends a command on. Spec: Routing!Route."""
        return self.change(network=send(self.network, route(self.routers[r], self.commands[c])))

    def on_refusal(self, r: RouterId, message: Message) -> Routed:
        """A router hears of a stale table. Spec: Routing!OnRefusal."""
        if not isinstance(message, Refusal) or message not in self.network:
            raise Refused("no refusal is on its way")
        return self.change(routers=self.with_router(on_refusal(self.routers[r], message)))

    def refresh(self, r: RouterId) -> Routed:
        """A router reads one more entry of the table. Spec: Routing!Refresh."""
        router = self.routers[r]
        return self.change(routers=self.with_router(refresh(router, self.next_entry(len(router.copy)))))

    def refuse(self, r: RouterId, c: CommandId) -> Routed:
        """A router refuses a command for an unknown key. Spec: Routing!Refuse."""
        if not is_unknown(self.routers[r], self.commands[c].key, len(self.table)):
            raise Refused(f"{r} is not sure that the key of {c} is unknown")
        told = self.answered[c]
        return self.change(answered=self.answered.set(c, "unknown" if told == "no" else told))

    def replace(self, r: RouterId) -> Routed:
        """Another router takes a router's place. Spec: Routing!Replace."""
        return self.change(routers=self.with_router(Router(r)))

    def lose(self, message: Message) -> Routed:
        """A message is lost. Spec: Routing!Lose."""
        return self.change(network=self.network - frozenset((message,)))


def send(network: Network, message: Message) -> Network:
    """A message is on its way."""
    return network | frozenset((message,))
