"""What must hold of the whole system after every move: the properties of the specs, stated on what was decided.

What a group has decided is the ghost that consensus leaves; folded, it is the truth that nodes, letters, answers and
read models are held to. Each claim names the spec's property of which it is the whole system's form.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from quorumlog.core.consensus.messages import Entry as LogEntry
from quorumlog.core.leader_output import Answered, Executed, Say, SessionId
from quorumlog.core.two_phase_commit.coordinator import COMMITTED, Begun, Decided, Known
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, Transfer, TransferId, Vote
from quorumlog.core.two_phase_commit.participant import PREPARED, VOTES, Ended, Stage, Staged
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.coordinated import FORGOTTEN, ending_of
from quorumlog.ledger.events import Deposited, Withdrawn
from quorumlog.ledger.forgetting import Closed, Over
from quorumlog.ledger.sharded_ledger import ShardBooks
from quorumlog.node import written
from quorumlog.sharding.duties import GroupId
from quorumlog.simulation.composed.groups import Group, TheTable
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.state import Found, Letter
from quorumlog.simulation.composed.system import COORDINATOR, KEPT, System

GONE: Final = frozenset({PREPARED, "committed"})
"""The stages in which the money has left the source's account."""


class Truth:
    """What a group's decided entries make, and every answer that they give, kept while they grow.

    It forgets nothing: `transfers` are those of the coordinator, and `stages` how far each is at a shard, in the words
    of the participant. `received` is what has come from outside.
    """

    def __init__(self, group: Group) -> None:
        self.rules = group.service.rules
        self.table: TheTable = self.rules.empty()
        self.entries: tuple[LogEntry, ...] = ()
        self.answers: dict[tuple[SessionId, int], Answered[Any]] = {}
        self.received = 0
        self.transfers: dict[TransferId, Known] = {}
        self.stages: dict[TransferId, Stage] = {}
        self.closed = 0

    def grow(self, decided: tuple[LogEntry, ...]) -> Iterator[str]:
        """Takes in what was decided since, and says what is wrong with it."""
        if decided[: len(self.entries)] != self.entries:
            yield "StateMachineSafety: what was decided has changed"
        for entry in written(decided[len(self.entries) :]):
            if isinstance(entry, Executed):
                yield from self.execute(entry)
            self.table = self.rules.fold(self.table, (entry,))
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
        for event in entry.events if isinstance(entry.events, tuple) else ():
            yield from self.happen(event)

    def happen(self, event: object) -> Iterator[str]:
        """One event more. Every transfer begins once, ends once, and is prepared and ended once at each shard."""
        match event:
            case Deposited(amount=amount):
                self.received += amount
            case Withdrawn(amount=amount):
                self.received -= amount
            case Begun(transfer):
                if transfer.id in self.transfers:
                    yield f"Once: {transfer.id} begins twice"
                self.transfers[transfer.id] = Known(transfer, "begun")
            case Decided(name, ended):
                if self.transfers[name].stage != "begun":
                    yield f"Once: {name} is decided twice"
                self.transfers[name] = Known(self.transfers[name].transfer, ended)
            case Staged(transfer, at):
                if transfer.id in self.stages:
                    yield f"Once: {transfer.id} is prepared although it is {self.stages[transfer.id]}"
                self.stages[transfer.id] = at
            case Ended(name, end):
                was = self.stages.get(name, "none")
                if was != PREPARED and (was != "none" or end == COMMITTED):
                    yield f"Once: {name} is {end} although it is {was}"
                self.stages[name] = end
            case Closed(number):
                self.closed = number


