"""A network in virtual time: it loses, repeats, delays and so reorders, and can be cut in one direction.

`view` is the spec's network: the set of messages of which a copy may still arrive. What is in it no longer, since its
last copy has arrived or was lost, is put down in `gone`, so that the world can tell it as a step of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from quorumlog.core.consensus.messages import Message, ServerId, VoteRequest
from quorumlog.pre_vote import PRE_VOTES, PreVote, PreVoteRequest
from quorumlog.simulation.agenda import MILLISECOND, Agenda
from quorumlog.simulation.faults import Weather
from quorumlog.simulation.network import SILENT, Network

LATE = 8  # a repeated copy may take so many times as long as the first


class Links:
    """All links between servers."""

    def __init__(
        self,
        agenda: Agenda,
        weather: Weather,
        dice: Mapping[tuple[ServerId, ServerId], Random],
        arrive: Callable[[ServerId, Message | PreVote], None],
    ) -> None:
        self.view: Network = SILENT
        self.gone: list[Message] = []
        self.cuts: dict[tuple[ServerId, ServerId], int] = {}
        self._agenda = agenda
        self._weather = weather
        self._dice = dice
        self._arrive = arrive
        self._copies: dict[Message, int] = {}

    def heal(self) -> None:
        """From now on nothing is lost or repeated, and no link is cut."""
        self.cuts.clear()
        least, most = self._weather.delay
        self._weather = Weather(delay=(least, min(most, 30)), lose=0, repeat=0)

    def cut(self, sender: ServerId, to: ServerId) -> None:
        """What the one sends to the other is lost. Cuts of one link may overlap."""
        self.cuts[sender, to] = self.cuts.get((sender, to), 0) + 1

    def mend(self, sender: ServerId, to: ServerId) -> None:
        """One cut of this link is over."""
        self.cuts[sender, to] = max(self.cuts.get((sender, to), 0) - 1, 0)

    def send(self, message: Message) -> None:
        """Put copies of a message on their way, or none. For a moment it is on its way in any case."""
        self._copies.setdefault(message, 0)
        if message not in self.view:
            self.view |= {message}
        if isinstance(message, VoteRequest):
            for sender, to in self._dice:
                if sender == message.sender:
                    self._send(message, to)
        else:
            self._send(message, message.to)
        if not self._copies[message]:
            self.gone.append(message)

    def _send(self, message: Message | PreVote, to: ServerId) -> None:
        dice, weather = self._dice[message.sender, to], self._weather
        lost = dice.random() * 100 < weather.lose
        delay = dice.uniform(*weather.delay)
        if lost or self.cuts.get((message.sender, to)):
            return
        self._put(message, to, delay)
        if weather.repeat and dice.random() * 100 < weather.repeat:
            self._put(message, to, delay + dice.random() * weather.delay[1] * LATE)

    def ask(self, message: PreVote) -> None:
        """Put copies of a pre-vote on their way, or none. It is no message of consensus, and nobody waits for it."""
        everybody = [to for sender, to in self._dice if sender == message.sender]
        for to in everybody if isinstance(message, PreVoteRequest) else [message.to]:
            self._send(message, to)

    def put(self, message: Message, to: ServerId, delay: float) -> None:
        """A message that was on its way when the story began."""
        self.view |= {message}
        self._put(message, to, delay)

    def _put(self, message: Message | PreVote, to: ServerId, delay: float) -> None:
        if not isinstance(message, PRE_VOTES):
            self._copies[message] = self._copies.get(message, 0) + 1
        self._agenda.after(int(delay * MILLISECOND), lambda: self._arrive(to, message))

    def received(self, message: Message) -> None:
        """A copy has arrived, or its addressee has forgotten it."""
        left = self._copies.get(message, 0) - 1
        self._copies[message] = max(left, 0)
        if left <= 0:
            self.gone.append(message)

    def lost(self) -> list[Message]:
        """What has gone since this was asked last: each is out of the view from now on."""
        found = []
        for message in self.gone:
            if not self._copies.get(message) and message in self.view:
                self._copies.pop(message, None)
                found.append(message)
        self.gone.clear()
        return found
