"""How a layer of checks says that it has nothing to do with a mutant: nothing of it is about that mutant's module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class Elsewhere(Exception):
    """The layer has nothing to do with this mutant's module."""


def of_module(found: Mapping[str, T], module: str) -> T:
    """What a layer has for this module. Raises `Elsewhere` if it has nothing."""
    if module not in found:
        raise Elsewhere
    return found[module]
