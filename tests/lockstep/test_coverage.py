"""Coverage of a spec: what is reached is named, what is not is missing, and layers add to one another."""

from __future__ import annotations

from pathlib import Path

from quorumlog_bindings.replication import replication
from tlastep.check.coverage import Coverage, merge, merged_rows, read_coverage, unreached, write_coverage
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.check.run_lockstep import run_lockstep
from tlastep.engine.conjuncts import REFUSES, Conjuncts
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.spec_system import SpecSystem
from tlastep.engine.stepper import Stepper

PROJECT = find_project()
MODEL = PROJECT.model("ReplicationOldVote")


def line_of(text: str) -> int:
    """The line of Replication.tla that contains the text, which stands there once."""
    lines = (PROJECT.specs / "Replication.tla").read_text(encoding="utf-8").splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if text in line]
    return found


def test_only_what_is_evaluated_is_reached() -> None:
    spec = load(PROJECT.spec(MODEL), PROJECT.config(MODEL))
    conjuncts = Conjuncts(spec)
    stepper = Stepper(SpecMachine(spec, conjuncts=conjuncts))
    assert not conjuncts.reached
    stepper.offers(stepper.initial()[0], "Timeout")
    timeout = line_of("Timeout(i) ==")
    lines = {int(place.split(":")[1]) for place in conjuncts.reached}
    assert lines
    assert all(timeout < line < line_of("Sync(i) ==") for line in lines if line > timeout)
    assert conjuncts.reached < conjuncts.all


def test_memory_hides_nothing_that_a_direct_search_reaches() -> None:
    spec = load(PROJECT.spec(MODEL), PROJECT.config(MODEL))
    fast, direct = Conjuncts(spec), Conjuncts(spec)
    stepper, system = Stepper(SpecMachine(spec, conjuncts=fast)), SpecSystem(spec, conjuncts=direct)
    state = stepper.initial()[0]
    for _ in range(12):
        values = tuple(stepper.assignment(state).values())
        for step, bound, _label in system.offers(values):
            list(system.steps_of(step, values, bound))
        state = stepper.steps(state)[-1].following
    stepper.offers(state)
    assert direct.reached - fast.reached == set()


def test_a_guard_that_is_false_is_a_conjunct_of_its_own() -> None:
    coverage = run_lockstep(PROJECT, MODEL, replication).coverage
    assert coverage.actions["Timeout"] > 0
    assert any(place.endswith(REFUSES) for place in coverage.conjuncts)
    assert set(coverage.conjuncts) < set(coverage.all_conjuncts)


def layer(name: str, *conjuncts: str, model: str = "M", **actions: int) -> Coverage:
    return Coverage(name, model, "Module", actions, conjuncts, ("1", "2", "3", "4"), 10, 5)


def test_each_layer_adds_what_none_above_it_had() -> None:
    found = [
        layer("machine", "1", "3", A=2, B=1),
        layer("lockstep", "1", "2", A=5, B=0),
        layer("lockstep", "2", model="N", A=1),
    ]
    lockstep, machine = merge(found)
    assert (lockstep.layer, lockstep.models, lockstep.actions) == ("lockstep", 2, {"A": 6, "B": 0})
    assert (machine.added_actions, machine.added_conjuncts) == (("B",), ("3",))
    assert unreached(found) == {"Module": ("4",)}


def test_what_was_written_is_read_again_and_other_layers_stay(tmp_path: Path) -> None:
    one, other = layer("lockstep", "1", A=1), layer("replay", "2", B=1)
    write_coverage(tmp_path, [one])
    write_coverage(tmp_path, [other])
    assert read_coverage(tmp_path) == [one, other]
    rows = merged_rows(read_coverage(tmp_path))
    assert [(row["layer"], row["conjuncts added"], row["actions"]) for row in rows] == [
        ("lockstep", 1, "1 of 2"),
        ("replay", 1, "1 of 2"),
    ]
