"""The specs, their list of models, and the tables that are generated from it."""

from __future__ import annotations

import re
from typing import Final

from tests.house.project import ROOT, relative, tracked

import spec_tables
from tlastep.check.models import MACHINE, find_project

PROJECT: Final = find_project(ROOT)
SPECS: Final = PROJECT.specs
USES: Final = re.compile(r"^\s*EXTENDS\s+(?P<extended>\w+(?:\s*,\s*\w+)*)|\bINSTANCE\s+(?P<instance>\w+)", re.MULTILINE)


def used_modules(spec: str, *, instances: bool = True) -> set[str]:
    """The files of this folder that a module extends (or instantiates), however far, and itself."""
    found: set[str] = set()
    waiting = [spec]
    while waiting:
        name = waiting.pop()
        if name in found or not (SPECS / name).is_file():
            continue
        found.add(name)
        for use in USES.finditer((SPECS / name).read_text(encoding="utf-8")):
            names = (use["extended"] or (use["instance"] if instances else "")).split(",")
            waiting += [f"{each.strip()}.tla" for each in names]
    return found


def test_the_tables_are_those_of_the_list() -> None:
    """If this fails: python ci/spec_tables.py."""
    text = spec_tables.README.read_text(encoding="utf-8")
    assert text == spec_tables.filled(text, PROJECT.models)


def test_every_spec_and_configuration_is_used() -> None:
    used = {name for model in PROJECT.models for name in used_modules(model.spec)}
    used |= {model.config for model in PROJECT.models}
    there = {path.name for path in tracked() if path.parent == SPECS and path.suffix in (".tla", ".cfg")}
    assert sorted(there - used) == []


def test_every_module_of_a_model_is_a_spec() -> None:
    assert [model.name for model in PROJECT.models if not (SPECS / f"{model.module}.tla").is_file()] == []
    assert [model.name for model in PROJECT.models if f"{model.module}.tla" not in used_modules(model.spec)] == []


def test_a_model_that_holds_says_how_many_states_it_has() -> None:
    small = [model for model in PROJECT.models if model.size == "small" and model.kind != MACHINE]
    held = [model for model in small if model.result == "ok"]
    assert [model.name for model in held if not (model.distinct and model.generated and model.depth)] == []


def test_a_violation_is_expected_where_the_kind_says_so() -> None:
    for model in PROJECT.models:
        assert (model.result == "ok") == (model.kind in ("safety", "liveness", MACHINE)), model.name


def test_each_model_says_what_it_shows_in_a_sentence_of_its_own() -> None:
    said = [model.says for model in PROJECT.models]
    assert [line for line in said if not line.endswith(".") or "\n" in line] == []
    assert len(set(said)) == len(said)


def test_each_module_is_told_of_in_the_guide() -> None:
    guide = spec_tables.README.read_text(encoding="utf-8").split(spec_tables.BEGIN)[0]
    laws_and_specs = [path.stem for path in tracked() if path.parent == SPECS and path.suffix == ".tla"]
    assert [name for name in laws_and_specs if not name.startswith("MC") and f"`{name}`" not in guide] == []


def test_a_spec_says_what_it_is_for() -> None:
    """Each module has a comment before its first declaration."""
    for path in tracked():
        if path.parent == SPECS and path.suffix == ".tla":
            head = re.split(r"^(?:CONSTANTS?|VARIABLES?)\b", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[0]
            assert "(*" in head, relative(path)