class Claims:
    """Judges moves, one after another, from the first state on."""

    def __init__(self) -> None:
        self._truths: dict[GroupId, Truth] = {}
        self._total = 0

    def __call__(self, move: Move, before: System, after: System) -> str | None:
        """The first thing that is wrong after this move, if anything is."""
        if not self._truths:
            self._truths = {name: Truth(group) for name, group in before.groups.items()}
            self._total = sum(sum(truth.table.state.part.free.values()) for truth in self._shards())
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
                truth = self._answer(answer.session.partition("@")[2], answer)
                if truth != answer.answer:
                    yield f"AnswersAreDecided: {answer.session} is told {answer.answer}, and {truth} is decided"
        if after.letters is not before.letters:
            heard = set(before.letters)
            for letter in after.letters:
                if letter not in heard and not self._true(letter):
                    yield f"SaidIsDecided: {letter} is said, and is not decided"

    def _answer(self, group: GroupId, answer: Say[Any]) -> Answered[Any] | None:
        """What a client may be told: what was decided, and of a transfer between shards how it ended."""
        truth = self._truths[group].answers.get((answer.session, answer.number))
        if truth is None or group != COORDINATOR or not isinstance(truth.said, str):
            return truth
        ended = [known for known in self._transfers().values() if known.stage != "begun"]
        if answer.answer.said == FORGOTTEN and len(ended) > KEPT:
            return replace(truth, said=FORGOTTEN)
        known = self._transfers()[truth.said]
        return None if known not in ended else replace(truth, said=ending_of(known))

    def _true(self, letter: Letter) -> bool:
        """Whether what a letter says follows from what is decided."""
        if isinstance(letter, Found):
            return True  # whether it was true when it was asked for is for the history to say
        if isinstance(letter, Prepare):
            return letter.transfer.id in self._transfers()
        if isinstance(letter, Decision):
            ended = self._transfers()[letter.transfer].stage
            return ended != "begun" and letter.commit == (ended == COMMITTED)
        if isinstance(letter, Over):
            return letter.number <= self._truths[COORDINATOR].closed
        stage = self._stage(letter.shard, letter.transfer)
        if isinstance(letter, Acknowledgement):
            return stage not in ("none", PREPARED)
        assert isinstance(letter, Vote)
        return stage != "none" and VOTES.get(stage, letter.vote) == letter.vote

    # -- transfers ------------------------------------------------------------------------------------------------

    def _shards(self) -> list[Truth]:
        return [truth for name, truth in self._truths.items() if name != COORDINATOR]

    def _transfers(self) -> dict[TransferId, Known]:
        return self._truths[COORDINATOR].transfers

    def _money(self) -> Iterator[str]:
        """Nothing is lost or made, and nobody owes anything. Spec: ShardedLedger!IsBalanced."""
        states: list[ShardBooks] = [truth.table.state for truth in self._shards()]
        held = sum(sum(state.part.free.values()) for state in states)
        on_its_way = sum(self._missing(known.transfer) for known in self._transfers().values())
        if held + on_its_way != self._total + sum(truth.received for truth in self._shards()):
            yield f"Conserved: {held} held and {on_its_way} on its way"
        balances = [each for state in states for each in state.part.free.items()]
        if any(amount < 0 for account, amount in balances if account != EXCHANGE):
            yield "NoDebt: an account holds less than nothing"

    def _missing(self, transfer: Transfer) -> int:
        """What has left the source and has reached neither the target nor the account that makes good."""
        source, target = (self._stage(s, transfer.id) for s in (transfer.source_shard, transfer.target_shard))
        left = transfer.amount if source in GONE else 0
        made_good = transfer.amount - transfer.brings if source == "committed" else 0
        return left - made_good - (transfer.brings if target == "committed" else 0)

    def _atomic(self) -> Iterator[str]:
        """No shard commits what another aborts, or what is not decided. Spec: TransactionCommit."""
        for identity, known in self._transfers().items():
            stages = {shard: self._stage(shard, identity) for shard in known.transfer.shards}
            if known.stage == COMMITTED:
                if any(stage not in GONE for stage in stages.values()):
                    yield f"TransactionCommit: {identity} is committed, and shards are {sorted(stages.values())}"
            elif "committed" in stages.values():
                yield f"TransactionCommit: a shard has committed {identity}, which is {known.stage}"

    def _stage(self, shard: GroupId, transfer: TransferId) -> Stage:
        return self._truths[shard].stages.get(transfer, "none")

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
