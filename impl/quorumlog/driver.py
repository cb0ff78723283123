"""Drives one server: feeds inputs to the core, and carries out what it answers in the one order: durable, sent, spoken.

The order stands in `carry_out` and nowhere else. While the disk writes, inputs wait: a step is not over before its
effects are. When to stand for election, to sync, and to send is a matter of timers (`Pace`), of which the core knows
nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from msgspec import Struct

from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.effects import (
    Committed,
    Effects,
    ElectionTimeout,
    Input,
    Propose,
    Refused,
    Replicate,
    Send,
    Store,
    Sync,
)
from quorumlog.core.consensus.messages import AppendRequest, ServerId
from quorumlog.core.consensus.replica import Replica, step
from quorumlog.core.consensus.state import LEADER
from quorumlog.ports import Ports, Timer


def carry_out(effects: Effects, ports: Ports, done: Callable[[], None]) -> None:
    """Everything is durable before anything is sent, and sent before anybody is told."""

    def go_on() -> None:
        for effect in effects:
            if isinstance(effect, Send):
                ports.network.send(effect.message)
        for effect in effects:
            if isinstance(effect, Committed):
                ports.application.committed(effect)
        done()

    if stores := [effect for effect in effects if isinstance(effect, Store)]:
        ports.disk.write(stores, go_on)
    else:
        go_on()


class Turn(NamedTuple):
    """A step that the core has taken, and whose effects are being carried out."""

    taken: Input
    after: Replica
    effects: Effects


class Listener(Protocol):
    """Whoever watches a server: a recorder, or a simulation."""

    def stepped(self, before: Replica, turn: Turn) -> None:
        """A step is over: its effects have been carried out."""

    def refused(self, taken: Input) -> None:
        """The server cannot take this input now, and nothing has happened."""


class Pace(Struct, frozen=True):
    """How long a server waits, in milliseconds of its own clock: each is drawn between two bounds."""

    election: tuple[float, float] = (150, 300)
    heartbeat: float = 100
    sync: tuple[float, float] = (0, 5)
    flush: tuple[float, float] = (0, 5)


class Driver:
    """One server between its start and its crash."""

    def __init__(self, replica: Replica, ports: Ports, pace: Pace, listener: Listener) -> None:
        self.replica = replica
        self.turn: Turn | None = None
        """The step whose effects wait for the disk."""
        self.waiting: deque[Input] = deque()
        self._draining = False
        self._ports = ports
        self._pace = pace
        self._listener = listener
        self._election: Timer | None = None
        self._beat: Timer | None = None
        self._sync: Timer | None = None
        self._flush: Timer | None = None

    def start(self) -> None:
        """Begin to wait for a leader, or go on where a story begins."""
        self._listen()
        self._arm(self.replica)
        if self.replica.role == LEADER:
            self._handed_on()

    def take(self, taken: Input) -> None:
        """Take an input, at once or when the disk has caught up."""
        if self.turn is not None:
            self.waiting.append(taken)
        else:
            self._begin(taken)

    def _begin(self, taken: Input) -> None:
        try:
            after, effects = step(self.replica, taken)
        except Refused:
            self._listener.refused(taken)
            return
        self.turn = Turn(taken, after, effects)
        carry_out(effects, self._ports, self._finish)

    def _finish(self) -> None:
        turn, self.turn = self.turn, None
        assert turn is not None, "a step ends once"
        before, self.replica = self.replica, turn.after
        self._listener.stepped(before, turn)
        self._wait_anew(before, turn)
        self._drain()

    def _drain(self) -> None:
        """Take what has waited, one input after another and not one inside the other."""
        if self._draining:
            return
        self._draining = True
        try:
            while self.waiting and self.turn is None:
                self._begin(self.waiting.popleft())
        finally:
            self._draining = False

    # -- timers ----------------------------------------------------------------------------------------------

    def _wait_anew(self, before: Replica, turn: Turn) -> None:
        """A leader's word, one's own vote and one's own candidature put the next election off."""
        after, taken = turn.after, turn.taken
        heard = isinstance(taken, AppendRequest) and taken.term == after.term
        voted = after.voted_for != before.voted_for and after.voted_for is not None
        if heard or voted or after.term != before.term or after.role != before.role:
            self._listen()
        if after.role == LEADER and before.role != LEADER:
            self._handed_on()
        self._arm(after)

    def _listen(self) -> None:
        if self._election is not None:
            self._election.cancel()
        if self.replica.role != LEADER:
            time = self._ports.time
            self._election = time.after(time.draw(*self._pace.election), self.stand)

    def stand(self) -> None:
        """Stand for election; a leader refuses."""
        self._listen()
        self.take(ElectionTimeout())

    def _arm(self, replica: Replica) -> None:
        """Let the disk catch up soon, and hand on soon what is new."""
        time = self._ports.time
        if self._sync is None and (replica.owed or is_dirty(replica)):
            self._sync = time.after(time.draw(*self._pace.sync), self._write)
        if self._flush is None and replica.role == LEADER and any(self._behind(replica)):
            self._flush = time.after(time.draw(*self._pace.flush), self._hand_on)

    @staticmethod
    def _behind(replica: Replica) -> list[ServerId]:
        last = len(replica.log)
        return [peer for peer in replica.members if peer != replica.identity and replica.next_index[peer] <= last]

    def _write(self) -> None:
        self._sync = None
        self.take(Sync())

    def _hand_on(self) -> None:
        self._flush = None
        if self.replica.role == LEADER:
            for peer in self._behind(self.replica):
                self.take(Replicate(peer))

    def _handed_on(self) -> None:
        """Every peer hears of the leader once a heartbeat, with or without news."""
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._ports.time.after(self._pace.heartbeat, self._heartbeat)

    def _heartbeat(self) -> None:
        if self.replica.role == LEADER:
            self._handed_on()
            for peer in self.replica.members:
                if peer != self.replica.identity:
                    self.take(Replicate(peer))

    def propose(self, *events: str) -> None:
        """Append events that somebody has just derived from a command."""
        self.take(Propose(events))
