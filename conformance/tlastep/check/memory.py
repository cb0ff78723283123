"""Results that were good, kept under a hash of all the texts that they depend on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

import msgspec

import tlastep
from tlastep.check.models import Project
from tlastep.errors import UnusableInput
from tlastep.toolchain import cache, java

T = TypeVar("T")

_TEXTS: Final = frozenset({".py", ".tla", ".cfg", ".toml"})
_NOT_OURS: Final = frozenset({"build", "dist", "node_modules", "tests"})


class Memory:
    """What is known of a project already, in its folder `build/verified`."""

    def __init__(self, project: Project, *, fresh: bool) -> None:
        self._folder = project.root / "build" / "verified"
        self._texts = _hash_of_texts(project.root)
        self._fresh = fresh

    def recall(self, name: str, kind: type[T]) -> T | None:
        """The result of that name, if nothing has changed since it was good."""
        path = self._path(name)
        if self._fresh or not path.is_file():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=lambda wanted, value: wanted(value))
        except msgspec.MsgspecError as error:
            raise UnusableInput(f"is damaged ({error}); remove it or use --fresh", str(path)) from error

    def keep(self, name: str, result: object) -> None:
        """Keeps a good result. It is whole or not there at all."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(msgspec.json.encode(result, enc_hook=str))  # paths are all that it does not know
        part.replace(path)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{name} {self._texts}'.encode()).hexdigest()}.json"


@lru_cache(maxsize=8)
def _hash_of_texts(root: Path) -> str:
    """A hash of the project's code, specs and lists, of the toolkit, and of the model checker."""
    digest = hashlib.sha256(cache.identity(java.jar()).encode())
    toolkit = Path(tlastep.__file__).parent
    for path in sorted({*_texts(root), *_texts(toolkit)}):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _texts(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".") and each not in _NOT_OURS]
        yield from (Path(name, file) for file in files if Path(file).suffix in _TEXTS)
