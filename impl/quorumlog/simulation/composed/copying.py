"""What sources, read models and sessions did about one shard, in a walk of the whole system, in the words of ReadModel.

The write side is an abstraction in that spec, and judged by Replication here: of it the world of the spec is told only
what each node holds, what it knows to be committed, and what each session has heard. A projection is told as the number
of events that it was made of; that it is what these events make is compared after each move.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.leader_output import Say
from quorumlog.core.read_model import Ask, News, ReaderId, ReadModel
from quorumlog.node import written
from quorumlog.simulation.composed.calls import place_of
from quorumlog.simulation.composed.consensus import NAMES, Taken
from quorumlog.simulation.composed.groups import Group, TheTable
from quorumlog.simulation.composed.reading import FITS, PATIENCE
from quorumlog.simulation.composed.state import ClientId
from quorumlog.simulation.composed.system import System
from quorumlog.simulation.composed.telling import Step, Telling, agree
from quorumlog.simulation.read_model import Message as Mail
from quorumlog.simulation.read_model import Node, Readings, Setting

COUNTED: Final = 10  # states of a projection, as the spec has it: how many events there were, but for whole tens


class Count:
    """The projection that is told: how many events it was made of."""

    def start(self) -> int:
        """None."""
        return 0

    def evolve(self, state: int, event: str) -> int:
        """One more."""
        return (state + 1) % COUNTED


class Copying:
    """Tells the steps of sources and read models of one shard, move by move."""

    def __init__(self, system: System, shard: str) -> None:
        self.shard = shard
        self._views = system.views(shard)
        self._tables = [self._views.start()]
        self._events: dict[object, str] = {}
        self._logs: dict[tuple[Any, ...], tuple[str, ...]] = {}
        mine = {name: model for name, model in system.readers.items() if shard in model.copy}
        setting = Setting(
            nodes=tuple(system.groups[shard].nodes),
            readers=tuple(mine),
            pushed=frozenset(name for name, model in mine.items() if model.subscribes),
            sessions=tuple(system.callers),
            careful=frozenset(system.callers),
            shards=(shard,),
            batch=FITS,
            patience=PATIENCE,
            folds=Count(),
        )
        self._telling = Telling(Readings.of(setting, [model.source for model in mine.values()]))

    @property
    def world(self) -> Readings:
        """The shard, as the spec sees it."""
        return self._telling.world

    def steps(self, each: Taken) -> list[Step]:
        """The steps that a move was made of, and before them what came of the write side."""
        name, arguments = each.move
        before, after = each.before, each.after
        h = self.shard
        if name == "crash":
            if arguments[0] == h:
                self._crash(arguments[1], after.groups[h])
        elif before.groups[h] is not after.groups[h]:
            self._wrote(before.groups[h], after.groups[h])
        if name == "look" and arguments[1] in self.world.readers:
            self._look(arguments[0], arguments[1], after)
        elif name == "hand_on" and arguments[0].session.endswith(f"@{h}"):
            self._heard(arguments[0], before, after)
        self._read(name, arguments, before)
        if before.now != after.now:
            self._take("Tick", (), self.world.tick())
        self._compare(before, after)
        return self._telling.told()

    def rest(self) -> list[Step]:
        """What has changed outside since the last step."""
        return self._telling.rest()

    # -- sources and read models ------------------------------------------------------------------------------------

    def _read(self, name: str, arguments: tuple[Any, ...], before: System) -> None:
        world, h = self.world, self.shard
        readers, nodes = world.readers, world.nodes
        if name == "ask_news" and arguments[0] in readers:
            self._take("Request", arguments, world.request(*arguments))
        elif name == "on_ask" and arguments[0].shard == h:
            self._on_ask(arguments[0])
        elif name == "push_news" and arguments[0] in nodes:
            i, _, r = arguments
            self._take("Push", (i, r, h), world.push(i, r, h))
        elif name == "drop_subscriber" and arguments[0] in nodes:
            i, r = arguments
            self._take("Drop", (i, r, h), world.drop(i, r, h))
        elif name == "on_news" and arguments[0].shard == h:
            news = self._news(arguments[0])
            self._take("OnNews", (news.to, news), world.on_news(news.to, news))
        elif name == "lose_news" and arguments[0].shard == h:
            self._lose(self._news(arguments[0]))
        elif name == "switch_source" and arguments[0] in readers:
            self._take("Switch", arguments, world.switch(*arguments))
        elif name == "rebuild" and arguments[0] in readers:
            self._take("Rebuild", arguments, world.rebuild(*arguments))
        elif name == "replay" and arguments[0] in readers:
            self._take("Replay", arguments, world.replay(*arguments))

    def _on_ask(self, ask: Ask) -> None:
        """A question is answered, and will not arrive again: that is a step of the network."""
        self._take("OnAsk", (ask.to, ask), self.world.on_ask(ask.to, ask))
        self._lose(ask)

    def _lose(self, message: Mail) -> None:
        self._take("Lose", (message,), self.world.lose(message))

    # -- the write side -----------------------------------------------------------------------------------------------

    def _crash(self, i: ServerId, after: Group) -> None:
        """What a disk lacks is lost with the memory; the rest is the spec's crash."""
        self._telling.around(self._holds(i, after, self.world.nodes[i].commit_index[self.shard]))
        self._take("Crash", (i,), self.world.crash(i))

    def _wrote(self, before: Group, after: Group) -> None:
        """Nodes hold other entries now, or know more of them to be committed."""
        world = self.world
        for i, node in after.nodes.items():
            if node is not before.nodes[i]:
                world = self._holds(i, after, node.gate.applied)
                self._telling.around(world)
        if after.decided is not before.decided:
            decided = written(after.decided)
            for event in decided[len(self._tables) - 1 :]:
                self._tables.append(self._views.evolve(self._tables[-1], event))
            self._telling.around(world.change(decided=world.decided.set(self.shard, self._names(decided))))

    def _holds(self, i: ServerId, group: Group, known: int) -> Readings:
        world, node = self.world, self.world.nodes[i]
        log = node.log.set(self.shard, self._names(written(group.nodes[i].replica.log)))
        now = Node(log, node.commit_index.set(self.shard, known), node.sources)
        if now == node:
            return world
        return world.change(nodes=world.nodes.set(i, now))

    # -- sessions -------------------------------------------------------------------------------------------------

    def _heard(self, answer: Say[Any], before: System, after: System) -> None:
        """A client hears that its command is committed, unless it is not waiting for it any more."""
        client, h = answer.session.partition(".")[0], self.shard
        if after.callers[client] is before.callers[client]:
            return
        place = place_of(after.groups[h].decided, answer.session, answer.number)
        session = self.world.sessions[client]
        token, said = session.token.set(h, after.tokens[client][h]), session.written.set(h, place)
        now = replace(session, token=token, written=said)
        self._telling.around(self.world.change(sessions=self.world.sessions.set(client, now)))

    def _look(self, client: ClientId, r: ReaderId, after: System) -> None:
        """A client looks at a read model, and remembers what it has seen."""
        world, h = self.world.query(client, r, self.shard), self.shard
        session = world.sessions[client]
        now = replace(session, token=session.token.set(h, after.tokens[client][h]))
        self._take("Query", (client, r, h), world.change(sessions=world.sessions.set(client, now)))

    # -- both -----------------------------------------------------------------------------------------------------

    def _take(self, action: str, arguments: tuple[Any, ...], after: Readings) -> None:
        self._telling.take(action, arguments, after)

    def _names(self, entries: tuple[Any, ...]) -> tuple[str, ...]:
        if entries not in self._logs:
            self._logs[entries] = tuple([self._events.setdefault(each, NAMES[len(self._events)]) for each in entries])
        return self._logs[entries]

    def _news(self, news: News[Any]) -> News[str]:
        events = self._names(news.events)
        return News(news.sender, news.to, news.shard, news.after, events, news.end, news.time)

    def _compare(self, before: System, after: System) -> None:
        world, h = self.world, self.shard
        for r, reader in world.readers.items():
            if after.readers[r] is not before.readers[r]:
                agree(f"read model {r}", self._shown(after.readers[r]), self._told(reader.copy[h], reader))
        if before.sources is not after.sources:
            for i, node in world.nodes.items():
                sent = {r: after.sources[i].sent[r] for r in world.readers}
                agree(f"what {i} has sent", sent, dict(node.sources[h].sent.items()))
        if before.asks is not after.asks or before.news is not after.news:
            sent_now = {each for each in after.asks if each.shard == h}
            mail = sent_now | {self._news(each) for each in after.news if each.shard == h}
            agree(f"what is on its way about {h}", mail, set(world.network))

    def _shown(self, model: ReadModel[TheTable, Any]) -> tuple[object, ...]:
        h = self.shard
        return model.source, self._names(model.copy[h]), model.since[h], model.folded[h], model.state[h]

    def _told(self, copy: tuple[str, ...], reader: ReadModel[int, str]) -> tuple[object, ...]:
        h = self.shard
        folded = reader.folded[h]
        table = self._tables[folded] if reader.state[h] == folded % COUNTED else None
        return reader.source, copy, reader.since[h], folded, table
