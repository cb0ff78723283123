"""The page of a verification: what was checked of each model, each property and each mutant, and how deep it went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from tlastep.check.claims import Claim, Other
from tlastep.check.coverage import Coverage, merged_rows, unreached
from tlastep.check.matrix import Tried, key
from tlastep.check.models import Model
from tlastep.check.mutants import Judged
from tlastep.check.verify import COVERAGES, Row, coverage_of
from tlastep.report.html import Section
from tlastep.report.matrix import listed_rows, listed_totals, matrix_rows, totals
from tlastep.report.summary import mutant_rows

LIVENESS: Final = (
    "TLC shows the properties; here, in each state of the model, spec and code have the same steps, so they carry over."
)
EXPECTED: Final = "What must be reachable, stated as if it were not, and wrong designs: each must violate its property."
OTHERS: Final = "Not part of this verification: name them, or their size, or have `tlastep machine` walk through them."
LISTED: Final = (
    "Not tried since anything was changed: `tlastep matrix` tries them, and compares with this list. A dash: the layer "
    "misses it. Nothing: the layer has nothing to do with this module."
)


class Verified(NamedTuple):
    """All that a verification found.

    `models` were looked at, and `others` are the rest. `tried` is what is known of the matrix at the same texts,
    `listed` which layers kill which mutants by the list, and `concerned` of which modules each layer can say something.
    """

    table: Sequence[Mapping[str, object]]
    rows: Sequence[Row]
    judged: Sequence[Judged]
    claims: Sequence[Claim]
    tried: Sequence[Tried]
    listed: Mapping[tuple[str, str], Sequence[str]]
    models: Sequence[Model]
    others: Sequence[Other]
    concerned: Mapping[tuple[str, str], Collection[str]]


def sections(found: Verified, wrong: Sequence[str]) -> list[Section]:
    """The parts of the page; what does not hold comes first."""
    reached = coverage_of(found.rows)
    failed = [Section("What does not hold", printed="\n".join(wrong))] if wrong else []
    return [
        *failed,
        Section("Models", found.table, "TLC's counts judge the engine; spec and code have one digest."),
        Section("Properties", _claims(found), "Each must hold where it is claimed, and something must violate it."),
        Section("Witnesses and expected violations", _expected(found), EXPECTED),
        Section(
            "Replays", _replays(found.rows), "Behaviours that TLC simulated, and graphs that it dumped, on the code."
        ),
        Section("Liveness", _premises(found.rows), LIVENESS),
        Section("Past the bound", _deep(found.rows), "Random walks, simulated faults, and contracts on all inputs."),
        Section("Coverage", merged_rows(reached), _unreached(reached)),
        Section("Mutants", mutant_rows(found.judged), "Each is one small change; something must notice it."),
        *_matrix(found),
        Section("Models that were left out", [each.row() for each in found.others], OTHERS),
    ]


def _claims(found: Verified) -> list[dict[str, object]]:
    judged: dict[str, bool] = {}
    for row in found.rows:
        judged[row.model] = judged.get(row.model, True) and row.holds
    return [each.row(judged) for each in found.claims]


def _expected(found: Verified) -> list[dict[str, object]]:
    states = {row["model"]: row[""] for row in found.table}
    return [
        {
            "model": model.name,
            "module": model.module,
            "kind": model.kind,
            "": states.get(model.name),
            "must find": model.result,
            "says": model.says,
        }
        for model in found.models
        if model.result != "ok"
    ]


def _replays(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [
        {
            "model": row.model,
            "": "ok" if row.holds else "fails",
            "behaviours": row.found.get("behaviours"),
            "steps": row.found.get("steps"),
            "actions never taken": ", ".join(row.found.get("graph", row.found)["untaken"]),
            "graph": _graph(row),
        }
        for row in rows
        if row.part in ("replay", "counterexample")
    ]


def _premises(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [
        {
            "model": row.model,
            "": "ok" if row.holds else "fails",
            **{name: row.found[name] for name in ("states", "steps")},
            "enabled, equal": row.found["enabled"],
            "left to the environment": ", ".join(row.found.get("left_out", ())),
            "says": row.says,
        }
        for row in rows
        if row.part == "premises"
    ]


def _graph(row: Row) -> str:
    graph = row.found.get("graph")
    return f"{graph['taken']:,} of {graph['transitions']:,} steps taken" if graph else ""


def _deep(rows: Sequence[Row]) -> list[dict[str, object]]:
    """What was done where nothing can be exhausted: walks, simulations, and contracts that a solver looked at."""
    found: list[dict[str, object]] = []
    for row in rows:
        if row.part in ("machine", "simulation") or COVERAGES in row.found:
            names = ("steps", "states", "outside", "episodes", "schedules")
            numbers = {name: row.found.get(name) for name in names}
            shown = {"layer": row.part, "model": row.model, "": "ok" if row.holds else "fails"}
            found.append({**shown, **numbers, "says": row.says})
        if row.part == "symbolic":
            found += [
                {
                    "layer": f"symbolic {each['code']}",
                    "model": row.model,
                    "": "ok" if each["result"] != "found" else "fails",
                    "steps": each["paths"],
                    "says": f"{each['result']}: {each['within']}",
                }
                for each in row.found["contracts"]
            ]
    return found


def _unreached(reached: Sequence[Coverage]) -> str:
    """What is said above the table of coverage."""
    says = "What each layer reached of the actions of a spec, and of their conjuncts, and what no layer above it had."
    left = [f"{', '.join(places)} of {module}" for module, places in unreached(reached).items() if places]
    return says + (f" Reached by none: {'; '.join(left)}." if left else " Nothing is left that none of them reaches.")


def _matrix(found: Verified) -> list[Section]:
    """What is known of each mutant and layer. A mutant that the list lacks has an empty row."""
    tried, listed = found.tried, {key(each.mutant): () for each in found.judged} | dict(found.listed)
    names = {key(each.mutant) for each in tried}
    others = {of: layers for of, layers in listed.items() if of not in names}
    modules = {key(each.mutant): each.mutant.module for each in found.judged}
    rows = listed_rows(others, modules, found.concerned)
    by_list = [
        Section("Layers, as listed", listed_totals(rows), "Of the mutants that a layer has something to do with."),
        Section("Mutants by layer, as listed", rows, LISTED),
    ]
    if not tried:
        return by_list
    return [
        Section("Layers", totals(tried), "What each layer killed, alone. Mutants of other modules are left out."),
        Section("Mutants by layer", matrix_rows(tried), "Steps (or states, paths, schedules) until the mutant showed."),
        *by_list,
    ]
