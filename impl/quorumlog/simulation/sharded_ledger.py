"""The world of the ledger on shards: what clients, the coordinator and the shards' leaders do, and what comes late.

One method a step of the spec ShardedLedger, each a call of the code and what comes of it. What was once said of a
transfer may arrive at any time from then on, so there are no networks; that a request is decided once is here as in
the spec a matter of `said`, which stands for the sessions of LeaderOutput.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import fold
from quorumlog.core.two_phase_commit.coordinator import Settle, Tally
from quorumlog.core.two_phase_commit.messages import (
    Acknowledgement,
    Decision,
    Prepare,
    ShardId,
    Vote,
)
from quorumlog.ledger.books import EXCHANGE, postings
from quorumlog.ledger.coordinated import Coordinated, TransferCoordination
from quorumlog.ledger.events import Declined, Exchanged
from quorumlog.ledger.events import Event as LedgerEvent
from quorumlog.ledger.forgetting import Close, Over, name_of
from quorumlog.ledger.ledger import Rate, Received
from quorumlog.ledger.sharded_ledger import Order, ShardedLedger
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Doing, Ended
from quorumlog.sharding.duties import CoordinatorDuty, Open, ShardDuty
from quorumlog.simulation.sharded_setting import (
    FAILED,
    IDLE,
    OPEN,
    OUTSIDE,
    Balances,
    Begun,
    Entry,
    Executed,
    Log,
    Noted,
    OperationId,
    Round,
    Setting,
    Standing,
    application,
    posted,
    standing,
)


class ShardedWorld(Struct, frozen=True, cache_hash=True):
    """The coordinator, the shards and the clients. `transfer` is what the coordinator has said, and not its state."""

    setting: Setting
    transfer: tuple[Begun, ...]
    coordination: Coordinated
    shard: FrozenMap[ShardId, Log]
    op: FrozenMap[OperationId, Standing]
    again: frozenset[OperationId]
    ledger: Balances
    possible: FrozenMap[OperationId, frozenset[Standing]]

    @classmethod
    def of(cls, setting: Setting) -> ShardedWorld:
        """Nobody has asked for anything. Spec: ShardedLedger!Init."""
        shards = {each: Log(application(setting, each).start()) for each in setting.placement.shards}
        outside = -sum(setting.initial.values())
        return cls(
            setting=setting,
            transfer=(),
            coordination=TransferCoordination(setting.placement).start(),
            shard=FrozenMap(shards),
            op=FrozenMap(dict.fromkeys(setting.commands, IDLE)),
            again=frozenset(),
            ledger=FrozenMap({**dict(setting.initial.items()), EXCHANGE: 0, OUTSIDE: outside}),
            possible=FrozenMap(dict.fromkeys(setting.commands, frozenset())),
        )

    def change(self, **parts: object) -> Self:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    # -- clients -------------------------------------------------------------------------------------------------

    def call(self, o: OperationId) -> Self:
        """Somebody asks for an operation. Spec: ShardedLedger!Call."""
        if self.op[o] != IDLE:
            raise Refused(f"{o} was called already")
        return self.change(op=self.op.set(o, OPEN), possible=self.possible.set(o, self.setting.truth(o, self.ledger)))

    def require_open(self, o: OperationId) -> None:
        """Clients ask until they are answered, and not before they want anything."""
        if self.op[o] != OPEN:
            raise Refused(f"{o} is not open")

    def progress(self, o: OperationId) -> Doing | Ended:
        """How far an operation is by all that shards have said of it."""
        doing = self.setting.doing(o)
        for number in (1, 2):
            for shard in doing.groups:
                if (o, number) in self.shard[shard].said:
                    after = doing.hear(shard, self.shard[shard].said[o, number])
                    if isinstance(after, Ended):
                        return after
                    doing = after
        return doing

    def ask_again(self, o: OperationId) -> Self:
        """All shards have answered once, and are asked again. Spec: ShardedLedger!AskAgain."""
        self.require_open(o)
        if self.setting.is_across(o) or o in self.again:
            raise Refused(f"{o} is not asked a second time")
        doing = self.progress(o)
        if isinstance(doing, Ended) or doing.before is None:
            raise Refused(f"{o} has not been answered by all shards")
        return self.change(again=self.again | frozenset((o,)))

    def answer(self, o: OperationId) -> Self:
        """An operation is answered. Spec: ShardedLedger!Answer."""
        self.require_open(o)
        if self.setting.is_across(o):
            ended = self.setting.doing(o).hear(self.setting.placement.coordinator, self.ending(o))
        else:
            ended = self.progress(o)
        if isinstance(ended, Doing):
            raise Refused(f"{o} has no answer yet")
        answer = FAILED if ended.how == "fail" else standing(ended.value)
        return self.change(op=self.op.set(o, answer), possible=self.possible.set(o, frozenset()))

    def ending(self, o: OperationId) -> bool | Received | Literal["forgotten"] | None:
        """What the coordinator says of an operation, once it has ended. Spec: ShardedLedger!Ending."""
        for begun in self.transfer:
            if begun.op == o:
                told = CoordinatorDuty(self.setting.placement.shards).told(self.coordination, begun.known.id)
                if isinstance(told, Open):
                    break
                ending: bool | Received | Literal["forgotten"] | None = told
                return ending
        raise Refused(f"{o} has not ended")

    # -- the coordinator -----------------------------------------------------------------------------------------

    @property
    def coordinator(self) -> TransferCoordination:
        """What decides there."""
        return TransferCoordination(self.setting.placement)

    def begin(self, o: OperationId, r: Rate) -> Self:
        """An operation between shards begins. Spec: ShardedLedger!Begin."""
        self.require_open(o)
        if not self.setting.is_across(o) or any(begun.op == o for begun in self.transfer):
            raise Refused(f"{o} does not begin")
        decided = self.coordinator.decide(self.coordination, self.setting.commands[o], r)
        after = fold(self.coordinator, self.coordination, decided)
        known = after.decisions[name_of(after.begun)].transfer
        return self.change(coordination=after, transfer=(*self.transfer, Begun(o, known, "open")))

    def begun(self, k: int) -> Begun:
        """A transfer by its number, if there is one."""
        if not 1 <= k <= len(self.transfer):
            raise Refused(f"there is no transfer {k}")
        return self.transfer[k - 1]

    def votes(self, k: int, s: ShardId) -> list[Vote]:
        """What a shard's leader says of a transfer when it is asked to prepare it."""
        says = ShardDuty(s).says(self.shard[s].state, Tally(), (self.begun(k).known.id,))
        return [each for each in says if isinstance(each, Vote)]

    def settle(self, k: int, votes: Iterable[Vote], expected: frozenset[str]) -> Self:
        """Votes arrive, and the transfer ends in one of the expected ways."""
        tally, command = Tally(), None
        duty = CoordinatorDuty(self.setting.placement.shards)
        for vote in votes:
            tally, command = duty.hears(self.coordination, tally, vote)
        if not isinstance(command, Settle) or command.outcome not in expected:
            raise Refused(f"transfer {k} does not end so")
        return self.settled(k, command)

    def settled(self, k: int, command: Settle) -> Self:
        """A transfer ends."""
        after = fold(self.coordinator, self.coordination, self.coordinator.decide(self.coordination, command, 100))
        ended = replace(self.transfer[k - 1], stage=command.outcome)
        return self.change(coordination=after, transfer=(*self.transfer[: k - 1], ended, *self.transfer[k:]))

    def count_votes(self, k: int) -> Self:
        """All shards have promised to commit. Spec: ShardedLedger!CountVotes."""
        known = self.begun(k).known
        votes = [vote for s in sorted(known.shards) for vote in self.votes(k, s)]
        after = self.settle(k, votes, frozenset({"committed"}))
        return after.effect(Exchanged(known.source, known.target, known.amount, known.brings))

    def reject(self, k: int, s: ShardId) -> Self:
        """A shard cannot commit. Spec: ShardedLedger!Reject."""
        return self.settle(k, self.votes(k, s), frozenset({"refused", "aborted"}))

    def time_out(self, k: int) -> Self:
        """A transfer has taken too long. Spec: ShardedLedger!TimeOut."""
        if self.begun(k).op not in self.setting.hasty:
            raise Refused(f"transfer {k} has time")
        duty = CoordinatorDuty(self.setting.placement.shards)
        _, command = duty.gives_up(self.coordination, Tally(), self.begun(k).known.id)
        return self.settled(k, command)

    def close(self, k: int) -> Self:
        """The coordinator has heard that all transfers up to this one are over. Spec: ShardedLedger!Close."""
        tally, close = Tally(), None
        duty = CoordinatorDuty(self.setting.placement.shards)
        for begun in self.transfer[:k]:
            for s in sorted(begun.known.shards):
                for letter in ShardDuty(s).says(self.shard[s].state, tally, (begun.known.id,)):
                    if isinstance(letter, Acknowledgement):
                        tally, command = duty.hears(self.coordination, tally, letter)
                        close = command or close
        if not isinstance(close, Close) or close.number != k:
            raise Refused(f"not all is over up to {k}")
        after = fold(self.coordinator, self.coordination, self.coordinator.decide(self.coordination, close, 100))
        return self.change(coordination=after)

    # -- the shards ----------------------------------------------------------------------------------------------

    def application(self, s: ShardId) -> ShardedLedger:
        """What decides and evolves at a shard."""
        return application(self.setting, s)

    def obeying(self, s: ShardId, order: Order) -> Self:
        """A shard's leader hears from the coordinator, and appends what follows, if anything does."""
        app, log = self.application(s), self.shard[s]
        decided = app.decide(log.draft(app).state, order, 100)
        return self.append(s, *map(Noted, decided))

    def append(self, s: ShardId, *entries: Entry) -> Self:
        """A shard's leader appends entries. Spec: ShardedLedger!AppendAt."""
        log = self.shard[s]
        return self.change(shard=self.shard.set(s, replace(log, suffix=log.suffix + entries)))

    def involving(self, s: ShardId, k: int) -> Begun:
        """A transfer in which a shard takes part."""
        begun = self.begun(k)
        if s not in begun.known.shards:
            raise Refused(f"{s} takes no part in transfer {k}")
        return begun

    def on_prepare(self, s: ShardId, k: int) -> Self:
        """A shard is asked to prepare. Spec: ShardedLedger!OnPrepare."""
        return self.obeying(s, Prepare(self.involving(s, k).known, s))

    def on_decision(self, s: ShardId, k: int) -> Self:
        """A shard is told a decision. Spec: ShardedLedger!OnDecision."""
        begun = self.involving(s, k)
        if begun.stage == "open":
            raise Refused(f"transfer {k} is open")
        return self.obeying(s, Decision(begun.known.id, s, begun.stage == "committed"))

    def on_over(self, s: ShardId, k: int) -> Self:
        """A shard is told what is over. Spec: ShardedLedger!OnOver."""
        if not 1 <= k <= self.coordination.over:
            raise Refused(f"transfer {k} is not over")
        return self.obeying(s, Over(s, k))

    def on_command(self, s: ShardId, o: OperationId, r: Rate) -> Self:
        """A client asks a shard for an operation. Spec: ShardedLedger!OnCommand."""
        self.require_open(o)
        number: Round = 2 if o in self.again else 1
        app = self.application(s)
        draft = self.shard[s].draft(app)
        if self.setting.is_across(o) or s not in self.setting.doing(o).groups or (o, number) in draft.said:
            raise Refused(f"{s} is not asked for {o}")
        return self.append(s, Executed(o, number, app.decide(draft.state, self.setting.commands[o], r)))

    def commit_entry(self, s: ShardId) -> Self:
        """A shard's oldest entry is committed. Spec: ShardedLedger!CommitEntry."""
        log = self.shard[s]
        if not log.suffix:
            raise Refused("nothing waits to be committed")
        entry, rest = log.suffix[0], log.suffix[1:]
        committed = replace(log.apply(self.application(s), entry), suffix=rest)
        after = self.change(shard=self.shard.set(s, committed))
        for event in entry.events if isinstance(entry, Executed) else ():
            assert isinstance(event, LedgerEvent), "of clients"
            after = after.effect(event)
        return after

    def effect(self, event: LedgerEvent) -> Self:
        """The ghost ledger changes: what might be answered now is remembered. Spec: ShardedLedger!Effect."""
        if not postings(event) or isinstance(event, Declined):
            return self
        ledger, possible = posted(self.ledger, event), self.possible
        for o in self.setting.commands:
            if self.op[o] == OPEN:
                possible = possible.set(o, possible[o] | self.setting.truth(o, ledger))
        return self.change(ledger=ledger, possible=possible)

    def elect_leader(self, s: ShardId, n: int) -> Self:
        """A shard has a new leader, who has a part of the suffix. Spec: ShardedLedger!ElectLeader."""
        log = self.shard[s]
        if s not in self.setting.electing or n > len(log.suffix):
            raise Refused(f"{s} keeps its leader")
        return self.change(shard=self.shard.set(s, replace(log, suffix=log.suffix[:n])))


def after_one(setting: Setting, o: OperationId) -> ShardedWorld:
    """A transfer is done, and over for the coordinator; the shards have not heard that yet: a start of a model.

    Spec: ShardedLedger!InitOver.
    """
    world = ShardedWorld.of(setting).call(o).begin(o, 100)
    shards = sorted(world.transfer[0].known.shards)
    for s in shards:
        world = world.on_prepare(s, 1).commit_entry(s)
    world = world.count_votes(1).answer(o)
    for s in shards:
        world = world.on_decision(s, 1).commit_entry(s)
    return world.close(1)
