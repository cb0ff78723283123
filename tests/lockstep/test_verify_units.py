"""What is cut into units, and what is held to counts that TLC has found before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from tlastep.check import verify
from tlastep.check.models import find_project
from tlastep.check.records import is_recorded
from tlastep.check.verify import SIMULATED, Unit, perform, units

PROJECT = find_project(Path(__file__))


def test_tlc_is_not_asked_again_for_what_is_recorded() -> None:
    recorded = [model for model in PROJECT.select() if is_recorded(PROJECT, model)]
    assert recorded
    parts = {(unit.part, unit.model) for unit in units(PROJECT, PROJECT.select())}
    for model in recorded:
        assert ("tlc", model.name) not in parts
        assert {("lockstep", model.name), ("python", model.name)} & parts
    asked = {unit.model for unit in units(PROJECT, PROJECT.select(), fresh=True) if unit.part == "tlc"}
    assert asked == {model.name for model in PROJECT.select()}


def test_lock_step_is_held_to_the_counts_that_stand_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit("lockstep", "ReplicationOldVote")
    (row,) = perform(PROJECT.root, unit)
    assert (row.holds, row.says) == (True, "ok")
    right = PROJECT.model(unit.model)
    for field in ("distinct", "generated", "depth"):
        counted = getattr(right, field)
        wrong = replace(right, **{field: counted + 1})
        listed = replace(PROJECT, models=tuple(wrong if model is right else model for model in PROJECT.models))
        monkeypatch.setattr(verify, "find_project", lambda _, listed=listed: listed)
        (row,) = perform(PROJECT.root, unit)
        assert (row.holds, row.says) == (False, f"ok; {field} {counted}, expected {counted + 1}")


def test_what_tlc_shows_is_replayed_in_the_same_run() -> None:
    rows = perform(PROJECT.root, Unit("tlc", "ReplicationOldVote"))
    assert [(row.part, row.holds) for row in rows] == [("tlc", True), ("replay", True)]
    graph = rows[1].found["graph"]
    assert graph["states"] == rows[0].found["distinct"]
    assert graph["taken"] == graph["transitions"] > 0
    rows = perform(PROJECT.root, Unit("tlc", "ConsistentReadFromModel"))
    assert [(row.part, row.holds) for row in rows] == [("tlc", True), ("counterexample", True)]
    for name in ("EventLog", "EventSourcingLive"):
        rows = perform(PROJECT.root, Unit("tlc", name))
        assert [(row.part, row.holds) for row in rows] == [("tlc", True)]


def test_behaviours_are_simulated_of_the_largest_models_of_each_module() -> None:
    work = units(PROJECT, PROJECT.select())
    of_module = Counter(PROJECT.model(unit.model).module for unit in work if unit.part == "replay")
    assert set(of_module.values()) <= {1, SIMULATED}
    named = {unit.model for unit in work if unit.part == "replay"}
    assert {"ReplicationEvents", "LeaderOutput", "ConsistentReadByIndex"} <= named
