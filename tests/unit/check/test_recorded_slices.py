"""What both ends of a slice say follows from the names of its entries, whatever these are, and from nothing else."""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.persistent.mutated import mutated

from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Executed
from quorumlog.runtime.recorded import SentRequest, Take, Terms, Written
from quorumlog.runtime.recorded_rows import block_of, named, terms
from quorumlog_bindings import recorded_gates, recorded_slices
from quorumlog_bindings.recorded_gates import NIL, Held
from tlastep.long_sequences import LongSequences
from tlastep.recorded import Contradiction
from tlastep.values import Fn

NAMES: Final = st.text("abc", min_size=1, max_size=40)
EVENTS: Final = st.one_of(
    st.none(), NAMES, st.builds(Executed, NAMES, st.integers(1, 1 << 40), st.just(0), st.just(()))
)
RUNS: Final = st.lists(st.tuples(st.integers(1, 1 << 40), st.lists(EVENTS, min_size=1, max_size=40)), max_size=4)


def entries_of(runs: list[tuple[int, list[Any]]]) -> list[Entry]:
    """Entries of terms that rise."""
    return [Entry(term, event) for term, events in sorted(dict(runs).items()) for event in events]


def records(entries: list[Entry]) -> list[Fn]:
    """As the binding has them."""
    return [
        Fn({"term": each.term, "event": NIL if each.event is None else named(each.event)})  # type: ignore[dict-item]  # a name is a value
        for each in entries
    ]


def check(module: Any, entries: list[Entry]) -> None:
    """The terms and the checksum of a slice."""
    if entries:
        assert module.told_of(records(entries)) == (terms(entries), crc32(block_of(0, entries)))
    else:
        assert module.told_of([]) == ((), 0)


def held(module: Any) -> None:
    """The check, on runs that Hypothesis makes, and around lengths at which arrays are written in another way."""

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(RUNS)
    def slices(runs: list[tuple[int, list[Any]]]) -> None:
        check(module, entries_of(runs))

    slices()
    for count in (0, 1, 15, 16, 17, (1 << 16) - 1, 1 << 16):
        check(module, [Entry(3, Executed("s", 300, 0, ()))] * count)
    for length in (0, 7, 0, 1, 200, 300, 70_000):
        check(module, [Entry(3, Executed("x" * length, 1, 0, ())), Entry(4, None), Entry(5, "y" * length)])


def test_what_is_told_of_a_slice() -> None:
    held(recorded_slices)


@pytest.mark.parametrize(
    ("find", "instead"),
    [
        ("crc32(zeros, before) ^ of_zeros ^ (event & MASK)", "crc32(zeros, before) ^ (event & MASK)"),
        ("crc32(zeros, before) ^ of_zeros ^ (event & MASK)", "crc32(zeros) ^ of_zeros ^ (event & MASK)"),
        ("(event & MASK)", "event"),
        ("length = event >> 32", "length = 1 + (event >> 32)"),
        ("event if isinstance(event, str) else None", "event if isinstance(event, str) else 0"),
        ("if length < 1 << 4:", "if length <= 1 << 4:"),
        ("if length < 1 << 16", "if length <= 1 << 16"),
        ("found = crc32(_head(len(runs)))", "found = crc32(_head(1))"),
        ("crc32(_head(2) + _bytes_of(term)", "crc32(_head(2) + _bytes_of(1)"),
        ("found if runs else 0", "found"),
        ("    zeros = bytes(length)", "    zeros = bytes(1)"),
    ],
)
def test_slices_of_which_something_else_is_told_are_found(find: str, instead: str) -> None:
    module = mutated(recorded_slices, find, instead)
    with pytest.raises((AssertionError, ExceptionGroup, OverflowError)):
        held(module)


@pytest.mark.parametrize("name", [-1, 0, 77, 1 << 62, -(1 << 40)])
def test_names_that_no_event_can_have(name: int) -> None:
    with pytest.raises(Contradiction, match=f"names an event {name}, which would have"):
        recorded_slices.told_of([Fn({"term": 1, "event": name})])


# -- what gates make of a slice ----------------------------------------------------------------------------------------


def taken(told: Terms, kept: int, length: int) -> Take:
    """A line of a server that takes a slice."""
    numbers = {"term": 2, "prev_index": kept, "prev_term": 0, "checksum": 0, "commit_index": 0}
    letter = SentRequest(sender="a", to="b", entries=told, **numbers)
    return Take(n=2, i=1, letter=letter, log=Written(kept=kept, length=length))


def known(module: Any) -> Any:
    """The logs of a group. Leaders of two terms have written down what follows their no-ops: two entries, and one."""
    logs = module.Logs()
    for term, place in ((1, 2), (1, 3), (2, 5)):
        logs.known[term, place] = Held(term, place, None, None, 0)
    return logs


def check_logs(module: Any) -> None:
    """What a log is of which only terms are told."""
    logs, server = known(module), module.Server(LongSequences())
    logs.takes(server, taken(((1, 3),), 0, 3))
    assert [(each.term, each.name) for each in server.log.held] == [(1, None), (1, 2), (1, 3)]
    logs.takes(server, taken(((1, 2), (2, 2)), 2, 5))  # the first of them is there
    assert [(each.term, each.name) for each in server.log.held] == [(1, None), (1, 2), (1, 3), (2, None), (2, 5)]
    wrong: list[tuple[Terms, int, int]] = [
        (((2, 3),), 3, 6),  # nobody has written down the last one, and it does not begin a term
        (((1, 1),), 1, 3),  # two, of which one was given
        (((1, 1),), 5, 6),
        (((2, 2), (1, 1 << 50)), 3, 1 << 50),
        (((1, -1),), 5, 4),
        ((), 5, 6),
        (((2, 2),), 6, 8),
    ]
    for told, kept, length in wrong:
        logs, server = known(module), module.Server(LongSequences())
        logs.takes(server, taken(((1, 3), (2, 2)), 0, 5))
        with pytest.raises(Contradiction):
            logs.takes(server, taken(told, kept, length))


def check_terms(module: Any, told: Terms) -> None:
    """The last terms of some."""
    whole = [term for term, number in told for _ in range(number)]
    for skipped in range(len(whole) + 1):
        assert list(module.last_of(told, skipped)) == whole[skipped:]


def check_gates(module: Any) -> None:
    """All of it."""
    check_logs(module)
    some: list[Terms] = [(), ((1, 3),), ((1, 1), (2, 1), (3, 4)), ((2, 2), (7, 3))]
    for told in some:
        check_terms(module, told)


def test_what_gates_make_of_slices() -> None:
    check_gates(recorded_gates)


@pytest.mark.parametrize(
    ("find", "instead"),
    [
        ("return term > (self.held[-1].term if self.held else 0)", "return True"),
        ("return term > (self.held[-1].term if self.held else 0)", "return not self.held"),
        ("not 0 <= count <= given", "not 0 <= count"),
        ("name not in (UNSAID, held.name)", "name is not held.name"),
        ("last_of(terms, given - count)", "last_of(terms, 0)"),
        ("repeat(term, number - skipped)", "repeat(term, number)"),
        ("        skipped = max(skipped - number, 0)", "        skipped = 0"),
    ],
)
def test_gates_that_make_something_else_of_slices_are_found(find: str, instead: str) -> None:
    module = mutated(recorded_gates, find, instead)
    with pytest.raises((AssertionError, Contradiction, pytest.fail.Exception)):
        check_gates(module)
