"""What groups have committed, as steps of the spec ReplicatedTwoPhaseCommit, whenever that is told.

An entry becomes an event that a leader appends, and its being committed: in a shard one for each part of a transfer,
and for each account on which something is booked. When what is told is the business of `recorded_two_phase_commit.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

from quorumlog.core.two_phase_commit.messages import Decision, Prepare, Vote
from quorumlog.ledger.forgetting import Letter
from quorumlog_bindings.recorded_gates import Held
from quorumlog_bindings.recorded_known import OPEN, Known
from quorumlog_bindings.recorded_ledger import Event, number_of
from quorumlog_bindings.recorded_letters import ACTIONS, YES, Reign, transfer_of
from quorumlog_bindings.recorded_transfers import Between, Operations, asked_for, message
from tlastep.recorded import Contradiction, Told, Update, Way
from tlastep.values import Fn, Value, record

Updates: TypeAlias = Sequence[Update]
COMMITTED: Final[Updates] = [("coordinatorSuffix", None, ())]


def event(kind: str, transfer: str) -> Value:
    """What happened to a transfer. Spec: TransactionCoordinator!Event."""
    return Fn({"type": kind, "id": transfer})


class Committed:
    """The steps of what is committed. `operations` are all that were asked for, and `known` those of the spec now."""

    def __init__(self, operations: Operations, known: Known, shards: Sequence[str]) -> None:
        self._operations = operations
        self._known = known
        self._more = dict.fromkeys(shards, 0)
        self.then: dict[str, int] = {}
        """How often the balances of a shard had changed there, and not here, when something was read."""

    def is_known(self, letter: Letter) -> bool:
        """Whether the spec knows of a transfer now."""
        transfer = self._operations.transfers.get(transfer_of(letter))
        return transfer is not None and transfer.main.name in self._known.names

    def heard_in_vain(self, reign: Reign, letter: Letter) -> Way:
        """A leader has taken a letter, and has appended nothing. Of an exchange the part is told that may be refused.

        That all promise is counted for the other one; its vote is told with the decision.
        """
        if not self.is_known(letter):
            return
        messages = self._operations.messages(letter)
        is_promise = isinstance(letter, Vote) and letter.vote == YES
        yield Told(ACTIONS[type(letter)], (messages[-1 if is_promise else 0],))
        if isinstance(letter, Vote) and is_promise:
            reign.votes.append(letter)

    # -- the coordinator --------------------------------------------------------------------------------------------

    def _transfer(self, does: str, number: int) -> Between:
        """A transfer that the spec knows."""
        found = self._operations.transfers.get(number)
        if found is None or found.main.name not in self._known.names:
            raise Contradiction(f"{does} {number}, {'which nobody has begun' if found is None else 'which is over'}")
        return found

    def of_coordinator(self, each: Event, cause: Letter | None, reign: Reign) -> Way:
        """A transfer begins, or is decided: because of a letter, or because it has taken too long."""
        number = number_of(each)
        if each["was"] == "begun":
            for part in self._transfer("begins", number).parts:
                self._known.execute(part.name)
                yield Told("Call", (part.name,), [("op", part.name, OPEN)])
                yield Told("OnTransfer", (part.name,), _appended(event("begun", part.name)))
                yield Told("CommitDecision", (), COMMITTED)
        elif isinstance(cause, Vote) and cause.vote != YES:
            yield from self._rejected(number, each["outcome"], cause)
        elif each["outcome"] == "aborted" and cause is None:
            for part in self._transfer("decides", number).parts:
                yield from self._given_up(part.name)
        else:
            yield from self._settled(number, each["outcome"], cause, reign)

    def _given_up(self, part: str) -> Way:
        yield Told("TimeOut", (part,), _appended(event("aborted", part)))
        yield Told("CommitDecision", (), COMMITTED)

    def _rejected(self, number: int, outcome: str, vote: Vote) -> Way:
        """A shard cannot: its part ends with that, and the other with it."""
        transfer = self._transfer("decides", number)
        (told,) = self._operations.messages(vote)
        own = str(cast(Fn, told).mapping["transfer"])
        yield Told("OnVote", (told,), _appended(event(outcome, own)))
        yield Told("CommitDecision", (), COMMITTED)
        for part in transfer.parts:
            if part.name != own:
                yield from self._given_up(part.name)

    def _settled(self, number: int, outcome: str, cause: Letter | None, reign: Reign) -> Way:
        """A transfer is decided, since all have promised it: that is what the spec must find with the last vote."""
        transfer = self._transfer("decides", number)
        shards = transfer.main.shards
        heard = sorted(shards & reign.promised(number)) or sorted(shards)
        last = cause if isinstance(cause, Vote) else Vote(str(number), heard[0], YES)
        main = message(transfer.main.name, last)
        yield Told("OnVote", (main,), _appended(event(outcome, transfer.main.name)))
        if cause is None:
            raise Contradiction(f"decides {number}, and its leader has not heard why")
        yield Told("CommitDecision", (), COMMITTED)
        for part in transfer.parts[:-1]:
            for shard in sorted(part.shards):
                promise = message(part.name, Vote(str(number), shard, YES))
                yield Told("OnVote", (promise,), _appended(event(outcome, part.name)))
            yield Told("CommitDecision", (), COMMITTED)

    # -- shards -----------------------------------------------------------------------------------------------------

    def of_transfer(self, shard: str, each: Event, cause: Letter | None) -> Way:
        """A shard prepares a transfer, or cannot, or ends it."""
        number, stage = number_of(each), each["stage"]
        transfer = self._transfer("prepares" if each["was"] == "staged" else "ends", number)
        if each["was"] == "staged":
            if each["transfer"] != transfer.what:
                raise Contradiction(f"prepares {each['transfer']}, and it has begun as {transfer.what}")
            letter: Any = cause or Prepare(cast(Any, None), shard)
        else:
            letter = cause or Decision(str(number), shard, stage == "committed")
        parts = transfer.of(shard)
        for part in parts if stage in ("prepared", "committed", "aborted") else parts[:1]:
            then = [("suffix", shard, (event(stage, part.name),))]
            yield Told(ACTIONS[type(letter)], (message(part.name, letter),), cast(Any, then))
            yield Told("CommitEvent", (shard,), [("suffix", shard, ())])
        if cause is None:
            raise Contradiction(f"has {stage} {number}, and its leader has heard no letter that asks for it")
        self._more[shard] += len(parts) - 1 if stage == "committed" else 0

    def asked(self, shard: str, held: Held) -> Way:
        """A client's command."""
        bookings = 0
        for small in asked_for(shard, held):
            name = small.name
            self._known.execute(name)
            yield Told("Call", (name,), [("op", name, OPEN)])
            if small.amount is not None:
                bookings += 1
                steps = Told("OnDeposit", (name,), [("suffix", shard, (event("deposited", name),))])
            else:
                self.then[name] = self._more[shard]
                then: Updates = [("suffix", shard, (record(type="read", id=name, round=1),))]
                is_total = small.account is None
                steps = Told("OnTotal", (shard, name), then) if is_total else Told("OnBalance", (name,), then)
            yield steps
            yield Told("CommitEvent", (shard,), [("suffix", shard, ())])
        if bookings:
            self._more[shard] += bookings - 1


def _appended(what: Value) -> Updates:
    return [("coordinatorSuffix", None, (what,))]
