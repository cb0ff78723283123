"""Snapshots say what the entries before them make, and the event queue is what gates wrote, wherever it stands."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorumlog import Cluster
from quorumlog.core.consensus.effects import Committed
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Answered, Gate, LeaderOutput, Message, Request, Session, Table, no_messages
from quorumlog.core.two_phase_commit.coordinator import Settle
from quorumlog.core.two_phase_commit.messages import Decision, Prepare
from quorumlog.core.two_phase_commit.messages import Transfer as StagedTransfer
from quorumlog.ledger.books import Books
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Transfer
from quorumlog.ledger.forgetting import Close, Over
from quorumlog.ledger.ledger import Answer, Ledger
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import ShardBooks
from quorumlog.node import Service, written
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.persistent.hash_map import HashMap
from quorumlog.runtime import hosting, keeping
from quorumlog.runtime.event_queue import EventQueue
from quorumlog.runtime.hosting import AnyHosted
from quorumlog.runtime.keeper import WORTH, Keeper
from quorumlog.runtime.keeping import Keeping
from quorumlog.runtime.wire import Limits

LEDGER: Final = Service(LeaderOutput(Ledger(), no_messages))
KEEPING: Final[Keeping[Books, Answer, Any]] = Keeping(Books, Answer)

accounts = st.sampled_from(["x", "y", "z"])
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Deposit, accounts, st.integers(1, 9)),
    st.builds(Balance, accounts),
    st.builds(Transfer, st.just("x"), st.just("y"), st.integers(1, 9)),
    st.builds(Exchange, st.just("x"), st.just("y"), st.integers(1, 9)),
)


def gate_after(asked: list[tuple[str, int | None, int, Command]]) -> Gate[Books, Answer, Any]:
    """The gate of a machine that has executed these commands of sessions, and heard what they have received."""
    rules = LEDGER.rules
    gate = rules.lead(rules.begin(), ())
    numbers: dict[str, int] = {}
    for session, expected, received, command in asked:
        numbers[session] = numbers.get(session, 0) + 1
        request = Request(session, numbers[session], min(received, numbers[session] - 1), expected, command)
        gate, wanted = rules.on_request(gate, 1, request, 100)
        for each in wanted:
            gate, _ = rules.commit(gate, getattr(each, "entries", ()))
    return rules.step_down(gate)


@given(
    st.lists(st.tuples(st.sampled_from(["s", "t"]), st.none() | st.integers(0, 3), st.integers(0, 5), commands)),
    st.integers(0, 9),
    st.lists(st.integers(1, 99), unique=True).map(sorted),
)
def test_a_snapshot_is_what_the_entries_make(
    asked: list[tuple[str, int | None, int, Command]], length: int, others: list[int]
) -> None:
    gate = gate_after(asked)
    again, queue = KEEPING.decoded(KEEPING.encoded(gate, EventQueue(length, others)))
    assert (again, queue.length, queue.others) == (gate, length, others)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 255, 65_535, 65_536, 70_001])
def test_an_array_in_pieces_is_that_array(size: int) -> None:
    values = list(range(size))
    assert bytes(keeping.array(iter(values))) == msgspec.msgpack.encode(values)


def longest_call(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many values one call of the encoder takes at most, for a gate with many of everything."""
    many = 3 * keeping.PIECE
    balances = FrozenMap({"x": 1})
    for number in range(many):
        balances = balances.set(f"account {number}", number)
    known = Session(many, tuple([Answered(1, True)] * many))
    sessions = HashMap({f"s{number}": known if number == 1 else Session(1, ()) for number in range(many)})
    pending = tuple([Message(number, "to the world") for number in range(1, many)])
    gate: Gate[Any, Any, Any] = Gate(9, Table(Books(balances, 0), 9, sessions, many, pending), None, HashMap())
    longest = 0

    class Watched:
        def encode(self, value: object) -> bytes:
            nonlocal longest
            longest = max(longest, len(value) if isinstance(value, list) else 1)
            return ENCODER.encode(value)

    monkeypatch.setattr(keeping, "ENCODER", Watched())
    written = Keeping[Any, Any, Any](Books, Answer, str)
    assert written.decoded(written.encoded(gate, EventQueue()))[0] == gate
    return longest


ENCODER: Final = keeping.ENCODER


def test_no_call_of_the_encoder_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads wait while it runs, the one that answers clients too."""
    assert longest_call(monkeypatch) == keeping.PIECE


def test_all_in_one_call_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant."""
    monkeypatch.setattr(keeping, "array", lambda values: msgspec.Raw(keeping.ENCODER.encode(list(values))))
    assert longest_call(monkeypatch) > keeping.PIECE


def maker() -> set[str]:
    """Who makes the snapshots of a server that is asked for some commands: the names of threads."""
    names: set[str] = set()

    class Noting(Keeping[Books, Answer, Any]):
        def encoded(self, gate: Gate[Books, Answer, Any], queue: EventQueue) -> bytes:
            names.add(threading.current_thread().name)
            return super().encoded(gate, queue)

    hosted = dataclasses.replace(hosting.LEDGER, keeping=Noting(Books, Answer))
    with Cluster(hosted, size=1, limits=Limits(snapshot=2, retain=50)) as cluster, cluster.client() as ledger:
        loop = cluster._background.wait(named())
        for _ in range(10):
            ledger.ask(Deposit("ann", 1), timeout=20)
    assert names
    return {"the loop" if name == loop else "another" for name in names}


