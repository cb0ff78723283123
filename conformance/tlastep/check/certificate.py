"""Certificates: what was shown of one model, by which texts, with which counts and digests, in one JSON file.

The spec's digest is that of the lock-step run. The code's digest is made by a process of its own in which the compiler
of specs is not imported (`check/code_side.py`), so that neither side can borrow from the other.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

import tlastep
from tlastep.binding import Binding
from tlastep.check.code_side import CodeSide
from tlastep.check.models import Model, Project
from tlastep.check.verdict import Lockstep
from tlastep.engine.digest import COLLISION


class Certificate(msgspec.Struct, frozen=True):
    """The evidence of one lock-step run."""

    model: str
    module: str
    result: str
    files: dict[str, str]
    code: str
    tool: str
    states: int
    transitions: int
    boundary: int
    refusals: int
    environment: dict[str, int]
    actions: dict[str, int]
    properties: tuple[str, ...]
    unchecked: tuple[str, ...]
    spec_digest: str
    code_digest: str
    visited: str
    ghosts: tuple[str, ...]
    unverified: tuple[str, ...]
    hash_seed: str


def certify(
    project: Project,
    model: Model,
    binding: Binding[Any],
    found: Lockstep,
    side: CodeSide | None,
    properties: Iterable[str],
    unchecked: Iterable[str],
) -> Certificate:
    """The certificate of a run; its result is `ok` only if both digests agree. After a finding there is no `side`."""
    result = found.result
    if side is not None and side.compiler_imported:
        raise AssertionError("the code's side imported the compiler of specs")
    return Certificate(
        model=model.name,
        module=model.module,
        result=result,
        files={each.name: _hash([each]) for each in [*sorted(project.specs.glob("*.tla")), project.config(model)]},
        code=_hash(_code_files(binding)),
        tool=_hash(Path(tlastep.__file__).parent.rglob("*.py")),
        states=found.spec_states,
        transitions=found.spec_transitions,
        boundary=found.boundary,
        refusals=found.refusals,
        environment={name: number for name, number in found.actions.items() if name in binding.environment},
        actions={name: number for name, number in found.actions.items() if name not in binding.environment},
        properties=tuple(properties),
        unchecked=tuple(unchecked),
        spec_digest=found.digest,
        code_digest=side.digest if side else "",
        visited=f"exact on each side; two different graphs have one digest with a chance of about {COLLISION}",
        ghosts=binding.ghosts,
        unverified=binding.unverified,
        hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
    )


def write(certificate: Certificate, folder: Path) -> Path:
    """Writes the certificate as `MODEL.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{certificate.model}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(certificate), indent=2) + b"\n")
    return path


def _code_files(binding: Binding[Any]) -> list[Path]:
    """The Python files of the packages that the bound functions come from."""
    files: set[Path] = set()
    for function in binding.actions.values():
        names = {function.__module__, *(getattr(each, "__module__", "") for each in function.__globals__.values())}
        for name in names:
            package = sys.modules.get(str(name).partition(".")[0])
            if package is None or not getattr(package, "__path__", None) or package is tlastep:
                continue
            if package.__name__ not in sys.stdlib_module_names:
                files.update(path for folder in package.__path__ for path in _python_files(folder))
    return sorted(files)


@lru_cache(maxsize=64)
def _python_files(folder: str) -> tuple[Path, ...]:
    return tuple(Path(folder).rglob("*.py"))


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
