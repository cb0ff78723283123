"""How a server of one group among several takes a step for the driver: a node, and what it owes the other groups.

The steps themselves are those of `sharding/server.py`. Letters gather like requests; they are posted like messages, so
that nothing is said to another group before it is durable and decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, cast

from msgspec.structs import replace

from quorumlog.core.consensus.effects import NOTHING, Input
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import Say
from quorumlog.core.two_phase_commit.messages import TransferId
from quorumlog.driver import Outcome
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.node import Node, Service
from quorumlog.runtime.slices import Slices, all_at_once
from quorumlog.runtime.steps import (
    OF_CONSENSUS,
    Batch,
    Fold,
    GiveUp,
    Inbox,
    Letters,
    NodeInput,
    NodeSteps,
    PeerMessage,
    Readable,
    Speak,
    gathered,
    guarded,
    has_gathered,
    refuse_lies,
)
from quorumlog.sharding.duties import CoordinatorDuty, Duty, is_for_shards
from quorumlog.sharding.server import Said, Server, Serving

AnyNode: TypeAlias = Node[Any, Any, Any]
AnyInput: TypeAlias = NodeInput[Any, Any]
GroupOutcome: TypeAlias = Outcome[Server, PeerMessage, Say[Any] | Readable[Any, Any, Any]]

RARELY: Final = 25
"""Of so many times that everything is said again, what is over is said once, at the least."""


class GroupSteps:
    """The steps of a server under the rules of one application and a duty to the other groups."""

    def __init__(
        self, service: Service[Any, Any, Any, Any, Any, Any], duty: Duty, slices: Slices | None = None
    ) -> None:
        self.service = service
        self.slices = all_at_once() if slices is None else slices
        self.inbox: Inbox[Any, Any] = Inbox()
        self._serving = Serving(service, duty)
        self._duty = duty
        self._nodes: NodeSteps[Any, Any, Any, Any, Any, Any] = NodeSteps(service)
        self._open: frozenset[TransferId] = frozenset()
        self._over: tuple[Letter, ...] = ()
        self._again = 0

    def begin(self, node: AnyNode) -> Server:
        """What is driven, when it starts."""
        return Server(node)

    def node(self, whole: Server) -> AnyNode:
        """The node in what is driven."""
        return whole.node

    def with_replica(self, whole: Server, replica: Replica) -> Server:
        """The same with another value for its part in consensus, an equal one."""
        return replace(whole, node=replace(whole.node, replica=replica))

    def replica(self, whole: Server) -> Replica:
        """Its part in consensus."""
        return whole.node.replica

    def take(self, whole: Server, taken: AnyInput | Input) -> GroupOutcome:
        """A step. What another server says that nobody may say is refused and counted."""
        return guarded(self.inbox, self._take, whole, taken)

    def _take(self, whole: Server, taken: AnyInput | Input) -> GroupOutcome:
        serving = self._serving
        if type(taken) in OF_CONSENSUS:
            refuse_lies(whole.node.replica, taken)
            most = self.slices.allowed(whole.node, taken)
            return self._told(whole, partial(serving.take, whole, cast(Input, taken), most))
        if isinstance(taken, Fold):
            self.slices.new_turn()
            return self._told(whole, partial(serving.fold, whole, self.slices.most))
        if isinstance(taken, Batch):
            return told(*serving.ask(whole, taken.asked))
        if isinstance(taken, Letters):
            return told(*serving.hear(whole, taken.letters))
        if isinstance(taken, Speak):
            return Outcome(whole, NOTHING, self._speak(whole))
        if isinstance(taken, GiveUp):
            return told(*serving.give_up(whole, taken.transfer))
        done = self._nodes.take(whole.node, taken)
        return Outcome(replace(whole, node=done.after), done.effects, done.posted, done.said)

    def _told(self, whole: Server, step: Callable[[], tuple[Server, Said]]) -> GroupOutcome:
        """A step in which the gate may be told something, measured."""
        begun = self.slices.begun()
        after, said = step()
        self.slices.over(begun, whole.node, after.node)
        return told(after, said)

    def _speak(self, whole: Server) -> Sequence[Letter]:
        """All that there is to say. What is over needs no answer: unless it is news it is said more and more rarely."""
        letters = self._serving.speak(whole)
        over = tuple([each for each in letters if isinstance(each, Over)])
        self._again = self._again + 1 if over == self._over else 0
        self._over = over
        is_rare = self._again & (self._again - 1) and self._again % RARELY
        return [each for each in letters if not isinstance(each, Over)] if is_rare else letters

    def gathered(self, whole: Server) -> AnyInput | None:
        """One batch after the other."""
        return gathered(self.inbox, whole.node)

    def has_gathered(self, whole: Server) -> bool:
        """Whether there is a next one."""
        return has_gathered(self.inbox, whole.node)

    def beat(self, whole: Server) -> Sequence[Question | Reply]:
        """The question that is open is put again."""
        return self._nodes.beat(whole.node)

    def is_for_us(self, letter: Letter) -> bool:
        """Whether a letter is for this group."""
        if isinstance(self._duty, CoordinatorDuty):
            return not is_for_shards(letter)
        return is_for_shards(letter) and letter.shard == getattr(self._duty, "shard", None)

    def overdue(self, whole: Server) -> Sequence[TransferId]:
        """The transfers that have been open since the last time that this was asked."""
        if not isinstance(self._duty, CoordinatorDuty) or not whole.leads:
            self._open = frozenset()
            return ()
        known = whole.committed.decisions
        now = frozenset([each for each in known if whole.committed.is_open(each)])
        late, self._open = now & self._open, now
        return sorted(late)


def told(server: Server, said: Said) -> GroupOutcome:
    """What follows from a step of a server."""
    return Outcome(server, said.effects, said.letters, said.answers)
