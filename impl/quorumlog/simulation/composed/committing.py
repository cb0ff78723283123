"""What the coordinator, the shards and their letters did in a walk, in the words of ReplicatedTwoPhaseCommit.

There a group is what is committed, and the suffix of one leader; a new one may come at any moment with any suffix that
some replica holds. Here several may think that they lead. So before somebody acts whose suffix is another one, he is
elected there, and hears again what he had heard. A leader whose log lacks what is decided gets nothing decided: what
he appends is not told, and what he says has been true before. Whatever may be said is said there as soon as it may, and
is not lost: then a letter is one that the spec knows of, however late it is spoken. That transfers are over and
forgotten is not told either; nothing may follow from it. Clients call there when their command is first written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.leader_output import Executed, Say
from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.coordinator import Begun, Decided
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Message, Prepare, Vote
from quorumlog.core.two_phase_commit.participant import Deposited, Ended, Read, Staged
from quorumlog.ledger import events
from quorumlog.ledger.books import EXCHANGE
from quorumlog.node import written
from quorumlog.simulation.composed.bookings import GAIN, Operations
from quorumlog.simulation.composed.consensus import Taken
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.system import COORDINATOR, System
from quorumlog.simulation.composed.telling import Disagreement, Step, Telling, Untellable, agree
from quorumlog.simulation.replicated_two_phase_commit import ReplicatedTwoPhaseCommit as World
from quorumlog.simulation.transfers import FAILED, IDLE, Standing

ANSWERS: Final[Mapping[str, Callable[[World, Message], World]]] = {
    "OnPrepare": World.on_prepare,
    "OnDecision": World.on_decision,
    "OnVote": World.on_vote,
    "OnAcknowledgement": World.on_acknowledgement,
}
"""What a leader does when a letter arrives."""


class Committing:
    """Tells the steps of transfers, move by move."""

    def __init__(self, moves: Sequence[Taken], system: System) -> None:
        self.operations = Operations(moves, system)
        self._telling = Telling(World.of(self.operations.setting))
        self._committed: dict[str, str] = {}
        self._results: dict[tuple[str, int], list[str]] = {}

    @property
    def world(self) -> World:
        """The system, as the spec sees it."""
        return self._telling.world

    def steps(self, each: Taken) -> list[Step]:
        """The steps that a move was made of: one, several or none."""
        name, arguments = each.move
        before, after = each.before, each.after
        if name == "on_request":
            self._appends(arguments[1].group, arguments[0], before, after, None)
        elif name == "on_letter":
            self._on_letter(arguments[0], arguments[1], before, after)
        elif name == "give_up_transfer":
            i, transfer = arguments
            self._appends(COORDINATOR, i, before, after, ("TimeOut", transfer))
        elif name == "hand_on":
            self._answered(arguments[0], before, after)
        for g, group in after.groups.items():
            if group.decided is not before.groups[g].decided:
                self._decided(g, before.groups[g], group)
        if after.letters is not before.letters:
            self._said(after.letters[len(before.letters) :] if len(after.letters) > len(before.letters) else ())
        return self._telling.told()

    def rest(self) -> list[Step]:
        """Nothing: all is told at once."""
        return []

    def _take(self, action: str, arguments: tuple[Any, ...], step: Callable[[World], World]) -> None:
        self._telling.take(action, arguments, step(self.world))

    # -- leaders that act -------------------------------------------------------------------------------------------

    def _on_letter(self, i: ServerId, letter: Any, before: System, after: System) -> None:
        match letter:
            case Prepare():
                self._appends(letter.shard, i, before, after, ("OnPrepare", letter))
            case Decision():
                self._appends(letter.shard, i, before, after, ("OnDecision", letter))
            case Vote():
                self._appends(COORDINATOR, i, before, after, ("OnVote", letter))
            case Acknowledgement():
                known = before.groups[COORDINATOR].nodes[i].gate.draft
                if known is not None and letter.transfer in known.state.decisions:
                    self._appends(COORDINATOR, i, before, after, ("OnAcknowledgement", letter))

    def _appends(self, g: str, i: ServerId, before: System, after: System, asked: tuple[str, Any] | None) -> None:
        """A leader is asked for something, and appends what follows, if his log has all that is decided."""
        old, new = before.groups[g], after.groups[g]
        log = old.nodes[i].replica.log
        if new is old or not old.nodes[i].leads or log[: len(old.decided)] != old.decided:
            return
        begun = self._begun(g, i, old)
        if asked is not None:
            self._lead(g, i, old)
            self._order(asked, begun)
        appended = new.nodes[i].replica.log[len(log) :]
        if asked is None:
            if not appended:
                return
            self._lead(g, i, old)
        for entry in written(appended):
            for event in self._of_entry(g, entry, begun) if isinstance(entry, Executed) else ():
                self._called(g, event)
        here, there = self._suffix(g, i, new), self._told_suffix(g)
        if self._hinges_on_exchange(g, here, there):
            raise Untellable("a transfer is short because of what an exchange in doubt may bring")
        agree(f"what {i} has appended", here, there)
        if g == COORDINATOR:
            agree(f"the votes that {i} has heard", self._votes(i, new), set(self.world.tally.votes))

    def _hinges_on_exchange(self, g: str, here: Sequence[Any], there: Sequence[Any]) -> bool:
        """Whether a transfer is refused here and in conflict there, or the other way, beside an exchange in doubt.

        That brings here what it will bring, and there what it takes, until it is committed and booked.
        """
        mine, theirs = next(
            ((mine, theirs) for mine, theirs in zip(here, there, strict=False) if mine != theirs), (0, 0)
        )
        if not isinstance(mine, Staged) or not isinstance(theirs, Staged) or mine.transfer != theirs.transfer:
            return False
        incoming = [name for name, shard in self.operations.made if shard == g]
        targets = {self.operations.transfers[name].target for name in incoming}
        return {mine.stage, theirs.stage} == {"refused", "conflicted"} and mine.transfer.source in targets

    def _order(self, asked: tuple[str, Any], begun: dict[str, str]) -> None:
        action, said = asked
        if action == "TimeOut":
            name = begun.get(said) or self._committed[said]
            self._take(action, (name,), lambda world: world.time_out(name))
            return
        message = self._letter(said)
        step = ANSWERS[action]
        self._take(action, (message,), lambda world: step(world, message))

    def _called(self, g: str, event: Any) -> None:
        """A client's command is written: it is called there, and then asked for."""
        match event:
            case Begun(transfer):
                name = transfer.id
                self._call(name)
                self._take("OnTransfer", (name,), lambda world: world.on_transfer(name))
            case Deposited(request=name):
                self._call(name)
                self._take("OnDeposit", (name,), lambda world: world.on_deposit(name))
            case Read(request=name, account=None):
                self._call(name)
                self._take("OnTotal", (g, name), lambda world: world.on_total(g, name))
            case Read(request=name):
                self._call(name)
                self._take("OnBalance", (name,), lambda world: world.on_balance(name))

    def _call(self, name: str) -> None:
        if self.world.op[name] == IDLE:
            self._take("Call", (name,), lambda world: world.call(name))

    def _lead(self, g: str, i: ServerId, group: Group) -> None:
        """Node i acts: if somebody else did last, node i is elected, and hears what it has heard."""
        suffix = self._suffix(g, i, group)
        if g != COORDINATOR:
            if suffix != self._told_suffix(g):
                self._take("ElectLeader", (g, suffix), lambda world: world.elect_leader(g, suffix))
            return
        votes, acks = self._votes(i, group), self._acks(i, group)
        if (suffix, votes) == (self._told_suffix(g), set(self.world.tally.votes)) and acks <= self.world.tally.acks:
            return
        self._take("ElectCoordinator", (suffix,), lambda world: world.elect_coordinator(suffix))
        for transfer, shard in sorted(votes):
            vote = Vote(transfer, shard, "yes")
            self._take("OnVote", (vote,), lambda world, vote=vote: world.on_vote(vote))  # type: ignore[misc]
        for transfer, shard in sorted(acks):
            ack = Acknowledgement(transfer, shard)
            self._take("OnAcknowledgement", (ack,), lambda world, ack=ack: world.on_acknowledgement(ack))  # type: ignore[misc]

    def _votes(self, i: ServerId, group: Group) -> set[tuple[str, str]]:
        return {(self._committed[transfer], shard) for transfer, shard in group.tallies[i].votes}

    def _acks(self, i: ServerId, group: Group) -> set[tuple[str, str]]:
        """What a leader has heard, and what all have said of transfers that are over."""
        known = {(self._committed[transfer], shard) for transfer, shard in group.tallies[i].acks}
        over = group.nodes[i].gate.table.state.over
        closed = [self._committed[str(number)] for number in range(1, over + 1)]
        return known | {(name, shard) for name in closed for shard in self.operations.transfers[name].shards}

    # -- what is decided ----------------------------------------------------------------------------------------------

    def _decided(self, g: str, before: Group, after: Group) -> None:
        """Somebody knows more of a group's log to be decided. Then there is more to say."""
        i = next(i for i, node in after.nodes.items() if node.replica.log[: len(after.decided)] == after.decided)
        new = after.decided[len(before.decided) :]
        self._lead(g, i, replace(before, nodes=after.nodes, tallies=after.tallies))
        for entry in written(new):
            if isinstance(entry, Executed):
                self._executed(g, entry)
        self._speak(g)
        self._compare(g, after)

    def _executed(self, g: str, entry: Executed[Any]) -> None:
        """A command is decided: its events are committed, one after another."""
        begun: dict[str, str] = {}
        names = self._results.setdefault((entry.session, entry.number), [])
        for event in self._of_entry(g, entry, begun):
            self._committed.update(begun)
            self._commit(g, event)
            names.append(event.transfer.id if isinstance(event, Begun) else getattr(event, "request", ""))

    def _commit(self, g: str, event: Any) -> None:
        if g == COORDINATOR:
            self._take("CommitDecision", (), World.commit_decision)
        else:
            self._take("CommitEvent", (g,), lambda world: world.commit_event(g))

    def _speak(self, g: str) -> None:
        """All that may be said is said, unless it has been said before."""
        world = self.world
        if g == COORDINATOR:
            if not world.network.issuperset(coordinator.messages(world.coordination.state, world.tally)):
                self._take("Speak", (), World.speak)
        elif not world.network.issuperset(participant.messages(world.shards[g].state, g)):
            self._take("SpeakShard", (g,), lambda world: world.speak_shard(g))

    def _said(self, letters: Sequence[Any]) -> None:
        """What is said is what may be said. Of what a coordinator has heard already, another one may speak again."""
        for letter in letters:
            if not isinstance(letter, Prepare | Decision | Vote | Acknowledgement):
                continue
            said = self._letter(letter)
            if said not in self.world.network and isinstance(letter, Decision):
                suffix = self.world.coordination.suffix
                self._take("ElectCoordinator", (suffix,), lambda world: world.elect_coordinator(suffix))  # noqa: B023
                self._take("Speak", (), World.speak)
            if said not in self.world.network:
                raise Disagreement(f"{letter} is said, and nobody may say so")

    def _letter(self, letter: Any) -> Message:
        """A letter with the name that its transfer has there."""
        number = letter.transfer.id if isinstance(letter, Prepare) else letter.transfer
        if number not in self._committed:
            raise Disagreement(f"{letter} is about no transfer that is decided to begin")
        name = self._committed[number]
        message: Message = replace(
            letter, transfer=self.operations.transfers[name] if isinstance(letter, Prepare) else name
        )
        return message

    # -- what clients hear ------------------------------------------------------------------------------------------

    def _answered(self, answer: Say[Any], before: System, after: System) -> None:
        client = answer.session.partition(".")[0]
        old, new = before.callers[client].doing, after.callers[client].doing
        if old is None or old is new:
            return
        line = after.history[-1] if len(after.history) > len(before.history) else None
        if old.is_of_all:
            self._collected(old, new, line)
            return
        for name in self._results.get((answer.session, answer.number), []) if line is not None else ():
            assert line is not None
            if name in self.operations.transfers and line.type != "info":
                done = Standing("done", int(line.value is not False)) if line.type == "ok" else FAILED
                self._take("AnswerTransfer", (name,), lambda world: world.answer(name, done))  # noqa: B023
            elif name in self.operations.deposits and line.type == "ok":
                done = Standing("done", int(line.value is not False))
                self._take("AnswerDeposit", (name,), lambda world: world.answer(name, done))  # noqa: B023
            elif name in self.operations.balances and line.type == "ok":
                done = Standing("done", line.value)
                self._take("AnswerBalance", (name,), lambda world: world.answer(name, done))  # noqa: B023

    def _collected(self, old: Any, new: Any, line: Any) -> None:
        """All shards have answered, once or twice."""
        name = old.operation.id
        if name not in self.operations.totals:
            return
        if new is not None:
            if new.before is not None and old.before is None:
                self._take("AskAgain", (name,), lambda world: world.ask_again(name))
        elif line is not None and line.type == "ok":
            said = Standing("done", line.value + GAIN * len(self.operations.setting.shards))
            self._take("AnswerTotal", (name,), lambda world: world.answer(name, said))
        elif old.before is not None and len(old.found) == len(old.groups) - 1 and not self._in_doubt(name):
            self._take("AnswerTotal", (name,), lambda world: world.answer(name, FAILED))

    def _in_doubt(self, name: str) -> bool:
        """Whether some shard could not answer the second round."""
        return any((name, 2) not in log.state.done for log in self.world.shards.values())

    # -- the same in other words ------------------------------------------------------------------------------------

    def _suffix(self, g: str, i: ServerId, group: Group) -> tuple[Any, ...]:
        """What a node holds that is not decided."""
        return self._beyond(g, i, group, {})

    def _begun(self, g: str, i: ServerId, group: Group) -> dict[str, str]:
        """The transfers that have begun in what is not decided, by number."""
        begun: dict[str, str] = {}
        self._beyond(g, i, group, begun)
        return begun

    def _beyond(self, g: str, i: ServerId, group: Group, begun: dict[str, str]) -> tuple[Any, ...]:
        entries = written(group.nodes[i].replica.log[len(group.decided) :])
        commands = [entry for entry in entries if isinstance(entry, Executed)]
        return tuple([event for entry in commands for event in self._of_entry(g, entry, begun)])

    def _told_suffix(self, g: str) -> tuple[Any, ...]:
        return self.world.coordination.suffix if g == COORDINATOR else self.world.shards[g].suffix

    def _of_entry(self, g: str, entry: Executed[Any], begun: dict[str, str]) -> Iterator[Any]:
        """The events of an entry there. `begun` are the transfers that have begun in the entries before it."""
        operations = self.operations
        for event in entry.events if isinstance(entry.events, tuple) else ():
            match event:
                case Begun(transfer):
                    name = begun[transfer.id] = operations.transfer_of(entry, event)
                    yield Begun(operations.transfers[name])
                case Decided(number, outcome):
                    yield Decided(begun.get(number) or self._committed[number], outcome)
                case Staged(transfer, stage):
                    yield Staged(operations.transfers[self._committed[transfer.id]], stage)
                case Ended(number, end):
                    name = self._committed[number]
                    yield Ended(name, end)
                    if end == "committed":
                        yield from operations.gained(name, g)
                case events.Asked(account):
                    if account != EXCHANGE:
                        yield Read(operations.balance_of(entry, event), account, 1)
                case events.AskedTotal():
                    total, number_of_round = operations.round_of(entry)
                    yield Read(total, None, number_of_round)
                case _:
                    yield from operations.booked(entry, event, g)

    def _compare(self, g: str, group: Group) -> None:
        node = next((n for n in group.nodes.values() if n.gate.applied == len(written(group.decided))), None)
        if node is None or g == COORDINATOR:
            return
        here, told = node.gate.table.state.part, self.world.shards[g].state
        offset = {account: GAIN if account.startswith(EXCHANGE) else 0 for account in told.free}
        free = {account: amount - offset[account] for account, amount in told.free.items()}
        mine = {account: here.free.get(EXCHANGE if account.startswith(EXCHANGE) else account, 0) for account in free}
        agree(f"what is on the accounts of {g}", mine, free)
        stages = {self._committed[number]: stage for number, stage in here.stage.items()}
        agree(f"the transfers of {g}", stages, {name: told.stage.get(name, "none") for name in stages})
