"""What the tests of the house look at: the tracked files, and Python modules as syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = {
    "quorumlog": ROOT / "impl" / "quorumlog",
    "tlastep": ROOT / "conformance" / "tlastep",
    "quorumlog_bindings": ROOT / "conformance" / "quorumlog_bindings",
}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> tuple[Path, ...]:
    """The files that belong to the project: those that git tracks or would track, without what it ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return tuple(path for path in found if path.is_file())


def python_files(*folders: str) -> tuple[Path, ...]:
    """The Python files of the project, or those below these folders."""
    below = tuple(ROOT / folder for folder in folders) or (ROOT,)
    return tuple(
        path for path in tracked() if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in below)
    )


@cache
def parsed(path: Path) -> ast.Module:
    """A Python file as a syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def relative(path: Path) -> str:
    """The path from the root of the project."""
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """The name under which a file of a package is imported."""
    for package, folder in PACKAGES.items():
        if path.is_relative_to(folder):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise ValueError(f"{path} belongs to no package")


@cache
def modules() -> dict[str, Path]:
    """The modules of the packages: name → file."""
    folders = [relative(folder) for folder in PACKAGES.values()]
    return {module_name(path): path for path in python_files(*folders)}


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules of this project that a file imports, wherever in the file it does so."""
    known = modules()
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{relative(path)}:{node.lineno}: a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(inner & known.keys())
            if not inner <= known.keys():
                found.add(node.module)
    return frozenset(found & known.keys())


def functions(path: Path) -> Iterator[Function]:
    """All functions of a file, methods and inner functions included."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            yield node


def lines_of(node: Function | ast.ClassDef) -> int:
    """How many lines a definition takes, without its decorators."""
    return (node.end_lineno or node.lineno) - node.lineno + 1
