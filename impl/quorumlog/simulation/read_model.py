"""Sources, read models and sessions, the network between them and the write side behind them: one immutable value.

Each method is one step of the spec ReadModel. The write side is what that spec makes of consensus: for each shard a
log that is decided, and nodes that know more or less of it. Everything else is the core's. Spec: ReadModel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Folds
from quorumlog.core.read_model import (
    Ask,
    News,
    NodeId,
    Queue,
    ReaderId,
    ReadModel,
    ShardId,
    Source,
    Time,
    Token,
    UnknownSince,
    after_read,
    after_write,
    drop,
    on_ask,
    on_news,
    push,
    query,
    rebuild,
    replay,
    request,
    start,
    switch,
)
from quorumlog.persistent.frozen_map import FrozenMap

SessionId: TypeAlias = str
Event: TypeAlias = str
Events: TypeAlias = tuple[Event, ...]
Reader: TypeAlias = ReadModel[int, Event]
Positions: TypeAlias = FrozenMap[ShardId, int]
Message: TypeAlias = Ask | News[Event]
Network: TypeAlias = frozenset[Message]


class Node(Struct, frozen=True, cache_hash=True):
    """A node of the write side: its logs, how much of them it knows to be committed, and its subscribers."""

    log: FrozenMap[ShardId, Events]
    commit_index: Positions
    sources: FrozenMap[ShardId, Source]


class Session(Struct, frozen=True, cache_hash=True):
    """A client's session: its token, and the ghosts `seen` and `written`, which nothing but properties reads."""

    token: Token
    seen: Positions
    written: Positions


class Said(Struct, frozen=True, cache_hash=True):
    """The ghost of the last answer: whether it said `unknown`, and what it lacked of all that it should have held."""

    unknown: bool
    lacks: frozenset[str]


class Setting(Struct, frozen=True, cache_hash=True):
    """What never changes: who there is, who subscribes, who sends tokens, and the projection."""

    nodes: tuple[NodeId, ...]
    readers: tuple[ReaderId, ...]
    pushed: frozenset[ReaderId]
    sessions: tuple[SessionId, ...]
    careful: frozenset[SessionId]
    shards: tuple[ShardId, ...]
    batch: int
    patience: Time
    folds: Folds[int, Event]


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    decided: FrozenMap[ShardId, Events]
    nodes: FrozenMap[NodeId, Node]
    readers: FrozenMap[ReaderId, Reader]
    sessions: FrozenMap[SessionId, Session]
    now: Time
    network: Network
    knew: FrozenMap[NodeId, tuple[Positions, ...]]
    answer: Said


