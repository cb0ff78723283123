"""The ledger of one shard beside transfers in doubt, and the coordinator's numbers, rates and endings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import pytest

from quorumlog.core.event_sourcing import fold
from quorumlog.core.two_phase_commit.coordinator import Settle, Tally
from quorumlog.core.two_phase_commit.messages import Decision, Prepare, Transfer
from quorumlog.core.two_phase_commit.participant import Staged
from quorumlog.ledger import commands
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Deposit, Exchange, Total, Withdraw
from quorumlog.ledger.coordinated import FORGOTTEN, Coordinated, TransferCoordination
from quorumlog.ledger.coordinated import Event as CoordinatorEvent
from quorumlog.ledger.forgetting import Close, Closed, Letter, Over
from quorumlog.ledger.ledger import Received
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import Event, ShardBooks, ShardedLedger
from quorumlog.persistent.frozen_map import FrozenMap

PLACEMENT: Final = Placement(("p", "q"), FrozenMap({"x": "p", "z": "p", "y": "q"}))
SHARD: Final = ShardedLedger("p", PLACEMENT, FrozenMap({"x": 5}))
PAY: Final = Transfer("1", "x", "y", 4, "p", "q")
COMING: Final = Transfer("2", "y", "x", 10, "q", "p", 7)


def state(*orders: Any) -> ShardBooks:
    """The shard after these commands and orders."""
    books = SHARD.start()
    for order in orders:
        books = fold(SHARD, books, SHARD.decide(books, order, 50))
    return books


def told(books: ShardBooks, command: commands.Command) -> object:
    """What a client is told of a command."""
    decided = SHARD.decide(books, command, 50)
    return SHARD.answer(fold(SHARD, books, decided), decided)


def test_reserved_money_is_not_spent_and_a_conflict_is_no_answer() -> None:
    books = state(Prepare(PAY, "p"))
    assert told(books, Withdraw("x", 1)) is True
    assert told(books, Withdraw("x", 2)) is None
    assert told(books, Withdraw("x", 6)) is False
    assert told(fold(SHARD, books, SHARD.decide(books, Decision("1", "p", True), 50)), Withdraw("x", 2)) is False


def test_what_an_exchange_in_doubt_brings_may_be_enough() -> None:
    books = state(Prepare(COMING, "p"))
    assert told(books, Withdraw("x", 12)) is None
    assert told(books, Withdraw("x", 13)) is False


def test_what_is_in_doubt_is_not_read() -> None:
    books = state(Prepare(PAY, "p"), Deposit("z", 3))
    assert [told(books, each) for each in (Balance("x"), Total(), Balance(EXCHANGE))] == [None, None, None]
    assert told(books, Balance("z")) == (3, 1)
    assert told(state(Deposit("z", 3)), Total()) == (8, 1)


def test_an_exchange_is_made_good_where_its_source_lives() -> None:
    sold = Transfer("1", "x", "y", 4, "p", "q", 6)
    books = state(Prepare(sold, "p"), Decision("1", "p", True), Exchange("x", "z", 1))
    assert books.find(EXCHANGE) == (-2 + 1, 2)
    assert told(books, Exchange("x", "z", 1)) is False
    assert SHARD.answer(books, SHARD.decide(state(), Exchange("x", "z", 4), 50)) == Received(2)


@pytest.mark.parametrize(
    "command", [Deposit("y", 1), Deposit(EXCHANGE, 1), commands.Transfer("x", "y", 1), Exchange(EXCHANGE, "x", 1)]
)
def test_what_is_not_this_shards_becomes_nothing(command: commands.Command) -> None:
    assert told(state(), command) is None


def test_what_is_over_is_forgotten_and_comes_late() -> None:
    books = state(Prepare(PAY, "p"), Decision("1", "p", True), Over("p", 1))
    assert len(books.part.stage) == 0
    assert books.over == 1
    late = (Prepare(PAY, "p"), Decision("1", "p", True), Decision("1", "p", False), Over("p", 1))
    assert [SHARD.decide(books, each, 50) for each in late] == [(), (), (), ()]
    assert told(books, Balance("x")) == (1, 1)


# -- the coordinator -----------------------------------------------------------------------------------------


COORDINATOR: Final = TransferCoordination(PLACEMENT, kept=2)


def coordinated(orders: Iterable[Any], rate: int = 50) -> Coordinated:
    """The coordinator after these commands and orders."""
    books = COORDINATOR.start()
    for order in orders:
        books = fold(COORDINATOR, books, COORDINATOR.decide(books, order, rate))
    return books


def test_transfers_have_numbers_and_what_an_exchange_brings_is_fixed() -> None:
    books = coordinated([commands.Transfer("x", "y", 4), Exchange("y", "z", 5)], rate=150)
    assert books.decisions["1"].transfer == PAY
    assert books.decisions["2"].transfer == Transfer("2", "y", "z", 5, "q", "p", 7)
    assert coordinated([Exchange("y", EXCHANGE, 5)]) == coordinated([])


def test_transfers_are_closed_in_order_and_endings_are_kept_for_a_while() -> None:
    asks = [commands.Transfer("x", "y", 4)] * 6
    ends = [Settle(str(k), "committed" if k % 2 else "refused") for k in range(1, 7)]
    books = coordinated([*asks, *ends[:2]])
    acks = frozenset((str(k), shard) for k in (1, 2, 3) for shard in "pq")
    assert books.closable(Tally(acks=acks)) == 2
    assert books.closable(Tally(acks=acks - {("1", "q")})) == 0
    assert [books.ending("1"), books.ending("2")] == [True, False]
    books = coordinated([*asks, *ends, Close(6)])
    assert (len(books.decisions), books.over, books.begun) == (0, 6, 6)
    assert books.ending("1") == FORGOTTEN
    assert books.ending("6") is False
    assert COORDINATOR.decide(books, Close(5), 50) == ()


def test_events_and_letters_can_be_encoded() -> None:
    events: list[Event] = [Staged(COMING, "prepared"), Closed(3)]
    encoded = msgspec.msgpack.encode(events)
    assert msgspec.msgpack.decode(encoded, type=list[Event]) == events
    begun = list(COORDINATOR.decide(COORDINATOR.start(), Exchange("y", "z", 5), 150))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(begun), type=list[CoordinatorEvent]) == begun
    letters: list[Letter] = [Prepare(PAY, "p"), Decision("1", "p", True), Over("p", 3)]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(letters), type=list[Letter]) == letters


def test_every_account_has_one_home() -> None:
    free = Placement(("p", "q", "r"))
    homes = [free.home(f"account {number}") for number in range(300)]
    assert {homes.count(shard) > 50 for shard in free.shards} == {True}
    assert PLACEMENT.home("x") == "p"
