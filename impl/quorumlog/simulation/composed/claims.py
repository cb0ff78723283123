"""What must hold of the whole system after every move: the properties of the specs, stated on what was decided.

What a group has decided is the ghost that consensus leaves; folded, it is the truth that nodes, letters, answers and
read models are held to. Each claim names the spec's property of which it is the whole system's form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from quorumlog.core.consensus.messages import Entry as LogEntry
from quorumlog.core.leader_output import Answered, Executed, SessionId
from quorumlog.core.two_phase_commit.coordinator import COMMITTED, Decisions, outcome
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, Transfer, TransferId, Vote
from quorumlog.core.two_phase_commit.participant import PREPARED, VOTES, Deposited, ShardState
from quorumlog.node import written
from quorumlog.simulation.composed.clients import COORDINATOR
from quorumlog.simulation.composed.groups import Group, GroupId, TheTable
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.state import Found, Letter, Told
from quorumlog.simulation.composed.system import System

GONE: Final = frozenset({PREPARED, "committed"})
"""The stages in which the money has left the source's account."""


class Truth:
    """What a group's decided entries make, and every answer that they give, kept while they grow."""

    def __init__(self, group: Group) -> None:
        self.rules = group.service.rules
        self.table: TheTable = self.rules.empty()
        self.entries: tuple[LogEntry, ...] = ()
        self.answers: dict[tuple[SessionId, int], Answered[Any]] = {}
        self.deposited = 0

    def grow(self, decided: tuple[LogEntry, ...]) -> Iterator[str]:
        """Takes in what was decided since, and says what is wrong with it."""
        if decided[: len(self.entries)] != self.entries:
            yield "StateMachineSafety: what was decided has changed"
        for entry in written(decided[len(self.entries) :]):
            if isinstance(entry, Executed):
                yield from self.execute(entry)
            self.table = self.rules.apply(self.table, entry)
            if isinstance(entry, Executed):
                answer = self.table.session(entry.session).remembered(entry.number)
                assert answer is not None, "it has just been executed"
                self.answers[entry.session, entry.number] = answer
        self.entries = decided

    def execute(self, entry: Executed[Any]) -> Iterator[str]:
        """A command takes effect: for the first time, and right after the one before it in its session."""
        if (entry.session, entry.number) in self.answers:
            yield f"AtMostOnce: command {entry.number} of {entry.session} takes effect twice"
        if entry.number != self.table.session(entry.session).last + 1:
            yield f"SessionOrder: command {entry.number} of {entry.session} is out of order"
        if not isinstance(entry.events, tuple):
            return
        self.deposited += sum(event.amount for event in entry.events if isinstance(event, Deposited))


