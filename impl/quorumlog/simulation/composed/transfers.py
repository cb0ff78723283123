"""What the groups of the whole system say to each other about transfers."""

from __future__ import annotations

from typing import Self

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.coordinator import Decisions, Settle, Tally
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Prepare, TransferId
from quorumlog.core.two_phase_commit.messages import Decision as Verdict
from quorumlog.simulation.composed.calls import Calls
from quorumlog.simulation.composed.clients import COORDINATOR
from quorumlog.simulation.composed.groups import GroupId
from quorumlog.simulation.composed.state import ORDERS, Found, Letter, Told


class Transfers(Calls, frozen=True):
    """The system, with transfers."""

    # -- transfers ------------------------------------------------------------------------------------------------

    def speak(self, g: GroupId, i: ServerId) -> Self:
        """A leader says all that there is to say, from its committed state."""
        node = self.groups[g].nodes[i]
        if not node.leads:
            raise Refused(f"{i} does not lead")
        state = node.gate.table.state
        if g != COORDINATOR:
            said: list[Letter] = [*participant.messages(state, g)]
        else:
            said = [*coordinator.messages(state, self.groups[g].tallies[i])]
            ended = ((transfer, coordinator.outcome(state, transfer)) for transfer in state)
            said += [Told(transfer, outcome) for transfer, outcome in ended if outcome is not None]
        return self.change(letters=tuple(dict.fromkeys((*self.letters, *sorted(said, key=repr)))))

    def on_letter(self, i: ServerId, letter: Letter) -> Self:
        """A letter arrives: a request or a decision at a shard, a vote or an acknowledgement at the coordinator."""
        if letter not in self.letters or isinstance(letter, Told | Found):
            raise Refused("it is not on its way to a node")
        if isinstance(letter, Prepare | Verdict):
            return self.ordered(letter.shard, i, letter)
        tally = self.groups[COORDINATOR].tallies[i]
        if isinstance(letter, Acknowledgement):
            return self.heard(i, coordinator.note_acknowledgement(tally, letter), None)
        return self.heard(i, *coordinator.count_vote(tally, self.draft(i), letter))

    def give_up_transfer(self, i: ServerId, transfer: TransferId) -> Self:
        """A transfer has taken too long for the coordinator."""
        return self.heard(i, *coordinator.give_up(self.groups[COORDINATOR].tallies[i], self.draft(i), transfer))

    def draft(self, i: ServerId) -> Decisions:
        """What a leader of the coordinator's group decides on."""
        draft = self.groups[COORDINATOR].nodes[i].gate.draft
        if draft is None:
            raise Refused(f"{i} does not lead")
        decisions: Decisions = draft.state
        return decisions

    def heard(self, i: ServerId, tally: Tally, settle: Settle | None) -> Self:
        """The coordinator's leader has heard something, and may have decided."""
        group = self.groups[COORDINATOR]
        if not group.nodes[i].leads:
            raise Refused(f"{i} does not lead")
        group = replace(group, tallies=group.tallies.set(i, tally))
        system = self.change(groups=self.groups.set(COORDINATOR, group))
        return system if settle is None else system.ordered(COORDINATOR, i, settle)

    def ordered(self, g: GroupId, i: ServerId, command: object) -> Self:
        """A leader orders something that no client has asked it for."""
        return self.change(groups=self.groups.set(g, self.groups[g].order(i, ORDERS, command)))

    def hear(self, told: Told) -> Self:
        """A client hears how its transfer ended."""
        name = self.who_waits(told.transfer, told)
        return self.called(name, *self.callers[name].hear(told.transfer, told.outcome))

    def told(self, found: Found) -> Self:
        """A client hears what is on an account."""
        name = self.who_waits(found.read, found)
        return self.called(name, *self.callers[name].told(found.read, found.value))
