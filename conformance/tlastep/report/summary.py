"""The one table of a verification: a row a model, a row a mutant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tlastep.check.models import Model
from tlastep.check.mutants import Judged
from tlastep.check.verify import Row


def summary(models: Sequence[Model], rows: Sequence[Row], judged: Sequence[Judged]) -> list[dict[str, object]]:
    """What was found of each model, in the columns of the final table."""
    kills = Counter(by.model for each in judged if each.killed for by in each.by)
    found = []
    for model in models:
        of_model = {row.part: row for row in rows if row.model == model.name}
        found.append(_row(model, of_model, kills[model.name]))
    return found


def _row(model: Model, rows: dict[str, Row], kills: int) -> dict[str, object]:
    # A model is of no other table than one whose rest was verified: what is missing was recorded.
    recorded = {"result": f"{model.result}, recorded", "distinct": model.distinct or None}
    tlc: dict[str, Any] = rows["tlc"].found if "tlc" in rows else recorded
    locked: dict[str, Any] = rows["lockstep"].found if "lockstep" in rows else {}
    actions: dict[str, int] = locked.get("actions", {})
    return {
        "model": model.name,
        "": "ok" if all(row.holds for row in rows.values()) else "fails",
        "TLC says": tlc.get("result"),
        "TLC states": tlc.get("distinct"),
        "spec states": locked.get("spec_states"),
        "code states": locked.get("code_states"),
        "transitions": locked.get("code_transitions"),
        "boundary": locked.get("boundary"),
        "refusals": locked.get("refusals"),
        "actions": f"{sum(map(bool, actions.values()))}/{len(actions)}" if actions else None,
        "properties": len(locked["properties"]) if locked else None,
        "mutants killed": kills or None,
        "seconds": sum(row.seconds for row in rows.values()),
    }


def mutant_rows(judged: Sequence[Judged]) -> list[dict[str, object]]:
    """What became of each mutant."""
    return [
        {
            "mutant": each.mutant.name,
            "side": each.mutant.side,
            "class": each.mutant.kind,
            "": "killed" if each.killed else "survived",
            "by": "; ".join(f"{by.layer} {by.model}: {by.property} at {by.depth}" for by in each.by),
            "seconds": each.seconds,
        }
        for each in judged
    ]
