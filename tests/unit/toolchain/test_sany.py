"""SANY's tree comes once per content, also when several ask at once; its errors name file, line and column."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tlastep.errors import UnusableInput
from tlastep.toolchain import java, sany

ERRORS = {
    "Syntax": ("VARIABLE x\nInit == x = = 0", ":3:15: syntax error: 0 after =, expected ==== or more Module body"),
    "Unknown": ("Init == y", ":2:9: Unknown operator: `y'."),
    "Missing": ("EXTENDS Nowhere", ": there is no module Nowhere in "),
    "Twice": ("F == 1\nF == 2", ":3:1: Operator F already defined or declared."),
    "Arity": ("F(a) == a\nG == F(1, 2)", ":3:7: The operator F requires 1 argument"),
}


def write(folder: Path, name: str, body: str) -> Path:
    spec = folder / f"{name}.tla"
    spec.write_text(f"---- MODULE {name} ----\n{body}\n====\n", encoding="utf-8")
    return spec


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    body, message = ERRORS[name]
    with pytest.raises(UnusableInput) as caught:
        sany.parse(write(tmp_path, name, body))
    assert type(caught.value) is UnusableInput
    assert str(caught.value).startswith(f"{tmp_path / name}.tla{message}")


def test_an_error_in_an_extended_module_names_that_module(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    inner = write(library, "Inner", "F == )")
    with pytest.raises(UnusableInput, match="syntax error") as caught:
        sany.parse(write(tmp_path, "Outer", "EXTENDS Inner"), [library])
    assert str(caught.value).startswith(f"{inner}:2:")


def test_no_spec_and_no_folder_and_no_module(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no such spec"):
        sany.parse(tmp_path / "Absent.tla")
    with pytest.raises(UnusableInput, match="no such folder of modules"):
        sany.parse(write(tmp_path, "Here", ""), [tmp_path / "absent"])
    empty = tmp_path / "Empty.tla"
    empty.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(UnusableInput, match="no TLA\\+ module"):
        sany.parse(empty)


def test_parallel_runs_do_not_disturb_each_other(tmp_path: Path) -> None:
    specs = [write(tmp_path, f"M{number}", "EXTENDS Naturals, Sequences\nF == <<1 + 2>>") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(sany.parse, specs))
    for spec, tree in zip(specs, trees, strict=True):
        assert f"<RootModule>{spec.stem}</RootModule>".encode() in tree


def test_the_tree_is_cached_until_a_module_in_sight_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []

    def run(arguments: list[str], **_: object) -> java.Finished:
        runs.append(arguments)
        return java.Finished(0, b"<modules/>", "", 0.1)

    monkeypatch.setattr(java, "run", run)
    library = tmp_path / "library"
    library.mkdir()
    spec = write(tmp_path, "Root", "EXTENDS Inner")
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: write(library, "Inner", "F == 1"),
        lambda: write(library, "Inner", "F == 2"),
        lambda: write(tmp_path, "Inner", "F == 2"),
        lambda: (tmp_path / "Inner.tla").rename(tmp_path / "Other.tla"),
    ]
    for count, step in enumerate(steps, start=1):
        step()
        assert sany.parse(spec, [library]) == sany.parse(spec, [library]) == b"<modules/>"
        assert len(runs) == count


@pytest.mark.parametrize(
    ("status", "output", "errors"),
    [(0, b"", ""), (1, b"<modules/>", ""), (0, b"<modules/>", "Semantic errors:\n*** Errors: 1\n")],
)
def test_a_tree_that_is_not_sound_is_refused(
    status: int, output: bytes, errors: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java, "run", lambda *_, **__: java.Finished(status, output, errors, 0.1))
    with pytest.raises(UnusableInput, match="SANY failed"):
        sany.parse(write(tmp_path, "Root", ""))
