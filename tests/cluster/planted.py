"""Bugs that are planted into the runtime, one change each in a copy of the package: `planted.toml`."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

import quorumlog

PACKAGE: Final = Path(quorumlog.__file__).parent
FILE: Final = Path(__file__).parent / "planted.toml"

WHAT: Final = {
    "back": "every server that was killed came back",
    "linearizable": "what clients were told is linearizable",
    "agree": "the replicas of group a hold the same events",
    "recorded": "group a ran as Replication says",
    "spoken": "group a ran as LeaderOutput says",
}
"""The verdicts that see them."""


class Planted(Struct, frozen=True, forbid_unknown_fields=True):
    """A bug: what is replaced in which file, how it shows, and which verdicts see it.

    `under` are the faults on real processes that show it, if that is tried.
    """

    name: str
    file: str
    within: str
    replace: str
    caught: tuple[str, ...]
    says: str
    find: str | None = None
    under: str | None = None


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """All bugs."""

    planted: tuple[Planted, ...]


PLANTED: Final = msgspec.toml.decode(FILE.read_bytes(), type=File).planted


def copied(planted: Planted, folder: Path) -> dict[str, str]:
    """A copy of the package with the bug; the environment in which a server finds it."""
    shutil.copytree(PACKAGE, folder / "quorumlog")
    (folder / "quorumlog" / planted.file).write_text(changed(planted), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def changed(planted: Planted) -> str:
    """The text of the file with the bug, without comments."""
    tree = ast.parse((PACKAGE / planted.file).read_text(encoding="utf-8"))
    place = named(tree, planted.within.split("."))
    bug = ast.parse(planted.replace.strip()).body
    if planted.find is None:
        assert isinstance(place, ast.FunctionDef), f"{planted.file}: expected a function called {planted.within}"
        place.body[:0] = bug
    else:
        replacing = Replacing(ast.parse(planted.find).body[0], bug)
        replacing.visit(place)
        says = f"{planted.file}: {planted.within}: expected once, found {replacing.found} times: {planted.find}"
        assert replacing.found == 1, says
    return ast.unparse(ast.fix_missing_locations(tree))


def named(tree: ast.AST, names: list[str]) -> ast.AST:
    """The class, function or constant of that name in a tree."""
    for name in names:
        found = [each for each in ast.iter_child_nodes(tree) if name_of(each) == name]
        assert len(found) == 1, f"expected one {name}, found {len(found)}"
        tree = found[0]
    return tree


def name_of(node: ast.AST) -> str | None:
    """What a statement defines."""
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target)
    return node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else None


class Replacing(ast.NodeTransformer):
    """Puts statements in the place of a statement, or an expression in that of an expression."""

    def __init__(self, find: ast.stmt, bug: list[ast.stmt]) -> None:
        self.found = 0
        self._bug = bug
        self._statement = ast.dump(find)
        self._expression = ast.dump(find.value) if isinstance(find, ast.Expr) else None

    def generic_visit(self, node: ast.AST) -> Any:
        """Replace it, or go on inside."""
        if isinstance(node, ast.stmt) and ast.dump(node) == self._statement:
            self.found += 1
            return self._bug
        if isinstance(node, ast.expr) and ast.dump(node) == self._expression:
            (bug,) = self._bug
            assert isinstance(bug, ast.Expr), "an expression has an expression in its place"
            self.found += 1
            return bug.value
        return super().generic_visit(node)