class Claims:
    """Judges moves, one after another, from the first state on."""

    def __init__(self) -> None:
        self._truths: dict[GroupId, Truth] = {}
        self._total = 0

    def __call__(self, move: Move, before: System, after: System) -> str | None:
        """The first thing that is wrong after this move, if anything is."""
        if not self._truths:
            self._truths = {name: Truth(group) for name, group in before.groups.items()}
            self._total = sum(sum(truth.table.state.free.values()) for truth in self._shards())
        return next(self._wrong(before, after), None)

    def _wrong(self, before: System, after: System) -> Iterator[str]:
        for name, group in after.groups.items():
            if group.decided is not before.groups[name].decided:
                yield from self._truths[name].grow(group.decided)
                yield from self._money()
                yield from self._atomic()
            for server, node in group.nodes.items():
                if node is not before.groups[name].nodes[server]:
                    yield from self._known(name, server, group)
        yield from self._said(before, after)
        for name, model in after.readers.items():
            if model is not before.readers[name]:
                yield from self._read(before, after, name)

    # -- consensus ------------------------------------------------------------------------------------------------

    def _known(self, name: GroupId, server: str, group: Group) -> Iterator[str]:
        """What a node knows to be decided is decided, and its gate is the fold of that."""
        node, truth = group.nodes[server], self._truths[name]
        known = node.replica.log[: node.replica.commit_index]
        if known != truth.entries[: len(known)]:
            yield f"StateMachineSafety: {server} knows something else to be decided"
        if node.gate.applied != len(written(known)):
            yield f"TableIsFold: {server} has not applied what it knows to be decided"
        elif len(known) == len(truth.entries) and node.gate.table != truth.table:
            yield f"TableIsFold: the table of {server} is not what the decided entries make"

    # -- what is said ---------------------------------------------------------------------------------------------

    def _said(self, before: System, after: System) -> Iterator[str]:
        known = set(before.answers)
        for answer in after.answers:
            if answer not in known:
                truth = self._truths[answer.session.partition("@")[2]].answers.get((answer.session, answer.number))
                if truth != answer.answer:
                    yield f"AnswersAreDecided: {answer.session} is told {answer.answer}, and {truth} is decided"
        if after.letters is not before.letters:
            heard = set(before.letters)
            for letter in after.letters:
                if letter not in heard and not self._true(letter):
                    yield f"SaidIsDecided: {letter} is said, and is not decided"

    def _true(self, letter: Letter) -> bool:
        """Whether what a letter says follows from what is decided."""
        if isinstance(letter, Found):
            return True  # whether it was true when it was asked for is for the history to say
        if isinstance(letter, Prepare):
            return letter.transfer.id in self._decisions()
        if isinstance(letter, Decision):
            ended = outcome(self._decisions(), letter.transfer)
            return ended is not None and letter.commit == (ended == COMMITTED)
        if isinstance(letter, Told):
            return outcome(self._decisions(), letter.transfer) == letter.outcome
        state = self._shard(letter.shard)
        stage = state.stage.get(letter.transfer, "none")
        if isinstance(letter, Acknowledgement):
            return stage not in ("none", PREPARED)
        assert isinstance(letter, Vote)
        return stage != "none" and VOTES.get(stage, letter.vote) == letter.vote

    # -- transfers ------------------------------------------------------------------------------------------------

    def _shards(self) -> list[Truth]:
        return [truth for name, truth in self._truths.items() if name != COORDINATOR]

    def _shard(self, name: GroupId) -> ShardState:
        state: ShardState = self._truths[name].table.state
        return state

    def _decisions(self) -> Decisions:
        decisions: Decisions = self._truths[COORDINATOR].table.state
        return decisions

    def _money(self) -> Iterator[str]:
        """Nothing is lost or made, and nobody owes anything. Spec: ReplicatedTwoPhaseCommit!Conserved."""
        states: list[ShardState] = [truth.table.state for truth in self._shards()]
        held = sum(sum(state.free.values()) for state in states)
        on_its_way = sum(
            known.transfer.amount for known in self._decisions().values() if self._is_moving(known.transfer)
        )
        if held + on_its_way != self._total + sum(truth.deposited for truth in self._shards()):
            yield f"Conserved: {held} held and {on_its_way} on its way"
        if any(amount < 0 for state in states for amount in state.free.values()):
            yield "NoDebt: an account holds less than nothing"

    def _is_moving(self, transfer: Transfer) -> bool:
        """Whether its money has left the source and has not reached the target."""
        source, target = self._shard(transfer.source_shard).stage, self._shard(transfer.target_shard).stage
        left = transfer.id in source and source[transfer.id] in GONE
        return left and not (transfer.id in target and target[transfer.id] == "committed")

    def _atomic(self) -> Iterator[str]:
        """No shard commits what another aborts, or what is not decided. Spec: TransactionCommit."""
        for identity, known in self._decisions().items():
            stages = {shard: self._stage(shard, identity) for shard in known.transfer.shards}
            if known.stage == COMMITTED:
                if any(stage not in GONE for stage in stages.values()):
                    yield f"TransactionCommit: {identity} is committed, and shards are {sorted(stages.values())}"
            elif "committed" in stages.values():
                yield f"TransactionCommit: a shard has committed {identity}, which is {known.stage}"

    def _stage(self, shard: GroupId, transfer: TransferId) -> str:
        return self._shard(shard).stage.get(transfer, "none")

    # -- read models ----------------------------------------------------------------------------------------------

    def _read(self, before: System, after: System, name: str) -> Iterator[str]:
        """A copy is a beginning of what is decided, and only grows. Spec: ReadModel!PrefixOfCommitted."""
        model, earlier = after.readers[name], before.readers[name]
        for shard, copy in model.copy.items():
            truth = written(self._truths[shard].entries)
            if copy != truth[: len(copy)]:
                yield f"PrefixOfCommitted: {name} holds what is not decided"
            if len(copy) < len(earlier.copy[shard]):
                yield f"CursorOnlyGrows: {name} has lost something"
            views = after.views(shard)
            folded = views.rules.fold(views.start(), copy[: model.folded[shard]])
            if model.state[shard] != folded:
                yield f"ProjectionIsFold: {name} shows what its copy does not make"
