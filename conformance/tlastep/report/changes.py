"""What a step changes, down to keys of functions and members of sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tlastep.behaviour import Assignment
from tlastep.values import Fn, Value, in_order, show


class Change(NamedTuple):
    """A part of the state (`term[a]`), what became of it, and what it was."""

    part: str
    now: str
    before: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.now}" + (f"   (was {self.before})" if self.before else "")


def changes(before: Assignment | None, after: Assignment) -> list[Change]:
    """What is different after a step; the whole state where there is none before."""
    if before is None:
        return [Change(name, f"= {show(value)}") for name, value in after.items()]
    return [
        change
        for name, value in after.items()
        for change in (_of_value(name, before[name], value) if name in before else [Change(name, f"= {show(value)}")])
    ]


def _of_value(part: str, before: Value, after: Value) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Fn) and isinstance(after, Fn) and before.mapping.keys() == after.mapping.keys():
        yield from _of_keys(part, before.mapping, after.mapping)
    elif isinstance(before, frozenset) and isinstance(after, frozenset) and before & after:
        yield from (Change(part, f"loses {show(item)}") for item in in_order(before - after))
        yield from (Change(part, f"gains {show(item)}") for item in in_order(after - before))
    elif isinstance(before, tuple) and isinstance(after, tuple) and before and after[: len(before)] == before:
        yield Change(part, f"= {show(before)} \\o {show(after[len(before) :])}")
    else:
        yield Change(part, f"= {show(after)}", show(before))


def _of_keys(part: str, before: Mapping[Value, Value], after: Mapping[Value, Value]) -> Iterator[Change]:
    names = all(isinstance(key, str) for key in after)
    for key in in_order(after):
        yield from _of_value(f"{part}.{key}" if names else f"{part}[{show(key)}]", before[key], after[key])
