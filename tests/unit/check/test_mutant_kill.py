"""Changed code stands in place of the real package, whole, and nothing else changes; specs are copied, not linked."""

from __future__ import annotations

import importlib
import os
import py_compile
import sys
from pathlib import Path

import pytest

from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer, changed_code, changed_specs
from tlastep.check.mutant_list import Mutant
from tlastep.check.mutants import in_child
from tlastep.errors import UnusableInput

FILES = {
    "__init__.py": "from stood_in.inner.deep.low import NUMBER\n",
    "beside.py": "WHERE = __file__\n",
    "inner/__init__.py": "",
    "inner/beside.py": "NUMBER = 7\n",
    "inner/deep/__init__.py": "",
    "inner/deep/low.py": "from stood_in.inner.beside import NUMBER as SEVEN\nNUMBER = 1 + SEVEN\n",
    "inner/data/table.txt": "a table\n",
    "other/__init__.py": "",
    "other/far.py": "NUMBER = 9\n",
}
FOUND = "found"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in which everything is compiled already, as it was before the change."""
    folder = tmp_path / "stood_in"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        if name.endswith(".py"):
            py_compile.compile(f"{folder / name}", doraise=True)
    return folder


def mutant(file: Path, find: str, replace: str) -> Mutant:
    return Mutant("changed", "code", "Module", "order", "", file, find, replace, (), None, "a list")


def imported(changed: Mutant) -> dict[str, str]:
    """What a process finds that imports the package while the change is in place."""

    def look() -> list[Killer]:
        with changed_code(changed):
            package, far = (importlib.import_module(name) for name in ("stood_in", "stood_in.other.far"))
            where = Path(importlib.import_module("stood_in.beside").WHERE).parent
            table = (where / "inner/data/table.txt").read_text(encoding="utf-8").strip()
            text = "/".join(
                sorted(
                    os.path.relpath(Path(each) / name, where)
                    for each, _, names in os.walk(where, followlinks=True)
                    for name in names
                    if not name.endswith(".pyc")
                )
            )
            return [Killer(FOUND, f"{package.NUMBER} {far.NUMBER}", f"{table}|{text}", 0)]

    (found,) = in_child(look)
    assert found.layer == FOUND, found.property
    table, _, files = found.property.partition("|")
    return {"numbers": found.model, "table": table, "files": files}


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize(
    ("file", "find", "replace", "numbers"),
    [
        ("inner/deep/low.py", "1 + SEVEN", "2 + SEVEN", "9 9"),
        ("inner/beside.py", "7", "6", "7 9"),
        ("__init__.py", "import NUMBER", "import SEVEN as NUMBER", "7 9"),
        ("other/far.py", "9", "8", "8 8"),
        ("inner/deep/low.py", "1 + SEVEN", "1 +  SEVEN", "8 9"),
    ],
)
def test_the_change_is_what_is_imported_and_nothing_else_is_changed(
    package: Path, file: str, find: str, replace: str, numbers: str, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not linked:
        monkeypatch.setattr(Path, "symlink_to", lambda *_: (_ for _ in ()).throw(OSError("not allowed")))
    before = {each: each.read_bytes() for each in package.rglob("*") if each.is_file()}
    found = imported(mutant(package / file, find, replace))
    assert found == {"numbers": numbers, "table": "a table", "files": "/".join(sorted(FILES))}
    assert {each: each.read_bytes() for each in package.rglob("*") if each.is_file()} == before
    assert "stood_in" not in sys.modules


def test_a_change_that_is_no_python_is_named(package: Path) -> None:
    with pytest.raises(UnusableInput, match="mutant changed is no Python"):
        imported(mutant(package / "inner/beside.py", "7", "7 7"))


def test_specs_are_copies_of_which_one_is_changed(tmp_path: Path) -> None:
    specs, own = tmp_path / "spec", tmp_path / "own"
    specs.mkdir()
    own.mkdir()
    for name in ("A.tla", "B.tla", "A.cfg", "B.cfg"):
        (specs / name).write_text(f"{name} as it was", encoding="utf-8")
    project = Project(tmp_path, specs / "models.toml", (), (), (), ())
    changed = Mutant("changed", "spec", "A", "order", "", specs / "A.tla", "was", "is", (), None, "a list")
    there = changed_specs(project, changed, own, [specs / "B.cfg"])
    assert there.specs == own
    assert {each.name: each.read_text(encoding="utf-8") for each in own.iterdir()} == {
        "A.tla": "A.tla as it is",
        "B.tla": "B.tla as it was",
        "B.cfg": "B.cfg as it was",
    }
    assert not any(each.is_symlink() for each in own.iterdir())
    changed_specs(project, changed, own)
    assert (own / "A.cfg").is_file()
