"""The project and its list of models: what pyproject.toml points at, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from tlastep.errors import Place, UnusableInput

Size = Literal["small", "medium", "large"]
Kind = Literal["safety", "liveness", "witness", "violation"]
_S = TypeVar("_S", bound=msgspec.Struct)

_RESULT: Final = re.compile(r"ok|deadlock|assumption|(?:invariant|property) \S+")
_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`")
_TOML_PLACE: Final = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)")


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the list: a spec, a configuration, and what is expected of them."""

    name: str
    module: str
    spec: str
    config: str
    says: str
    size: Size = "small"
    kind: Kind = "safety"
    result: str = "ok"
    deadlock: bool = True
    distinct: int = 0
    generated: int = 0
    depth: int = 0


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[Model, ...] = ()


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: str
    bindings: tuple[str, ...] = ()


class Project(msgspec.Struct, frozen=True):
    """A project: its folder, the folder of its specs, its models and the modules with its bindings."""

    root: Path
    list: Path
    models: tuple[Model, ...]
    bindings: tuple[str, ...]

    @property
    def specs(self) -> Path:
        """The folder of the specs and configurations: that of the list."""
        return self.list.parent

    def spec(self, model: Model) -> Path:
        """The root module of a model."""
        return self._file(model, model.spec)

    def config(self, model: Model) -> Path:
        """The configuration of a model."""
        return self._file(model, model.config)

    def model(self, name: str) -> Model:
        """The model of that name, or one line that names those that are spelt alike."""
        for model in self.models:
            if model.name == name:
                return model
        near = get_close_matches(name, [model.name for model in self.models], n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see the names there"
        raise UnusableInput(f"no model {name}; {hint}", str(self.list))

    def select(self, names: Sequence[str] = (), size: Size | None = None) -> tuple[Model, ...]:
        """The models of these names; without names all of a size, and without that the small ones."""
        if names:
            return tuple(model for model in map(self.model, names) if size in (None, model.size))
        return tuple(model for model in self.models if model.size == (size or "small"))

    def _file(self, model: Model, name: str) -> Path:
        path = self.specs / name
        if not path.is_file():
            raise UnusableInput(f"model {model.name} names {name}, and there is no such file", str(self.list))
        return path


def find_project(start: Path | None = None) -> Project:
    """The project that a folder (the current one) belongs to: the nearest pyproject.toml with [tool.tlastep]."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if not file.is_file():
            continue
        table = _read_toml(file).get("tool", {}).get("tlastep")
        if table is not None:
            settings = _convert(table, _Settings, file, "tool.tlastep")
            path = folder / settings.models
            return Project(root=folder, list=path, models=read_models(path), bindings=settings.bindings)
    raise UnusableInput("no pyproject.toml with a table [tool.tlastep], here or above", str(start))


def read_models(path: Path) -> tuple[Model, ...]:
    """The models of a list. Raises `UnusableInput` with the line of what is wrong."""
    models = _convert(_read_toml(path), _List, path).model
    if not models:
        raise UnusableInput("expected at least one [[model]]", str(path))
    seen: set[str] = set()
    for index, model in enumerate(models):
        if model.name in seen:
            raise UnusableInput(f"a second model {model.name}", _place(path, index, "name"))
        if not _RESULT.fullmatch(model.result):
            expected = "ok, invariant NAME, property NAME, deadlock or assumption"
            raise UnusableInput(f"expected {expected}, not {model.result!r}", _place(path, index, "result"))
        seen.add(model.name)
    return models


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise UnusableInput("is not text in UTF-8", str(path)) from error
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.search(str(error))
        line, column = (int(found[1] or 0), int(found[2] or 0)) if found else (0, 0)
        raise UnusableInput(_TOML_PLACE.sub("", str(error)), Place(str(path), line, column)) from error


def _convert(table: Any, kind: type[_S], path: Path, prefix: str = "") -> _S:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        where = _PATH.search(message)
        words = _PATH.sub("", message).replace("Object contains", "the table contains").replace("`", "")
        words = words.replace("Object missing required field", "the table lacks").replace("field", "key")
        inside = re.fullmatch(r"\.model\[(\d+)\](?:\.(\w+))?", where["path"]) if where else None
        if inside:
            unknown = re.search(r"unknown key (\w+)", words)
            raise UnusableInput(words, _place(path, int(inside[1]), inside[2] or (unknown and unknown[1]))) from error
        raise UnusableInput(f"[{prefix}] {words}" if prefix else words, str(path)) from error


def _place(path: Path, index: int, key: str | None = None) -> Place:
    """Where a model, or a key of it, stands in the list."""
    begun = -1
    first = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        begun += bool(re.match(r"\s*\[\[\s*model\s*\]\]", line))
        if begun == index:
            first = first or number
            if key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return Place(str(path), number)
    return Place(str(path), first)


def modules_of(models: Iterable[Model]) -> tuple[str, ...]:
    """The modules that these models are of, in the order of the list."""
    return tuple(dict.fromkeys(model.module for model in models))
