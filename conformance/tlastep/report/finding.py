"""A finding of lock-step or replay as text: how to get there, what each side does, and which conjunct is false."""

from __future__ import annotations

from collections.abc import Mapping

from tlastep.check.verdict import Finding
from tlastep.report import text
from tlastep.report.changes import changes
from tlastep.values import Value


def finding(name: str, found: Finding) -> str:
    """The shortest behaviour to a finding, action by action, and the difference at its end."""
    lines = [f"{name}: {found.kind}: {found.summary}", text.behaviour(found.behaviour)]
    last = found.behaviour.steps[-1].state
    if found.kind == "difference" and found.label is not None:
        lines.append(f"then {found.label}")
        lines += _side("the spec", last, found.spec_next)
        lines += _side("the code", last, found.code_next)
    if found.differing:
        lines.append(f"  variables that differ: {', '.join(found.differing)}")
    lines += [f"  false in the spec: {place}" for place in found.conjuncts]
    return "\n".join(lines)


def _side(who: str, before: Mapping[str, Value], after: Mapping[str, Value] | None) -> list[str]:
    if after is None:
        return [f"  {who} refuses"]
    changed = changes(before, after)
    return [f"  {who}:", *(f"        {change}" for change in changed)] if changed else [f"  {who}: nothing changes"]
