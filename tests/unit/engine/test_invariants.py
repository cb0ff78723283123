"""Invariants that fall where an engine may easily look elsewhere: both engines say what TLC says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tlastep.check.explore import explore_compiled, load

SPECS: Final = Path(__file__).parent / "specs"


@pytest.mark.parametrize("fast", [True, False])
def test_a_function_of_functions_is_typed_off_the_diagonal_too(fast: bool) -> None:
    found = explore_compiled(load(SPECS / "Nested.tla"), deadlock=False, fast=fast)
    assert found.result == "invariant TypeOK"
    assert found.counterexample is not None
    assert len(found.counterexample) == 2


@pytest.mark.parametrize("fast", [True, False])
def test_an_invariant_without_a_value_does_not_hide_one_before_it(fast: bool) -> None:
    found = explore_compiled(load(SPECS / "Guarded.tla"), deadlock=False, fast=fast)
    assert found.result == "invariant First"
    assert found.counterexample is not None
    assert len(found.counterexample) == 2


@pytest.mark.parametrize("fast", [True, False])
def test_an_invariant_without_a_value_is_an_error_where_none_before_it_is_false(fast: bool) -> None:
    spec = load(SPECS / "Guarded.tla", SPECS / "GuardedLate.cfg")
    found = explore_compiled(spec, deadlock=False, fast=fast)
    assert found.result == "error"
    assert "Guarded" in found.message


@pytest.mark.parametrize("actions", ["Apart", "Together"])
@pytest.mark.parametrize("fast", [True, False])
def test_an_invariant_that_reads_more_in_a_later_state_is_judged_by_all_that_it_reads(fast: bool, actions: str) -> None:
    spec = load(SPECS / "ReadsMore.tla", SPECS / f"ReadsMore{actions}.cfg")
    found = explore_compiled(spec, deadlock=False, fast=fast)
    assert found.result == "invariant Small"
    assert found.counterexample is not None
    assert len(found.counterexample) == 4
