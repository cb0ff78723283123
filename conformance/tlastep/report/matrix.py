"""The matrix of mutants and layers as rows: a mutant a row, a layer a column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import median

from tlastep.check.matrix import Cell, Tried
from tlastep.report import text


def matrix_rows(found: Sequence[Tried]) -> list[dict[str, object]]:
    """What became of each mutant in each layer: after how many steps it died, or a dash."""
    names = layer_names(found)
    rows: list[dict[str, object]] = []
    for each in found:
        cells = {cell.layer: cell for cell in each.cells}
        shown = {name: _shown(cells.get(name)) for name in names}
        row = {"mutant": each.mutant.name, "side": each.mutant.side, "class": each.mutant.kind, **shown}
        rows.append({**row, "seconds": sum(cell.seconds for cell in each.cells)})
    return rows


def listed_rows(
    listed: Mapping[tuple[str, str], Sequence[str]],
    modules: Mapping[tuple[str, str], str],
    concerned: Mapping[tuple[str, str], Collection[str]],
) -> list[dict[str, object]]:
    """What each layer does to each mutant by the list, whose mutants are named by side and name: killed, or a dash.

    Nothing is said of a layer that is not `concerned` with a mutant's module.
    """
    names = list(dict.fromkeys(name for _, name in concerned))
    rows: list[dict[str, object]] = []
    for (side, name), killers in listed.items():
        module = modules.get((side, name))
        shown = {each: _by_list(each in killers, module, concerned.get((side, each), ())) for each in names}
        rows.append({"mutant": name, "side": side, "module": module, **shown})
    return rows


def listed_totals(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Of how many mutants that it has something to do with each layer kills how many, by such rows: a side a column."""
    names = [name for name in (rows[0] if rows else ()) if name not in ("mutant", "side", "module")]
    return [{"layer": name, **{side: _killed_of(rows, side, name) for side in ("spec", "code")}} for name in names]


def _killed_of(rows: Sequence[Mapping[str, object]], side: str, layer: str) -> str | None:
    said = [row[layer] for row in rows if row["side"] == side and row[layer] is not None]
    return f"{said.count('killed')} of {len(said)}" if said else None


def _by_list(killed: bool, module: str | None, concerned: Collection[str]) -> str | None:
    if killed:
        return "killed"
    return text.NONE if module in concerned else None


def totals(found: Sequence[Tried]) -> list[dict[str, object]]:
    """What each layer killed, how many steps it took in the middle and at most, and how long."""
    rows: list[dict[str, object]] = []
    for side in ("spec", "code"):
        for name in layer_names(found):
            cells = [cell for each in found if each.mutant.side == side for cell in each.cells if cell.layer == name]
            tried = [cell for cell in cells if cell.state != "elsewhere"]
            if tried:
                rows.append({"side": side, **_total(name, tried)})
    return rows


def _total(name: str, tried: Sequence[Cell]) -> dict[str, object]:
    steps = [cell.by.depth for cell in tried if cell.state == "killed" and cell.by]
    return {
        "layer": name,
        "killed": f"{len(steps)} of {len(tried)}",
        "steps, median": round(median(steps)) if steps else None,
        "at most": max(steps, default=None),
        "seconds": sum(cell.seconds for cell in tried),
    }


def layer_names(found: Sequence[Tried]) -> list[str]:
    """The layers, in their order."""
    return list(dict.fromkeys(cell.layer for each in found for cell in each.cells))


def _shown(cell: Cell | None) -> object:
    if cell is None or cell.state == "elsewhere":
        return None
    if cell.state != "killed" or cell.by is None:
        return text.NONE if cell.state == "escaped" else cell.state
    return cell.by.depth
