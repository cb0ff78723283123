"""Transfers by two-phase commit, and reads beside them: what shards do in the world of transfers.

One method a step of the spec ReplicatedTwoPhaseCommit, each a call of the core and what comes of it.
"""

from __future__ import annotations

from typing import TypeAlias

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit import participant
from quorumlog.core.two_phase_commit.coordinator import COMMITTED, COORDINATION, Begun, Decided
from quorumlog.core.two_phase_commit.messages import Decision, Message, Prepare, ShardId
from quorumlog.core.two_phase_commit.participant import (
    PREPARED,
    Deposit,
    Deposited,
    Event,
    Finding,
    Participation,
    Read,
    Round,
    ShardState,
    Staged,
    total,
)
from quorumlog.simulation.transfers import (
    FAILED,
    Group,
    OperationId,
    Setting,
    Standing,
    Transfers,
    arrived,
    begun,
)

Log: TypeAlias = Group[ShardState, Event]


class ReplicatedTwoPhaseCommit(Transfers[ShardState, Event], frozen=True, cache_hash=True):
    """The world of transfers, with such shards, and the totals that are asked for again."""

    again: frozenset[OperationId]

    @classmethod
    def of(cls, setting: Setting) -> ReplicatedTwoPhaseCommit:
        """Nobody has asked for anything. Spec: ReplicatedTwoPhaseCommit!Init."""
        return cls(**begun(setting, Participation), again=frozenset())

    def application(self, shard: ShardId) -> Participation:
        """What decides and evolves at a shard."""
        return Participation(self.setting.at(shard))

    # -- clients -------------------------------------------------------------------------------------------------

    def finding(self, shard: ShardId, o: OperationId, number: Round) -> Finding:
        """What a shard has found for an operation: it may be told, for it is committed."""
        done = self.shards[shard].state.done
        if (o, number) not in done:
            raise Refused(f"{shard} has not done round {number} of {o}")
        return done[(o, number)]

    def answer_deposit(self, d: OperationId) -> ReplicatedTwoPhaseCommit:
        """The shard answers that the deposit was made. Spec: ReplicatedTwoPhaseCommit!AnswerDeposit."""
        value, _ = self.finding(self.setting.home_of(d), d, 1)
        return self.answer(d, Standing("done", value))

    def answer_balance(self, r: OperationId) -> ReplicatedTwoPhaseCommit:
        """The shard answers what it found. Spec: ReplicatedTwoPhaseCommit!AnswerBalance."""
        value, _ = self.finding(self.setting.home_of(r), r, 1)
        return self.answer(r, Standing("done", value))

    def collected(self, r: OperationId, number: Round) -> dict[ShardId, Finding]:
        """What all shards have found in one round. Spec: ReplicatedTwoPhaseCommit!Collected."""
        return {shard: self.finding(shard, r, number) for shard in self.setting.shards}

    def ask_again(self, r: OperationId) -> ReplicatedTwoPhaseCommit:
        """All shards have answered once, and are asked again. Spec: ReplicatedTwoPhaseCommit!AskAgain."""
        self.require_open(r)
        if r in self.again:
            raise Refused(f"{r} has been asked twice")
        self.collected(r, 1)
        return self.change(again=self.again | frozenset((r,)))

    def answer_total(self, r: OperationId) -> ReplicatedTwoPhaseCommit:
        """The total, if nothing has changed between the rounds. Spec: ReplicatedTwoPhaseCommit!AnswerTotal."""
        value = total(self.collected(r, 1), self.collected(r, 2))
        return self.answer(r, FAILED if value is None else Standing("done", value))

    # -- the shards ----------------------------------------------------------------------------------------------

    def obeying(self, shard: ShardId, command: participant.Command) -> ReplicatedTwoPhaseCommit:
        """The shard's leader decides on its speculative state, and appends what it decides."""
        app, log = self.application(shard), self.shards[shard]
        return self.append_at(shard, app.decide(log.draft(app), command))

    def on_prepare(self, m: Message) -> ReplicatedTwoPhaseCommit:
        """A shard is asked to prepare. Spec: ReplicatedTwoPhaseCommit!OnPrepare."""
        message = arrived(m, Prepare)
        return self.obeying(message.shard, message)

    def on_decision(self, m: Message) -> ReplicatedTwoPhaseCommit:
        """A shard is told the decision. Spec: ReplicatedTwoPhaseCommit!OnDecision."""
        message = arrived(m, Decision)
        return self.obeying(message.shard, message)

    def on_deposit(self, d: OperationId) -> ReplicatedTwoPhaseCommit:
        """A client asks for a deposit. Spec: ReplicatedTwoPhaseCommit!OnDeposit."""
        self.require_open(d)
        command = Deposit(d, self.setting.account_of[d], self.setting.deposits[d])
        return self.obeying(self.setting.home_of(d), command)

    def on_balance(self, r: OperationId) -> ReplicatedTwoPhaseCommit:
        """A client asks for a balance. Spec: ReplicatedTwoPhaseCommit!OnBalance."""
        self.require_open(r)
        return self.obeying(self.setting.home_of(r), Read(r, self.setting.account_of[r], 1))

    def on_total(self, s: ShardId, r: OperationId) -> ReplicatedTwoPhaseCommit:
        """A client asks a shard for its part of a total. Spec: ReplicatedTwoPhaseCommit!OnTotal."""
        self.require_open(r)
        return self.obeying(s, Read(r, None, 2 if r in self.again else 1))

    def after_event(self, event: Event) -> ReplicatedTwoPhaseCommit:
        """A deposit takes effect. Spec: ReplicatedTwoPhaseCommit!CommitEvent."""
        if not isinstance(event, Deposited):
            return self
        return self.effect(self.ledger.set(event.account, self.ledger[event.account] + event.amount))

    def deposited(self, d: OperationId) -> Deposited:
        """The event of a deposit."""
        return Deposited(d, self.setting.account_of[d], self.setting.deposits[d])

    def done(self, shard: ShardId, event: Event) -> ReplicatedTwoPhaseCommit:
        """The world after this event of a shard was appended and committed, and nobody else holds it."""
        return self.append_at(shard, (event,)).commit_event(shard)

    def speak_shard(self, s: ShardId) -> ReplicatedTwoPhaseCommit:
        """A shard says what it has to. Spec: ReplicatedTwoPhaseCommit!SpeakShard."""
        return self.send(participant.messages(self.shards[s].state, s))


