"""Functions and files stay small. The lists of exceptions may only shrink."""

from __future__ import annotations

from typing import Final

from tests.house.project import functions, lines_of, python_files, relative, tracked

FUNCTION_LINES: Final = 50
FILE_LINES: Final = 400
CORE_LINES: Final = 3_000

# How long a function or a file may be that is longer than it should be. Lower a number when you shorten one.
LONG_FUNCTIONS: Final[dict[str, int]] = {}
LONG_FILES: Final[dict[str, int]] = {
    # One case for each operator and each form of expression of the language; each case is a few lines.
    "conformance/tlastep/compile/expressions.py": 500,
    "conformance/tlastep/language/operations.py": 474,
}


def function_lengths() -> dict[str, int]:
    """The length of each function, the longest of those that share a name in one file."""
    found: dict[str, int] = {}
    for path in python_files():
        for function in functions(path):
            name = f"{relative(path)}::{function.name}"
            found[name] = max(found.get(name, 0), lines_of(function))
    return found


def file_lengths() -> dict[str, int]:
    """The length of each Python file."""
    return {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}


def too_long(lengths: dict[str, int], limit: int, exceptions: dict[str, int]) -> dict[str, int]:
    """What is longer than it may be."""
    return {name: length for name, length in lengths.items() if length > exceptions.get(name, limit)}


def test_functions_are_short() -> None:
    assert too_long(function_lengths(), FUNCTION_LINES, LONG_FUNCTIONS) == {}


def test_files_are_short() -> None:
    assert too_long(file_lengths(), FILE_LINES, LONG_FILES) == {}


def test_no_exception_outlives_its_need() -> None:
    functions_now, files_now = function_lengths(), file_lengths()
    assert [name for name in LONG_FUNCTIONS if functions_now.get(name, 0) <= FUNCTION_LINES] == []
    assert [name for name in LONG_FILES if files_now.get(name, 0) <= FILE_LINES] == []


def test_the_core_is_small() -> None:
    core = [length for name, length in file_lengths().items() if name.startswith("impl/quorumlog/core/")]
    assert sum(core) < CORE_LINES


def test_the_limits_are_not_kept_by_hiding_code() -> None:
    """Python lives in files that end in .py, so that every limit sees it; .ci/run is the one script in a shell."""
    scripts = [
        relative(path)
        for path in tracked()
        if path.suffix != ".py" and path.read_bytes()[:2] == b"#!" and relative(path) != ".ci/run"
    ]
    assert scripts == []
