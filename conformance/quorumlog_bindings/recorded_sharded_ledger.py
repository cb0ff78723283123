"""Recordings of all groups of a ledger on shards as steps of the spec ShardedLedger.

What is told is what each group has committed, entry by entry: a shard's leader appends an entry and it is committed, in
one go, for what it was decided on is what was committed before. Entries that were appended and lost are not told. There
are no messages in the spec; what one group must have committed before another can follow orders the lines.

An operation is what a client asked of one group. It is called when its entry is committed, and answered when a server
says so; what the server said is then compared with the answer that the spec has. Who reads all shards asks each of them
for its part: the parts are judged, and not how the client puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec import UNSET

from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.placement import Placement
from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import FORMAT, EventName, Line, Start, Step, line_of
from quorumlog.runtime.recorder import named as name_of
from quorumlog.sharding.server import ORDERS
from quorumlog_bindings.recorded_entries import Entries, EntriesSurvey
from quorumlog_bindings.recorded_gates import Held, Named
from quorumlog_bindings.recorded_ledger import (
    Event,
    answer_of,
    begun_of,
    command_of,
    ending_of,
    events_of,
    is_of_all,
    number_of,
    operation,
    rate,
    spoken,
    value_at,
    what,
)
from quorumlog_bindings.recorded_messages import key_of
from quorumlog_bindings.recorded_pieces import OPEN, SIZE, Pieces
from tlastep.long_sequences import Items, LongSequences
from tlastep.recorded import OUTSIDE, At, Contradiction, Key, Recording, Told, Way, Wordless
from tlastep.values import Fn, Value, record

FAILED: Final = Fn({"state": "failed", "said": "nothing", "n": 0})
NOWHERE: Final[frozenset[Value]] = frozenset()


class ShardedLedgerRecording(Wordless):
    """The translation of one set of recordings."""

    size = SIZE

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        self._long = long
        self._read = read = Entries(lines, long)
        self._shards = read.shards
        self._group, self._entries, self._wrong = read.group, read.of, read.wrong
        self._told = dict.fromkeys(self._entries, 0)
        self._coordinator = read.coordinator
        self._numbers: dict[Value, int] = {}
        """The number of the transfer that each operation has become."""
        self._between: dict[int, tuple[str, str]] = {}
        self._over: dict[int, int] = {}
        """For each number up to which transfers are over, the one before."""
        self._look(self._coordinator)
        self.besides = self._orders()
        self._commands = dict(self._operations())
        self._executed: set[Value] = set()
        self._pieces = Pieces(self._commands, list(self._entries), self.size)
        self._always = self._constants()

    # -- what is committed ---------------------------------------------------------------------------------------

    def _look(self, coordinator: str) -> None:
        """What the coordinator says of transfers."""
        over = 0
        for held in self._entries.get(coordinator, ()):
            for event in events_of(held):
                if event["was"] == "begun":
                    transfer = event["transfer"]
                    self._between[int(transfer["id"])] = transfer["source_shard"], transfer["target_shard"]
                elif event["was"] == "closed":
                    self._over[event["number"]], over = over, event["number"]

    def _orders(self) -> dict[str, dict[int, list[Key]]]:
        """What other groups must have committed before a line."""
        found: dict[str, dict[int, list[Key]]] = {}
        for (node, number), (_, news) in self._read.news.items():
            keys = [key for held in news for key in self._follows(self._group[node], held)]
            if keys:
                found.setdefault(node, {})[self._read.index(node, number)] = keys
        return found

    def _follows(self, group: str, held: Held) -> Iterator[Key]:
        """What must have been committed before an entry."""
        for event in events_of(held):
            number = number_of(event)
            match event:
                case {"was": "staged"}:
                    yield "begun", number
                case {"was": "ended"}:
                    yield "decided", number
                case {"was": "closed"} if group in self._shards:
                    yield "closed", number
                case {"was": "closed"}:
                    for each in range(self._over.get(number, number) + 1, number + 1):
                        yield from ((shard, "done", each) for shard in self._between.get(each, ()))
                case {"was": "decided", "outcome": "committed"}:
                    yield from ((shard, "prepared", number) for shard in self._between.get(number, ()))
                case {"was": "decided", "outcome": "refused"}:
                    yield "refused", number

    def _leads_to(self, group: str, held: Held) -> Iterator[Key]:
        """What can be committed after an entry."""
        for event in events_of(held):
            number = number_of(event)
            match event:
                case {"was": "begun" | "decided" as was}:
                    yield was, number
                case {"was": "closed"} if group not in self._shards:
                    yield "closed", number
                case {"was": "staged", "stage": "prepared"}:
                    yield group, "prepared", number
                case {"was": "staged", "stage": stage}:
                    yield stage, number
                    yield group, "done", number
                case {"was": "ended"}:
                    yield group, "done", number

    # -- operations and constants --------------------------------------------------------------------------------

    def _operations(self) -> Iterator[tuple[Value, Fn]]:
        """What clients asked for, as far as anything became of it."""
        for group, entries in self._entries.items():
            for held in entries:
                command = command_of(held) if group in self._shards else begun_of(held)
                if command is None or held.named is None or held.named[0].startswith(ORDERS):
                    continue
                if events_of(held) or self._is_home(group, command):
                    yield operation(group, held.named), command

    def _is_home(self, shard: str, command: Fn) -> bool:
        """Whether a shard may be asked this at all; if not, nothing becomes of it."""
        accounts = [value for name, value in command.mapping.items() if name in ("account", "from", "to")]
        homes = {Placement(tuple(self._shards)).home(str(each)) for each in accounts if each != EXCHANGE}
        return homes <= {shard}

    @property
    def constants(self) -> Mapping[str, Value]:
        """Those of the operations that the spec knows now, and those that are always the same."""
        commands = {op: self._commands[op] for op in self._pieces.known}
        across = [op for op in commands if str(op).startswith(f"{self._coordinator} ")]
        return {
            **self._always,
            "Operation": frozenset(commands),
            "Command": Fn({**commands}),
            "Hasty": frozenset(across),
        }

    def _constants(self) -> Mapping[str, Value]:
        placement = Placement(tuple(self._shards))
        accounts: set[str] = set()
        rates = {100}
        for command in self._commands.values():
            fields = cast("dict[str, Any]", command.mapping)
            accounts.update(fields[name] for name in ("account", "from", "to") if name in fields)
        for entries in self._entries.values():
            for held in entries:
                for event in events_of(held):
                    said = event.get("transfer") if event["was"] == "begun" else event
                    if isinstance(said, dict) and said.get("received") is not None:
                        rates.add(rate(said["amount"], said["received"]))
        accounts.discard(EXCHANGE)
        return {
            "Account": frozenset(accounts),
            "Shard": frozenset(self._shards),
            "Home": Fn({account: placement.home(account) for account in accounts}),
            "Initial": Fn(dict.fromkeys(accounts, 0)),
            "Rate": frozenset(rates),
            "Electing": NOWHERE,
        }

    # -- messages: those within a group order its lines ------------------------------------------------------------

    def needs(self, line: Line) -> Key | None:
        """The message that the line takes."""
        return key_of(line.letter) if type(line) is recorded.Take else None

    def sends(self, line: Line | Step) -> Sequence[Key]:
        """The messages that have left with the step, or leave with the next sync."""
        if not isinstance(line, Step):
            return ()
        return list(map(key_of, [*line.sent, *line.owes, *(line.owed if line.owed is not UNSET else ())]))

    # -- lines ---------------------------------------------------------------------------------------------------

    def ways(self, node: str, line: Line, at: At) -> Sequence[Way]:
        """The steps of a line."""
        return (self._step(node, line, at),)

    def _step(self, node: str, line: Line, at: At) -> Way:
        if (node, line.n) in self._wrong:
            raise Contradiction(self._wrong[node, line.n])
        if isinstance(line, Start):
            return
        group = self._group[node]
        given: list[Key] = list(self.sends(line))
        for place, held in self._read.news_of(node, line.n):
            if place == self._told[group]:
                self._told[group] += 1
                given += self._leads_to(group, held)
                op = operation(group, held.named) if held.named is not None else ""
                if op in self._commands and op not in self._pieces.known:
                    yield self._pieces.go_on(at)
                yield from (
                    self._of_coordinator(held, at) if group not in self._shards else self._of_shard(group, held, at)
                )
        for _, session, number, _, name in line.said:
            yield from self._said(group, (session, number), name, at)
        yield Told("", gives=given)

    def _of_coordinator(self, held: Held, at: At) -> Way:
        """The coordinator has committed an entry."""
        for event in events_of(held):
            number = number_of(event) - self._pieces.before
            match event:
                case {"was": "begun", "transfer": transfer}:
                    yield from self._begun(held, transfer, at)
                case {"was": "decided", "outcome": "committed"}:
                    yield Told("CountVotes", (number,), None)
                case {"was": "decided", "outcome": outcome}:
                    yield self._ended(number, outcome, at)
                case {"was": "closed"}:
                    yield Told("Close", (number,), [("over", None, number)])

    def _begun(self, held: Held, transfer: Event, at: At) -> Way:
        """An operation begins, with the next number, and what it brings."""
        assert held.named is not None, "a command has a name"
        op = operation(self._coordinator, held.named)
        before = cast(Items, at.part("transfer", None))
        count = self._pieces.before + len(before)
        if int(transfer["id"]) != count + 1:
            raise Contradiction(f"begins transfer {transfer['id']} after {count}")
        self._numbers[op] = count + 1
        yield from self._called(op)
        brings = transfer["amount"] if transfer["received"] is None else transfer["received"]
        drawn = 100 if transfer["received"] is None else rate(transfer["amount"], brings)
        begun = Fn({"op": op, "brings": brings, "stage": "open"})
        yield Told("Begin", (op, drawn), [("transfer", None, cast(Value, self._long.appended(before, begun)))])
        yield from self._left_alone(self._coordinator, held, op)

    def _ended(self, number: int, outcome: str, at: At) -> Told:
        """A transfer is refused or aborted: because a shard cannot commit it, or because it has taken too long."""
        wanted = "refused" if outcome == "refused" else "conflicted"
        for shard in self._between.get(number + self._pieces.before, ()):
            stages = cast(Fn, at.part("shard", shard)).mapping["stage"]
            if value_at(stages, number) == wanted:
                return Told("Reject", (number, shard), None)
        if outcome == "refused":
            return Told("Reject", (number, self._shards[0]), None)
        return Told("TimeOut", (number,), None)

    def _of_shard(self, shard: str, held: Held, at: At) -> Way:
        """A shard has committed an entry: it was appended, and it is committed."""
        assert held.named is not None, "what gates write has a name"
        op = operation(shard, held.named)
        if op in self._commands:
            yield from self._called(op)
            events = tuple([spoken(event) for event in events_of(held)])
            entry = Fn({"type": "executed", "op": op, "round": 1, "events": events})
            drawn = next((rate(e["amount"], e["received"]) for e in events_of(held) if "received" in e), 100)
            yield Told("OnCommand", (shard, op, drawn), [("suffix", shard, (entry,))])
            yield Told("CommitEntry", (shard,), [("suffix", shard, ())])
            yield from self._left_alone(shard, held, op)
            return
        for event in events_of(held) if held.named[0].startswith(ORDERS) else ():
            number = number_of(event) - self._pieces.before
            match event:
                case {"was": "staged", "transfer": transfer, "stage": stage}:
                    entry = record(type="staged", number=number, what=what(transfer), stage=stage)
                    yield Told("OnPrepare", (shard, number), [("suffix", shard, (entry,))])
                case {"was": "ended", "stage": stage}:
                    entry = record(type="ended", number=number, stage=stage)
                    yield Told("OnDecision", (shard, number), [("suffix", shard, (entry,))])
                case _:
                    entry = record(type="closed", number=number)
                    yield Told("OnOver", (shard, number), [("suffix", shard, (entry,))])
            yield Told("CommitEntry", (shard,), [("suffix", shard, ())])

    # -- clients ---------------------------------------------------------------------------------------------------

    def _called(self, op: Value) -> Way:
        if op in self._executed:
            raise Contradiction(f"executes {op} a second time")
        self._executed.add(op)
        yield Told("Call", (op,), ())

    def _left_alone(self, group: str, held: Held, op: Value) -> Way:
        """Nobody is recorded to have answered: the client is gone."""
        if (group, held.named) not in self._read.answered:
            yield from self._gone(op)

    def _gone(self, op: Value) -> Way:
        yield Told(OUTSIDE, (), [("op", op, FAILED), ("possible", op, NOWHERE)])

    def _said(self, group: str, named: Named, name: EventName, at: At) -> Way:
        """A client is told what became of its command."""
        op = operation(group, named)
        if op not in self._commands:
            return
        command = self._commands[op].mapping
        if op not in self._pieces.known:
            self._pieces.said_again(op, name)
            return
        if group in self._shards:
            said = value_at(cast(Fn, at.part("shard", group)).mapping["said"], (op, 1))
            true = None if said is None else answer_of(cast(Fn, said).mapping, command)
        else:
            said = value_at(at.part("ending", None), self._numbers.get(op, 0) - self._pieces.before)
            true = None if said is None else ending_of(cast(Fn, cast(Fn, said).mapping["answer"]).mapping, command)
        if said is None:
            raise Contradiction(f"answers {' '.join(map(str, named))}, of which nothing has become yet")
        if name != name_of(true):
            says = f"answers {' '.join(map(str, named))} with {name}"
            raise Contradiction(f"{says}, and {true} has the name {name_of(true)}")
        self._pieces.true[op] = name
        if at.part("op", op) == OPEN:
            if is_of_all(command):
                yield from self._gone(op)
            else:
                yield Told("Answer", (op,), None)


UNSAID: Final = frozenset({"op", "decisions", "ending", "shard", "again", "ledger", "possible"})
"""Nobody writes these down: what the spec makes of them follows from the steps."""

JUDGED: Final = frozenset({"IsBalanced", "NoDebt"})
"""What is quickly judged in each state."""

recording: Final = Recording(
    *(FORMAT, line_of, ShardedLedgerRecording),
    unsaid=UNSAID,
    properties=JUDGED,
    changing=frozenset({"Operation", "Command", "Hasty"}),
    decode_all=recorded.lines_of,
    survey=EntriesSurvey,
    groups=True,
)
