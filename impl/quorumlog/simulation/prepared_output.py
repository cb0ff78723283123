"""Starts in the middle of a story for gates of leaders: the Init... operators of MCLeaderOutput, once more.

a and b, the first two nodes, have led terms 1 and 2, or only a has; all others have slept. Nothing is on its way but
requests, and the clients have lost their connections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.client import Client, Proxy
from quorumlog.core.leader_output import CONFLICT, Answered, Conflict, Executed, Message, Request, Say, SessionId
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.leader_output import COMMAND, Asked, Event, Given, Log, Node, NodeId, Reign, Sent, Speaking

Got: TypeAlias = tuple[Answered[Event] | None, ...]


class Cast(Struct, frozen=True):
    """Who plays: the world before the story, two nodes, a session, and two events (or one, twice)."""

    world: Speaking
    a: NodeId
    b: NodeId
    s: SessionId
    event: Event
    other: Event


def did(session: SessionId, number: int, received: int, event: Event | Conflict) -> Executed[Event]:
    """A command's entry. Spec: LeaderOutput!CommandEntry."""
    return Executed(session, number, received, event if isinstance(event, Conflict) else (event,))


def asked(session: SessionId, number: int, received: int, expected: int | None) -> Asked:
    """A request of the first proxy."""
    return Asked(1, Request(session, number, received, expected, COMMAND))


def placed(world: Speaking, term: int, log: Log, applied: int, *, leads: bool) -> Node:
    """A node in this term, with this log, of which so much is applied."""
    gate, _ = world.rules.commit(world.rules.begin(), log[:applied])
    gate = world.rules.lead(gate, log[applied:]) if leads else gate
    return Node(tuple(world.got), term, log, gate)


def told(
    cast: Cast, reigns: tuple[Reign, ...], nodes: Mapping[NodeId, Node], got: Mapping[SessionId, Got], *on_way: Asked
) -> Speaking:
    """The world with these reigns, nodes and clients, and these requests on their way."""
    world = cast.world
    for identity in world.nodes:
        world = replace(world, nodes=world.nodes.set(identity, nodes.get(identity, world.nodes[identity])))
    clients = {name: Client(name, got.get(name, ())) for name in world.got}
    return replace(world, reign=reigns, got=FrozenMap(clients), requests=frozenset(on_way))


def one_reign(cast: Cast, log: Log, known: int, got: Mapping[SessionId, Got], *on_way: Asked) -> Speaking:
    """a leads term 1, and has applied all of this log, which is decided. b follows it and knows so much of the log."""
    a = placed(cast.world, 1, log, len(log), leads=True)
    b = placed(cast.world, min(1, known), log[:known], 0, leads=False)
    return told(cast, (Reign(1, cast.a, log, len(log)),), {cast.a: a, cast.b: b}, got, *on_way)


def executed(cast: Cast) -> Speaking:
    """A command was executed and nobody was answered. Spec: LeaderOutput!InitExecuted."""
    return one_reign(cast, (did(cast.s, 1, 0, cast.event),), 1, {cast.s: (None,)})


def to_tell(cast: Cast) -> Speaking:
    """Two commands were executed and answered, and the outside is to be told. Spec: LeaderOutput!InitToTell."""
    log = (did(cast.s, 1, 0, cast.event), did(cast.s, 2, 0, cast.event))
    return one_reign(cast, log, 2, {cast.s: (Answered(1, cast.event), Answered(2, cast.event))})


def forgotten(cast: Cast) -> Speaking:
    """The answer to the first of two commands is forgotten. Spec: LeaderOutput!InitForgotten."""
    log = (did(cast.s, 1, 0, cast.event), did(cast.s, 2, 1, cast.event))
    got: Got = (Answered(1, cast.event), None)
    return one_reign(cast, log, 0, {cast.s: got}, asked(cast.s, 1, 0, None), asked(cast.s, 2, 1, None))


def deposed(cast: Cast) -> Speaking:
    """Two leaders have made different events of one command. Spec: LeaderOutput!InitDeposed."""
    mine, theirs = (did(cast.s, 1, 0, cast.event),), (did(cast.s, 1, 0, cast.other),)
    a = placed(cast.world, 1, mine, 0, leads=True)
    b = placed(cast.world, 2, theirs, 0, leads=True)
    reigns = (Reign(1, cast.a, mine, 0), Reign(2, cast.b, theirs, 0))
    return told(cast, reigns, {cast.a: a, cast.b: b}, {cast.s: (None,)}, asked(cast.s, 1, 0, None))


def conflict(cast: Cast) -> Speaking:
    """What a client expected did not fit, and soon it may. Spec: LeaderOutput!InitConflict."""
    return one_reign(cast, (did(cast.s, 1, 0, CONFLICT),), 0, {cast.s: (None,)}, asked(cast.s, 1, 0, 1))


def said(cast: Cast) -> Speaking:
    """A command was executed, and its answer and its message are on their way. Spec: LeaderOutput!InitSaid."""
    world = one_reign(cast, (did(cast.s, 1, 0, cast.event),), 1, {cast.s: (None,)})
    given = Given(Say(1, cast.s, 1, Answered(1, cast.event)), cast.a, 1)
    sent = Sent(Message(1, cast.event), cast.a, 1)
    return world.change(proxy=Proxy(1, frozenset(((cast.s, 1),))), answers=frozenset((given,)), sent=frozenset((sent,)))


Start: TypeAlias = Callable[[Cast], Speaking]
STARTS: Final[Mapping[str, Start]] = {
    "InitExecuted": executed,
    "InitToTell": to_tell,
    "InitForgotten": forgotten,
    "InitDeposed": deposed,
    "InitConflict": conflict,
    "InitSaid": said,
}

WALKS: Final[tuple[Start, ...]] = (said,)
"""Where walks begin. Spec: LeaderOutput!Starts."""
