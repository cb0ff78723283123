"""What is in the tree belongs there, and says nothing of the machine that it was written on."""

from __future__ import annotations

import re
import tomllib
from typing import Final

import pytest
from tests.house.project import ROOT, relative, tracked

# Written as patterns, so that this file is not an example of what it forbids.
FORBIDDEN: Final = {
    "the host of a package registry": re.compile(
        r"\b(?:[\w-]+\.)?(?:pypi|pythonhosted|crates|npmjs|maven)\.(?:org|io|com|apache\.org)\b"
        r"|\b(?:proxy|sum|index)\.golang\.org\b"  # other names there are those of modules
    ),
    "a path of one machine": re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users|opt)/\w"),
    "an unfinished thought": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}
THIS: Final = "tests/house/test_files.py"
BINARY: Final = {".png", ".ico"}


def texts() -> list[tuple[str, str]]:
    """The tracked files that hold text: (path, text)."""
    return [(relative(path), path.read_text(encoding="utf-8")) for path in tracked() if path.suffix not in BINARY]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_has(what: str) -> None:
    found = []
    for name, text in texts():
        for number, line in enumerate(text.splitlines(), start=1):
            if FORBIDDEN[what].search(line) and name not in (THIS, "LICENSE"):
                found.append(f"{name}:{number}: {line.strip()}")
    assert found == []


def test_the_lock_file_of_uv_is_not_tracked() -> None:
    assert "uv.lock" not in [relative(path) for path in tracked()]
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_file_is_empty_but_markers() -> None:
    empty = [relative(path) for path in tracked() if not path.stat().st_size and path.name != "py.typed"]
    assert empty == []


def test_text_files_end_with_one_newline_and_lines_without_spaces() -> None:
    found = [name for name, text in texts() if not is_sample(name) and (not text.endswith("\n") or "\r" in text)]
    assert [name for name in found if not name.endswith("py.typed")] == []
    assert [
        f"{name}:{number}"
        for name, text in texts()
        if not is_sample(name)
        for number, line in enumerate(text.splitlines(), start=1)
        if line != line.rstrip()
    ] == []


def is_sample(name: str) -> bool:
    """Whether a file is the input of a test: what tools printed, and specs as others write them."""
    return name.startswith("tests/") and not name.endswith((".py", ".md"))


def test_the_version_has_a_section_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_each_folder_of_tests_is_explained() -> None:
    """tests/README.md says what each holds, and where a new test goes."""
    told = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    paths = [relative(path).split("/") for path in tracked() if relative(path).startswith("tests/")]
    folders = {parts[1] for parts in paths if len(parts) > 2}
    assert [folder for folder in sorted(folders) if f"| `{folder}/` |" not in told] == []


def test_each_fragment_of_changes_names_its_kind() -> None:
    """changes/NAME.KIND.md; changes/README.md says which kinds there are."""
    kinds = ("added", "changed", "fixed", "removed")
    fragments = [path.name for path in (ROOT / "changes").glob("*.md") if path.name != "README.md"]
    assert [name for name in fragments if name.split(".")[1] not in kinds or name.count(".") != 2] == []
