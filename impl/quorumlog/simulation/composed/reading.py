"""Reads in the whole system that no log sees: a leader asks a quorum, or a read model is asked."""

from __future__ import annotations

from typing import Any, Final, Self

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consistent_read import Answer, GateEffect, PutQuestion, Question, Reply
from quorumlog.core.read_model import (
    Ask,
    News,
    Queue,
    ReaderId,
    ReadModel,
    after_read,
    drop,
    on_ask,
    on_news,
    push,
    query,
    rebuild,
    replay,
    request,
    switch,
)
from quorumlog.core.two_phase_commit.messages import ShardId
from quorumlog.ledger.commands import Balance
from quorumlog.node import written
from quorumlog.sharding.duties import GroupId
from quorumlog.simulation.composed.groups import Group, TheTable, Views
from quorumlog.simulation.composed.state import ClientId, Found, Query, with_news, without
from quorumlog.simulation.composed.transfers import Transfers

FITS: Final = 2  # events in one batch of news
PATIENCE: Final = 8  # ticks for which what a read model was told is recent


class Reading(Transfers, frozen=True):
    """The system, with reads."""

    # -- reads that ask a quorum --------------------------------------------------------------------------------

    def query(self, client: ClientId) -> Self:
        """A client asks what is on an account, for the first time or again."""
        doing = self.callers[client].doing
        command = None if doing is None or doing.operation.way != "index" else doing.operation.command
        if doing is None or not isinstance(command, Balance):
            raise Refused(f"{client} has no such question")
        query = Query(doing.operation.id, command.account, self.now)
        return self.change(queries=(*self.queries, query), now=self.now + 1)

    def on_query(self, i: ServerId, query: Query) -> Self:
        """The question arrives at a node of the account's shard."""
        g = self.placement.home(query.account)
        queries = without(self.queries, query)
        return self.change(queries=queries, groups=self.groups.set(g, self.groups[g].read(i, query)))

    def ask_quorum(self, g: GroupId, i: ServerId) -> Self:
        """A leader asks the other nodes whether it leads."""
        return self.confirmed(g, i, *self.groups[g].ask_quorum(i))

    def on_question(self, j: ServerId, g: GroupId, question: Question) -> Self:
        """Another node replies."""
        if (g, question) not in self.questions or j == question.sender:
            raise Refused("it is not on its way there")
        reply = self.groups[g].service.confirm(self.groups[g].nodes[j], question)
        return self.change(replies=tuple(dict.fromkeys((*self.replies, (g, reply)))))

    def on_reply(self, i: ServerId, g: GroupId, reply: Reply) -> Self:
        """A reply arrives, and may answer reads."""
        if (g, reply) not in self.replies:
            raise Refused("it is not on its way")
        return self.confirmed(g, i, *self.groups[g].on_reply(i, reply))

    def confirmed(self, g: GroupId, i: ServerId, group: Group, effects: tuple[GateEffect, ...]) -> Self:
        """A gate has put a question, or answers reads from what the node knows to be decided."""
        questions, found = self.questions, list[Found]()
        for effect in effects:
            if isinstance(effect, PutQuestion):
                questions = tuple(dict.fromkeys((*questions, (g, effect.question))))
            if isinstance(effect, Answer):
                books = group.nodes[i].gate.table.state
                found += [Found(query.read, g, books.find(query.account)) for query in effect.reads]  # type: ignore[attr-defined]
        return self.change(groups=self.groups.set(g, group), questions=questions).with_letters(found)

    # -- read models ----------------------------------------------------------------------------------------------

    def ask_news(self, r: ReaderId, s: ShardId) -> Self:
        """A read model asks its source what follows its copy."""
        ask = request(self.readers[r], s, self.now)
        return self.change(asks=tuple(dict.fromkeys((*self.asks, ask))), now=self.now + 1)

    def on_ask(self, ask: Ask) -> Self:
        """The question arrives, and is answered from what the node knows to be committed."""
        if ask not in self.asks:
            raise Refused("it is not on its way")
        source, news = on_ask(self.sources[ask.to], self.queue(ask.to, ask.shard), ask)
        asks = without(self.asks, ask)
        return self.change(asks=asks, sources=self.sources.set(ask.to, source), news=with_news(self.news, news))

    def push_news(self, i: ServerId, s: ShardId, r: ReaderId) -> Self:
        """A node tells a subscriber what it was not sent yet."""
        source, news = push(self.sources[i], self.queue(i, s), r)
        return self.change(sources=self.sources.set(i, source), news=with_news(self.news, news))

    def drop_subscriber(self, i: ServerId, r: ReaderId) -> Self:
        """A node forgets a subscriber."""
        return self.change(sources=self.sources.set(i, drop(self.sources[i], r)))

    def on_news(self, news: News[Any]) -> Self:
        """News arrives at a read model."""
        if news not in self.news:
            raise Refused("it is not on its way")
        return self.read(on_news(self.readers[news.to], self.views(news.shard), news))

    def lose_news(self, news: News[Any]) -> Self:
        """News is lost."""
        return self.change(news=without(self.news, news))

    def switch_source(self, r: ReaderId, i: ServerId) -> Self:
        """A read model turns to another node."""
        return self.read(switch(self.readers[r], i))

    def rebuild(self, r: ReaderId, s: ShardId) -> Self:
        """A read model throws its projection away."""
        return self.read(rebuild(self.readers[r], self.views(s), s))

    def replay(self, r: ReaderId, s: ShardId) -> Self:
        """A read model that rebuilds its projection takes one more event."""
        return self.read(replay(self.readers[r], self.views(s), s))

    def look(self, client: ClientId, r: ReaderId) -> Self:
        """A client looks at a read model, which tells it no less than it has read or written."""
        token, (shard,) = self.tokens[client], self.readers[r].copy
        found = query(self.readers[r], shard, token[shard], self.now, PATIENCE)
        return self.change(tokens=self.tokens.set(client, after_read(token, shard, found.position)))

    def read(self, model: ReadModel[TheTable, Any]) -> Self:
        """A read model is further."""
        return self.change(readers=self.readers.set(model.name, model))

    def views(self, shard: ShardId) -> Views:
        """The projection of a shard's events that read models keep."""
        return Views(self.groups[shard].service.rules)

    def queue(self, i: ServerId, s: ShardId) -> Queue[Any]:
        """What a node can tell read models of a shard."""
        if i not in self.groups[s].nodes:
            raise Refused(f"{i} is no node of {s}")
        node = self.groups[s].nodes[i]
        return Queue(i, s, written(node.replica.log), node.gate.applied, FITS)
