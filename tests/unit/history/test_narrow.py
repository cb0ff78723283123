"""Lines are narrowed by what answers say of amounts: nothing but what follows, and enough to find orders in crowds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.history import brute
from tests.unit.history.generated import LedgerObject, Line, history, spoilt
from tests.unit.history.test_checkers import STEPS, Patch, own_within, read

from quorumlog_bindings.histories import ledger
from tlastep.history import directed
from tlastep.history.amounts import Names
from tlastep.history.format import Operation
from tlastep.history.found import NEVER, GaveUp, Patience, returned
from tlastep.history.narrow import Narrowed
from tlastep.history.sequence import judged

SMALL = 250


def narrowed(operations: tuple[Operation, ...]) -> Narrowed:
    """Of a ledger's operations."""
    known = [(each, amounts) for each in judged(ledger, operations) if (amounts := ledger.amounts(each)) is not None]
    return Narrowed(known, [returned(each) for each, _ in known], Patience(lambda: False))


def at_once(tmp_path: Path, answer: int) -> Narrowed:
    """Deposits of 5 and 7, and one of 20 that nobody has heard of, beside a question for the balance."""
    deposits: list[Line] = [
        {"process": process, "type": "invoke", "f": "deposit", "value": {"account": "a", "amount": amount}}
        for process, amount in enumerate((5, 7, 20))
    ]
    asked: Line = {"process": 3, "type": "invoke", "f": "balance", "value": {"account": "a"}}
    answers: list[Line] = [{"process": 3, "type": "ok", "f": "balance", "value": answer}]
    answers += [{"process": process, "type": "ok", "f": "deposit", "value": True} for process in (0, 1)]
    return narrowed(
        read(tmp_path / "history.ndjson", ledger, [*deposits[:1], asked, *deposits[1:], *answers]).operations
    )


@pytest.mark.parametrize(
    ("answer", "begins", "ends"),
    [
        (5, [1, 2, 3, 4], [5, 5, 7, NEVER]),
        (7, [3, 3, 3, 4], [6, 5, 5, NEVER]),
        (25, [1, 4, 4, 4], [5, 5, 7, 5]),
        (0, [2, 2, 3, 4], [6, 5, 7, NEVER]),
    ],
)
def test_an_answer_narrows_what_is_beside_it(answer: int, begins: list[int], ends: list[int], tmp_path: Path) -> None:
    """The question is the second of them: what it saw is before it, and what it did not see is after it."""
    found = at_once(tmp_path, answer)
    assert (found.impossible, found.begins, found.ends) == (NEVER, begins, ends)


def test_an_answer_that_no_subset_explains_is_impossible(tmp_path: Path) -> None:
    assert at_once(tmp_path, 6).impossible == 5


def small(path: Path, count: int) -> list[tuple[tuple[Operation, ...], int]]:
    """Small histories, right and spoilt, and at which line every order fails."""
    found = []
    for seed in range(count):
        lines = history(LedgerObject, seed, 9, 4, unanswered=(0, 0.2)[seed % 2])
        for changes in (0, 1):
            chosen = spoilt(LedgerObject, seed, lines, changes) if changes else lines
            operations = read(path, ledger, chosen).operations
            found.append((operations, brute.furthest(operations)))
    return found


def test_what_is_seen_to_be_impossible_is(tmp_path: Path) -> None:
    """Never an answer before the earliest that no order explains; and often just that one."""
    cases = [(narrowed(operations).impossible, line) for operations, line in small(tmp_path / "history.ndjson", SMALL)]
    assert [(seen, line) for seen, line in cases if seen < (line or NEVER)] == []
    assert sum(seen == line for seen, line in cases) > sum(line > 0 for _, line in cases) // 2


def _counts_on_what_is_in_one(patch: pytest.MonkeyPatch) -> None:
    """One subset is taken for all of the same sum."""
    patch.setattr("tlastep.history.narrow._join", lambda parts, total, *part: parts.update({total: part}))


def _orders_the_other_way_round(patch: pytest.MonkeyPatch) -> None:
    """What is in all subsets is after the answer."""
    order = Narrowed._is_ordered
    patch.setattr(Narrowed, "_is_ordered", lambda self, one, other: order(self, other, one))


def _counts_unheard_of_before(patch: pytest.MonkeyPatch) -> None:
    """What nobody has heard the answer of is not among what may have happened."""
    patch.setattr("tlastep.history.narrow._Amount.beside", lambda self, begin, end: (0, self._closed))


