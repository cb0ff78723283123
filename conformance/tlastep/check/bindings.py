"""Finds the binding of a module among the Python modules that the project names."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

from tlastep.binding import Binding
from tlastep.check.models import Project
from tlastep.errors import Place, UnusableInput


def bound_modules(project: Project) -> dict[str, Binding[Any]]:
    """The bindings of the project, by the module of the spec that each is of."""
    found: dict[str, Binding[Any]] = {}
    for name in project.bindings:
        found |= _bindings_in(project, name)
    return found


def _bindings_in(project: Project, name: str) -> dict[str, Binding[Any]]:
    """The bindings in one of the modules that the project names."""
    if str(project.root) not in sys.path:
        sys.path.append(str(project.root))  # a project that is not installed keeps its bindings beside its specs
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UnusableInput(f"[tool.tlastep] bindings: {error}", str(project.root / "pyproject.toml")) from error
    except UnusableInput:
        raise
    except Exception as error:
        # Whatever a user's module does wrong while it is imported, it is named in one line.
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = Place(last.filename, last.lineno or 0)
        said = f"{type(error).__name__}: {error}"
        raise UnusableInput(f"the binding {name} can't be imported: {said}", place) from error
    return {each.module: each for each in vars(module).values() if isinstance(each, Binding)}


def binding_of(project: Project, module: str) -> Binding[Any]:
    """The binding of a module, or one line that says which modules have one.

    Where it stands in a file that is called as the module, the others are not imported.
    """
    for name in project.bindings:
        if name.rpartition(".")[2].replace("_", "") == module.lower():
            found = _bindings_in(project, name)
            if module in found:
                return found[module]
    found = bound_modules(project)
    if module not in found:
        known = ", ".join(sorted(found)) or "none"
        raise UnusableInput(f"no binding of {module} (bound: {known})", str(project.root / "pyproject.toml"))
    return found[module]
