"""What recordings say of a ledger on shards in the words of ReplicatedTwoPhaseCommit: operations, letters, bookings.

That spec has transfers that bring what they take, deposits, balances and totals. Here a client may ask for more:

- What a shard books by itself on an account is a deposit there, perhaps below zero.
- An exchange between shards is two transfers that end alike: one, on the shard of the source, gives what is taken to
  the part of the account `exchange` that is there, and one brings out of that what is received. So there is in doubt
  there exactly what is in doubt here.
- Of the account `exchange`, which may fall below zero, each shard holds a part, an account of its own there, with more
  than enough on it at first.
- A total is asked of each shard by itself, once; how clients put the parts together they do not write down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, Vote
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.forgetting import Letter
from quorumlog.ledger.placement import Placement
from quorumlog_bindings.recorded_entries import Entries
from quorumlog_bindings.recorded_gates import Held, Named
from quorumlog_bindings.recorded_ledger import Event, events_of
from quorumlog_bindings.recorded_letters import YES, transfer_of
from tlastep.values import Fn, Value, record

GAIN: Final = 10**12
"""What each part of EXCHANGE has at first."""
NOTHING: Final[frozenset[Value]] = frozenset()


class Part(NamedTuple):
    """A transfer of the spec: all of one here, or half of an exchange."""

    name: str
    source: str
    target: str
    amount: int
    shards: frozenset[str]


class Between(NamedTuple):
    """A transfer between shards: the two, what it is, and its parts; the first is that which can be refused."""

    source_shard: str
    target_shard: str
    what: Event
    parts: tuple[Part, ...]

    @property
    def main(self) -> Part:
        """The part in which all of its shards take part."""
        return self.parts[-1]

    def of(self, shard: str) -> tuple[Part, ...]:
        """The parts in which a shard takes part."""
        return tuple([part for part in self.parts if shard in part.shards])


def between(transfer: Event) -> Between:
    """A transfer that begins."""
    number, source, target, amount = (str(transfer[key]) for key in ("id", "source", "target", "amount"))
    here, there = str(transfer["source_shard"]), str(transfer["target_shard"])
    both = frozenset((here, there))
    if transfer["received"] is None:
        return Between(here, there, transfer, (Part(number, source, target, int(amount), both),))
    middle = part_of(EXCHANGE, here)
    gives = Part(f"{number} gives", source, middle, int(amount), frozenset((here,)))
    brings = Part(f"{number} brings", middle, target, int(transfer["received"]), both)
    return Between(here, there, transfer, (gives, brings))


def part_of(account: str, shard: str) -> str:
    """What an account is called there."""
    return f"{EXCHANGE} of {shard}" if account == EXCHANGE else account


class Small(NamedTuple):
    """A deposit (with an amount), a balance (with an account), or a total (with neither), asked of one shard."""

    name: str
    account: str | None
    amount: int | None


def asked_for(shard: str, held: Held) -> list[Small]:
    """What an entry of a client's command is there, if anything."""
    found: list[Small] = []
    for event in events_of(held):
        assert held.named is not None, "what gates write has a name"
        match event["was"]:
            case "asked":
                found.append(Small(named(shard, held.named, 0), part_of(event["account"], shard), None))
            case "askedtotal":
                found.append(Small(named(shard, held.named, 0), None, None))
            case _:
                booked = [(part_of(account, shard), amount) for account, amount in booking(event) if amount]
                for place, (account, amount) in enumerate(booked):
                    found.append(Small(named(shard, held.named, place), account, amount))
    return found


def named(shard: str, command: Named, place: int) -> str:
    """What something is called that a client asks a shard for."""
    return f"{shard} {command[0]} {command[1]} {place}"


def booking(event: Event) -> Sequence[tuple[str, int]]:
    """What an event adds to each account."""
    match event["was"]:
        case "deposited":
            return ((event["account"], event["amount"]),)
        case "withdrawn":
            return ((event["account"], -event["amount"]),)
        case "transferred":
            return ((event["source"], -event["amount"]), (event["to"], event["amount"]))
        case "exchanged":
            given, received = event["amount"], event["received"]
            return ((event["source"], -given), (event["to"], received), (EXCHANGE, given - received))
        case _:
            return ()


