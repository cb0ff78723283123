"""Bindings that installed packages bring, for recordings where there is no project, or somebody else's.

An entry point of the group `tlastep.recordings` names such a binding, and its name is the module of the spec that it is
of. The text of that module stands beside the binding (`spec_file`).
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from tlastep.binding import Binding
from tlastep.check.models import Project
from tlastep.errors import UnusableInput
from tlastep.packaged import spec_file

GROUP: Final = "tlastep.recordings"


def installed_modules() -> tuple[str, ...]:
    """The modules of which installed packages have bindings that read recordings."""
    return tuple(sorted(entry_points(group=GROUP).names))


def installed_binding(module: str) -> tuple[Project, Binding[Any]]:
    """The binding of such a module, in a project that holds nothing but the specs that belong to it."""
    (entry,) = entry_points(group=GROUP, name=module)
    binding = entry.load()
    if not isinstance(binding, Binding) or binding.recording is None:
        raise UnusableInput("expected a tlastep.binding.Binding that reads recordings", entry.value)
    text = spec_file(str(_file_of(entry.module)), f"{module}.tla")
    if not text.is_file():
        raise UnusableInput(f"expected {text.name} beside it", entry.value)
    return Project(root=text.parent, list=text.parent / "models.toml", models=(), bindings=(entry.module,)), binding


def _file_of(module: str) -> Path:
    """Where a module stands that is imported."""
    file = sys.modules[module].__file__
    assert file is not None, "a binding stands in a file"
    return Path(file)
