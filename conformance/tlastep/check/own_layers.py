"""Layers of checks that a project brings along: Python modules named by `layers` in [tool.tlastep].

Such a module says in `MODULES` which specs it is about, finds in `kill(project, module)` the first thing that is wrong
with one of them, and says in `coverage(project, module)` what it reached of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple

from tlastep.check.coverage import Coverage
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer
from tlastep.errors import UnusableInput


class OwnLayer(NamedTuple):
    """One such layer: its name in the project's settings, and what its module defines."""

    name: str
    modules: frozenset[str]
    kill: Callable[[Project, str], Killer | None]
    coverage: Callable[[Project, str], list[Coverage]]


def own_layers(project: Project) -> tuple[OwnLayer, ...]:
    """The project's own layers, in the order of its settings. Raises `UnusableInput` if a module is none."""
    return tuple(load_layer(project, name, where) for name, where in project.layers)


def load_layer(project: Project, name: str, where: str) -> OwnLayer:
    """The layer that this Python module defines."""
    place = str(project.root / "pyproject.toml")
    try:
        found = importlib.import_module(where)
    except ModuleNotFoundError as error:
        raise UnusableInput(f"[tool.tlastep] layers.{name}: no module {error.name}", place) from error
    if missing := [each for each in ("MODULES", "kill", "coverage") if not hasattr(found, each)]:
        raise UnusableInput(f"[tool.tlastep] layers.{name}: {where} does not define {missing[0]}", place)
    return OwnLayer(name, frozenset(found.MODULES), found.kill, found.coverage)
