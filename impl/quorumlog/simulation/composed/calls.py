"""What consensus does in each group of the whole system, what clients do, and what the world loses."""

from __future__ import annotations

from typing import Any, Self

from quorumlog.core.client import Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Message, ServerId
from quorumlog.core.leader_output import Say
from quorumlog.simulation.composed.clients import ClientId, Operation
from quorumlog.simulation.composed.groups import GroupId
from quorumlog.simulation.composed.state import Asked, Letter, State, unsubscribed, without


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

    def on_request(self, i: ServerId, asked: Asked) -> Self:
        """A request arrives at a node of its group."""
        if asked not in self.requests:
            raise Refused("it is not on its way")
        return self.after(asked.group, self.groups[asked.group].ask(i, asked.by, asked.request))

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
        return self.change(proxy=proxy).called(name, *caller.accept(group, answer.number, answer.answer))

    def replace_proxy(self) -> Self:
        """The proxy crashes with all its connections, and another one takes its place."""
        return self.change(proxy=Proxy(self.proxy.proxy + 1))

    def give_up(self, client: ClientId) -> Self:
        """A client waits no longer: nobody knows what becomes of what it asked for."""
        caller = self.callers[client]
        if caller.doing is None:
            raise Refused(f"{client} asks for nothing")
        caller, line = caller.complete("info", None)
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
