"""What the gates of one group did in a walk of the whole system, in the words of the spec LeaderOutput.

To that spec an entry is the event that a command became, and consensus is its reigns. So beside the group there is a
`Speaking`, in which every entry is one event with a name. Each move is told to it as the steps that it consists of:
first what consensus tells the gates (as the history of MCReplicationReigns has it), then what the gates do. After each
move the two must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from quorumlog.core.consensus.messages import AppendRequest, ServerId
from quorumlog.core.consensus.state import LEADER
from quorumlog.core.leader_output import Executed, SessionId
from quorumlog.node import written
from quorumlog.sharding.server import ORDERS, TheNode
from quorumlog.simulation.composed.consensus import NAMES, Taken
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.telling import Disagreement, agree
from quorumlog.simulation.leader_output import Asked, Speaking

SESSIONS: Final = tuple(f"k{number}" for number in range(30))
"""What sessions are called; those of one walk that send anything to one group are fewer."""

Step: TypeAlias = tuple[str, tuple[Any, ...], Speaking, Speaking]
"""An action of LeaderOutput, its arguments, and the group before and after it."""


class Gates:
    """Tells the steps of the gates of one group, move by move. Raises `Refused` for what the spec's world refuses."""

    def __init__(self, group: Group) -> None:
        self.group = group.name
        self.world = Speaking.of(tuple(group.nodes), SESSIONS, ())
        self._events: dict[object, str] = {}
        self._sessions: dict[SessionId, str] = {}
        self._steps: list[Step] = []
        self._compared: dict[ServerId, tuple[TheNode, object]] = {}

    def steps(self, each: Taken) -> list[Step]:
        """The steps of the gates in this group that a move was made of: one, several or none."""
        self._steps = []
        name, arguments = each.move
        before, after = each.before.groups[self.group], each.after.groups[self.group]
        if name == "replace_proxy":
            self._take("ReplaceProxy", (), Speaking.replace_proxy)
        elif name == "send" and arguments[1] == self.group:
            self._send(each.after.requests[-1].request if self._is_new(each) else self._again(each))
        elif name == "hand_on" and arguments[0].session.endswith(f"@{self.group}"):
            self._hand_on(arguments[0])
        elif name == "on_request" and arguments[1].group == self.group:
            self._on_request(arguments[0], arguments[1], before, after)
        elif name == "crash" and arguments[0] == self.group:
            self._crash(arguments[1], after)
        elif before is not after:
            self._told(each, before, after)
        self._compare(after)
        return self._steps

    def rest(self) -> list[Step]:
        """Nothing: all is told at once."""
        return []

    # -- clients --------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_new(each: Taken) -> bool:
        return len(each.after.requests) > len(each.before.requests)

    @staticmethod
    def _again(each: Taken) -> Any:
        """The request that was sent again, and is on its way already."""
        client, group = each.move.arguments
        caller = each.after.callers[client]
        session, number = caller.sessions[group].session, caller.asked[group]
        return next(
            asked.request
            for asked in each.after.requests
            if (asked.request.session, asked.request.number) == (session, number)
        )

    def _send(self, request: Any) -> None:
        self._ask(self._session(request.session), request.number)

    def _ask(self, session: str, number: int) -> Asked:
        self._take("Send", (session, number, None), lambda world: world.send(session, number, None))
        return self._asked(self.world.proxy.proxy, session, number)

    def _asked(self, by: int, session: str, number: int) -> Asked:
        """The request of a proxy that is on its way; the last one, if it was sent with different news."""
        found = [
            asked
            for asked in self.world.requests
            if (asked.by, asked.request.session, asked.request.number) == (by, session, number)
        ]
        return max(found, key=lambda asked: asked.request.received)

    def _hand_on(self, answer: Any) -> None:
        self._return(answer.to, self._session(answer.session), answer.number)

    def _return(self, to: int, session: str, number: int) -> None:
        given = next(
            each
            for each in sorted(self.world.answers, key=repr)
            if (each.said.to, each.said.session, each.said.number) == (to, session, number)
        )
        self._take("Return", (given,), lambda world: world.hand_on(given))

    # -- gates ----------------------------------------------------------------------------------------------------

    def _on_request(self, i: ServerId, asked: Any, before: Group, after: Group) -> None:
        request = asked.request
        session = self._session(request.session)
        found = next(
            each
            for each in self.world.requests
            if (each.by, each.request.session, each.request.number, each.request.received)
            == (asked.by, session, request.number, request.received)
        )
        self._decide_on(i, found, self._appended(i, before, after))

    def _decide_on(self, i: ServerId, asked: Asked, entry: Executed[Any] | None) -> None:
        event = NAMES[0] if entry is None else self._event(entry)
        self._take("OnRequest", (i, asked, event), lambda world: world.on_request(i, asked, event))

    @staticmethod
    def _appended(i: ServerId, before: Group, after: Group) -> Executed[Any] | None:
        """What node i has appended itself."""
        log = after.nodes[i].replica.log[len(before.nodes[i].replica.log) :]
        return next((entry.event for entry in log if isinstance(entry.event, Executed)), None)

    def _order(self, before: Group, after: Group) -> None:
        """A leader has ordered something that no client asked for: that is a session of its own in each term."""
        for i, node in after.nodes.items():
            entry = self._appended(i, before, after)
            if node.leads and entry is not None and entry.session.startswith(ORDERS):
                session = self._session(entry.session)
                self._receive(i, session, entry.received)
                self._decide_on(i, self._ask(session, entry.number), entry)

    def _receive(self, i: ServerId, session: str, received: int) -> None:
        """A leader knows what has come of its orders, as far as they are decided: it has been told so."""
        for number in range(self.world.got[session].received + 1, received + 1):
            asked = self._ask(session, number)
            self._decide_on(i, asked, None)
            self._return(asked.by, session, number)
            agree(f"what {session} has received", number, self.world.got[session].received)

    # -- consensus ------------------------------------------------------------------------------------------------

    def _crash(self, i: ServerId, after: Group) -> None:
        log = after.nodes[i].replica.log
        term, length = (log[-1].term if log else 0), len(written(log))
        self._take("Crash", (i, term, length), lambda world: world.crash(i, term, length))

    def _told(self, each: Taken, before: Group, after: Group) -> None:
        """What consensus tells the gates, in one move of a node."""
        for i, node in after.nodes.items():
            old = before.nodes[i]
            if node is old:
                continue
            if node.replica.role != LEADER:
                self._heard(each, i, old, node)
            if node.replica.role == LEADER and old.replica.role != LEADER:
                term = node.replica.term
                self._take("Lead", (i, term), lambda world, i=i, term=term: world.lead(i, term))  # type: ignore[misc]
            self._order(before, after)
            self._decided(node)
            if node.gate.applied != old.gate.applied:
                k = node.gate.applied
                self._take("Commit", (i, k), lambda world, i=i, k=k: world.commit(i, k))  # type: ignore[misc]

    def _heard(self, each: Taken, i: ServerId, old: TheNode, node: TheNode) -> None:
        """A node hears of a leader, and may get entries; or hears of a later term."""
        message = each.move.arguments[-1] if each.move.name == "deliver" else None
        if isinstance(message, AppendRequest) and message.term >= old.replica.term:
            term, log = message.term, written(node.replica.log)
            if log != written(old.replica.log):
                self._take("Copy", (i, term, len(log)), lambda world: world.copy(i, term, len(log)))
            elif term > self.world.nodes[i].follows:
                self._take("Follow", (i, term), lambda world: world.follow(i, term))
        if self.world.nodes[i].gate.leads:
            self._take("StepDown", (i,), lambda world: world.step_down(i))

    def _decided(self, node: TheNode) -> None:
        """A leader knows more of its reign to be decided."""
        replica = node.replica
        reign = self.world.reign_of(replica.term)
        known = len(written(replica.log[: replica.commit_index]))
        if replica.role == LEADER and reign is not None and known > reign.decided:
            self._take("Decide", (replica.term, known), lambda world: world.decide(replica.term, known))

    # -- both -----------------------------------------------------------------------------------------------------

    def _take(self, action: str, arguments: tuple[Any, ...], step: Callable[[Speaking], Speaking]) -> None:
        before, self.world = self.world, step(self.world)
        self._steps.append((action, arguments, before, self.world))

    def _session(self, session: SessionId) -> str:
        return self._sessions.setdefault(session, SESSIONS[len(self._sessions)])

    def _event(self, entry: Executed[Any]) -> str:
        return self._events.setdefault(entry, NAMES[len(self._events)])

    def _compare(self, after: Group) -> None:
        for i, node in after.nodes.items():
            world = self.world.nodes[i]
            known = self._compared.get(i)
            if known is not None and known[0] is node and known[1] is world:
                continue
            self._compared[i] = node, world
            mine = dict(self._shown(node))
            other = {
                "leads": world.gate.leads,
                "applied": world.gate.applied,
                "log": [each.events for each in world.log if isinstance(each, Executed)],
                "waiting": set(world.gate.waiting),
                "kept": {name: (each.last, len(each.kept)) for name, each in world.gate.table.sessions.items()},
            }
            for name, value in mine.items():
                if value != other[name]:
                    raise Disagreement(f"{name} of {i} is {value}, and the spec's world has {other[name]}")

    def _shown(self, node: TheNode) -> Iterator[tuple[str, object]]:
        gate = node.gate
        yield "leads", gate.leads
        yield "applied", gate.applied
        yield "log", [(self._event(each),) for each in written(node.replica.log) if isinstance(each, Executed)]
        yield "waiting", {(self._session(session), number) for session, number in gate.waiting}
        sessions = gate.table.sessions.items()
        yield "kept", {self._session(name): (each.last, len(each.kept)) for name, each in sessions}
