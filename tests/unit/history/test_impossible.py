"""Answers that no order explains, seen by what amounts can be: none in a right history, and some where searches end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.unit.history import brute
from tests.unit.history.generated import LedgerObject, history
from tests.unit.history.test_checkers import STEPS, Patch, own_within, read, small

from quorumlog_bindings.histories import ledger
from tlastep.history.amounts import Known
from tlastep.history.checker import search
from tlastep.history.format import OK, Operation
from tlastep.history.found import NEVER, PATIENCE, Found, GaveUp
from tlastep.history.impossible import _Sums, first_impossible
from tlastep.history.sequence import judged


def known(operations: tuple[Operation, ...]) -> list[Known]:
    """What the search is given of a history."""
    return [(each, amounts) for each in judged(ledger, operations) if (amounts := ledger.amounts(each)) is not None]


def right(tmp_path: Path) -> Iterator[tuple[Operation, ...]]:
    """Histories that have an order."""
    for seed in range(60):
        lines = history(LedgerObject, seed, 40, 6, unanswered=0.1)
        yield read(tmp_path / "history.ndjson", ledger, lines).operations


def test_no_answer_of_a_right_history_is_impossible(tmp_path: Path) -> None:
    assert all(first_impossible(known(each)) == NEVER for each in right(tmp_path))


def test_what_is_impossible_has_no_order_by_brute_force(tmp_path: Path) -> None:
    seen = [(each, first_impossible(known(each))) for _, each in small("ledger", tmp_path / "history.ndjson", 200)]
    impossible = [(each, line) for each, line in seen if line != NEVER]
    assert len(impossible) > 20
    assert all(0 < brute.furthest(each) <= line for each, line in impossible)


def _takes_what_overlaps_for_done(patch: pytest.MonkeyPatch) -> None:
    between = _Sums.between
    patch.setattr(_Sums, "between", lambda self, begins, returns, own: between(self, returns, returns, own))


def _takes_what_overlaps_for_later(patch: pytest.MonkeyPatch) -> None:
    between = _Sums.between
    patch.setattr(_Sums, "between", lambda self, begins, returns, own: between(self, begins, begins, own))


def _takes_itself_for_done(patch: pytest.MonkeyPatch) -> None:
    between = _Sums.between
    patch.setattr(_Sums, "between", lambda self, begins, returns, own: between(self, begins, returns, -own))


def _knows_what_exchanges_bring(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("quorumlog_bindings.histories.inf", 0)


BUGS = (
    _takes_what_overlaps_for_done,
    _takes_what_overlaps_for_later,
    _takes_itself_for_done,
    _knows_what_exchanges_bring,
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda each: each.__name__)
def test_a_bug_in_the_sums_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    assert any(first_impossible(known(each)) != NEVER for each in right(tmp_path))


def crowd(tmp_path: Path) -> tuple[tuple[Operation, ...], int]:
    """Thirty-two clients who do not hear of everything, and the line of a total that there cannot have been."""
    lines = history(LedgerObject, 5, 1_000, 32, unanswered=0.05, failing=0)
    totals = (number for number, line in enumerate(lines, start=1) if line["f"] == "total" and line["type"] == "ok")
    number = next(number for number in totals if number > len(lines) // 2)
    lines[number - 1]["value"] += 10**6
    return read(tmp_path / "history.ndjson", ledger, lines).operations, number


def test_a_violation_is_known_without_trying_all_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operations, number = crowd(tmp_path)
    assert own_within(STEPS, ledger, operations) == number
    monkeypatch.setattr("tlastep.history.directed.first_impossible", lambda operations: NEVER)
    monkeypatch.setattr("tlastep.history.narrow.Narrowed._is_settled", lambda self: True)
    with pytest.raises(GaveUp):
        own_within(STEPS, ledger, operations)


def stopped(operations: tuple[Operation, ...], steps: int) -> list[Found]:
    """What a search says that is stopped after so many steps, more or less."""
    looks = count()
    return search(ledger, operations, lambda: next(looks) * PATIENCE >= steps)


def test_a_search_that_is_stopped_says_how_far_it_got(tmp_path: Path) -> None:
    operations, number = crowd(tmp_path)
    reached = []
    for steps in (5 * PATIENCE, 20 * PATIENCE):
        (found,) = stopped(operations, steps)
        assert found.stuck == number
        told = {each.line for each in operations if each.outcome == OK and each.completed <= found.ordered}
        assert told <= {each.line for each in found.order}
        reached.append(found.ordered)
    assert 0 < reached[0] < reached[1] < number - 1
