"""How much of a spec each layer reached: its actions, the conjuncts of these, and steps; and what each layer added.

A layer (lock-step, replay, random machine, ...) says for each model what it reached. Here that is merged, over all
layers and models of a module, in the order in which the layers go deeper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tlastep.engine.conjuncts import Conjuncts

LAYERS: Final = ("lockstep", "replay", "transcripts", "machine", "simulation")
"""The layers that execute a spec, from the most exhaustive to the deepest."""


class Coverage(msgspec.Struct, frozen=True):
    """What one layer reached of one module, in one model.

    `actions` counts steps by action. `conjuncts` are places in the .tla file, out of `all_conjuncts`. `transitions`
    are distinct steps, and `beyond` those of them that begin outside of what is explored exhaustively.
    """

    layer: str
    model: str
    module: str
    actions: Mapping[str, int]
    conjuncts: tuple[str, ...]
    all_conjuncts: tuple[str, ...]
    transitions: int
    beyond: int = 0


def covered(
    layer: str,
    model: str,
    module: str,
    actions: Mapping[str, int],
    conjuncts: Conjuncts,
    transitions: int,
    beyond: int = 0,
) -> Coverage:
    """What a layer reached, from the conjuncts that were watched."""
    reached, every = tuple(sorted(conjuncts.reached)), tuple(sorted(conjuncts.all))
    return Coverage(layer, model, module, dict(sorted(actions.items())), reached, every, transitions, beyond)


class Merged(msgspec.Struct, frozen=True):
    """What one layer reached of one module in all its models, and what no earlier layer had reached."""

    module: str
    layer: str
    models: int
    actions: Mapping[str, int]
    conjuncts: frozenset[str]
    added_actions: tuple[str, ...]
    added_conjuncts: tuple[str, ...]
    transitions: int
    beyond: int


def merge(found: Iterable[Coverage]) -> list[Merged]:
    """The coverage of each module and layer, in the order of the layers."""
    groups: dict[tuple[str, str], list[Coverage]] = {}
    for each in found:
        groups.setdefault((each.module, each.layer), []).append(each)
    order = {layer: place for place, layer in enumerate(LAYERS)}
    merged: list[Merged] = []
    for module in sorted({module for module, _ in groups}):
        known_actions, known_conjuncts = set[str](), set[str]()
        layers = [layer for of, layer in groups if of == module]
        for layer in sorted(layers, key=lambda name: (order.get(name, len(order)), name)):
            row = _merge_layer(module, layer, groups[module, layer], known_actions, known_conjuncts)
            known_actions |= {name for name, number in row.actions.items() if number}
            known_conjuncts |= row.conjuncts
            merged.append(row)
    return merged


def _merge_layer(
    module: str, layer: str, parts: Sequence[Coverage], known_actions: set[str], known_conjuncts: set[str]
) -> Merged:
    actions: dict[str, int] = {}
    for part in parts:
        for name, number in part.actions.items():
            actions[name] = actions.get(name, 0) + number
    conjuncts = frozenset(place for part in parts for place in part.conjuncts)
    return Merged(
        module=module,
        layer=layer,
        models=len(parts),
        actions=actions,
        conjuncts=conjuncts,
        added_actions=tuple(sorted(name for name, number in actions.items() if number and name not in known_actions)),
        added_conjuncts=tuple(sorted(conjuncts - known_conjuncts)),
        transitions=sum(part.transitions for part in parts),
        beyond=sum(part.beyond for part in parts),
    )


def unreached(found: Iterable[Coverage]) -> dict[str, tuple[str, ...]]:
    """By module, the conjuncts that no layer reached in any model."""
    left: dict[str, set[str]] = {}
    reached: dict[str, set[str]] = {}
    for each in found:
        left.setdefault(each.module, set()).update(each.all_conjuncts)
        reached.setdefault(each.module, set()).update(each.conjuncts)
    return {module: tuple(sorted(every - reached[module])) for module, every in sorted(left.items())}


def write_coverage(folder: Path, found: Iterable[Coverage]) -> None:
    """Writes one file a layer and model, and `merged.json`. What other runs wrote of other layers stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        path = folder / f"{each.layer}-{each.model.replace(' ', '-')}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(each), indent=2) + b"\n")
    rows = merged_rows(read_coverage(folder))
    (folder / "merged.json").write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")


def read_coverage(folder: Path) -> list[Coverage]:
    """What all runs wrote."""
    files = sorted(path for path in folder.glob("*-*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Coverage) for path in files]


def merged_rows(found: Sequence[Coverage]) -> list[dict[str, object]]:
    """The merged coverage as rows of a table."""
    every: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for each in found:
        every.setdefault(each.module, set()).update(each.all_conjuncts)
        names.setdefault(each.module, set()).update(each.actions)
    return [
        {
            "module": each.module,
            "layer": each.layer,
            "models": each.models,
            "steps": sum(each.actions.values()),
            "distinct steps": each.transitions,
            "beyond the bound": each.beyond,
            "actions": f"{sum(map(bool, each.actions.values()))} of {len(names[each.module])}",
            "conjuncts": f"{len(each.conjuncts)} of {len(every[each.module])}",
            "conjuncts added": len(each.added_conjuncts),
        }
        for each in merge(found)
    ]
