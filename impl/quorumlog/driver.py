"""Drives one server: feeds inputs to the core, and carries out what it answers in the one order: durable, sent, spoken.

The order stands in `carry_out` and nowhere else. While the disk writes, inputs wait: a step is not over before its
effects are. When to stand for election, to sync, and to send is a matter of timers (`Pace`), of which the core knows
nothing. What is driven is a bare server of consensus (`BareSteps`), or a whole node with its gates: whoever makes the
driver says how a step is taken. Whoever wants pre-votes says where they are sent: then a server asks before it stands,
and a leader that no quorum answers resigns (`pre_vote.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Generic, Never, TypeAlias, TypeVar

from msgspec import Struct

from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.effects import (
    Committed,
    ElectionTimeout,
    Input,
    Propose,
    Refused,
    Replicate,
    Resign,
    Send,
    Store,
    Sync,
)
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Message, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import LEADER
from quorumlog.ports import Ports, Timer
from quorumlog.pre_vote import HEARD, PRE_VOTES, Ask, Asking, Contact, Judged, PreVote, Tick, judge, learnt, may_stand
from quorumlog.turns import BareSteps, Listener, Outcome, Steps, Turn

__all__ = ["BareDriver", "BareSteps", "BareTurn", "Driver", "Listener", "Outcome", "Pace", "Steps", "Turn", "carry_out"]

Whole = TypeVar("Whole")
Taken = TypeVar("Taken")
Carried = TypeVar("Carried")
Said = TypeVar("Said")


def carry_out(
    outcome: Outcome[Whole, Carried, Said], ports: Ports[Message | Carried, Said], done: Callable[[], None]
) -> None:
    """Everything is durable before anything is sent, and sent before anybody is told."""
    if outcome.effects and (stores := [effect for effect in outcome.effects if type(effect) is Store]):
        ports.disk.write(stores, partial(speak, outcome, ports, done))
    else:
        speak(outcome, ports, done)


def speak(
    outcome: Outcome[Whole, Carried, Said], ports: Ports[Message | Carried, Said], done: Callable[[], None]
) -> None:
    """Send, tell, and be done, now that all is durable."""
    for effect in outcome.effects:
        if type(effect) is Send:
            ports.network.send(effect.message)
    for message in outcome.posted:
        ports.network.send(message)
    for effect in outcome.effects:
        if type(effect) is Committed:
            ports.application.committed(effect)
    if outcome.said:
        ports.application.said(outcome.said)
    done()


BareTurn: TypeAlias = Turn[Replica, Input]
BareDriver: TypeAlias = "Driver[Replica, Never, Message, Never]"

# -- when ------------------------------------------------------------------------------------------------------


class Pace(Struct, frozen=True):
    """How long a server waits, in milliseconds of its own clock: each is drawn between two bounds.

    With `turns` it does not wait to sync and to hand on: it does both at the end of each turn of its loop.
    """

    election: tuple[float, float] = (150, 300)
    heartbeat: float = 100
    sync: tuple[float, float] = (0, 5)
    flush: tuple[float, float] = (0, 5)
    turns: bool = False


ASKING: Final = (Ask, Tick, *PRE_VOTES)
JUDGED: Final = frozenset((*ASKING, ElectionTimeout))
"""What has to be judged before consensus hears of it; all else is only learnt from."""
AS_GOOD_AS_OVER: Final = 1.0  # milliseconds: a clock may count in them, and its timers not get to the end of one
ATTEMPTS: Final = 2.0**52
"""Attempts to be elected are drawn from so many numbers, so that no server uses one twice in all its lives."""


class Driver(Generic[Whole, Taken, Carried, Said]):
    """One server between its start and its crash. `ask` sends pre-votes; without it nobody is asked."""

    def __init__(
        self,
        whole: Whole,
        steps: Steps[Whole, Taken, Carried, Said],
        ports: Ports[Message | Carried, Said],
        pace: Pace,
        listener: Listener[Whole, Taken],
        ask: Callable[[PreVote], None] | None = None,
    ) -> None:
        self.whole = whole
        self.contact: Contact = HEARD
        """What it knows of the others' being there."""
        self.turn: Turn[Whole, Taken | Input] | None = None
        """The step whose effects wait for the disk."""
        self.waiting: deque[Taken | Input | Asking] = deque()
        self._steps = steps
        self._draining = False
        self._beginning = False
        self._ending = False
        self._ports = ports
        self._pace = pace
        self._listener = listener
        self._election: Timer | None = None
        self._heard, self._patience = 0.0, 0.0
        """When it began to wait, for an election and to forget a leader, and how long it waits before it stands."""
        self._beat: Timer | None = None
        self._sync: Timer | None = None
        self._flush: Timer | None = None
        self._end: Timer | None = None
        self._tick: Timer | None = None
        self._ask = ask
        self._lost: set[ServerId] = set()
        """Who cannot be sent what it lacks; that is tried again with each heartbeat."""
        self._judged: Judged | None = None
        """What was judged of the step that is being taken, if anything was."""

    @property
    def replica(self) -> Replica:
        """The server's part in consensus."""
        return self._steps.replica(self.whole)

    def start(self) -> None:
        """Begin to wait for a leader, or go on where a story begins."""
        self._listen()
        self._arm(self.replica)
        if self.replica.role == LEADER:
            self._handed_on()

    def stop(self) -> None:
        """Nothing more happens of itself. What the disk writes is written, and nobody hears of it."""
        for timer in (self._election, self._tick, self._beat, self._sync, self._flush, self._end):
            if timer is not None:
                timer.cancel()
        self.waiting.clear()

    def take(self, taken: Taken | Input | Asking) -> None:
        """Take an input, at once or when the disk has caught up."""
        if self.turn is not None:
            self.waiting.append(taken)
        else:
            self._begin(taken)

    def _begin(self, taken: Taken | Input | Asking) -> None:
        given: Any = taken
        if type(taken) in JUDGED:
            given = self._judge(given)
        if given is not None:
            self._step(given)

    def _judge(self, taken: Asking | ElectionTimeout) -> Input | None:
        """What consensus is to take of this, if anything. What is said of it promises nothing, and goes out at once."""
        if self._ask is None:
            return taken if isinstance(taken, ElectionTimeout) else None
        try:
            judged = judge(self.contact, self.replica, taken)
        except Refused:
            return None
        if judged.sent is not None:
            self._ask(judged.sent)
        if judged.then is None:
            self.contact = judged.contact
            if not may_stand(self.contact, self.replica):
                return None
            judged = Judged(self.contact, then=ElectionTimeout())
        self._judged = judged
        return judged.then

    def _step(self, taken: Taken | Input) -> None:
        try:
            outcome = self._steps.take(self.whole, taken)
        except Refused:
            self._judged = None
            if isinstance(taken, Replicate):
                self._lost.add(taken.to)
            self._listener.refused(taken)
            return
        self.turn = Turn(taken, outcome.after, outcome.effects, outcome.said, outcome.posted)
        self._beginning = True
        carry_out(outcome, self._ports, self._finish)
        self._beginning = False

    def _learn(self, before: Replica, after: Replica, taken: Taken | Input, elsewhere: bool) -> None:
        """What a step says of the others' being there; most say nothing."""
        judged, self._judged = self._judged, None
        if self._ask is not None:
            then = taken if type(taken) is AppendRequest or type(taken) is AppendReply else None
            if then is not None or judged is not None or elsewhere:
                self.contact = learnt(judged or Judged(self.contact, then=then), before, after)

    def _finish(self) -> None:
        turn, self.turn = self.turn, None
        assert turn is not None, "a step ends once"
        waited = not self._beginning
        before, self.whole, taken = self.whole, turn.after, turn.taken
        old, new = self._steps.replica(before), self._steps.replica(turn.after)
        elsewhere = stands_elsewhere(old, new)
        self._learn(old, new, taken, elsewhere)
        self._listener.stepped(before, turn)
        self._wait_anew(old, new, taken, elsewhere)
        if type(taken) is Resign and may_stand(self.contact, self.replica):
            self.waiting.appendleft(ElectionTimeout())  # it has made room, and nobody else leads
        if self.waiting:
            self._drain()
        if waited and self._pace.turns:
            self._end_of_turn()

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

    def _wait_anew(self, before: Replica, after: Replica, taken: Taken | Input, elsewhere: bool) -> None:
        """A leader's word, one's own vote and one's own candidature put the next election off."""
        if elsewhere:
            if after.voted_for is not None or after.term != before.term or after.role != before.role:
                self._listen()
            if after.role == LEADER and before.role != LEADER:
                self._handed_on()
        elif type(taken) is AppendRequest and taken.term == after.term:
            self._put_off()
        self._arm(after)

    def _put_off(self) -> None:
        """As often as a leader says something. Timers run on, and see at their end that it was too early."""
        self._heard = self._ports.time.now()
        if self._tick is None and self._ask is not None:
            self._count_down()

    def _listen(self) -> None:
        time = self._ports.time
        self._heard, self._patience = time.now(), time.draw(*self._pace.election)
        if self._election is not None:
            self._election.cancel()
        if self.replica.role != LEADER:
            self._election = time.after(self._patience, self._waited)
        if self._ask is not None:
            self._count_down()

    def _waited(self) -> None:
        """It has waited for an election, unless it has heard of its leader meanwhile."""
        rest = self._heard + self._patience - self._ports.time.now()
        if rest > AS_GOOD_AS_OVER:
            self._election = self._ports.time.after(rest, self._waited)
        else:
            self.stand()

    def stand(self) -> None:
        """Stand for election, or ask whether one may; a leader refuses."""
        self._listen()
        if self._ask is None or self.replica.role == LEADER:
            self.take(ElectionTimeout())
        else:
            self.take(Ask(int(self._ports.time.draw(0, ATTEMPTS))))

    def _count_down(self) -> None:
        """A follower forgets its leader after the least time-out, a leader looks who answers after the greatest."""
        if self._tick is not None:
            self._tick.cancel()
        self._tick = self._ports.time.after(self._forgets(), self._ticked)

    def _forgets(self) -> float:
        least, most = self._pace.election
        return most if self.replica.role == LEADER else least

    def _ticked(self) -> None:
        rest = self._heard + self._forgets() - self._ports.time.now()
        if rest > AS_GOOD_AS_OVER:
            self._tick = self._ports.time.after(rest, self._ticked)
            return
        self._tick = None
        self.take(Tick())
        if self.replica.role == LEADER:
            self._heard = self._ports.time.now()
            self._count_down()

    def _arm(self, replica: Replica) -> None:
        """Let the disk catch up soon, and hand on soon what is new."""
        if self._pace.turns:
            if self._end is None and not self._ending and self._has_to_end(replica):
                self.gather()
            return
        time = self._ports.time
        if self._sync is None and owes_disk(replica):
            self._sync = time.after(time.draw(*self._pace.sync), self._write)
        if self._flush is None and replica.role == LEADER and any(self._behind(replica)):
            self._flush = time.after(time.draw(*self._pace.flush), self._hand_on)

    def _behind(self, replica: Replica) -> list[ServerId]:
        last, nobody = len(replica.log), (replica.identity, *self._lost)
        return [peer for peer in replica.members if peer not in nobody and replica.next_index[peer] <= last]

    def _write(self) -> None:
        self._sync = None
        self.take(Sync())

    def _hand_on(self) -> None:
        self._flush = None
        replica = self.replica
        if replica.role == LEADER:
            for peer in self._behind(replica):
                self.take(Replicate(peer))

    def _handed_on(self) -> None:
        """Every peer hears of the leader once a heartbeat, with or without news."""
        self._lost.clear()
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._ports.time.after(self._pace.heartbeat, self._heartbeat)

    def _heartbeat(self) -> None:
        if self.replica.role == LEADER:
            self._handed_on()
            for peer in self.replica.members:
                if peer != self.replica.identity:
                    self.take(Replicate(peer))
            for message in self._steps.beat(self.whole):
                self._ports.network.send(message)

    def propose(self, *events: str) -> None:
        """Append events that somebody has just derived from a command."""
        self.take(Propose(events))

    # -- turns -----------------------------------------------------------------------------------------------

    def _has_to_end(self, replica: Replica) -> bool:
        """Whether the end of a turn would do anything."""
        return (
            owes_disk(replica)
            or (replica.role == LEADER and bool(self._behind(replica)))
            or self._steps.has_gathered(self.whole)
        )

    def gather(self) -> None:
        """Something is to be done at the end of this turn, when all that has come in was taken."""
        if self._end is None and self.turn is None and not self._ending:
            self._end = self._ports.time.after(0, self._end_of_turn)

    def _end_of_turn(self) -> None:
        """One batch of all that has gathered; then to the peers what they lack, and beside that all of it to the disk.

        While the disk writes nothing ends: when it has written, there is an end again.
        """
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self.turn is not None or self._ending:
            return
        self._ending = True
        while (gathered := self._steps.gathered(self.whole)) is not None:
            self.take(gathered)
        self._hand_on()
        if writes := owes_disk(self.replica):
            self.take(Sync())
        self._ending = False
        replica = self.replica
        if self.turn is None and (
            (writes and owes_disk(replica)) or (replica.role == LEADER and self._behind(replica))
        ):
            self.gather()  # the disk was done at once, or a peer lacks more than one message holds


def stands_elsewhere(before: Replica, after: Replica) -> bool:
    """Whether a step has changed what elections are about."""
    return after.term != before.term or after.role != before.role or after.voted_for != before.voted_for


def owes_disk(replica: Replica) -> bool:
    """Whether there is something to sync."""
    return bool(replica.owed) or is_dirty(replica)
