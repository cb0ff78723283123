"""The mutants of the code still fit the code: each finds its one line, and the changed file still compiles."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
MUTANTS: Final[list[dict[str, str]]] = tomllib.loads((ROOT / "conformance/mutants/code.toml").read_text())["mutant"]
FIELDS: Final = {"name", "class", "module", "file", "find", "replace", "says", "models", "breaks"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant["name"] for mutant in MUTANTS])
def test_a_mutant_changes_one_line_of_the_core(mutant: dict[str, str]) -> None:
    assert FIELDS - set(mutant) <= {"breaks"}
    assert set(mutant) <= FIELDS
    assert mutant["file"].startswith("impl/quorumlog/core/")
    text = (ROOT / mutant["file"]).read_text()
    assert text.count(mutant["find"]) == 1
    assert mutant["find"] in text.splitlines()
    assert "\n" not in mutant["find"] + mutant["replace"]
    assert mutant["replace"] != mutant["find"]
    compile(text.replace(mutant["find"], mutant["replace"]), mutant["file"], "exec")


def test_mutants_have_names_of_their_own_and_cover_the_classes() -> None:
    assert len({mutant["name"] for mutant in MUTANTS}) == len(MUTANTS)
    changes = {(mutant["file"], mutant["find"], mutant["replace"]) for mutant in MUTANTS}
    assert len(changes) == len(MUTANTS)
    classes = {mutant["class"] for mutant in MUTANTS}
    assert classes == {"evidence", "prior terms", "truncation", "quorum", "durability", "terms"}
