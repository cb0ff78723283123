"""The matrix of mutants and layers: what is compared with the list, and what no list can excuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tlastep.check.layers import concerned, layers
from tlastep.check.matrix import (
    Cell,
    State,
    Tried,
    gaps,
    judged,
    keep_matrix,
    key,
    known_matrix,
    problems,
    read_expected,
    run_matrix,
    try_all,
    write_expected,
)
from tlastep.check.memory import _hash_of_texts
from tlastep.check.models import find_project
from tlastep.check.mutant_kill import Killer
from tlastep.check.mutant_list import Mutant, read_mutants
from tlastep.check.mutants import NO_LAYER, Judged
from tlastep.cli import matrix as command
from tlastep.cli.main import run
from tlastep.errors import UnusableInput
from tlastep.report import text
from tlastep.report.matrix import listed_totals, matrix_rows, totals
from tlastep.report.verified import Verified, sections

PROJECT = find_project(Path(__file__).parent)
CONCERNED = concerned(PROJECT)


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)


def mutant(name: str, side: str = "code") -> Mutant:
    (found,) = [each for each in read_mutants(PROJECT) if (each.side, each.name) == (side, name)]
    return found


CODE, SPEC = mutant("counts-votes-of-earlier-terms"), mutant("counts-old-votes", "spec")


def cell(layer: str, state: State = "killed", depth: int = 7) -> Cell:
    by = Killer(layer, "M", "difference", depth) if state in ("killed", "unjudged") else None
    return Cell(layer, state, by, 1.5)


def told(cells: list[Cell], expected: list[str] | None, of: Mutant = CODE) -> list[str]:
    return list(problems(of, cells, expected))


def test_what_is_as_the_list_says_is_no_problem() -> None:
    cells = [cell("lockstep"), cell("replay", "escaped"), cell("machine"), cell("simulation", "escaped")]
    assert told(cells, ["lockstep", "machine"]) == []


def test_a_layer_that_sees_less_or_more_than_the_list_says_is_one() -> None:
    assert told([cell("lockstep"), cell("replay", "escaped")], ["lockstep", "replay"]) == [
        "replay: escaped, expected killed"
    ]
    assert told([cell("lockstep"), cell("replay")], ["lockstep"]) == ["replay: killed, expected escaped"]
    assert told([cell("lockstep")], None) == ["is not in the list of what kills what"]


def test_a_layer_that_did_not_come_to_an_end_has_shown_nothing() -> None:
    (said,) = told([cell("lockstep"), cell("machine", "unjudged")], ["lockstep", "machine"])
    assert said.startswith("machine: not judged")


def test_no_list_excuses_code_that_escapes_lockstep_or_both_of_the_deep_layers() -> None:
    assert told([cell("lockstep", "escaped")], []) == ["escapes lock-step"]
    deep = [cell("lockstep"), cell("machine", "escaped"), cell("simulation", "escaped")]
    assert told(deep, ["lockstep"]) == ["escapes both the machine and the simulation"]
    assert told(deep, ["lockstep"], SPEC) == []
    elsewhere = [cell("lockstep"), cell("machine", "elsewhere"), cell("simulation", "elsewhere")]
    assert told(elsewhere, ["lockstep"]) == []


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "matrix.toml"
    write_expected(path, [Tried(CODE, (cell("lockstep"), cell("replay", "escaped")), ()), Tried(SPEC, (), ())])
    read = read_expected(replace(PROJECT, matrix=path))
    assert read == {("code", CODE.name): ("lockstep",), ("spec", SPEC.name): ()}
    write_expected(path, [Tried(SPEC, (cell("tlc"),), ())], read)
    assert read_expected(replace(PROJECT, matrix=path)) == {**read, ("spec", SPEC.name): ("tlc",)}


def test_what_some_layers_did_is_written_beside_what_is_known_of_others(tmp_path: Path) -> None:
    path = tmp_path / "matrix.toml"
    known = {("code", CODE.name): ("lockstep", "machine", "simulation")}
    write_expected(path, [Tried(CODE, (cell("machine", "escaped"), cell("replay")), ())], known)
    assert read_expected(replace(PROJECT, matrix=path)) == {("code", CODE.name): ("lockstep", "simulation", "replay")}


def test_the_report_knows_what_was_tried_until_a_text_changes(tmp_path: Path) -> None:
    project = replace(PROJECT, root=tmp_path)
    assert known_matrix(project) == []
    keep_matrix(project, [Tried(SPEC, (cell("tlc"),), ()), Tried(CODE, (cell("lockstep"),), ())])
    known = known_matrix(project)
    assert {each.mutant.side: each.killers for each in known} == {"spec": ("tlc",), "code": ("lockstep",)}
    (tmp_path / "core.py").write_text("pass\n", encoding="utf-8")
    _hash_of_texts.cache_clear()
    assert known_matrix(project) == []
    listed = {key(CODE): ("lockstep",), ("code", "another"): ("lockstep", "machine")}
    *_, layers, by_mutant, sums, by_list, _ = sections(Verified([], [], [], [], known, listed, [], [], CONCERNED), [])
    assert [layers.title, by_mutant.title] == ["Layers", "Mutants by layer"]
    assert {"layer": "machine", "spec": None, "code": "1 of 1"} in sums.rows
    (row,) = by_list.rows
    assert {name: says for name, says in row.items() if says} == {
        "mutant": "another", "side": "code", "lockstep": "killed", "machine": "killed"
    }  # fmt: skip
    *_, mutants, _, by_list, _ = sections(Verified([], [], [], [], [], listed, [], [], CONCERNED), [])
    assert mutants.title == "Mutants"
    assert [row["mutant"] for row in by_list.rows] == [CODE.name, "another"]
    assert by_list.rows[0]["machine"] is None
    assert "tlastep matrix" in by_list.note


def test_a_mutant_that_nothing_is_known_of_has_an_empty_row_in_the_report() -> None:
    survives = Judged(SPEC, (), "survives", 0.1)
    *_, by_list, _ = sections(Verified([], [], [survives], [], [], {key(CODE): ("lockstep",)}, [], [], CONCERNED), [])
    assert {row["mutant"]: row["lockstep"] for row in by_list.rows} == {SPEC.name: text.NONE, CODE.name: "killed"}


def test_the_report_tells_what_a_layer_misses_from_what_it_has_nothing_to_do_with() -> None:
    alone = next(each for each in read_mutants(PROJECT) if each.module == "EventLog")
    judged_ones = [Judged(each, (), "", 0.1) for each in (SPEC, CODE, alone)]
    listed = {key(SPEC): ("tlc",), key(CODE): ("lockstep",), key(alone): ("tlc",)}
    *_, by_list, _ = sections(Verified([], [], judged_ones, [], [], listed, [], [], CONCERNED), [])
    of_spec, of_code, of_alone = by_list.rows
    assert (of_spec["tlc"], of_spec["composed"]) == ("killed", text.NONE)
    assert (of_code["tlc"], of_code["composed"]) == (None, text.NONE)
    sums = {row["layer"]: (row["spec"], row["code"]) for row in listed_totals(by_list.rows)}
    assert sums["tlc"] == ("2 of 2", None)
    assert sums["lockstep"] == ("0 of 1", "1 of 1")
    assert (of_alone["properties"], of_alone["lockstep"], of_alone["composed"]) == (text.NONE, None, None)


def test_a_list_lacks_mutants_names_some_that_are_none_or_has_rows_that_name_no_layer() -> None:
    both = [CODE, SPEC]
    assert list(gaps(both, {key(CODE): ("lockstep",), key(SPEC): ("tlc",)})) == []
    assert list(gaps(both, {key(CODE): ("lockstep",), key(SPEC): ()})) == [
        f"spec mutant {SPEC.name}: no layer kills it, by the list"
    ]
    # A name is of one side only: the row of the other one does not stand for it.
    assert list(gaps(both, {key(CODE): ("lockstep",), ("code", SPEC.name): ("lockstep",)})) == [
        f"spec mutant {SPEC.name}: is not in the list of what kills what",
        f"code mutant {SPEC.name}: is in the list of what kills what, and there is none",
    ]


def test_what_was_tried_is_judged_as_the_other_command_judges() -> None:
    assert CODE.breaks is not None
    broken = Cell("properties", "killed", Killer("properties", CODE.breaks.model, CODE.breaks.property, 3), 1.0)
    whole = (broken, cell("lockstep"), cell("replay", "escaped"), cell("machine"))
    known = judged(Tried(CODE, whole, ()))
    assert known.killed
    assert [each.layer for each in known.by] == ["properties", "lockstep"]
    assert "survives lock-step" in judged(Tried(CODE, (broken, cell("lockstep", "escaped")), ())).problem
    assert "violates no property" in judged(Tried(CODE, (cell("lockstep"),), ())).problem
    endless = Cell("lockstep", "unjudged", Killer(NO_LAYER, "", "no end", 0), 1.0)
    assert "not judged" in judged(Tried(CODE, (broken, endless), ())).problem


def test_a_layer_that_does_not_exist_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "matrix.toml"
    path.write_text('[code]\nx = ["lockstep", "tlaps"]\n', encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"mutant x: no layer tlaps"):
        read_expected(replace(PROJECT, matrix=path))


def test_a_change_that_changes_nothing_escapes_every_layer_that_is_tried() -> None:
    harmless = replace(CODE, replace=f"{CODE.find}  # nothing", breaks=None)
    (tried,) = run_matrix(PROJECT, [harmless], only=["lockstep", "crosshair"])
    assert {each.layer: each.state for each in tried.cells} == {"lockstep": "escaped", "crosshair": "escaped"}


def test_layers_that_have_nothing_to_do_with_a_module_are_left_out() -> None:
    alone = next(each for each in read_mutants(PROJECT) if each.module == "EventLog")
    names = [layer.name for layer in layers(PROJECT) if layer.name not in ("tlc", "properties")]
    assert {each.state for each in try_all(PROJECT, alone, names)} == {"elsewhere"}


def test_the_command_prints_steps_and_keeps_only_what_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    whole = PROJECT.root / "build" / "matrix.json"
    before = whole.read_bytes() if whole.exists() else None
    # The list says that other layers kill it too, and these are not tried: nothing is said of them.
    assert run(["matrix", CODE.name, "--side", "code", "--layer", "lockstep", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["layers"]["lockstep"]["state"] == "killed"
    assert row["layers"]["lockstep"]["steps"] > 1
    assert (whole.read_bytes() if whole.exists() else None) == before, "a part took the place of the whole"


def test_a_list_that_says_otherwise_fails_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "matrix.toml"
    write_expected(path, [Tried(CODE, (), ())])
    monkeypatch.setattr(command, "find_project", lambda: replace(PROJECT, matrix=path))
    assert run(["matrix", CODE.name, "--side", "code", "--layer", "lockstep"]) == 1
    assert f"code mutant {CODE.name}: lockstep: killed, expected escaped" in capsys.readouterr().out


def test_wrong_names_are_unusable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["matrix", "no-such-mutant"]) == 2
    assert "no mutant no-such-mutant" in capsys.readouterr().err
    assert run(["matrix", "--layer", "tlaps"]) == 2
    assert "no layer tlaps" in capsys.readouterr().err


def test_a_mutant_that_is_not_in_the_list_is_not_written_down_in_part(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "matrix.toml"
    write_expected(path, [])
    monkeypatch.setattr(command, "find_project", lambda: replace(PROJECT, matrix=path))
    assert run(["matrix", CODE.name, "--side", "code", "--rewrite", "--layer", "lockstep"]) == 2
    assert f"--rewrite: {CODE.name} is not in the list yet" in capsys.readouterr().err


def test_the_report_has_a_column_a_layer_and_counts_what_each_killed() -> None:
    found = [
        Tried(CODE, (cell("lockstep", depth=4), cell("replay", "escaped")), ()),
        Tried(replace(CODE, name="other"), (cell("lockstep", depth=8), cell("replay", "elsewhere")), ()),
    ]
    rows = matrix_rows(found)
    assert [(row["lockstep"], row["replay"]) for row in rows] == [(4, "–"), (8, None)]
    lockstep, replay = totals(found)
    assert (lockstep["killed"], lockstep["steps, median"], lockstep["at most"]) == ("2 of 2", 6, 8)
    assert (replay["killed"], replay["at most"]) == ("0 of 1", None)
