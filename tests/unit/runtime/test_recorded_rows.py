"""Batches are put into rows as a whole; row by row, each written down on its own, they are the same."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.persistent.mutated import mutated

from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry
from quorumlog.core.consensus.replica import start
from quorumlog.core.leader_output import CONFLICT, Acknowledged, Answered, Conflict, Executed, Request, Say
from quorumlog.persistent.strand import Strand
from quorumlog.runtime import recorded_changes, recorded_rows
from quorumlog.runtime.wire import Codec

SESSIONS: Final = st.sampled_from(["s", "t"])
EVENTS: Final = st.one_of(
    st.just(CONFLICT), st.just(Conflict("no")), st.lists(st.integers(0, 3), max_size=2).map(tuple)
)
EXECUTED: Final = st.builds(Executed, SESSIONS, st.integers(1, 4), st.integers(0, 2), EVENTS)
WRITTEN: Final = st.one_of(EXECUTED, EXECUTED, EXECUTED, st.builds(Acknowledged, st.integers(1, 3)))
OTHER: Final[list[dict[str, Any]]] = [{"session": "u"}, {"number": 9}, {"received": 3}, {"expected": 4}]
TERMS: Final = st.lists(st.sampled_from([1, 1, 1, 2]), min_size=20, max_size=20)
CODEC: Final[Codec[int, int, int]] = Codec(int, int, int)


def one_row(event: Any) -> tuple[Any, ...]:
    """What is written of one event."""
    if type(event) is Acknowledged:
        return (event.message,)
    said = len(event.events) if type(event.events) is tuple else None if event.events == CONFLICT else 0
    return event.session, event.number, event.received, said


def one_by_one(asked: list[Any], rows: list[Any]) -> list[Any]:
    """Requests, each compared with the next entry that is left."""
    found, left = [], list(rows)
    for by, request, _ in asked:
        named = request.session, request.number, request.received
        same = False
        if left and left[0][:2] == named[:2]:
            same = left.pop(0)[2] == request.received and request.expected is None
        found.append(by if same else (by, *named, request.expected))
    return found


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """What was asked, and what was written for it: mostly all of it, as it was asked, or some is other in one thing."""
    events = draw(st.lists(EXECUTED, max_size=6))
    other: dict[str, Any] = draw(
        st.sampled_from([{}, {"session": "u"}, {"number": 9}, {"received": 3}, {"expected": 4}])
    )
    asked, written = [], []
    for event in events:
        request = Request(event.session, event.number, event.received, None, 1)
        asked.append((draw(st.integers(1, 3)), replace(request, **other) if draw(st.booleans()) else request, None))
        written += [event] if draw(st.integers(0, 9)) else []
    return asked, written


def check_rows(module: Any, written: list[Any], batch: tuple[list[Any], list[Any]]) -> None:
    """What a gate wrote, and what it was asked."""
    rows = module.wrote(written, whole=False)
    assert rows == list(map(one_row, written))
    for whole, row, event in zip(module.wrote(written, whole=True), rows, written, strict=True):
        assert whole[:3] == row[:3]
        assert whole[3:] == ((list(event.events),) if type(getattr(event, "events", None)) is tuple else row[3:])
    asked, events = batch
    rows = module.wrote(events, whole=False)
    assert module.requests(asked, rows) == one_by_one(asked, rows)


def check_names(module: Any, before: int, terms: list[int], events: list[Any]) -> None:
    """Entries have the same names one by one, and taken out of their block, which is the same everywhere."""
    entries = tuple([Entry(*each) for each in zip(sorted(terms), events, strict=False)])
    found = module.runs(entries)
    assert [name for run in found for name in run[1:]] == [module.named(entry.event) for entry in entries]
    assert [run[0] for run in found] == sorted({entry.term for entry in entries})
    assert module.names_after(before, entries, CODEC.block) == [module.named(entry.event) for entry in entries]
    if entries:
        assert module.block_of(before, entries) == CODEC.block(before, entries)
        assert module.terms(entries) == tuple((run[0], len(run) - 1) for run in found)


def held(module: Any) -> None:
    """The checks, on batches that Hypothesis makes."""

    @settings(max_examples=150, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.lists(WRITTEN, max_size=4), batches())
    def rows(written: list[Any], batch: tuple[list[Any], list[Any]]) -> None:
        check_rows(module, written, batch)

    @settings(max_examples=150, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.integers(0, 3), TERMS, st.lists(EXECUTED, max_size=20), st.integers(0, 40))
    def names(before: int, terms: list[int], events: list[Any], no_op: int) -> None:
        check_names(module, before, terms, [None if at == no_op else each for at, each in enumerate(events)])

    rows()
    names()


def test_rows_of_batches() -> None:
    held(recorded_rows)


@pytest.mark.parametrize(
    ("find", "instead"),
    [
        ("        if request.expected is not None:\n            return None\n", ""),
        (" or request.received != row[2]:", ":"),
        ("if request.number != row[1] or ", "if "),
        (" or request.session != row[0] or", " or"),
        ("    if len(asked) == len(rows) and (who", "    if (who"),
        ("None if events == CONFLICT else 0", "None"),
        ("isinstance(events, tuple) else None if", "isinstance(events, tuple) else 0 if"),
        ("    return names([entry.event for entry in entries]) if _NO_OP in found else found", "    return found"),
        ("for event in events\n    ]", "for event in events[1:]\n    ]"),
        ("_encoded(block(after, entries))", "_encoded(block(after, entries[1:]))"),
        ("        len(event) << 32 | crc32(event) for", "        crc32(event) for"),
        ("    return len(encoded) << 32 | crc32(encoded)", "    return crc32(encoded)"),
        (
            "    if len(terms := {entry.term for entry in entries}) == 1:",
            "    if terms := {entry.term for entry in entries}:",
        ),
        ("        return names([entry.event for entry in entries])\n    found", "        return []\n    found"),
        ("_bytes_of(wire.runs(entries))", "_bytes_of(wire.runs(entries[1:]))"),
        ("    if (first := entries[0].term) == entries[-1].term:", "    if first := entries[0].term:"),
        ("        return ((first, len(entries)),)", "        return ((first, len(entries) - 1),)"),
        ("(term, sum(1 for _ in some))", "(term, 1)"),
        ("return [[entries[0].term, *names((entries[0].event,))]]", "return [[entries[0].term, None]]"),
    ],
)
def test_rows_of_batches_that_are_others_are_found(find: str, instead: str) -> None:
    module = mutated(recorded_rows, find, instead)
    with pytest.raises((AssertionError, ExceptionGroup)):
        held(module)


def test_answers_are_named_and_conflicts_are_not() -> None:
    said = [Say(7, "s", 1, Answered(3, each)) for each in (None, CONFLICT, Conflict("no"), 5, "five")]
    names = [None, None, recorded_rows.named(Conflict("no")), recorded_rows.named(5), "five"]
    assert recorded_rows.answers([*said, object()]) == [(7, "s", 1, 3, name) for name in names]


@pytest.mark.parametrize("sequence", [tuple, Strand.of])
def test_what_a_log_has_kept(sequence: Any) -> None:
    """Also where one was not made of the other, and where entries were replaced, or others than those that came."""
    old = sequence([Entry(1, "u"), Entry(1, "v")])
    request = AppendRequest("a", "b", 2, 2, 1, (Entry(2, "w"),), 0)
    other = (Entry(2, "x"),)
    grown, replaced = old + request.entries, sequence(old[:1]) + other

    def written(before: Log, after: Log, taken: object) -> dict[str, object]:
        return recorded_changes.written(after, recorded_changes.appended(before, after), taken)

    assert written(old, grown, request) == {"kept": 2, "length": 3}
    assert written(sequence(list(old)), grown, request) == {"kept": 2, "length": 3}
    assert written(old, replaced, request) == {"kept": 1, "length": 2, "entries": [[2, "x"]]}
    assert written(old, old[:1], request) == {"kept": 1, "length": 1}
    assert written(old, grown, None) == {"kept": 2, "length": 3, "entries": [[2, "w"]]}
    longer = old + other + request.entries
    assert written(old, longer, request) == {"kept": 2, "length": 4, "entries": [[2, "x", "w"]]}


def test_of_what_is_owed_all_is_written_where_something_is_owed_no_longer() -> None:
    server = start("b", ("a", "b", "c"), 4)
    one, two = AppendReply("b", "a", 1, accepted=True, index=1), AppendReply("b", "a", 1, accepted=True, index=2)

    def owed(before: set[AppendReply], after: set[AppendReply]) -> dict[str, object]:
        line: dict[str, Any] = {}
        old, new = server.change(owed=frozenset(before)), server.change(owed=frozenset(after))
        recorded_changes.changes(line, old, new, None)
        return {kind: [json.loads(msgspec.json.encode(each))["index"] for each in rows] for kind, rows in line.items()}

    assert owed(set(), {two, one}) == {"owes": [1, 2]}
    assert owed({one}, {one, two}) == {"owes": [2]}
    assert owed({one}, {two}) == {"owed": [2]}
    assert owed({one}, set()) == {"owed": []}
    assert owed({one}, {one}) == {}
