"""Gates of leaders beside what surrounds them: consensus as its reigns, clients, a proxy that crashes, the outside.

One immutable value, one method a step of the spec. Whatever a gate, a client or a proxy does is a function of the core;
the rest is the environment as the specs Reigns and LeaderOutput describe it. Spec: LeaderOutput.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.client import Client, Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import (
    Acknowledged,
    Append,
    Executed,
    Gate,
    LeaderOutput,
    Message,
    Request,
    Say,
    SessionId,
)
from quorumlog.persistent.frozen_map import FrozenMap

NodeId: TypeAlias = str
Event: TypeAlias = str
State: TypeAlias = int
Entry: TypeAlias = Executed[Event] | Acknowledged
Log: TypeAlias = tuple[Entry, ...]
Told: TypeAlias = Message[Event]
TheGate: TypeAlias = Gate[State, Event, Event]
Rules: TypeAlias = LeaderOutput[State, str, Event, Event, Event, Event]

COMMAND: Final = "do"


class Counting(Struct, frozen=True):
    """An application whose state is the number of events, and whose commands become what randomness says."""

    def start(self) -> State:
        """No events."""
        return 0

    def evolve(self, state: State, event: Event) -> State:
        """One more."""
        return state + 1

    def decide(self, state: State, command: str, randomness: Event) -> tuple[Event, ...]:
        """Any event."""
        return (randomness,)

    def answer(self, state: State, events: tuple[Event, ...]) -> Event:
        """What the command became."""
        return events[0]


class Tells(Struct, frozen=True):
    """The outside is told of these events."""

    outgoing: frozenset[Event]

    def __call__(self, state: State, events: tuple[Event, ...]) -> tuple[Event, ...]:
        return tuple(event for event in events if event in self.outgoing)


class Reign(Struct, frozen=True, cache_hash=True):
    """What the leader of a term makes of the log, and how much of it is decided. Spec: Reigns."""

    term: int
    leader: NodeId
    log: Log
    decided: int

    @property
    def settled(self) -> Log:
        """What is decided. Spec: Reigns!DecidedIn."""
        return self.log[: self.decided]


class Node(Struct, frozen=True, cache_hash=True):
    """A node: in whose reign it is, its log, and its gate. The sessions that there may be never change."""

    sessions: tuple[SessionId, ...]
    follows: int
    log: Log
    gate: TheGate


class Asked(Struct, frozen=True, cache_hash=True):
    """A request on its way from a proxy."""

    by: int
    request: Request[str]


class Given(Struct, frozen=True, cache_hash=True):
    """An answer on its way to a proxy; whose it is and in which term is for the properties only."""

    said: Say[Event]
    sender: NodeId
    term: int


class Sent(Struct, frozen=True, cache_hash=True):
    """A message on its way to the world outside, likewise."""

    message: Told
    sender: NodeId
    term: int


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    nodes: FrozenMap[NodeId, Node]
    reign: tuple[Reign, ...]
    got: FrozenMap[SessionId, Client[Event]]
    proxy: Proxy
    requests: frozenset[Asked]
    answers: frozenset[Given]
    sent: frozenset[Sent]
    outside: tuple[Told, ...]


def starts_with(whole: Log, beginning: Log) -> bool:
    """Whether a log begins with another. Spec: Reigns!IsPrefix."""
    return whole[: len(beginning)] == beginning


class Speaking(Struct, frozen=True, cache_hash=True):
    """Nodes with their gates, and the world around them. The rules never change, and reigns are in order of terms."""

    rules: Rules
    nodes: FrozenMap[NodeId, Node]
    reign: tuple[Reign, ...]
    got: FrozenMap[SessionId, Client[Event]]
    proxy: Proxy
    requests: frozenset[Asked]
    answers: frozenset[Given]
    sent: frozenset[Sent]
    outside: tuple[Told, ...]

    @classmethod
    def of(cls, nodes: Iterable[NodeId], sessions: Iterable[SessionId], outgoing: Iterable[Event]) -> Speaking:
        """Nobody has led, and nobody has asked. Spec: LeaderOutput!Init."""
        names = tuple(sessions)
        rules: Rules = LeaderOutput(Counting(), Tells(frozenset(outgoing)))
        return cls(
            rules=rules,
            nodes=FrozenMap({node: Node(names, 0, (), rules.begin()) for node in nodes}),
            reign=(),
            got=FrozenMap({session: Client(session) for session in names}),
            proxy=Proxy(1),
            requests=frozenset(),
            answers=frozenset(),
            sent=frozenset(),
            outside=(),
        )

    def change(self, **parts: Unpack[Parts]) -> Speaking:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    # -- clients and their proxy ------------------------------------------------------------------------------

    def send(self, s: SessionId, k: int, expected: int | None) -> Speaking:
        """A client asks, for the first time or again. Spec: LeaderOutput!Send."""
        client, request = self.got[s].send(k, expected, COMMAND)
        proxy = self.proxy
        return self.change(
            got=self.got.set(s, client),
            proxy=proxy.forward(s, k),
            requests=self.requests | frozenset((Asked(proxy.proxy, request),)),
        )

    def hand_on(self, given: Given) -> Speaking:
        """An answer reaches the proxy, and the client. Spec: LeaderOutput!Return."""
        said = given.said
        proxy = self.proxy.hand_on(said)
        return self.change(
            proxy=proxy, got=self.got.set(said.session, self.got[said.session].accept(said.number, said.answer))
        )

    def replace_proxy(self) -> Speaking:
        """The proxy crashes, and another one takes its place. Spec: LeaderOutput!ReplaceProxy."""
        return self.change(proxy=Proxy(self.proxy.proxy + 1))

    # -- what gates do ----------------------------------------------------------------------------------------

    def on_request(self, n: NodeId, asked: Asked, randomness: Event) -> Speaking:
        """A request arrives at a node. Spec: LeaderOutput!OnRequest."""
        node = self.nodes[n]
        gate, effects = self.rules.on_request(node.gate, asked.by, asked.request, randomness)
        return self.carry_out(n, node, gate, effects)

    def commit(self, n: NodeId, k: int) -> Speaking:
        """A node learns that its first k entries are decided. Spec: LeaderOutput!Commit."""
        node = self.nodes[n]
        if not node.gate.applied < k <= len(node.log):
            raise Refused("that is no news, or more than its log holds")
        reign = self.reign_of(node.follows)
        if reign is None or not starts_with(reign.settled, node.log[:k]):
            raise Refused("that is not decided in this reign")
        gate, effects = self.rules.commit(node.gate, node.log[node.gate.applied : k])
        return self.carry_out(n, node, gate, effects)

    def emit(self, n: NodeId) -> Speaking:
        """A leader sends the oldest message that is not acknowledged. Spec: LeaderOutput!Emit."""
        node = self.nodes[n]
        message = self.rules.emit(node.gate).message
        return self.change(sent=self.sent | frozenset((Sent(message, n, node.follows),)))

    def on_acknowledgement(self, n: NodeId, k: int) -> Speaking:
        """The outside acknowledges a message to a node. Spec: LeaderOutput!OnAcknowledgement."""
        if all(message.number != k for message in self.outside):
            raise Refused(f"the outside has not received message {k}")
        node = self.nodes[n]
        gate, effects = self.rules.on_acknowledgement(node.gate, k)
        return self.carry_out(n, node, gate, effects)

    def carry_out(
        self, n: NodeId, node: Node, gate: TheGate, effects: tuple[Say[Event] | Append[Event], ...]
    ) -> Speaking:
        """What follows from a gate's step: a leader writes what it appends, and what it says is on its way."""
        parts = Parts()
        after = replace(node, gate=gate)
        for effect in effects:
            if isinstance(effect, Append):
                after = replace(after, log=(*after.log, *effect.entries))
                parts["reign"] = tuple(
                    replace(reign, log=after.log) if reign.term == node.follows else reign for reign in self.reign
                )
            else:
                parts["answers"] = parts.get("answers", self.answers) | frozenset((Given(effect, n, node.follows),))
        parts["nodes"] = self.nodes.set(n, after)
        return self.change(**parts)

    def take(self, sent: Sent) -> Speaking:
        """The outside receives a message for the first time. Spec: LeaderOutput!Take."""
        if any(message.number == sent.message.number for message in self.outside):
            raise Refused("it has received this message")
        return self.change(outside=(*self.outside, sent.message))

    # -- networks ---------------------------------------------------------------------------------------------

    def lose_request(self, asked: Asked) -> Speaking:
        """A request is lost. Spec: LeaderOutput!LoseRequest."""
        return self.change(requests=self.requests - frozenset((asked,)))

    def lose_answer(self, given: Given) -> Speaking:
        """An answer is lost. Spec: LeaderOutput!LoseAnswer."""
        return self.change(answers=self.answers - frozenset((given,)))

    def lose_message(self, sent: Sent) -> Speaking:
        """A message to the outside is lost. Spec: LeaderOutput!LoseMessage."""
        return self.change(sent=self.sent - frozenset((sent,)))

    # -- consensus --------------------------------------------------------------------------------------------

    def reign_of(self, term: int) -> Reign | None:
        """The reign of a term that has had a leader."""
        return next((reign for reign in self.reign if reign.term == term), None)

    def lead(self, n: NodeId, t: int) -> Speaking:
        """A node is elected, with all that was decided in lower terms. Spec: LeaderOutput!Lead."""
        node = self.nodes[n]
        below = [reign for reign in self.reign if reign.term < t]
        if t <= node.follows or self.reign_of(t) is not None:
            raise Refused("the term is not its to lead")
        if not all(starts_with(node.log, reign.settled) for reign in below):
            raise Refused("it lacks what is decided")
        gate = self.rules.lead(node.gate, node.log[node.gate.applied :])
        reign = Reign(t, n, node.log, max((each.decided for each in below), default=0))
        return self.change(
            nodes=self.nodes.set(n, replace(node, follows=t, gate=gate)),
            reign=tuple(sorted((*self.reign, reign), key=lambda each: each.term)),
        )

    def step_down(self, n: NodeId) -> Speaking:
        """A leader hears that a later term has begun. Spec: LeaderOutput!StepDown."""
        node = self.nodes[n]
        return self.change(nodes=self.nodes.set(n, replace(node, gate=self.rules.step_down(node.gate))))

    def follow(self, n: NodeId, t: int) -> Speaking:
        """A node hears from the leader of a later term. Spec: LeaderOutput!Follow."""
        node = self.nodes[n]
        if t <= node.follows or self.reign_of(t) is None:
            raise Refused("no such leader reaches it")
        return self.change(nodes=self.nodes.set(n, self.silent(replace(node, follows=t))))

    def copy(self, n: NodeId, t: int, k: int) -> Speaking:
        """A node has as much of a leader's log as its first k entries. Spec: LeaderOutput!Copy."""
        node = self.nodes[n]
        reign = self.reign_of(t)
        if reign is None or t < node.follows or reign.leader == n:
            raise Refused("no such leader reaches it")
        log = reign.log[:k]
        if not node.gate.applied <= k <= len(reign.log) or log == node.log:
            raise Refused("that is no news, or there is no such log")
        return self.change(nodes=self.nodes.set(n, self.silent(replace(node, follows=t, log=log))))

    def silent(self, node: Node) -> Node:
        """A node after its gate was told that it leads no more, if it did. Spec: LeaderOutput!Silence."""
        return replace(node, gate=self.rules.step_down(node.gate)) if node.gate.leads else node

    def crash(self, n: NodeId, u: int, k: int) -> Speaking:
        """A node starts again with what its disk holds, a beginning of some reign. Spec: LeaderOutput!Crash."""
        node = self.nodes[n]
        reign = self.reign_of(u)
        log = reign.log if reign is not None else ()
        if k > len(log) or u > node.follows or (reign is None and u > 0):
            raise Refused("it never had that on its disk")
        return self.change(nodes=self.nodes.set(n, replace(node, follows=u, log=log[:k], gate=self.rules.begin())))

    def decide(self, t: int, k: int) -> Speaking:
        """Consensus decides the first k entries of a reign. Spec: LeaderOutput!Decide."""
        reign = self.reign_of(t)
        if reign is None or not reign.decided < k <= len(reign.log):
            raise Refused("no such entries are to be decided")
        if not all(starts_with(each.log, reign.log[:k]) for each in self.reign if each.term > t):
            raise Refused("a later leader was elected without them")
        decided = replace(reign, decided=k)
        return self.change(reign=tuple(decided if each.term == t else each for each in self.reign))
