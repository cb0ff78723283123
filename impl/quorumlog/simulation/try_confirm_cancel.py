"""Transfers by try, confirm and cancel, and looks beside them: what such shards do in the world of transfers.

One method a step of the spec TryConfirmCancel, each a call of the core and what comes of it.
"""

from __future__ import annotations

from typing import TypeAlias

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit import try_confirm_cancel
from quorumlog.core.two_phase_commit.messages import Decision, Message, Prepare, ShardId
from quorumlog.core.two_phase_commit.try_confirm_cancel import Command, Event, Look, ShardState
from quorumlog.core.two_phase_commit.try_confirm_cancel import TryConfirmCancel as Application
from quorumlog.simulation.transfers import Group, OperationId, Setting, Standing, Transfers, arrived, begun

Log: TypeAlias = Group[ShardState, Event]


class TryConfirmCancel(Transfers[ShardState, Event], frozen=True, cache_hash=True):
    """The world of transfers, with such shards."""

    @classmethod
    def of(cls, setting: Setting) -> TryConfirmCancel:
        """Nobody has asked for anything. Spec: TryConfirmCancel!Init."""
        return cls(**begun(setting, Application))

    def application(self, shard: ShardId) -> Application:
        """What decides and evolves at a shard."""
        return Application(self.setting.at(shard))

    def obey(self, shard: ShardId, command: Command) -> TryConfirmCancel:
        """The shard's leader decides on its speculative state, and appends what it decides."""
        app, log = self.application(shard), self.shards[shard]
        return self.append_at(shard, app.decide(log.draft(app), command))

    def on_try(self, m: Message) -> TryConfirmCancel:
        """A shard is asked to try. Spec: TryConfirmCancel!OnTry."""
        message = arrived(m, Prepare)
        return self.obey(message.shard, message)

    def on_confirm(self, m: Message) -> TryConfirmCancel:
        """A shard is told to confirm. Spec: TryConfirmCancel!OnConfirm."""
        message = arrived(m, Decision, lambda decision: decision.commit)
        return self.obey(message.shard, message)

    def on_cancel(self, m: Message) -> TryConfirmCancel:
        """A shard is told to cancel. Spec: TryConfirmCancel!OnCancel."""
        message = arrived(m, Decision, lambda decision: not decision.commit)
        return self.obey(message.shard, message)

    def on_look(self, r: OperationId) -> TryConfirmCancel:
        """A client wants to know what is available. Spec: TryConfirmCancel!OnLook."""
        self.require_open(r)
        return self.obey(self.setting.home_of(r), Look(r, self.setting.account_of[r]))

    def answer_look(self, r: OperationId) -> TryConfirmCancel:
        """The shard answers what it found. Spec: TryConfirmCancel!AnswerLook."""
        done = self.shards[self.setting.home_of(r)].state.done
        if r not in done:
            raise Refused(f"nobody has looked for {r}")
        return self.answer(r, Standing("done", done[r]))

    def speak_shard(self, s: ShardId) -> TryConfirmCancel:
        """A shard says what it has to. Spec: TryConfirmCancel!SpeakShard."""
        return self.send(try_confirm_cancel.messages(self.shards[s].state, s))
