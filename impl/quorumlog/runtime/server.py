"""A server between its start and its crash, on ports: clients and peers on one side, driver and node on the other.

Nothing here knows a clock, a socket or a file, so that the same server runs in a process and in virtual time. What it
says to clients it says through the driver, after what stands behind it is durable and decided. What it remembers beside
the node is advice (who leads) or can be asked for again (which read waits on which connection).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from random import Random
from typing import Any, Final, Generic, TypeVar, cast

from quorumlog.core.consensus.effects import Committed, Input, Resign
from quorumlog.core.consensus.log import term_at
from quorumlog.core.consensus.messages import AppendRequest, Entry, ServerId
from quorumlog.core.consensus.state import lightened
from quorumlog.core.consistent_read import ReadId
from quorumlog.core.leader_output import Request, Say
from quorumlog.core.read_model import Ask, Queue
from quorumlog.driver import Driver, Listener, Pace, Steps, Turn
from quorumlog.ledger.forgetting import Letter
from quorumlog.node import Node
from quorumlog.ports import Disk, Network, Ports, Time, Timer
from quorumlog.pre_vote import Tick
from quorumlog.runtime.admission import Kept, refused
from quorumlog.runtime.begun import Begun, started
from quorumlog.runtime.behind import Behind
from quorumlog.runtime.event_queue import EventQueue, Events
from quorumlog.runtime.group_steps import GroupSteps
from quorumlog.runtime.hosting import Hosted
from quorumlog.runtime.keeping import Encoded
from quorumlog.runtime.lies import is_strange
from quorumlog.runtime.load import Load
from quorumlog.runtime.questions import Clients, ConnectionId, Questions
from quorumlog.runtime.slices import Slices
from quorumlog.runtime.steps import (
    FOLD,
    SPEAK,
    Batch,
    Called,
    GiveUp,
    Loopback,
    NodeInput,
    NodeSteps,
    PeerMessage,
    Readable,
)
from quorumlog.runtime.subscribers import Subscribers
from quorumlog.runtime.wire import Gone, Held, Limits, NotLeader, Read, SessionKnown, Status, Welcome
from quorumlog.runtime.wire import PeerMessage as Peers

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Said = TypeVar("Said")

SPEAKS: Final = 200.0
"""Milliseconds after which a leader says again to other groups what they may not have heard."""
PATIENCE: Final = 25
"""After how many times of that the coordinator gives a transfer up that is open still."""


class Server(Generic[State, Command, Event, Answer, Randomness]):
    """One member of a group. `listeners` hear of each step of its node."""

    _was_full = False
    _spoken = 0
    _speaking: Timer | None = None
    _folding: Timer | None = None
    _folds_at_once = False
    _heavy = 0
    """Bytes of the messages of peers that wait for the disk."""

    def __init__(
        self,
        identity: ServerId,
        group: str,
        members: tuple[ServerId, ...],
        hosted: Hosted[State, Command, Event, Answer, Randomness],
        time: Time,
        network: Network[PeerMessage],
        disk: Disk,
        clients: Clients,
        dice: Random,
        pace: Pace,
        limits: Limits,
        listeners: Sequence[Listener[Any, NodeInput[Command, Randomness]]] = (),
        *,
        begun: Begun[State, Answer] | None = None,
        keep: Callable[[int, int, Encoded | None], None] | None = None,
    ) -> None:
        self.identity = identity
        self.group = group
        self.leader: ServerId | None = None
        self.queue = EventQueue() if begun is None else begun.queue
        """The committed entries that gates wrote: what read models copy."""
        self._hosted = hosted
        self._clients = clients
        self._dice = dice
        self._limits = limits
        self._listeners = listeners
        self._questions: Questions[State, Command, Answer] = Questions(clients, hosted.answer)
        self._time = time
        self._light: tuple[int, Callable[[int, int], Sequence[Entry]]] | None = None
        self._keep = keep
        self._kept = 0 if begun is None else begun.index
        self._network = Loopback(identity, network, lambda told: self.driver.take(told))
        self.behind = Behind(limits.retain)
        self._subscribers = Subscribers(clients, self._events, self._gone)
        self.load = Load()
        self.kept = Kept(limits.answers)
        service = hosted.service(limits.events, self.load.measured)
        node = started(service.begin(identity, members, limits.batch, disk.read()), begun)
        slices = Slices(time.now)
        self.steps: NodeSteps[State, Command, Event, Answer, Randomness, Any] | GroupSteps = (
            NodeSteps(service, slices) if hosted.duty is None else GroupSteps(service, hosted.duty, slices)
        )
        ports: Ports[PeerMessage, Say[Answer] | Readable[State, Answer, Any]] = Ports(time, self._network, disk, self)
        steps: Steps[Any, NodeInput[Command, Randomness], PeerMessage, Say[Answer] | Readable[State, Answer, Any]] = (
            self.steps
        )
        self.driver = Driver(self.steps.begin(node), steps, ports, pace, self, network.send)

    @property
    def node(self) -> Node[State, Answer, Any]:
        """The node as it is now."""
        return self.steps.node(self.driver.whole)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no more should be read from clients; they are told when it is less (`ready`).

        Only a leader is: to anybody else clients say nothing that waits, and they may ask how it is.
        """
        replica, limits = self.node.replica, self._limits
        waits = len(self.steps.inbox.asked) + len(self._questions) + len(replica.log) - replica.commit_index
        is_much = len(self.steps.inbox.asked) >= limits.turn or self.load.bytes >= limits.undecided
        is_full = self.node.leads and (is_much or waits >= limits.outstanding)
        self._was_full |= is_full
        return is_full

    def start(self) -> None:
        """Begin to wait for a leader; alone in its group, a server stands at once."""
        self.driver.start()
        if len(self.node.replica.members) == 1:
            self.driver.take(Tick())  # there is no leader that it could have heard
            self.driver.stand()
        if self._hosted.duty is not None:
            self._speaking = self._time.after(SPEAKS, self._speak)

    def stop(self) -> None:
        """Say nothing more."""
        self.driver.stop()
        for timer in (self._speaking, self._folding):
            if timer is not None:
                timer.cancel()

    # -- other groups ------------------------------------------------------------------------------------------

    def on_letters(self, letters: Sequence[Letter]) -> None:
        """Another group says something: a leader takes it at the end of the turn, as far as it is for this group."""
        inbox = self.steps.inbox
        if self.node.leads and len(inbox.letters) < self._limits.inputs:
            inbox.letters += [letter for letter in letters if self.steps.is_for_us(letter)]
            self.driver.gather()

    def _speak(self) -> None:
        """Now and then all that there is to say is said again, and what has taken too long is given up."""
        self._speaking = self._time.after(SPEAKS, self._speak)
        self._spoken += 1
        if not self.node.leads:
            return
        self.driver.take(SPEAK)
        if self._spoken % PATIENCE == 0:
            for transfer in self.steps.overdue(self.driver.whole):
                self.driver.take(GiveUp(transfer))

    def forget_disks(self) -> None:
        """A member has another disk than a leader thinks. It leads no more, and its successor begins with nothing."""
        self.driver.take(Resign())

    # -- peers -------------------------------------------------------------------------------------------------

    def on_peer(self, peer: ServerId, message: Peers, size: int = 0) -> None:
        """A peer says something: it is taken, unless it is in another's name or too much waits for the disk.

        `size` is how many bytes it came in: few large messages are as much as many small ones.
        """
        if is_strange(self.node.replica, peer, message):
            self.steps.inbox.bad += 1
            return
        if type(message) is Held:
            self.behind.hear(message)
            return
        waits = len(self.driver.waiting)
        self._heavy = self._heavy + size if waits else size
        if not waits or (waits < self._limits.inputs and self._heavy <= self._limits.peer_buffer):
            self.driver.take(message)
        else:
            self._heavy -= size

    # -- clients -----------------------------------------------------------------------------------------------

    def on_hello(self, by: ConnectionId) -> None:
        """A client connects."""
        leads = self.node.leads
        self._clients.tell(by, Welcome(self.identity, leads, self.leader, self.node.replica.term))

    def on_requests(self, by: ConnectionId, requests: Sequence[Request[Command]], size: int = 0) -> None:
        """A client's commands, in a frame of this size: they wait for the end of the turn."""
        if not self.node.leads:
            self._clients.tell(by, self._not_leader())
            return
        if strangers := refused(self.node.gate, requests, self._limits.sessions):
            self._call(self._questions.ask_for_room(by, strangers))
            requests = [each for each in requests if each.session not in strangers]
        requests = self.kept.without(self.node.gate, requests)
        inbox, draw, dice = self.steps.inbox, self._hosted.draw, self._dice
        self.load.asked(size)
        inbox.asked += [(by, request, draw(dice)) for request in requests]
        self.driver.gather()

    def on_read(self, by: ConnectionId, read: Read[Command]) -> None:
        """A client's questions: the others have to confirm that this server leads. `BadFrame` for a call still open."""
        if self.node.leads:
            self._call(self._questions.ask(by, read))
        else:
            self._clients.tell(by, self._not_leader())

    def _call(self, name: ReadId) -> None:
        self.steps.inbox.called.append(name)
        self.driver.gather()

    def on_status(self, by: ConnectionId) -> None:
        """How is the server?"""
        self._clients.tell(by, self.status())

    def on_session(self, by: ConnectionId, name: str) -> None:
        """What is known of a session?"""
        self._clients.tell(by, SessionKnown.of(name, self.node.gate.table.session(name)))

    def on_ask(self, by: ConnectionId, ask: Ask) -> None:
        """A read model asks for what follows its copy. Spec: ReadModel!OnAsk."""
        self._subscribers.on_ask(by, ask)

    def on_gone(self, by: ConnectionId) -> None:
        """A client's connection is closed: nobody waits there any more."""
        self._subscribers.on_gone(by)
        self._questions.gone(by)

    def lighten(self, base: int, read: Callable[[int, int], Sequence[Entry]]) -> None:
        """The first `base` entries are kept elsewhere, and can be read: they leave the memory when a step is over."""
        self._light = base, read

    def status(self) -> Status:
        """How the server is."""
        node, replica = self.node, self.node.replica
        last = len(replica.log)
        lag = {peer: last - replica.match_index[peer] for peer in replica.members if peer != self.identity}
        return Status(
            identity=self.identity,
            group=self.group,
            role=replica.role,
            term=replica.term,
            leader=self.leader,
            last=last,
            synced=len(replica.disk.log),
            commit=replica.commit_index,
            applied=node.gate.applied,
            events=node.gate.table.events,
            lag=lag if node.leads else {},
            bad=self.steps.inbox.bad,
            dropped=self.behind.dropped,
            sessions=len(node.gate.table.sessions),
        )

    # -- what the driver says ----------------------------------------------------------------------------------

    def committed(self, news: Committed) -> None:
        """Entries are decided: subscribers are told."""
        self.queue.committed(news)
        self._subscribers.committed()

    def said(self, answers: Sequence[Say[Answer] | Readable[State, Answer, Any]]) -> None:
        """Answers to requests, one frame a connection; and reads that may be answered."""
        found: dict[Hashable, list[Say[Answer]]] = {}
        for each in answers:
            if type(each) is Readable:
                self._questions.answered(each, partial(self._is_no_room, len(each.table.sessions)))
            elif each.to in found:
                found[each.to].append(each)
            else:
                found[each.to] = [each]
        for by, said in found.items():
            self._clients.answer(cast(ConnectionId, by), said)

    def stepped(self, before: Any, turn: Turn[Any, NodeInput[Command, Randomness] | Input]) -> None:
        """A step is over."""
        was, after, taken = self.steps.node(before), self.steps.node(turn.after), turn.taken
        replica = after.replica
        if replica.term != was.replica.term:
            self.leader = None
        if type(taken) is AppendRequest and taken.term == replica.term:
            self.leader = taken.sender
        if after.leads:
            self.leader = self.identity
            if type(taken) is Batch:
                self.load.taken(len(replica.log))
                self.kept.grew(was.gate, after.gate, (each[1].session for each in taken.asked))
            self.load.decided(replica.commit_index)
        elif was.leads:
            self._questions.clear()
            self.load.lost()
            self.kept.lost()
            self._clients.everyone(self._not_leader())
        for listener in self._listeners:
            listener.stepped(before, turn)
        if self._was_full and not self.is_full:
            self._was_full = False
            self._clients.ready()
        if self._light is not None:
            (base, read), self._light = self._light, None
            whole = self.driver.whole
            self.driver.whole = self.steps.with_replica(whole, lightened(self.node.replica, base, read))
        if after.seen - self._kept >= self._limits.snapshot > 0:
            self._keep_state(after)
        if after.lags(self.steps.slices.most):
            self._fold_after(0 if after.seen > was.seen else self.steps.slices.pause(after, taken))

    def refused(self, taken: NodeInput[Command, Randomness] | Input) -> None:
        """Nothing has happened. Reads that came to a server that no longer leads are to be asked elsewhere."""
        if isinstance(taken, Called):
            for by in self._questions.lost(taken.reads):
                self._clients.tell(by, self._not_leader())
        for listener in self._listeners:
            listener.refused(taken)

    # -- inside ------------------------------------------------------------------------------------------------

    def _fold_after(self, pause: float) -> None:
        """It is the turn of a slice of what the gate has not been told in so many milliseconds, if not before."""
        if self._folding is not None:
            if self._folds_at_once or pause:
                return
            self._folding.cancel()
        self._folds_at_once = not pause
        self._folding = self._time.after(pause, self._fold)

    def _fold(self) -> None:
        self._folding = None
        if self.node.lags(self.steps.slices.most):
            self.driver.take(FOLD)

    def _not_leader(self) -> NotLeader:
        leader = self.leader if self.leader != self.identity else None
        return NotLeader(leader, self.node.replica.term)

    def _is_no_room(self, decided: int, session: str) -> bool:
        """Whether so many sessions are decided that no leader takes this one, of which nobody has heard."""
        draft = self.node.gate.draft
        return draft is not None and decided >= self._limits.sessions and session not in draft.sessions

    def _keep_state(self, node: Node[State, Answer, Any]) -> None:
        """What the committed entries make is kept, those that are folded, as soon as all of them are on the disk."""
        replica, keeping = node.replica, self._hosted.keeping
        index = node.seen
        if self._keep is None or index > len(replica.disk.log):
            return
        self._kept = index
        encoded: Encoded | None = None
        if keeping is not None:
            if (held := self.behind.learn(replica)) is not None:
                self._network.send(held)
            queue = self.queue.at(index)  # as it is now; all else never changes
            encoded = partial(keeping.encoded, node.gate, queue)
        self._keep(index, term_at(replica.log, index), encoded)

    def _gone(self) -> Gone:
        return self.behind.gone(self.identity, self.group, self.queue)

    def _events(self) -> Queue[Any]:
        events = cast("tuple[Any, ...]", Events(self.queue, self.node.replica.log))
        return Queue(self.identity, self.group, events, self.queue.length, self._limits.batch)
