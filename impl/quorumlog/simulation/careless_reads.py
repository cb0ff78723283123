"""Reads that are rejected: a balance that waits for no transfer in doubt, and a total of one round.

The class exists so that the spec's counterexamples can be replayed on code. Spec: CarelessReads.
"""

from __future__ import annotations

from quorumlog.core.two_phase_commit.participant import Event, Participation, Read, ShardState
from quorumlog.simulation.replicated_two_phase_commit import ReplicatedTwoPhaseCommit
from quorumlog.simulation.transfers import OperationId, Setting, Standing, begun


class CarelessReads(ReplicatedTwoPhaseCommit, frozen=True, cache_hash=True):
    """The world of two-phase commit, with such reads. Its transfers are those of ReplicatedTwoPhaseCommit.

    Spec: CarelessReads!CarelessNext.
    """

    @classmethod
    def of(cls, setting: Setting) -> CarelessReads:
        """Nobody has asked for anything."""
        return cls(**begun(setting, Participation), again=frozenset())

    def on_balance_at_once(self, r: OperationId) -> CarelessReads:
        """A client asks for a balance, and does not wait. Spec: CarelessReads!OnBalanceAtOnce."""
        self.require_open(r)
        shard = self.setting.home_of(r)
        return self.append_at(shard, at_once(self.draft(shard), Read(r, self.setting.account_of[r], 1)))

    def draft(self, shard: str) -> ShardState:
        """The speculative state of a shard."""
        return self.shards[shard].draft(self.application(shard))

    def answer_total_at_once(self, r: OperationId) -> CarelessReads:
        """A total of one round. Spec: CarelessReads!AnswerTotalAtOnce."""
        found = self.collected(r, 1)
        return self.answer(r, Standing("done", sum(value for value, _ in found.values())))


def at_once(state: ShardState, read: Read) -> tuple[Event, ...]:
    """A read is made once, whatever is in doubt. Spec: CarelessReads!DecideAtOnce."""
    return () if (read.request, read.round) in state.done else (read,)
