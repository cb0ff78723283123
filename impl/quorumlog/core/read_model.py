"""Read models: copies of the committed events, taken from any node, and the answers that sessions get from them.

Three parties, each a handful of pure functions. A *source* (a node, for one shard) tells what it knows to be committed,
when it is asked and to subscribers unasked. A *read model* keeps a cursor for each shard, takes what fits behind it and
folds it into a projection of the user's own. A *session* keeps a token, the positions that it has read and written, so
that no read model tells it less. Positions count the events of a shard's committed queue from 1. Spec: ReadModel.
"""

from __future__ import annotations

from typing import Final, Generic, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Folds, fold
from quorumlog.persistent.frozen_map import FrozenMap

NodeId: TypeAlias = str
ReaderId: TypeAlias = str
ShardId: TypeAlias = str
Time: TypeAlias = int
Token: TypeAlias = FrozenMap[ShardId, int]

State = TypeVar("State")
Event = TypeVar("Event")

NEVER: Final[Time] = 0
"""No time at all: clocks of read models show more."""


class Ask(Struct, frozen=True, cache_hash=True):
    """A read model asks for what follows its copy, and if it subscribes, for what will. Spec: ReadModel!Ask."""

    sender: ReaderId
    to: NodeId
    shard: ShardId
    after: int
    time: Time
    subscribe: bool


class News(Struct, Generic[Event], frozen=True, cache_hash=True):
    """Events after the first `after`, of `end` that the source knew; `time` is the question's. Spec: ReadModel!News."""

    sender: NodeId
    to: ReaderId
    shard: ShardId
    after: int
    events: tuple[Event, ...]
    end: int
    time: Time


# -- a node as a source --------------------------------------------------------------------------------------


class Source(Struct, frozen=True, cache_hash=True):
    """Up to where a node has sent a shard's events to each subscriber; None for one who is none. A crash forgets it."""

    sent: FrozenMap[ReaderId, int | None]


class Queue(Struct, Generic[Event], frozen=True):
    """What a node holds of a shard's events, how many of them it knows to be committed, and how many fit a message."""

    node: NodeId
    shard: ShardId
    log: tuple[Event, ...]
    committed: int
    batch: int

    def news(self, to: ReaderId, after: int, time: Time) -> News[Event]:
        """What is committed beyond the first `after` events, nothing that is merely held. Spec: ReadModel!NewsFor."""
        events = self.log[after : min(self.committed, after + self.batch)]
        return News(self.node, to, self.shard, after, events, self.committed, time)


def on_ask(source: Source, queue: Queue[Event], ask: Ask) -> tuple[Source, News[Event]]:
    """The reply to a question; who wants it is a subscriber from now on. Spec: ReadModel!OnAsk."""
    if ask.to != queue.node or ask.shard != queue.shard:
        raise Refused(f"{queue.node} is not asked about {queue.shard}")
    news = queue.news(ask.sender, ask.after, ask.time)
    if not ask.subscribe:
        return source, news
    return Source(source.sent.set(ask.sender, ask.after + len(news.events))), news


def push(source: Source, queue: Queue[Event], to: ReaderId) -> tuple[Source, News[Event]]:
    """What a subscriber was not sent yet. It goes on from what was sent, arrived or not. Spec: ReadModel!Push."""
    after = source.sent[to]
    if after is None or after >= queue.committed:
        raise Refused(f"{queue.node} has nothing for {to}")
    news = queue.news(to, after, NEVER)
    return Source(source.sent.set(to, after + len(news.events))), news


def drop(source: Source, subscriber: ReaderId) -> Source:
    """A subscription ends, at any time: who still wants it will ask. Spec: ReadModel!Drop."""
    if source.sent[subscriber] is None:
        raise Refused(f"{subscriber} is no subscriber")
    return Source(source.sent.set(subscriber, None))


# -- a read model --------------------------------------------------------------------------------------------


class ReadModel(Struct, Generic[State, Event], frozen=True, cache_hash=True):
    """A copy of each shard's committed events, and the projection that answers from it.

    `since` is when, by this read model's clock, it asked for what its source last told; `folded` is how many events of
    the copy are in the projection.
    """

    name: ReaderId
    subscribes: bool
    source: NodeId
    copy: FrozenMap[ShardId, tuple[Event, ...]]
    since: FrozenMap[ShardId, Time]
    folded: FrozenMap[ShardId, int]
    state: FrozenMap[ShardId, State]


class KnownSince(Struct, frozen=True):
    """The answer holds all that the source knew at this time, and that is not long ago."""

    time: Time


class UnknownSince(Struct, frozen=True):
    """How much the answer lags is not known: nothing was heard of what happened after this time."""

    time: Time


class Answer(Struct, Generic[State], frozen=True):
    """What a query gets: the projection's state, its position, and how fresh it is."""

    state: State
    position: int
    freshness: KnownSince | UnknownSince