def _has_no_reason_for_what_is_first(patch: pytest.MonkeyPatch) -> None:
    """That something must happen first is no reason to try it."""
    blocking = directed._Search._blocking
    total: Names = frozenset({None})
    patch.setattr(directed._Search, "_blocking", lambda self, node, asked: blocking(self, node, asked) and total)


@pytest.mark.parametrize(
    "bug",
    [
        _counts_on_what_is_in_one,
        _orders_the_other_way_round,
        _counts_unheard_of_before,
        _has_no_reason_for_what_is_first,
    ],
    ids=lambda each: each.__name__,
)
def test_a_bug_in_narrowing_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is that of brute force, and crowds that are right are found to be; with the bug not all are."""
    path = tmp_path / "history.ndjson"
    cases = [*small(path, 100), *((operations, 0) for operations in few(path, 60))]
    assert [own_within(STEPS, ledger, operations) for operations, _ in cases] == [line for _, line in cases]
    bug(monkeypatch)
    assert any(own_within(STEPS, ledger, operations) != line for operations, line in cases)


def few(path: Path, count: int) -> list[tuple[Operation, ...]]:
    """Right histories of some clients who move small amounts."""
    makers = [(seed, lambda dice: LedgerObject(dice, "abc", 3)) for seed in range(count)]
    return [read(path, ledger, history(make, seed, 80, 8, unanswered=0)).operations for seed, make in makers]


def test_a_small_error_is_found_where_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A balance is one too high, beside much that nobody has heard of. Without narrowing it is not found there."""
    lines = history(lambda dice: LedgerObject(dice, "abcdef", 50), 1, 300, 10, unanswered=0.03)
    wrong = next(n for n, line in enumerate(lines) if n > 300 and (line["type"], line["f"]) == ("ok", "balance"))
    lines[wrong]["value"] += 1
    operations = read(tmp_path / "history.ndjson", ledger, lines).operations
    found = own_within(STEPS // 3, ledger, operations)
    assert wrong < found < wrong + 50
    monkeypatch.setattr(Narrowed, "_is_settled", lambda self: True)
    assert own_within_or_never(operations) > found


def own_within_or_never(operations: tuple[Operation, ...]) -> int:
    """The line at which every order is found to fail; `NEVER` if the search gives up before it knows one."""
    try:
        return own_within(STEPS // 3, ledger, operations)
    except GaveUp:
        return NEVER


def line(process: int, kind: str, f: str, value: object) -> Line:
    """A line of a history."""
    return {"process": process, "type": kind, "f": f, "value": value}


def test_any_number_of_open_operations_may_be_impossible(tmp_path: Path) -> None:
    """More exchanges, from an account that holds nothing, than functions of Python may call each other here."""
    crowd, limit = 2_000, 1_000
    lines = [line(each, "invoke", "exchange", {"from": "a", "to": "b", "amount": each + 2}) for each in range(crowd)]
    lines += [line(crowd, "invoke", "balance", {"account": "b"}), line(crowd, "ok", "balance", 5)]
    operations = read(tmp_path / "history.ndjson", ledger, lines).operations
    assert own_within(STEPS, ledger, operations[:1]) == 0  # compiles the text, which sets another limit
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        assert own_within(STEPS, ledger, operations) == len(lines)
    finally:
        sys.setrecursionlimit(before)


def test_what_an_open_operation_needs_is_a_reason_to_try_closed_ones(tmp_path: Path) -> None:
    """Nobody has heard of an exchange from a to b, which can happen only after a deposit that seemed to be no help."""
    lines = [
        line(1, "invoke", "exchange", {"from": "b", "to": "a", "amount": 1}),
        line(2, "invoke", "exchange", {"from": "a", "to": "b", "amount": 1}),
        line(3, "invoke", "deposit", {"account": "a", "amount": 2}),
        line(0, "invoke", "total", None),
        line(4, "invoke", "exchange", {"from": "b", "to": "a", "amount": 1}),
        line(5, "invoke", "balance", {"account": "b"}),
        line(5, "ok", "balance", 2),
        line(0, "ok", "total", 0),
        line(3, "ok", "deposit", True),
    ]
    assert own_within(STEPS, ledger, read(tmp_path / "history.ndjson", ledger, lines).operations) == 0
