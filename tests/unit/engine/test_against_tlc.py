"""Both Python engines find what TLC finds, on small specs that use the language in many ways."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlastep.check.explore import DIRECT, FAST, Verdict, explore_compiled, load
from tlastep.toolchain import tlc

SPECS = Path(__file__).parent / "specs"
NAMES = sorted(file.stem for file in SPECS.glob("*.cfg") if file.with_suffix(".tla").is_file())
CHECKS_DEADLOCK = {"Stuck", "Jugs"}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache that starts empty, so that no test passes by what an earlier run left."""
    patch = pytest.MonkeyPatch()
    patch.setitem(os.environ, "TLASTEP_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def counts(verdict: Verdict | tlc.TlcResult) -> tuple[str, int, int, int]:
    """The result, and the counts where the result does not depend on the order of the search."""
    if verdict.result != "ok":
        return verdict.result, 0, 0, 0
    return verdict.result, verdict.distinct, verdict.generated, verdict.depth


@pytest.mark.parametrize("name", NAMES)
def test_engines_agree_with_tlc(name: str) -> None:
    spec = SPECS / f"{name}.tla"
    deadlock = name in CHECKS_DEADLOCK
    compiled = load(spec)
    expected = counts(tlc.check(spec, deadlock=deadlock))
    assert counts(explore_compiled(compiled, deadlock=deadlock, fast=False)) == expected
    verdict = explore_compiled(compiled, deadlock=deadlock)
    assert counts(verdict) == expected
    if verdict.result not in ("assumption", "error"):
        assert verdict.engine == (DIRECT if compiled.action_constraints else FAST)


def test_the_specs_show_every_kind_of_result() -> None:
    kinds = {"TwoPhase": "ok", "Jugs": "invariant", "StepBroken": "property", "Stuck": "deadlock"}
    kinds["FalseAssumption"] = "assumption"
    found = {name: explore_compiled(load(SPECS / f"{name}.tla"), deadlock=name == "Stuck").result for name in kinds}
    assert {name: result.split()[0] for name, result in found.items()} == kinds


def test_two_phase_commit_has_the_states_that_others_count_too() -> None:
    verdict = explore_compiled(load(SPECS / "TwoPhase.tla"), deadlock=False)
    assert (verdict.result, verdict.distinct, verdict.generated) == ("ok", 288, 1146)