def start(
    name: ReaderId, source: NodeId, shards: tuple[ShardId, ...], folds: Folds[State, Event], subscribes: bool
) -> ReadModel[State, Event]:
    """A read model that has heard nothing yet. Spec: ReadModel!Init."""
    return ReadModel(
        name=name,
        subscribes=subscribes,
        source=source,
        copy=FrozenMap(dict.fromkeys(shards, ())),
        since=FrozenMap(dict.fromkeys(shards, NEVER)),
        folded=FrozenMap(dict.fromkeys(shards, 0)),
        state=FrozenMap(dict.fromkeys(shards, folds.start())),
    )


def request(model: ReadModel[State, Event], shard: ShardId, now: Time) -> Ask:
    """The question for what follows the cursor, to be asked again and again. Spec: ReadModel!Request."""
    return Ask(model.name, model.source, shard, len(model.copy[shard]), now, model.subscribes)


def extended(copy: tuple[Event, ...], news: News[Event]) -> tuple[Event, ...]:
    """The copy with what follows it, unless something is missing in between. Spec: ReadModel!Extended."""
    if news.after > len(copy):
        return copy
    return copy + news.events[len(copy) - news.after :]


def on_news(model: ReadModel[State, Event], folds: Folds[State, Event], news: News[Event]) -> ReadModel[State, Event]:
    """News arrives, from the present source or a former one: both tell the same events. Spec: ReadModel!OnNews.

    The projection follows at once, unless it is being rebuilt and behind already. What is told by the present source
    up to its end is complete as of the question, not of the reply: the source may have learned more meanwhile.
    """
    if news.to != model.name:
        raise Refused(f"{model.name} is not told this")
    shard = news.shard
    before = model.copy[shard]
    after = extended(before, news)
    changed = replace(model, copy=model.copy.set(shard, after))
    if model.folded[shard] == len(before):
        state = fold(folds, model.state[shard], after[len(before) :])
        changed = replace(changed, folded=model.folded.set(shard, len(after)), state=model.state.set(shard, state))
    if news.sender == model.source and news.end <= len(after):
        changed = replace(changed, since=model.since.set(shard, max(model.since[shard], news.time)))
    return changed


def switch(model: ReadModel[State, Event], source: NodeId) -> ReadModel[State, Event]:
    """Another source from now on. The copy stays; of the new source nothing is known yet. Spec: ReadModel!Switch."""
    if source == model.source:
        raise Refused(f"{model.name} follows {source} already")
    return replace(model, source=source, since=FrozenMap(dict.fromkeys(model.since, NEVER)))


def rebuild(model: ReadModel[State, Event], folds: Folds[State, Event], shard: ShardId) -> ReadModel[State, Event]:
    """The projection is thrown away and made anew from the copy: its program has changed. Spec: ReadModel!Rebuild."""
    return replace(model, folded=model.folded.set(shard, 0), state=model.state.set(shard, folds.start()))


def replay(model: ReadModel[State, Event], folds: Folds[State, Event], shard: ShardId) -> ReadModel[State, Event]:
    """A projection that is being rebuilt takes one more event. Spec: ReadModel!Replay."""
    folded = model.folded[shard]
    if folded >= len(model.copy[shard]):
        raise Refused(f"the projection of {shard} is complete")
    state = folds.evolve(model.state[shard], model.copy[shard][folded])
    return replace(model, folded=model.folded.set(shard, folded + 1), state=model.state.set(shard, state))


def query(model: ReadModel[State, Event], shard: ShardId, need: int, now: Time, patience: Time) -> Answer[State]:
    """The answer to a session that must not be told less than position `need`. Spec: ReadModel!Query.

    Refused while the projection is being rebuilt or behind that position: the session asks again, or somebody else.
    """
    position = model.folded[shard]
    if position < len(model.copy[shard]):
        raise Refused(f"the projection of {shard} is being rebuilt")
    if position < need:
        raise Refused(f"{model.name} is at {position} of {shard}, and {need} is needed")
    return Answer(model.state[shard], position, freshness(model.since[shard], now, patience))


def freshness(since: Time, now: Time, patience: Time) -> KnownSince | UnknownSince:
    """Whether what was last heard is recent enough to say how fresh a copy is. Spec: ReadModel!Unknown."""
    if since == NEVER or now > since + patience:
        return UnknownSince(since)
    return KnownSince(since)


# -- a session -----------------------------------------------------------------------------------------------


def after_read(token: Token, shard: ShardId, position: int) -> Token:
    """The token of a session that was answered at this position. Spec: ReadModel!Query."""
    return token.set(shard, max(token[shard], position))


def after_write(token: Token, shard: ShardId, position: int) -> Token:
    """The token of a session that was told that its command is committed there. Spec: ReadModel!Decide."""
    return token.set(shard, max(token[shard], position))
