"""The project and its list of models: what pyproject.toml points at, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

import msgspec

from tlastep.check.tables import convert, place, read_toml
from tlastep.errors import UnusableInput

Size = Literal["small", "medium", "large"]
Kind = Literal["safety", "liveness", "witness", "violation", "machine"]
MACHINE: Final = "machine"  # too large to be explored: `tlastep machine` walks through it

_RESULT: Final = re.compile(r"ok|deadlock|assumption|(?:invariant|property) \S+")


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the list: a spec, a configuration, and what is expected of them.

    Of a model for random walks, `explored` names the predicate that is true of what other models explore to the end,
    `reaches` how large variables must become, and `steps` how many steps a walk that is part of the verification takes.
    """

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
    explored: str = ""
    reaches: tuple[tuple[str, int], ...] = ()
    steps: int = 20_000


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[Model, ...] = ()


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: str
    bindings: tuple[str, ...] = ()
    mutants: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    layers: dict[str, str] = {}
    matrix: str = ""
    recorded: str = ""


class Project(msgspec.Struct, frozen=True):
    """A project: its folder, its models, the modules with its bindings and contracts, and its lists of mutants.

    `layers` are checks of its own, by name, each a Python module with `kill(project, module)`; `matrix` says which
    layers kill which mutants, and `recorded` of which models TLC has found what is expected (`check/records.py`).
    """

    root: Path
    list: Path
    models: tuple[Model, ...]
    bindings: tuple[str, ...]
    mutants: tuple[Path, ...] = ()
    contracts: tuple[str, ...] = ()
    layers: tuple[tuple[str, str], ...] = ()
    matrix: Path | None = None
    recorded: Path | None = None

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
        """The models of these names; without names all of a size, and without that the small ones.

        Those that cannot be explored are taken by name only.
        """
        if names:
            return tuple(model for model in map(self.model, names) if size in (None, model.size))
        return tuple(model for model in self.models if model.size == (size or "small") and model.kind != MACHINE)

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
        table = read_toml(file).get("tool", {}).get("tlastep")
        if table is not None:
            settings = convert(table, _Settings, file, "tool.tlastep")
            path = folder / settings.models
            mutants = tuple(folder / name for name in settings.mutants)
            return Project(
                root=folder,
                list=path,
                models=read_models(path),
                bindings=settings.bindings,
                mutants=mutants,
                contracts=settings.contracts,
                layers=tuple(settings.layers.items()),
                matrix=folder / settings.matrix if settings.matrix else None,
                recorded=folder / settings.recorded if settings.recorded else None,
            )
    raise UnusableInput("no pyproject.toml with a table [tool.tlastep], here or above", str(start))


def read_models(path: Path) -> tuple[Model, ...]:
    """The models of a list. Raises `UnusableInput` with the line of what is wrong."""
    models = convert(read_toml(path), _List, path).model
    if not models:
        raise UnusableInput("expected at least one [[model]]", str(path))
    seen: set[str] = set()
    for index, model in enumerate(models):
        if model.name in seen:
            raise UnusableInput(f"a second model {model.name}", place(path, "model", index, "name"))
        if not _RESULT.fullmatch(model.result):
            expected = "ok, invariant NAME, property NAME, deadlock or assumption"
            raise UnusableInput(f"expected {expected}, not {model.result!r}", place(path, "model", index, "result"))
        seen.add(model.name)
    return models


def modules_of(models: Iterable[Model]) -> tuple[str, ...]:
    """The modules that these models are of, in the order of the list."""
    return tuple(dict.fromkeys(model.module for model in models))