class Operations:
    """All that was asked for and of which something became."""

    def __init__(self, entries: Entries) -> None:
        self._shards = entries.shards
        self._coordinator = entries.coordinator
        self.transfers: dict[int, Between] = {}
        self.parts: dict[str, Part] = {}
        self.small: dict[str, Small] = {}
        self.number: dict[Named, int] = {}
        """The number of the transfer that each command to the coordinator has become."""
        self.ahead: dict[str, list[tuple[str, ...]]] = {}
        """Of each group, what its entries bring, one after another."""
        self.accounts: dict[str, None] = {}
        self._asked: dict[tuple[str, Named], list[str]] = {}
        for group, own in entries.of.items():
            bring = self.begun if group == entries.coordinator else self.asked
            self.ahead[group] = [names for held in own if (names := tuple(bring(group, held)))]
        self._messages: dict[Letter, tuple[Value, ...]] = {}

    def begun(self, group: str, held: Held) -> Iterator[str]:
        """The transfers that begin with an entry."""
        for event in events_of(held):
            if event["was"] == "begun":
                transfer = between(event["transfer"])
                number = int(event["transfer"]["id"])
                self.transfers.setdefault(number, transfer)
                self.accounts.update(dict.fromkeys([transfer.what["source"], transfer.what["target"]]))
                if held.named is not None:
                    self.number[held.named] = number
                for part in transfer.parts:
                    self.parts.setdefault(part.name, part)
                    yield part.name

    def of(self, shard: str, command: Named) -> list[str]:
        """What a command to a shard has become."""
        return self._asked.get((shard, command), [])

    def asked(self, shard: str, held: Held) -> Iterator[str]:
        """What clients ask a shard for with an entry."""
        for small in asked_for(shard, held):
            if small.name not in self.small and held.named is not None:
                self._asked.setdefault((shard, held.named), []).append(small.name)
            self.small[small.name] = small
            if small.account is not None:
                self.accounts[small.account] = None
            yield small.name

    @property
    def always(self) -> Mapping[str, Value]:
        """The constants that never change."""
        placement = Placement(tuple(self._shards))
        parts: dict[Value, Value] = {part_of(EXCHANGE, shard): shard for shard in self._shards}
        own = [account for account in self.accounts if account not in parts]
        home: dict[Value, Value] = {account: placement.home(account) for account in own}
        return {
            "Account": frozenset({*home, *parts}),
            "Shard": frozenset(self._shards),
            "Home": Fn({**home, **parts}),
            "Initial": Fn({**dict.fromkeys(home, 0), **dict.fromkeys(parts, GAIN)}),
            "Coordinator": self._coordinator,
            "Electing": frozenset({*self._shards, self._coordinator}),
            "Returning": NOTHING,
            "Lossy": NOTHING,
        }

    def known(self, names: Mapping[str, object]) -> Mapping[str, Value]:
        """The constants of which these are all operations."""
        transfers = [self.parts[name] for name in names if name in self.parts]
        small = [self.small[name] for name in names if name in self.small]
        deposits = {each.name: each for each in small if each.amount is not None}
        balances = {each.name: each for each in small if each.amount is None and each.account is not None}
        amounts: dict[Value, Value] = {part.name: part.amount for part in transfers}
        amounts |= {name: cast(int, each.amount) for name, each in deposits.items()}
        whose: dict[Value, Value] = {name: cast(str, each.account) for name, each in (deposits | balances).items()}
        moving: frozenset[Value] = frozenset([part.name for part in transfers])
        return {
            "Transfer": moving,
            "Deposit": frozenset(deposits),
            "Balance": frozenset(balances),
            "Total": frozenset([each.name for each in small if each.account is None]),
            "From": Fn({part.name: part.source for part in transfers}),
            "To": Fn({part.name: part.target for part in transfers}),
            "Amount": Fn(amounts),
            "Of": Fn(whose),
            "Hasty": moving,
        }

    def messages(self, letter: Letter) -> tuple[Value, ...]:
        """What a letter is in the spec: of an exchange one for each part, that which can be refused first.

        Of a vote against, and of what a shard has acknowledged, only that one is said.
        """
        found = self._messages.get(letter)
        if found is None:
            transfer = self.transfers[transfer_of(letter)]
            parts = transfer.of(letter.shard)
            if isinstance(letter, Acknowledgement) or (isinstance(letter, Vote) and letter.vote != YES):
                parts = parts[:1]
            found = self._messages[letter] = tuple([message(part.name, letter) for part in parts])
        return found


def message(transfer: str, letter: Letter) -> Value:
    """A letter as the record of the spec."""
    fields = {"type": type(letter).__name__, "transfer": transfer, "shard": letter.shard}
    match letter:
        case Vote(vote=vote):
            return record(**fields, vote=vote)
        case Decision(commit=commit):
            return record(**fields, commit=commit)
        case Prepare() | Acknowledgement():
            return record(**fields)
        case _:
            raise AssertionError("what is over is not said there")
