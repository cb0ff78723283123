"""The search by conflicts, in ledgers where much is open at once and nobody has heard of some; its bugs are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.history.generated import LedgerObject, history
from tests.unit.history.test_checkers import STEPS, Patch, own_within, read

from quorumlog_bindings.histories import ledger
from tlastep.history.format import Operation
from tlastep.history.found import GaveUp


def _goes_back_too_far(patch: pytest.MonkeyPatch) -> None:
    """Whatever was done on the way has nothing to do with the failure."""
    patch.setattr("tlastep.history.directed._Search._back", lambda self, reason, touched: self._stack.clear())


def _leaves_open_ones_out_alone(patch: pytest.MonkeyPatch) -> None:
    """One amount by itself is not changed by what nobody has heard the answer of."""
    patch.setattr("tlastep.history.alone.bisect_left", lambda lines, line: 0)


def _forgets_amounts(patch: pytest.MonkeyPatch) -> None:
    """What has failed once fails again, whatever the amounts are."""
    patch.setattr("tlastep.history.directed.Objects.part", lambda self, state, names: ())


def _forgets_what_is_done(patch: pytest.MonkeyPatch) -> None:
    """What has failed once fails again with the same amounts, whatever is still to be done."""
    patch.setattr("tlastep.history.directed._mask", lambda operations, names: 0)


def _drops_what_nobody_heard(patch: pytest.MonkeyPatch) -> None:
    """Open operations are left out."""
    patch.setattr("tlastep.history.directed._Search._open_now", lambda self, frame: [])


CONFLICT_BUGS = (
    _goes_back_too_far,
    _leaves_open_ones_out_alone,
    _forgets_amounts,
    _forgets_what_is_done,
    _drops_what_nobody_heard,
)


@pytest.mark.parametrize("bug", CONFLICT_BUGS, ids=lambda each: each.__name__)
def test_a_bug_in_the_search_by_conflicts_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of these histories are right, and the bug finds no order of some of them."""
    cases = unheard(20, tmp_path / "history.ndjson")
    assert [own_within(STEPS, ledger, each) for each in cases] == [0] * len(cases)
    bug(monkeypatch)
    assert any(own_within(STEPS, ledger, each) for each in cases)


def unheard(count: int, path: Path) -> list[tuple[Operation, ...]]:
    """Small crowds at three accounts, who do not hear of everything that they have done."""
    makers = [(seed, lambda dice: LedgerObject(dice, "abc", 9)) for seed in range(count)]
    return [read(path, ledger, history(make, seed, 80, 12, unanswered=0.05)).operations for seed, make in makers]


@pytest.mark.parametrize("unanswered", [0.003, 0.01])
def test_what_nobody_has_heard_of_is_found_beside_what_is_open(unanswered: float, tmp_path: Path) -> None:
    """The history breaks off: of its last lines nobody has heard the answers, exchanges among them."""
    assert own_within(4 * STEPS, ledger, broken_off(unanswered, tmp_path / "history.ndjson")) == 0


@pytest.mark.parametrize(("part", "less"), [("alone.Alone.fails", lambda self, start: 0), ("directed.REACHES", ())])
def test_that_takes_both(part: str, less: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at one amount by itself, and to try first what has happened soon."""
    monkeypatch.setattr(f"tlastep.history.{part}", less)
    with pytest.raises(GaveUp):
        own_within(STEPS, ledger, broken_off(0.05, tmp_path / "history.ndjson"))


def broken_off(unanswered: float, path: Path) -> tuple[Operation, ...]:
    """Thirty-two clients at six accounts, all at once."""
    lines = history(lambda dice: LedgerObject(dice, "abcdef", 40), 5, 1_000, 32, unanswered=unanswered, failing=0)
    return read(path, ledger, lines[:1_900]).operations
