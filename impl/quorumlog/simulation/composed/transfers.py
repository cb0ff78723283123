"""What the groups of the whole system say to each other about transfers."""

from __future__ import annotations

from typing import Self

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.two_phase_commit.messages import TransferId
from quorumlog.sharding.duties import GroupId, is_for_shards
from quorumlog.simulation.composed.calls import Calls
from quorumlog.simulation.composed.state import Found, Letter


class Transfers(Calls, frozen=True):
    """The system, with transfers."""

    def speak(self, g: GroupId, i: ServerId) -> Self:
        """A leader says all that there is to say, from its committed state."""
        return self.with_letters(self.groups[g].speak(i))

    def on_letter(self, i: ServerId, letter: Letter) -> Self:
        """A letter arrives: a request or a decision at a shard, a vote or an acknowledgement at the coordinator."""
        if letter not in self.letters or isinstance(letter, Found):
            raise Refused("it is not on its way to a node")
        g = letter.shard if is_for_shards(letter) else self.placement.coordinator
        return self.after(g, self.groups[g].hear(i, letter))

    def give_up_transfer(self, i: ServerId, transfer: TransferId) -> Self:
        """A transfer has taken too long for the coordinator."""
        g = self.placement.coordinator
        return self.after(g, self.groups[g].give_up(i, transfer))

    def told(self, found: Found) -> Self:
        """A client hears what is on an account."""
        name = self.who_waits(found.read, found)
        return self.called(name, *self.callers[name].told(found.read, found.shard, found.finding))