class Readings(Struct, frozen=True, cache_hash=True):
    """The whole world of ReadModel. `setting` never changes; `knew` and `answer` are ghosts."""

    setting: Setting
    decided: FrozenMap[ShardId, Events]
    nodes: FrozenMap[NodeId, Node]
    readers: FrozenMap[ReaderId, Reader]
    sessions: FrozenMap[SessionId, Session]
    now: Time
    network: Network
    knew: FrozenMap[NodeId, tuple[Positions, ...]]
    answer: Said

    @classmethod
    def of(cls, setting: Setting, following: Iterable[NodeId]) -> Readings:
        """No events, and nobody has asked; each read model follows one of the nodes. Spec: ReadModel!Init."""
        shards, readers = setting.shards, setting.readers
        none = nothing(shards)
        nobody = FrozenMap({shard: Source(FrozenMap(dict.fromkeys(readers, None))) for shard in shards})
        sources = zip(readers, following, strict=True)
        return cls(
            setting=setting,
            decided=FrozenMap(dict.fromkeys(shards, ())),
            nodes=FrozenMap({n: Node(FrozenMap(dict.fromkeys(shards, ())), none, nobody) for n in setting.nodes}),
            readers=FrozenMap({r: start(r, n, shards, setting.folds, r in setting.pushed) for r, n in sources}),
            sessions=FrozenMap(dict.fromkeys(setting.sessions, Session(none, none, none))),
            now=1,
            network=frozenset(),
            knew=FrozenMap(dict.fromkeys(setting.nodes, (none,))),
            answer=Said(False, frozenset()),
        )

    def change(self, **parts: Unpack[Parts]) -> Readings:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    # -- the write side ------------------------------------------------------------------------------------------

    def with_node(self, n: NodeId, **parts: object) -> FrozenMap[NodeId, Node]:
        """The nodes, of which one is changed."""
        return self.nodes.set(n, replace(self.nodes[n], **parts))

    def hold(self, n: NodeId, h: ShardId, event: Event) -> Readings:
        """A node holds one more event. Spec: ReadModel!Hold."""
        log = self.nodes[n].log
        return self.change(nodes=self.with_node(n, log=log.set(h, (*log[h], event))))

    def decide(self, n: NodeId, h: ShardId, s: SessionId) -> Readings:
        """A node's next event is committed, and a session is told its position. Spec: ReadModel!Decide."""
        node = self.nodes[n]
        known = node.commit_index[h]
        if known >= len(node.log[h]) or known != len(self.decided[h]):
            raise Refused(f"{n} can commit nothing in {h}")
        session = self.sessions[s]
        told = replace(
            session, token=after_write(session.token, h, known + 1), written=session.written.set(h, known + 1)
        )
        return self.change(
            decided=self.decided.set(h, (*self.decided[h], node.log[h][known])),
            sessions=self.sessions.set(s, told),
            nodes=self.with_node(n, commit_index=node.commit_index.set(h, known + 1)),
        )

    def learn(self, n: NodeId, h: ShardId) -> Readings:
        """A node gets to know that one more event is committed. Spec: ReadModel!Learn."""
        node = self.nodes[n]
        known = node.commit_index[h]
        if known >= len(self.decided[h]):
            raise Refused(f"{n} knows all of {h}")
        committed = self.decided[h][: known + 1]
        kept = node.log[h] if node.log[h][: known + 1] == committed else committed
        learned = node.commit_index.set(h, known + 1)
        return self.change(nodes=self.with_node(n, log=node.log.set(h, kept), commit_index=learned))

    def crash(self, n: NodeId) -> Readings:
        """A node forgets what is committed, and its subscribers. Spec: ReadModel!Crash."""
        none = nothing(self.setting.shards)
        nobody = Source(FrozenMap(dict.fromkeys(self.setting.readers, None)))
        forgotten = self.with_node(n, commit_index=none, sources=FrozenMap(dict.fromkeys(self.setting.shards, nobody)))
        return self.change(knew=self.knew.set(n, (none,) * len(self.knew[n])), nodes=forgotten)

    def tick(self) -> Readings:
        """Time passes. Spec: ReadModel!Tick."""
        knew = {n: (*self.knew[n], self.nodes[n].commit_index) for n in self.setting.nodes}
        return self.change(now=self.now + 1, knew=FrozenMap(knew))

    def lose(self, message: Message) -> Readings:
        """A message is lost. Spec: ReadModel!Lose."""
        return self.change(network=self.network - frozenset((message,)))

    # -- a node as a source --------------------------------------------------------------------------------------

    def queue(self, n: NodeId, h: ShardId) -> Queue[Event]:
        """What a node holds of a shard."""
        node = self.nodes[n]
        return Queue(n, h, node.log[h], node.commit_index[h], self.setting.batch)

    def on_ask(self, n: NodeId, message: Message) -> Readings:
        """A node is asked. Spec: ReadModel!OnAsk."""
        if not isinstance(message, Ask) or message not in self.network:
            raise Refused("no question is on its way")
        sources = self.nodes[n].sources
        source, news = on_ask(sources[message.shard], self.queue(n, message.shard), message)
        asked = self.with_node(n, sources=sources.set(message.shard, source))
        return self.change(network=send(self.network, news), nodes=asked)

    def push(self, n: NodeId, r: ReaderId, h: ShardId) -> Readings:
        """A node sends a subscriber what is new. Spec: ReadModel!Push."""
        sources = self.nodes[n].sources
        source, news = push(sources[h], self.queue(n, h), r)
        return self.change(network=send(self.network, news), nodes=self.with_node(n, sources=sources.set(h, source)))

    def drop(self, n: NodeId, r: ReaderId, h: ShardId) -> Readings:
        """A node drops a subscription. Spec: ReadModel!Drop."""
        sources = self.nodes[n].sources
        return self.change(nodes=self.with_node(n, sources=sources.set(h, drop(sources[h], r))))

    # -- a read model --------------------------------------------------------------------------------------------

    def with_reader(self, reader: Reader) -> Readings:
        """The world in which one read model has changed."""
        return self.change(readers=self.readers.set(reader.name, reader))

    def request(self, r: ReaderId, h: ShardId) -> Readings:
        """A read model asks. Spec: ReadModel!Request."""
        return self.change(network=send(self.network, request(self.readers[r], h, self.now)))

    def on_news(self, r: ReaderId, message: Message) -> Readings:
        """A read model is told something. Spec: ReadModel!OnNews."""
        if not isinstance(message, News) or message not in self.network:
            raise Refused("no news is on its way")
        return self.with_reader(on_news(self.readers[r], self.setting.folds, message))

    def switch(self, r: ReaderId, n: NodeId) -> Readings:
        """A read model follows another node. Spec: ReadModel!Switch."""
        return self.with_reader(switch(self.readers[r], n))

    def rebuild(self, r: ReaderId, h: ShardId) -> Readings:
        """A projection is thrown away. Spec: ReadModel!Rebuild."""
        return self.with_reader(rebuild(self.readers[r], self.setting.folds, h))

    def replay(self, r: ReaderId, h: ShardId) -> Readings:
        """A projection takes one more event. Spec: ReadModel!Replay."""
        return self.with_reader(replay(self.readers[r], self.setting.folds, h))

    # -- a session -----------------------------------------------------------------------------------------------

    def query(self, s: SessionId, r: ReaderId, h: ShardId) -> Readings:
        """A session asks a read model, and is answered. Spec: ReadModel!Query."""
        session, reader = self.sessions[s], self.readers[r]
        need = session.token[h] if s in self.setting.careful else 0
        answer = query(reader, h, need, self.now, self.setting.patience)
        unknown = isinstance(answer.freshness, UnknownSince)
        lacks = {"read": answer.position < session.seen[h], "written": answer.position < session.written[h]}
        if not unknown:
            lacks["recent"] = answer.position < self.knew_long_ago(reader.source, h)
        seen = session.seen.set(h, max(session.seen[h], answer.position))
        asked = replace(session, token=after_read(session.token, h, answer.position), seen=seen)
        said = Said(unknown, frozenset(name for name, lacking in lacks.items() if lacking))
        return self.change(sessions=self.sessions.set(s, asked), answer=said)

    def knew_long_ago(self, n: NodeId, h: ShardId) -> int:
        """What a node has known for longer than an answer may be taken for recent. Spec: ReadModel!KnewLongAgo."""
        then = self.now - self.setting.patience
        return self.knew[n][then - 1][h] if then > 0 else 0


def nothing(shards: Iterable[ShardId]) -> Positions:
    """Position 0 of each shard. Spec: ReadModel!NoneOfAny."""
    return FrozenMap(dict.fromkeys(shards, 0))


def send(network: Network, message: Message) -> Network:
    """A message is on its way."""
    return network | frozenset((message,))
