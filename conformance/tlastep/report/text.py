"""Verdicts, behaviours and tables as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table

from tlastep.behaviour import Behaviour, Step
from tlastep.report.changes import changes


def verdict(name: str, result: str, message: str = "") -> str:
    """One line: what was checked, what came of it, and where."""
    return f"{name}: {result}" + (f" – {message}" if message and result != "ok" else "")


def heading(step: Step, index: int) -> str:
    """What a step is called: its action, or the initial state."""
    if index == 0:
        return "initial state"
    return str(step.label) if step.label else "some step"


def ending(behaviour: Behaviour) -> str:
    """How an endless behaviour goes on; nothing for a finite one."""
    if behaviour.stutters:
        return "and nothing ever happens again"
    return f"and back to state {behaviour.loop + 1}, for ever" if behaviour.loop is not None else ""


def behaviour(found: Behaviour) -> str:
    """A behaviour, action by action, with what each one changed."""
    lines: list[str] = []
    before = None
    for index, step in enumerate(found.steps):
        lines.append(f"{index + 1:>4}  {heading(step, index)}")
        changed = changes(before, step.state)
        lines += [f"        {change}" for change in changed] or ["        (nothing changes)"]
        before = step.state
    if end := ending(found):
        lines.append(f"      {end}")
    return "\n".join(lines)


def cell(value: object) -> str:
    """A value as it stands in a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


NONE: Final = "–"
"""Stands in a column of numbers where there was something to count, and it did not happen."""


def is_number(value: object) -> bool:
    """Whether a column of these is set to the right."""
    return value == NONE or (isinstance(value, (int, float)) and not isinstance(value, bool))


def table(rows: Sequence[Mapping[str, object]], title: str | None = None) -> Table:
    """A table with a column for each key, in the order of the first row."""
    found = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        right = all(is_number(row[name]) for row in rows if row.get(name) is not None)
        found.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        found.add_row(*(cell(row.get(name)).replace("[", "\\[") for name in columns))
    return found
