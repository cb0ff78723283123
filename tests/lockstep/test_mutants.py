"""Mutants: a sample of them is killed as expected, and whatever is not killed so is reported."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from tlastep.check import mutants
from tlastep.check.models import find_project
from tlastep.check.mutant_kill import kill_spec
from tlastep.check.mutant_list import Breaks, Mutant, Side, read_mutants, select
from tlastep.check.mutants import Judged, Killer, run_mutants
from tlastep.errors import UnusableInput

PROJECT: Final = find_project(Path(__file__).parent)
ALL: Final = {(each.side, each.name): each for each in read_mutants(PROJECT)}


def judged(*chosen: Mutant) -> list[Judged]:
    return list(run_mutants(PROJECT, chosen))


def named(side: Side, *names: str) -> list[Mutant]:
    return [ALL[side, name] for name in names]


def harmless(mutant: Mutant, comment: str) -> Mutant:
    """A mutant that only adds a comment."""
    return replace(mutant, replace=f"{mutant.find}{comment}")


def never_ending() -> list[Killer]:
    """A task that takes longer than anybody waits."""
    time.sleep(60)
    return []


def test_mutants_of_specs_die_by_the_property_that_is_named() -> None:
    found = judged(*named("spec", "commits-by-counting", "vote-sent-early"))
    assert [(each.killed, each.problem) for each in found] == [(True, ""), (True, "")]
    assert [(each.by[0].layer, each.by[0].model, each.by[0].property) for each in found] == [
        ("python", "ReplicationFigure8", "LeaderCompleteness"),
        ("python", "ReplicationTiny", "SentIsDurable"),
    ]
    assert [each.by[0].depth for each in found] == [16, 4]


def test_mutants_of_code_die_by_a_difference_and_some_by_a_property_too() -> None:
    names = ("commits-old-terms-by-counting", "match-moves-back", "accepts-entries-of-earlier-terms")
    found = judged(*named("code", *names))
    assert [each.problem for each in found] == ["", "", ""]
    shown = [[(by.layer, by.property) for by in each.by] for each in found]
    assert shown == [
        [("lockstep", "difference"), ("properties", "LeaderCompleteness")],
        [("lockstep", "difference"), ("properties", "MatchOnlyGrows")],
        [("lockstep", "difference")],
    ]


def test_a_change_that_changes_nothing_survives_and_is_reported() -> None:
    spec = harmless(ALL["spec", "match-moves-back"], " (* nothing *)")
    code = replace(harmless(ALL["code", "match-moves-back"], "  # nothing"), models=("ReplicationOldVote",))
    of_spec, of_code = judged(spec, code)
    assert (of_spec.killed, of_spec.by) == (False, ())
    assert of_spec.problem == "survives ReplicationLate, where MatchOnlyGrows should be violated"
    assert (of_code.killed, of_code.by) == (False, ())
    assert of_code.problem == "survives lock-step in ReplicationOldVote"


def test_a_mutant_that_dies_of_something_else_dies_by_accident() -> None:
    wrong = Breaks("ReplicationLate", "ElectionSafety")
    spec = replace(ALL["spec", "match-moves-back"], breaks=wrong)
    code = replace(ALL["code", "match-moves-back"], breaks=wrong)
    of_spec, of_code = judged(spec, code)
    assert not of_spec.killed
    assert of_spec.problem == "killed by accident: MatchOnlyGrows in ReplicationLate, expected ElectionSafety"
    assert not of_code.killed
    assert of_code.problem == "the code alone violates no property in ReplicationLate, expected ElectionSafety"


def test_an_exception_of_the_code_is_a_kind_of_death() -> None:
    mutant = replace(ALL["code", "goes-on-leading"], models=("ReplicationDeposed",), breaks=None)
    (found,) = judged(mutant)
    by = [(each.layer, each.property, each.depth) for each in found.by if each.layer == "lockstep"]
    assert by == [("lockstep", "exception", 3)]
    assert found.killed


def test_nothing_of_the_project_is_touched() -> None:
    mutant = ALL["code", "match-moves-back"]
    before = mutant.file.read_bytes()
    judged(mutant)
    assert mutant.file.read_bytes() == before


def test_code_that_is_no_python_is_unusable() -> None:
    mutant = replace(ALL["code", "match-moves-back"], replace="    return (")
    with pytest.raises(UnusableInput, match=r"code\.toml:\d+: mutant match-moves-back is no Python"):
        judged(mutant)


def test_a_process_that_ends_or_never_ends_is_not_taken_for_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    (ended,) = mutants.in_child(lambda: os._exit(3))
    assert (ended.layer, ended.property) == ("none", "the process ended with status 3")
    monkeypatch.setattr(mutants, "LIMIT", 0.2)
    (endless,) = mutants.in_child(never_ending)
    assert (endless.layer, endless.property) == ("none", "no end within 0 s")
    assert mutants._unjudged([endless]) == "not judged: no end within 0 s"


def test_models_select_the_mutants_that_they_should_kill() -> None:
    chosen = select(list(ALL.values()), ["ReplicationOldVote"])
    assert [(each.side, each.name) for each in chosen] == [
        ("spec", "counts-old-votes"),
        ("code", "counts-votes-of-earlier-terms"),
    ]
    assert {each.side for each in select(list(ALL.values()), [], "code")} == {"code"}


def test_tlc_is_asked_again_for_the_property_that_the_list_names() -> None:
    project = find_project(Path(__file__).parent)
    (mutant,) = [each for each in read_mutants(project) if (each.side, each.name) == ("spec", "abort-after-commit")]
    found = kill_spec(project, mutant, "tlc")
    assert [each.property for each in found] == ["DecisionStands", "LedgerIsHeld"]
    assert found[0].depth == found[1].depth
