"""What consensus does in each group of the whole system, what clients do, and what the world loses."""

from __future__ import annotations

from typing import Any, Self

from quorumlog.core.client import Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Entry, Message, ServerId
from quorumlog.core.consistent_read import Reply
from quorumlog.core.leader_output import Executed, Say, SessionId
from quorumlog.core.read_model import Token, after_write
from quorumlog.ledger.ledger import Rate
from quorumlog.node import written
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Ended, Operation
from quorumlog.sharding.duties import GroupId
from quorumlog.simulation.composed.state import Asked, ClientId, Letter, State, unsubscribed, without


def place_of(decided: tuple[Entry, ...], session: SessionId, number: int) -> int:
    """The place of a command among what the gates of its group have written; it is decided, for it was answered."""
    commands = [(each.session, each.number) if isinstance(each, Executed) else None for each in written(decided)]
    return 1 + commands.index((session, number))


class Calls(State, frozen=True):
    """The system, as far as consensus and clients go."""

    # -- consensus, in each group ---------------------------------------------------------------------------------

    def timeout(self, g: GroupId, i: ServerId) -> Self:
        """A node stands for election."""
        return self.after(g, self.groups[g].timeout(i))

    def sync(self, g: GroupId, i: ServerId) -> Self:
        """A node's disk catches up."""
        return self.after(g, self.groups[g].sync(i))

    def replicate(self, g: GroupId, i: ServerId, j: ServerId) -> Self:
        """A leader sends the next slice of its log."""
        return self.after(g, self.groups[g].replicate(i, j))

    def deliver(self, g: GroupId, i: ServerId, message: Message) -> Self:
        """A message between the nodes of a group arrives."""
        return self.after(g, self.groups[g].deliver(i, message))

    def lose(self, g: GroupId, message: Message) -> Self:
        """A message between the nodes of a group is lost."""
        return self.change(groups=self.groups.set(g, self.groups[g].lose(message)))

    def crash(self, g: GroupId, i: ServerId) -> Self:
        """A node stops, and starts again with what its disk holds."""
        forgotten = self.sources.set(i, unsubscribed(self.readers))
        return self.change(groups=self.groups.set(g, self.groups[g].crash(i)), sources=forgotten)

    # -- clients and the proxy ------------------------------------------------------------------------------------

    def invoke(self, client: ClientId, operation: Operation) -> Self:
        """A client begins to ask for something."""
        caller, line = self.callers[client].invoke(operation)
        return self.called(client, caller, line).change(operations=self.operations + 1)

    def send(self, client: ClientId, g: GroupId) -> Self:
        """A client sends what it wants of a group through the proxy that there is now, perhaps again."""
        caller, wanted = self.callers[client].send(g)
        return self.change(
            callers=self.callers.set(client, caller),
            proxy=self.proxy.forward(wanted.session, wanted.number),
            requests=tuple(dict.fromkeys((*self.requests, Asked(g, self.proxy.proxy, wanted)))),
        )

    def on_request(self, i: ServerId, asked: Asked, rate: Rate) -> Self:
        """A request arrives at a node of its group, and this is the rate of the moment."""
        if asked not in self.requests:
            raise Refused("it is not on its way")
        return self.after(asked.group, self.groups[asked.group].ask(i, asked.by, asked.request, rate))

    def hand_on(self, answer: Say[Any]) -> Self:
        """An answer reaches the proxy, and the client who waits there."""
        if answer not in self.answers:
            raise Refused("it is not on its way")
        proxy = self.proxy.hand_on(answer)
        client, _, group = answer.session.partition("@")
        name, _, process = client.partition(".")
        caller = self.callers[name]
        if caller.process != int(process):
            return self.change(proxy=proxy)  # who asked has given up
        told = self.change(proxy=proxy, tokens=self.wrote(name, group, answer))
        return told.called(name, *caller.accept(group, answer.number, answer.answer))

    def wrote(self, client: ClientId, g: GroupId, answer: Say[Any]) -> FrozenMap[ClientId, Token]:
        """The tokens when a client knows that its command is decided. An answer bears its place in the log."""
        token = self.tokens[client]
        if g not in token:
            return self.tokens  # nobody reads of transfers from read models
        place = place_of(self.groups[g].decided, answer.session, answer.number)
        return self.tokens.set(client, after_write(token, g, place))

    def replace_proxy(self) -> Self:
        """The proxy crashes with all its connections, and another one takes its place."""
        return self.change(proxy=Proxy(self.proxy.proxy + 1))

    def give_up(self, client: ClientId) -> Self:
        """A client waits no longer: nobody knows what becomes of what it asked for."""
        caller = self.callers[client]
        if caller.doing is None:
            raise Refused(f"{client} asks for nothing")
        caller, line = caller.complete(Ended("info"))
        return self.called(client, caller.as_process(self.processes), line).change(processes=self.processes + 1)

    # -- what the world loses -------------------------------------------------------------------------------------

    def lose_request(self, asked: Asked) -> Self:
        """A request is lost."""
        return self.change(requests=without(self.requests, asked))

    def lose_answer(self, answer: Say[Any]) -> Self:
        """An answer is lost."""
        return self.change(answers=without(self.answers, answer))

    def lose_letter(self, letter: Letter) -> Self:
        """A letter is lost."""
        return self.change(letters=without(self.letters, letter))

    def lose_reply(self, g: GroupId, reply: Reply) -> Self:
        """A reply to a leader's question is lost."""
        return self.change(replies=without(self.replies, (g, reply)))