async def named() -> str:
    """The name of the thread in which a loop runs."""
    return threading.current_thread().name


def test_snapshots_are_made_beside_the_loop() -> None:
    assert maker() == {"another"}


def test_the_loop_could_make_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant."""
    whole = Keeper.keep

    def keep(keeper: Keeper, index: int, term: int, encoded: Callable[[], bytes]) -> None:
        state = encoded()
        whole(keeper, index, term, lambda: state)

    monkeypatch.setattr(Keeper, "keep", keep)
    assert maker() == {"the loop"}


WHOLE: Final = KEEPING.encoded(gate_after([]), EventQueue())


@pytest.mark.parametrize("blob", [b"", b"\xc0", b"\x93\x01\x02\x03", WHOLE[:-1], WHOLE + b"\x00"])
def test_what_is_no_snapshot_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="state of this application"):
        KEEPING.decoded(blob)


def test_a_snapshot_of_another_application_is_refused() -> None:
    other: Keeping[ShardBooks, Any, Any] = Keeping(ShardBooks, int)
    with pytest.raises(ValueError, match="state of this application"):
        other.decoded(KEEPING.encoded(gate_after([("s", None, 0, Deposit("x", 1))]), EventQueue()))


STAGED: Final = Prepare(StagedTransfer("1", "cid", "ann", 3, "a", "b"), "a")
PLACEMENT: Final = Placement(("a", "b"))
SHARD: Final = hosting.shard("a", PLACEMENT)
COORDINATOR: Final = hosting.coordinator(PLACEMENT)
BEGUN: Final = (Transfer("ann", "cid", 3), Exchange("ann", "cid", 3))


@pytest.mark.parametrize(
    ("hosted", "asked", "events"),
    [
        (SHARD, (Deposit("cid", 5), STAGED, Balance("cid")), 2),  # a question about what is in doubt has no event
        (SHARD, (Deposit("cid", 5), STAGED, Decision("1", "a", commit=True)), 3),
        (SHARD, (Deposit("cid", 5), STAGED, Decision("1", "a", commit=False), Over("a", 1)), 4),
        (COORDINATOR, BEGUN, 2),
        (COORDINATOR, (*BEGUN, Settle("1", "committed"), Settle("2", "committed")), 4),
        (COORDINATOR, (*BEGUN, Settle("1", "refused"), Settle("2", "aborted"), Close(1)), 5),
    ],
)
def test_the_states_of_shards_and_their_coordinator_can_be_kept(
    hosted: AnyHosted, asked: tuple[object, ...], events: int
) -> None:
    """With transfers that have begun, or have ended, and are staged, and over."""
    rules = hosted.service().rules
    gate = rules.lead(rules.begin(), ())
    for number, command in enumerate(asked, 1):
        gate, wanted = rules.on_request(gate, 1, Request("s", number, 0, None, command), 100)
        for each in wanted:
            gate, _ = rules.commit(gate, getattr(each, "entries", ()))
    gate = rules.step_down(gate)
    assert gate.table.events == events
    assert hosted.keeping is not None
    again, _ = hosted.keeping.decoded(hosted.keeping.encoded(gate, EventQueue()))
    assert again == gate


places = st.integers(0, 30)


@given(st.lists(st.booleans(), max_size=30), st.lists(st.tuples(places, places), max_size=6), places, places)
def test_the_queue_is_what_gates_wrote(kinds: list[bool], told: list[tuple[int, int]], start: int, end: int) -> None:
    """However the entries came, some of them twice, as to a server that was started again."""
    log = tuple(Entry(1, number if kind else None) for number, kind in enumerate(kinds, 1))
    queue = EventQueue()
    known = 0
    for after, until in [*told, (0, len(log))]:
        known = max(known, min(until, len(log)))
        after = min(after, len(log[:known]), queue.length + len(queue.others))
        queue.committed(Committed(after, log[after:known]))
    events = written(log)
    assert queue.length == len(events)
    assert queue.between(log, start, end) == events[start:end]


class _Storage:
    """Takes snapshots of this size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.saved: list[int] = []
        self.recovered = SimpleNamespace(start=0)

    def save_snapshot(self, index: int, term: int, state: bytes) -> None:
        """Note it."""
        self.saved.append(index)

    def compact(self, below: int) -> int:
        """Nothing is dropped."""
        return 0

    between = None


async def kept(size: int, offered: Sequence[int]) -> list[int]:
    """Which of the snapshots that are offered are kept, one after another."""
    storage: Any = _Storage(size)
    server: Any = SimpleNamespace(behind=SimpleNamespace(dropped=0, below=lambda index: 0), lighten=lambda *_: None)
    keeper = Keeper(storage, asyncio.get_running_loop(), server, print, print)
    for index in offered:
        keeper.keep(index, 1, lambda: bytes(size))
        await keeper.close()
        await asyncio.sleep(0)
    return list(storage.saved)


def test_large_snapshots_are_made_less_often() -> None:
    """A large state with few entries between would be encoded all the time."""
    offered = range(10, 100, 10)
    assert asyncio.run(kept(0, offered)) == list(offered)
    assert asyncio.run(kept(25 * WORTH, offered)) == [10, 40, 70]
