"""What statements change in databases of many rows: the operation says all of it, and may be applied twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quorumlog.core import operation_log
from quorumlog.core.operation_log import Database, Operation, Replica, Row, recovered, recovering
from quorumlog.persistent.frozen_map import FrozenMap

QUICK: Final = settings(max_examples=200, deadline=None, derandomize=True, database=None)
SOONEST: Final = settings(QUICK, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)

databases = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)).map(FrozenMap)
histories = st.lists(databases, max_size=6)


def becomes(after: Database[str, int]) -> Callable[[Database[str, int]], Database[str, int]]:
    """A statement after which the database is this one."""
    return lambda _: after


def check(states: list[Database[str, int]]) -> None:
    """A primary whose statements lead through these states: its log makes them again, one after another."""
    follower: Replica[str, int] = recovering()
    primary = follower.lead()
    log: tuple[Operation[str, int], ...] = ()
    for state in states:
        primary, operation = primary.execute(log, becomes(state))
        log = (*log, operation)
        follower = follower.apply(log, len(log))
        assert follower.database == primary.database == state
        assert operation_log.written(state, operation) == state
    assert recovered(log) == primary.database


@given(histories)
@QUICK
def test_the_log_makes_the_rows_again(states: list[Database[str, int]]) -> None:
    check(states)


@given(databases, databases)
@QUICK
def test_an_operation_holds_the_rows_that_differ_and_no_others(
    before: Database[str, int], after: Database[str, int]
) -> None:
    rows = operation_log.changed(before, after)
    assert {row.key for row in rows} == {key for key in "abcdef" if before.get(key, -1) != after.get(key, -1)}


RIGHT: Final[dict[str, Callable[..., Any]]] = {"changed": operation_log.changed, "written": operation_log.written}


def misses_a_row(before: Database[str, int], after: Database[str, int]) -> Operation[str, int]:
    """The statement's first row is not logged, if there are two."""
    rows: Operation[str, int] = RIGHT["changed"](before, after)
    return rows - {min(rows, key=lambda row: row.key)} if len(rows) > 1 else rows


def misses_deletions(before: Database[str, int], after: Database[str, int]) -> Operation[str, int]:
    """Rows that are gone are not logged."""
    return frozenset(row for row in RIGHT["changed"](before, after) if row.item is not None)


def adds(database: Database[str, int], operation: Operation[str, int]) -> Database[str, int]:
    """What a row holds is added to what it held."""
    held: Mapping[str, int] = dict(database.items())
    rows = frozenset(Row(row.key, None if row.item is None else row.item + held.get(row.key, 0)) for row in operation)
    after: Database[str, int] = RIGHT["written"](database, rows)
    return after


@pytest.mark.parametrize(
    ("name", "wrong"), [("changed", misses_a_row), ("changed", misses_deletions), ("written", adds)]
)
def test_a_wrong_log_is_found(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any]) -> None:
    monkeypatch.setattr(operation_log, name, wrong)
    with pytest.raises(AssertionError):
        SOONEST(given(histories)(check))()
