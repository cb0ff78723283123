"""Snapshots say what the entries before them make, and the event queue is what gates wrote, wherever it stands."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorumlog.core.consensus.effects import Committed
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Gate, LeaderOutput, Request, no_messages
from quorumlog.core.two_phase_commit.messages import Prepare
from quorumlog.core.two_phase_commit.messages import Transfer as StagedTransfer
from quorumlog.ledger.books import Books
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Transfer
from quorumlog.ledger.ledger import Answer, Ledger
from quorumlog.ledger.placement import Placement
from quorumlog.ledger.sharded_ledger import ShardBooks
from quorumlog.node import Service, written
from quorumlog.runtime import hosting
from quorumlog.runtime.event_queue import EventQueue
from quorumlog.runtime.hosting import AnyHosted
from quorumlog.runtime.keeping import Keeping

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


@pytest.mark.parametrize(
    ("hosted", "asked"),
    [
        (hosting.shard("a", PLACEMENT), (Deposit("cid", 5), STAGED, Balance("cid"))),
        (hosting.coordinator(PLACEMENT), (Transfer("ann", "cid", 3), Exchange("ann", "cid", 3))),
    ],
)
def test_the_states_of_shards_and_their_coordinator_can_be_kept(hosted: AnyHosted, asked: tuple[object, ...]) -> None:
    """With transfers that have begun, and one that is staged."""
    rules = hosted.service().rules
    gate = rules.lead(rules.begin(), ())
    for number, command in enumerate(asked, 1):
        gate, wanted = rules.on_request(gate, 1, Request("s", number, 0, None, command), 100)
        for each in wanted:
            gate, _ = rules.commit(gate, getattr(each, "entries", ()))
    gate = rules.step_down(gate)
    assert gate.table.events == 2  # a question about what is in doubt has no event
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
