"""Every module, and every public class and function, says in its first sentence what it is for."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

from tests.house.project import Function, parsed, python_files, relative

BOUND: Final = re.compile(r"\.(?:action(?:_of)?|observe\w*)\b")

# How many public definitions of a file still lack a docstring. A number may only become smaller.
UNDOCUMENTED: Final = {
    # Each stands for an operator or a construct of TLA+ that has the meaning and, nearly, the name that it has there.
    "conformance/tlastep/language/standard_modules/arithmetic.py": 11,
    "conformance/tlastep/language/standard_modules/sequences.py": 10,
    "conformance/tlastep/language/standard_modules/tlc.py": 5,
    "conformance/tlastep/language/tree.py": 4,
    # One function for each type of message, and its name is the type's.
    "conformance/quorumlog_bindings/replication.py": 4,
}


def test_every_file_says_what_it_is_for() -> None:
    silent = [relative(path) for path in python_files() if not documented(parsed(path)) and path.stat().st_size]
    assert silent == []


def test_docstrings_begin_with_sentences() -> None:
    found = []
    for path in python_files("impl", "conformance", "ci"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function | ast.ClassDef | ast.Module):
                line = documented(node)
                if line and not line.rstrip("`").endswith((".", "?", ":", "!")):
                    found.append(f"{relative(path)}: {line}")
    assert found == []


def test_public_definitions_are_documented() -> None:
    counts = {relative(path): len(undocumented(path)) for path in python_files("impl", "conformance", "ci")}
    over = {name: count for name, count in counts.items() if count > UNDOCUMENTED.get(name, 0)}
    assert over == {}
    assert {name: counts.get(name, 0) for name, most in UNDOCUMENTED.items() if counts.get(name, 0) < most} == {}


def undocumented(path: Path) -> list[str]:
    """The public functions and classes at the top of a file, and public methods there, that have no docstring."""
    found = []
    for node in parsed(path).body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not is_bound(node):
            found += [] if documented(node) else [node.name]
            methods = [
                each for each in (node.body if isinstance(node, ast.ClassDef) else []) if isinstance(each, Function)
            ]
            found += [
                f"{node.name}.{method.name}"
                for method in methods
                if not method.name.startswith("_") and not documented(method) and method.name not in said_elsewhere()
            ]
    return found


@cache
def said_elsewhere() -> frozenset[str]:
    """The methods that a protocol or a base class documents: those that implement them need not say it again."""
    methods: dict[str, set[bool]] = {}
    for path in python_files("impl", "conformance", "ci"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, Function):
                        methods.setdefault(method.name, set()).add(bool(documented(method)))
    return frozenset(name for name, said in methods.items() if True in said)


def is_bound(node: Function | ast.ClassDef) -> bool:
    """Whether it is an action or a variable of a binding: there the spec says what it is."""
    return any(BOUND.search(ast.unparse(decorator)) for decorator in node.decorator_list)


def documented(node: ast.Module | ast.ClassDef | Function) -> str:
    """The first paragraph of a docstring, or nothing."""
    return (ast.get_docstring(node) or "").split("\n\n")[0]
