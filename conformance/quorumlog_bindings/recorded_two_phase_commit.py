"""Recordings of all groups of a ledger on shards as steps of the spec ReplicatedTwoPhaseCommit.

There a group is what is committed, and the suffix of one leader. What is told is what each group has committed, entry
by entry: that it is appended and that it is committed, in one go, for what it was decided on is what was committed
before. Before an entry of another leader than the last that leader is elected, and hears again what it had heard. Of a
leader is told what it took until an entry of it is committed; what it appended in vain had no effect.

What groups say to each other is recorded at both ends. A letter is taken after it was said, and said only if the spec
may say it in the state that is committed. Of the spec's network nothing is lost: what is lost here nobody takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec import UNSET
from msgspec.structs import asdict

from quorumlog.core.two_phase_commit.messages import Prepare
from quorumlog.ledger.coordinated import FORGOTTEN
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.ledger.ledger import Received
from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import FORMAT, EventName, Line, Start, Step, line_of
from quorumlog.runtime.recorder import named as name_of
from quorumlog.sharding.duties import is_for_shards
from quorumlog_bindings.recorded_entries import Entries, EntriesSurvey, Standing
from quorumlog_bindings.recorded_gates import Held, Named
from quorumlog_bindings.recorded_known import OPEN, SIZE, Known
from quorumlog_bindings.recorded_ledger import Event, events_of, number_of, value_at
from quorumlog_bindings.recorded_letters import Reign, key_of_letter, transfer_of
from quorumlog_bindings.recorded_messages import key_of
from quorumlog_bindings.recorded_steps import Committed
from quorumlog_bindings.recorded_transfers import GAIN, Operations, Small, part_of
from tlastep.long_sequences import LongSequences
from tlastep.recorded import At, Contradiction, Key, Recording, Told, Way, Wordless, surveyed
from tlastep.values import Fn, Value

FAILED: Final = Fn({"state": "failed", "value": 0})


def done(value: int) -> Value:
    """An operation that has come to something. Spec: TransactionCoordinator!Done."""
    return Fn({"state": "done", "value": value})


class LettersSurvey(EntriesSurvey):
    """What is gathered of the lines of one server, and of the letters in them."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[int, list[Key]] = {}
        """The letters that a line takes."""
        self.spoke: set[Key] = set()
        """All that are said."""
        self._count = 0

    def take(self, lines: Sequence[Line]) -> None:
        """The next lines."""
        super().take(lines)
        for index, line in enumerate(lines, start=self._count):
            if isinstance(line, Step) and line.heard:
                self.heard[index] = list(map(key_of_letter, line.heard))
            if isinstance(line, Step) and line.spoke:
                self.spoke.update(map(key_of_letter, line.spoke))
        self._count += len(lines)


