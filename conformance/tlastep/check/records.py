"""What TLC has found of a model, recorded with the project for as long as nothing that it depends on changes.

A record says: of these texts, TLC has found what the list of models expects. It is a hash of the configuration, of
every module that the model can reach, of TLC, and of what is expected. Whatever changes makes it void, and TLC is asked
again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from tlastep.check.models import Model, Project
from tlastep.check.tables import convert, read_toml
from tlastep.errors import UnusableInput
from tlastep.toolchain import cache, java
from tlastep.toolchain.tlc_config import without_comments

_WORD: Final = re.compile(r"\w+")
_HEAD: Final = """\
# Of which models TLC has found, at texts of this hash, what the list of models expects. Written by
# `tlastep check --record MODEL...`; `tlastep verify` asks TLC about all others, and with --fresh about these too.
"""


class _Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tlc: dict[str, str] = {}


def is_recorded(project: Project, model: Model) -> bool:
    """Whether TLC has found of this very model what is expected of it."""
    if project.recorded is None or not project.recorded.is_file():
        return False
    known = _read(project.recorded).get(model.name)
    return known is not None and known == identity(project, model)


def record(project: Project, models: Iterable[Model]) -> None:
    """Records that TLC has just found of these models what is expected of them."""
    if project.recorded is None:
        raise UnusableInput("[tool.tlastep] names no file `recorded` to write", str(project.root / "pyproject.toml"))
    listed = {model.name for model in project.models}
    known = _read(project.recorded) if project.recorded.is_file() else {}
    known = {name: each for name, each in known.items() if name in listed}
    known |= {model.name: identity(project, model) for model in models}
    lines = [f'{name} = "{known[name]}"\n' for name in sorted(known)]
    project.recorded.write_text("".join([_HEAD, "\n[tlc]\n", *lines]), encoding="utf-8")


def identity(project: Project, model: Model) -> str:
    """A hash of all that TLC's verdict on a model depends on, and of what is expected of it."""
    expected = (model.result, model.deadlock, model.distinct, model.generated, model.depth)
    parts: list[str | bytes] = [_jar(java.jar()), repr(expected), project.config(model).read_bytes()]
    for module in _reached(project.spec(model)):
        parts += [module.name, module.read_bytes()]
    return cache.key(*parts)[:20]


def _reached(spec: Path) -> list[Path]:
    """The spec and every module beside it whose name occurs in one that is reached: some more than are needed."""
    found: dict[str, Path] = {}
    waiting = [spec]
    while waiting:
        module = waiting.pop()
        found[module.name] = module
        words = set(_WORD.findall(without_comments(module.read_text(encoding="utf-8"))))
        beside = (module.with_name(f"{word}.tla") for word in words)
        waiting += [each for each in beside if each.name not in found and each.is_file()]
    return [found[name] for name in sorted(found)]


@lru_cache(maxsize=4)
def _jar(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    return convert(read_toml(path), _Records, path).tlc
