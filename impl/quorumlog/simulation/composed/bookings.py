"""What clients ask of the ledger in a walk of the whole system, as the operations of ReplicatedTwoPhaseCommit.

That spec has transfers between shards that bring what they take, deposits, balances and totals, each asked for once.
Here more may be asked for, so whatever a shard books on an account by itself is a *booking*, a deposit there, perhaps
below zero; and an exchange between shards is a transfer and two bookings, of what it brings more or less than it takes.
What is on the account `exchange`, of which each shard holds a part, is not asked for there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Final, Literal

from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Executed
from quorumlog.core.two_phase_commit import messages, participant
from quorumlog.core.two_phase_commit.coordinator import Begun
from quorumlog.ledger import events
from quorumlog.ledger.books import EXCHANGE, postings
from quorumlog.ledger.commands import Total
from quorumlog.node import written
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.composed.consensus import Taken
from quorumlog.simulation.composed.system import COORDINATOR, System
from quorumlog.simulation.transfers import OperationId, Setting

GAIN: Final = 1_000  # what the part of EXCHANGE on each shard holds there at first: here it may fall below zero


class Operations:
    """The operations of one walk, each under a name, and what never changes in its world."""

    def __init__(self, moves: Iterable[Taken], system: System) -> None:
        self._names: dict[Hashable, OperationId] = {}
        self._rounds: dict[tuple[str, int], tuple[OperationId, Literal[1, 2]]] = {}
        self.transfers: dict[OperationId, messages.Transfer] = {}
        self.deposits: dict[OperationId, participant.Deposited] = {}
        self.balances: dict[OperationId, str] = {}
        self.totals: dict[OperationId, None] = {}
        self.made: dict[tuple[OperationId, str], OperationId] = {}
        self._home = {account: system.placement.home(account) for account in system.placement.fixed}
        seen: set[Entry] = set()
        for each in moves:
            if each.move.name == "send":
                self._sent(each)
            for name, group in each.after.groups.items():
                if group is not each.before.groups[name]:
                    for i, node in group.nodes.items():
                        if node.replica.log is not each.before.groups[name].nodes[i].replica.log:
                            self._wrote(name, [entry for entry in node.replica.log if entry not in seen])
                            seen.update(node.replica.log)
        self.setting = self._setting(system)

    # -- names ------------------------------------------------------------------------------------------------------

    def round_of(self, entry: Executed[Any]) -> tuple[OperationId, Literal[1, 2]]:
        """The total of which a round was asked for by this command, and which one."""
        return self._rounds[entry.session, entry.number]

    def transfer_of(self, entry: Executed[Any], event: Begun) -> OperationId:
        """The transfer that begins with this event."""
        return self._names[entry.session, entry.number, event]

    def balance_of(self, entry: Executed[Any], event: events.Asked) -> OperationId:
        """The balance that was asked for."""
        return self._names[entry.session, entry.number, event]

    def booked(self, entry: Executed[Any], event: object, shard: str) -> Iterator[participant.Deposited]:
        """The bookings of an event on the accounts of a shard."""
        for place, (account, amount) in enumerate(postings(event)):  # type: ignore[arg-type]  # others book nothing
            if account is not None and amount:
                name = self._names[entry.session, entry.number, event, place]
                yield participant.Deposited(name, part_of(account, shard), amount)

    def gained(self, transfer: OperationId, shard: str) -> Iterator[participant.Deposited]:
        """What a shard books when an exchange with another one is committed."""
        if (transfer, shard) in self.made:
            yield self.deposits[self.made[transfer, shard]]

    # -- before the walk is told --------------------------------------------------------------------------------------

    def _sent(self, each: Taken) -> None:
        client, group = each.move.arguments
        caller = each.after.callers[client]
        if caller.doing is not None and isinstance(caller.doing.operation.command, Total):
            name = caller.doing.operation.id
            self.totals[name] = None
            self._rounds[caller.sessions[group].session, caller.asked[group]] = (
                name,
                1 if caller.doing.before is None else 2,
            )

    def _wrote(self, group: str, entries: Iterable[Entry]) -> None:
        for entry in written(tuple(entries)):
            if isinstance(entry, Executed) and isinstance(entry.events, tuple):
                for event in entry.events:
                    self._know(group, entry, event)

    def _know(self, group: str, entry: Executed[Any], event: object) -> None:
        key: tuple[Hashable, ...] = (entry.session, entry.number, event)
        if key in self._names:
            return
        if isinstance(event, Begun):
            self._names[key] = name = f"t{len(self.transfers) + 1}"
            self._begun(name, event.transfer)
        elif isinstance(event, events.Asked) and event.account != EXCHANGE:
            self._names[key] = name = f"b{len(self.balances) + 1}"
            self.balances[name] = event.account
        else:
            self._books(group, key, event)

    def _books(self, group: str, key: tuple[Hashable, ...], event: object) -> None:
        for place, (account, amount) in enumerate(postings(event)):  # type: ignore[arg-type]  # others book nothing
            if account is not None and amount and (*key, place) not in self._names:
                self._names[*key, place] = self._deposit(part_of(account, group), amount)

    def _begun(self, name: OperationId, transfer: messages.Transfer) -> None:
        source, target, amount = transfer.source, transfer.target, transfer.amount
        homes = self._home[source], self._home[target]
        self.transfers[name] = messages.Transfer(name, source, target, amount, *homes)
        if transfer.brings != amount:
            self.made[name, homes[1]] = self._deposit(target, transfer.brings - amount)
            self.made[name, homes[0]] = self._deposit(part_of(EXCHANGE, homes[0]), amount - transfer.brings)

    def _deposit(self, account: str, amount: int) -> OperationId:
        name = f"d{len(self.deposits) + 1}"
        self.deposits[name] = participant.Deposited(name, account, amount)
        return name

    def _setting(self, system: System) -> Setting:
        shards = system.placement.shards
        starts = {shard: system.groups[shard].service.rules.empty().state.part.free for shard in shards}
        opening = {account: starts[home][account] for account, home in self._home.items()}
        parts = {part_of(EXCHANGE, shard): shard for shard in shards}
        accounts = {**{name: each.account for name, each in self.deposits.items()}, **self.balances}
        return Setting(
            initial=FrozenMap({**opening, **dict.fromkeys(parts, GAIN)}),
            home=FrozenMap({**self._home, **parts}),
            transfers=FrozenMap(self.transfers),
            deposits=FrozenMap({name: each.amount for name, each in self.deposits.items()}),
            balances=tuple(self.balances),
            totals=tuple(self.totals),
            account_of=FrozenMap(accounts),
            coordinator=COORDINATOR,
            hasty=frozenset(self.transfers),
            electing=frozenset((*shards, COORDINATOR)),
            returning=frozenset((*shards, COORDINATOR)),
            lossy=frozenset(shards),
        )


def part_of(account: str, shard: str) -> str:
    """What an account is called there: of EXCHANGE there is a part on each shard."""
    return f"{EXCHANGE}_{shard}" if account == EXCHANGE else account