class TwoPhaseCommitRecording(Wordless):
    """The translation of one set of recordings."""

    size = SIZE

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        self._entries = entries = Entries(lines, long)
        self._coordinator = entries.coordinator
        self._operations = operations = Operations(entries)
        self._between = {
            number: (each.source_shard, each.target_shard) for number, each in operations.transfers.items()
        }
        self._told = dict.fromkeys(entries.of, 0)
        self._over = dict.fromkeys(entries.of, 0)
        self._forgotten = 0
        self._reigns: dict[tuple[str, int], Reign] = {}
        self._acts: dict[str, int] = {}
        """Of each group, the term of the leader that acted last."""
        self._causes = {key: place for group in entries.of for key, place in self._calls_for(group)}
        letters = {node: surveyed(own, LettersSurvey) for node, own in lines.items()}
        self._said: set[Key] = set().union(*(each.spoke for each in letters.values()))
        self.besides: Mapping[str, Mapping[int, Sequence[Key]]] = {node: each.heard for node, each in letters.items()}
        """What must have been said before a line."""
        self._known = Known(operations, set(self._answers()), self.size)
        self._steps = Committed(operations, self._known, entries.shards)
        self._always = operations.always

    # -- before anything is told ------------------------------------------------------------------------------------

    def _answers(self) -> Iterator[str]:
        """The operations that are answered."""
        for group, named in self._entries.answered:
            yield from self._names(group, named)

    def _calls_for(self, group: str) -> Iterator[tuple[Key, int]]:
        """What may be said of the transfers that a group has committed something about, and since which entry."""
        for place, held in enumerate(self._entries.of[group]):
            for each in events_of(held):
                number = str(number_of(each))
                match each:
                    case {"was": "begun"}:
                        yield ("prepare", number), place
                    case {"was": "decided"}:
                        yield ("decision", number), place
                    case {"was": "staged", "stage": stage}:
                        yield ("vote", number, group), place
                        if stage != "prepared":
                            yield ("acknowledgement", number, group), place
                    case {"was": "ended"}:
                        yield ("acknowledgement", number, group), place

    @property
    def constants(self) -> Mapping[str, Value]:
        """Those of the operations that the spec knows now, and those that are always the same."""
        return {**self._always, **self._operations.known(self._known.names)}

    # -- messages ---------------------------------------------------------------------------------------------------

    def needs(self, line: Line) -> Key | None:
        """The message of its own group that the line takes."""
        return key_of(line.letter) if type(line) is recorded.Take else None

    def sends(self, line: Line | Step) -> Sequence[Key]:
        """The messages that have left with the step, or leave with the next sync."""
        if not isinstance(line, Step):
            return ()
        own = [*line.sent, *line.owes, *(line.owed if line.owed is not UNSET else ())]
        return [*map(key_of, own), *map(key_of_letter, line.spoke)]

    def alike(self, key: Key) -> str:
        """Another letter of the kind, about the same transfer to or from the same shard, or at least about it."""
        found = [each for each in self._said if isinstance(each, tuple) and isinstance(key, tuple)]
        for length in (3, 2):
            for each in sorted(found, key=str):
                if each[:length] == cast("tuple[object, ...]", key)[:length]:
                    return " ".join(map(str, each))
        return ""

    # -- lines ------------------------------------------------------------------------------------------------------

    def ways(self, node: str, line: Line, at: At) -> Sequence[Way]:
        """The steps of a line."""
        return (self._step(node, line, at),)

    def _step(self, node: str, line: Line, at: At) -> Way:
        entries, where = self._entries, (node, line.n)
        if where in entries.wrong:
            raise Contradiction(entries.wrong[where])
        if isinstance(line, Start):
            return
        group = entries.group[node]
        if line.heard:
            self._hears(group, entries.standing[where], line)
        for place, held in entries.news_of(*where):
            if place == self._told[group]:
                self._told[group] += 1
                yield from self._committed(group, place, held, at)
        if line.spoke:
            yield from self._speaks(group, entries.standing[where].term, entries.applied[where], line.spoke, at)
        for _, session, number, _, name in line.said:
            yield from self._answered(group, (session, number), name, at)
        yield Told("", gives=self.sends(line))

    def _reign(self, group: str, term: int) -> Reign:
        return self._reigns.setdefault((group, term), Reign())

    def _hears(self, group: str, at: Standing, line: Step) -> None:
        """A leader takes letters; what comes of them is told with what is committed."""
        for letter in line.heard:
            if is_for_shards(letter) != (group != self._coordinator) or (
                is_for_shards(letter) and letter.shard != group
            ):
                raise Contradiction(f"takes {said(letter)}, which is not for group {group}")
        self._reign(group, at.term).hear(line.heard, line.wrote, at, self._between)

    # -- what is committed ------------------------------------------------------------------------------------------

    def _committed(self, group: str, place: int, held: Held, at: At) -> Way:
        """An entry: who appended it acts, and has heard what it had heard by then."""
        names = [*(self._operations.begun if group == self._coordinator else self._operations.asked)(group, held)]
        if any(name in self._known.executed for name in names):
            raise Contradiction(f"executes {names[0]} a second time")
        if any(name not in self._known.names for name in names):
            self._forgotten = min(self._over.values())
            yield self._known.go_on(at, self._forgotten)
        reign = self._reign(group, held.term)
        yield from self._act(group, held.term, at)
        for letter in reign.before(place):
            yield from self._steps.heard_in_vain(reign, letter)
        cause = reign.cause(place)
        for each in events_of(held):
            if each["was"] == "closed":
                self._over[group] = number_of(each)
            elif group == self._coordinator:
                yield from self._steps.of_coordinator(each, cause, reign)
            elif each["was"] in ("staged", "ended"):
                yield from self._steps.of_transfer(group, each, cause)
        if names and group != self._coordinator:
            yield from self._steps.asked(group, held)

    def _act(self, group: str, term: int, at: At) -> Way:
        """The leader of a term acts: if somebody else did last, it is elected, and hears what it has heard."""
        if self._acts.get(group) == term:
            return
        self._acts[group] = term
        if group != self._coordinator:
            yield Told("ElectLeader", (group, ()))
            return
        yield Told("ElectCoordinator", ((),))
        reign = self._reign(group, term)
        votes, reign.votes = reign.votes, []
        for vote in votes:
            if self._steps.is_known(vote):
                (*_, main) = self._operations.messages(vote)
                if value_at(at.part("decision", None), cast(Fn, main).mapping["transfer"]) == "begun":
                    reign.votes.append(vote)
                    yield Told("OnVote", (main,))

    # -- letters ----------------------------------------------------------------------------------------------------

    def _speaks(self, group: str, term: int, applied: int, letters: Sequence[Letter], at: At) -> Way:
        """A leader says something: all of it may be said in the state that is committed, as far as it knows that."""
        for letter in letters:
            if isinstance(letter, Over):
                continue
            is_own = (group == self._coordinator) if is_for_shards(letter) else letter.shard == group
            number = transfer_of(letter)
            if not is_own or number not in self._operations.transfers:
                raise Contradiction(f"says {said(letter)}, {'which has not begun' if is_own else 'for another group'}")
            if isinstance(letter, Prepare) and described(letter) != self._operations.transfers[number].what:
                raise Contradiction(
                    f"says {said(letter)}, and it has begun as {self._operations.transfers[number].what}"
                )
            since = self._causes.get(key_of_letter(letter)[: 2 if is_for_shards(letter) else 3])  # type: ignore[index]
            if since is not None and applied <= since < self._told[group]:
                raise Contradiction(f"says {said(letter)}, and does not know yet that what calls for it is committed")
            for each in self._operations.messages(letter):
                if self._steps.is_known(letter):
                    yield from self._says(group, term, each, at)
                elif each not in self._known.said:
                    raise Contradiction(f"says {said(letter)}, which was not said before the transfer was over")

    def _says(self, group: str, term: int, letter: Value, at: At) -> Way:
        """Unless it has been said: the leader says all that there is to say, and this is among it.

        Here a coordinator forgets who has acknowledged the end of a transfer as soon as it has appended that this is
        over, and there only with an election. So it may be elected, to say once more how a transfer was decided.
        """
        action, arguments = ("Speak", ()) if group == self._coordinator else ("SpeakShard", (group,))
        if letter not in at.part("network", None):
            yield Told(action, arguments, None)
        is_decision = cast(Fn, letter).mapping["type"] == "Decision"
        if letter not in at.part("network", None) and (is_decision or self._acts.get(group) != term):
            self._acts.pop(group, None)
            yield from self._act(group, term, at)
            yield Told(action, arguments, None)
        network: frozenset[Value] = at.part("network", None)
        if letter not in network:
            yield Told(action, arguments, [("network", None, network | {letter})])

    # -- clients ----------------------------------------------------------------------------------------------------

    def _names(self, group: str, named: Named) -> list[str]:
        """What a client's command is called there: all that it has become."""
        if group == self._coordinator:
            transfer = self._operations.transfers.get(self._operations.number.get(named, 0))
            return [part.name for part in transfer.parts] if transfer is not None else []
        return self._operations.of(group, named)

    def _answered(self, group: str, named: Named, name: EventName, at: At) -> Way:
        """A client is told what became of its command. What it is told again was judged before."""
        for each in self._names(group, named):
            self._known.answered(each)
            if each not in self._known.names or at.part("op", each) != OPEN:
                continue
            if group == self._coordinator:
                yield from self._ended(named, each, name, at)
            else:
                yield from self._told_by_shard(group, self._operations.small[each], name, at)

    def _ended(self, named: Named, part: str, name: EventName, at: At) -> Way:
        transfer = self._operations.transfers[self._operations.number[named]]
        received = transfer.what["received"]
        if name == FORGOTTEN:
            return
        took_effect = name_of(cast(Any, True if received is None else Received(received)))
        answers = {took_effect: done(1), name_of(cast(Any, False)): done(0), None: FAILED}
        if name not in answers:
            raise Contradiction(f"answers {' '.join(map(str, named))} with {name}, which is none of {list(answers)}")
        answer = answers[name]
        if name is not None and name != took_effect and part != transfer.parts[0].name:
            answer = FAILED  # the other half of an exchange that was refused
        yield Told("AnswerTransfer", (part,), [("op", part, answer)])

    def _told_by_shard(self, shard: str, small: Small, name: EventName, at: At) -> Way:
        if small.amount is not None:
            yield Told("AnswerDeposit", (small.name,), [("op", small.name, done(1))])
            return
        found = value_at(cast(Fn, at.part("shard", shard)).mapping["done"], (small.name, 1))
        if found is None:
            raise Contradiction(f"answers {small.name}, of which nothing has become yet")
        value, version = cast("tuple[int, int]", found)
        offset = GAIN if small.account in (None, part_of("exchange", shard)) else 0
        true = value - offset, version - self._steps.then[small.name]
        if name != name_of(cast(Any, true)):
            raise Contradiction(f"answers {small.name} with {name}, and {true} has the name {name_of(cast(Any, true))}")
        if small.account is not None:
            yield Told("AnswerBalance", (small.name,), [("op", small.name, done(value))])


def described(letter: Prepare) -> Event:
    """The transfer of a request, as the event says it with which it begins."""
    return cast(Event, asdict(letter.transfer))


def said(letter: Letter) -> str:
    """A letter in words."""
    return " ".join(map(str, cast("tuple[object, ...]", key_of_letter(letter))))


UNSAID: Final = frozenset(
    {"decision", "coordinatorTails", "votes", "acks", "ledger", "possible", "shard", "tails", "again"}
)
"""Nobody writes these down: what the spec makes of them follows from the steps."""

JUDGED: Final = frozenset({"NoDebt", "AcknowledgedIsOver", "VoteStands", "ToldIsDecided", "DecisionStands"})
"""What says nothing of constants that change."""

recording: Final = Recording(
    *(FORMAT, line_of, TwoPhaseCommitRecording),
    unsaid=UNSAID,
    properties=JUDGED,
    changing=frozenset({"Transfer", "Deposit", "Balance", "Total", "From", "To", "Amount", "Of", "Hasty"}),
    decode_all=recorded.lines_of,
    survey=LettersSurvey,
    groups=True,
)