World: TypeAlias = ReplicatedTwoPhaseCommit


def in_doubt(setting: Setting, t: OperationId) -> ReplicatedTwoPhaseCommit:
    """A transfer has begun, its shards have prepared it, and its decision is appended: a start of a model.

    Spec: ReplicatedTwoPhaseCommit!InitInDoubt.
    """
    world = ReplicatedTwoPhaseCommit.of(setting).call(t)
    transfer, shards = setting.transfers[t], world.shards
    for s in transfer.shards:
        prepared = world.application(s).evolve(shards[s].state, Staged(transfer, PREPARED))
        shards = shards.set(s, Group(prepared))
    began = COORDINATION.evolve(world.coordination.state, Begun(transfer))
    return world.change(coordination=Group(began, (Decided(t, COMMITTED),)), shards=shards)


def asked(setting: Setting, made: OperationId, once: OperationId, twice: tuple[OperationId, OperationId]) -> World:
    """All shards have been asked for the totals, once or twice: a start of a model.

    Between the rounds of the second of those that were asked for twice, a deposit was `made`.
    Spec: ReplicatedTwoPhaseCommit!InitAsked.
    """
    same, changed = twice
    world = World.of(setting).call(changed).call(made)
    for shard in setting.shards:
        world = world.done(shard, Read(changed, None, 1))
    world = world.done(setting.home_of(made), world.deposited(made)).call(same).call(once)
    rounds: tuple[tuple[OperationId, Round], ...] = ((changed, 2), (same, 1), (same, 2), (once, 1))
    for shard in setting.shards:
        for name, number in rounds:
            world = world.done(shard, Read(name, None, number))
    return world.change(again=frozenset(twice))
