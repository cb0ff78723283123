"""Quantified variables and predicates as functions of a state, whoever wrote them: the compiler or a binding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Quantified:
    """A bound variable: `domain(view, *earlier)` gives what it ranges over; never changing where `constant`."""

    name: str
    domain: Callable[..., Iterable[Any]]
    constant: bool


@dataclass(frozen=True)
class Part:
    """A conjunct of a predicate: `test(view, *bound)`, or `test(view, next, *bound)` for a step.

    `code` is the test as text, if it was generated.
    """

    quantified: tuple[Quantified, ...]
    test: Callable[..., bool]
    place: str
    code: str = ""


@dataclass(frozen=True)
class Predicate:
    """A named predicate on states or on steps; true if all parts are, for all bound values."""

    name: str
    parts: tuple[Part, ...]


def bindings(quantified: tuple[Quantified, ...], view: Any) -> Iterator[tuple[Any, ...]]:
    """All ways to bind the variables, domains evaluated in the given state."""
    constant = 0
    while constant < len(quantified) and quantified[constant].constant:
        constant += 1
    chosen = _constant_bindings(quantified[:constant])
    for variable in quantified[constant:]:
        chosen = [(*earlier, value) for earlier in chosen for value in variable.domain(view, *earlier)]
    return iter(chosen)


@lru_cache(maxsize=4096)
def _constant_bindings(quantified: tuple[Quantified, ...]) -> list[tuple[Any, ...]]:
    """The bindings of variables whose domains never change, found once."""
    chosen: list[tuple[Any, ...]] = [()]
    for variable in quantified:
        chosen = [(*earlier, value) for earlier in chosen for value in variable.domain(None, *earlier)]
    return chosen
