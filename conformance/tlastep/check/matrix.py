"""The full matrix: every mutant of spec and code against every layer of the checks, each alone.

What kills what is written down (`matrix` in [tool.tlastep]) and compared: a layer that no longer sees what it saw is a
finding, and so is one that sees more, until the list says so. Whatever the list says, lock-step kills every mutant of
code, and so does the machine or the simulation.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Final, Literal, TypeAlias

import msgspec

from tlastep.check.elsewhere import Elsewhere
from tlastep.check.layers import Layer, layers
from tlastep.check.memory import Memory
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer, compile_packages
from tlastep.check.mutant_list import Mutant, read_mutants
from tlastep.check.mutants import NO_LAYER, Judged, in_child, problem_of_code
from tlastep.check.tables import convert, read_toml
from tlastep.errors import UnusableInput

State: TypeAlias = Literal["killed", "escaped", "elsewhere", "unjudged"]
ELSEWHERE: Final = "elsewhere"
DEEP: Final = frozenset({"machine", "simulation"})
JUDGES: Final = frozenset({"properties", "lockstep", "replay"})


class Cell(msgspec.Struct, frozen=True):
    """What one layer did to one mutant. `elsewhere`: the layer has nothing to do with the mutant's module."""

    layer: str
    state: State
    by: Killer | None
    seconds: float


class Tried(msgspec.Struct, frozen=True):
    """One mutant against all layers, and what is not as expected."""

    mutant: Mutant
    cells: tuple[Cell, ...]
    problems: tuple[str, ...]

    @property
    def killers(self) -> tuple[str, ...]:
        """The layers that killed it."""
        return tuple(each.layer for each in self.cells if each.state == "killed")

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        return {
            "mutant": self.mutant.name,
            "side": self.mutant.side,
            "module": self.mutant.module,
            "layers": {
                each.layer: {
                    "state": each.state,
                    "model": each.by.model if each.by else "",
                    "property": each.by.property if each.by else "",
                    "steps": each.by.depth if each.by else 0,
                    "seconds": round(each.seconds, 3),
                }
                for each in self.cells
            },
            "problems": list(self.problems),
        }


def run_matrix(
    project: Project, mutants: Sequence[Mutant], *, only: Sequence[str] = (), workers: int | None = None
) -> Iterator[Tried]:
    """Tries all layers (or only these) on these mutants, several at a time, and yields them in their order."""
    for each in mutants:
        each.changed()
    compile_packages(mutants)
    expected = read_expected(project)
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or min(2, os.cpu_count() or 1), fresh) as pool:
        futures = [pool.submit(try_all, project, each, tuple(only)) for each in mutants]
        try:
            for each, future in zip(mutants, futures, strict=True):
                cells = future.result()
                yield Tried(each, cells, tuple(problems(each, cells, expected.get(key(each)))))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def try_all(project: Project, mutant: Mutant, only: Sequence[str] = ()) -> tuple[Cell, ...]:
    """All layers that see mutants of this side, one after the other, each in a process of its own."""
    found = []
    for layer in layers(project):
        if mutant.side in layer.sides and (not only or layer.name in only):
            begun = perf_counter()
            state, by = _try(project, mutant, layer)
            found.append(Cell(layer.name, state, by, perf_counter() - begun))
    return tuple(found)


def _try(project: Project, mutant: Mutant, layer: Layer) -> tuple[State, Killer | None]:
    try:
        ready = layer.ready(project, mutant)
    except Elsewhere:
        return "elsewhere", None

    def task() -> list[Killer]:
        try:
            killer = layer.kill(project, mutant, ready)
        except Elsewhere:
            return [Killer(ELSEWHERE, "", "", 0)]
        return [killer] if killer else []

    (by,) = in_child(task) or (None,)
    if by is None:
        return "escaped", None
    if by.layer == ELSEWHERE:
        return "elsewhere", None
    return ("unjudged" if by.layer == NO_LAYER else "killed"), by


def keep_matrix(project: Project, found: Sequence[Tried]) -> None:
    """Keeps what all layers did to these mutants, for whoever verifies the very same texts."""
    memory = Memory(project, fresh=False)
    for each in found:
        memory.keep(_kept(each.mutant), each)


def known_matrix(project: Project) -> list[Tried]:
    """What is known of the mutants since anything was changed: of all of them, some or none."""
    memory = Memory(project, fresh=False)
    found = [memory.recall(_kept(mutant), Tried) for mutant in read_mutants(project)]
    return [each for each in found if each is not None]


def _kept(mutant: Mutant) -> str:
    return f"matrix {mutant.side} {mutant.name}"


def judged(tried: Tried) -> Judged:
    """A mutant of code as the command `mutants` judges it, from what these layers did to it here."""
    cells = [cell for cell in tried.cells if cell.layer in JUDGES]
    by = [cell.by for cell in cells if cell.by is not None]
    problem = problem_of_code(tried.mutant, by, tried.mutant.models)
    return Judged(tried.mutant, tuple(by), problem, sum(cell.seconds for cell in cells))


# -- what is expected ----------------------------------------------------------------------------------------------


class _Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    spec: Mapping[str, tuple[str, ...]] = {}
    code: Mapping[str, tuple[str, ...]] = {}


def key(mutant: Mutant) -> tuple[str, str]:
    """What the list calls a mutant: names are unique on each side."""
    return mutant.side, mutant.name


def read_expected(project: Project) -> dict[tuple[str, str], tuple[str, ...]]:
    """The layers that kill each mutant, by the project's list."""
    if project.matrix is None:
        return {}
    read = convert(read_toml(project.matrix), _Expected, project.matrix)
    known = {layer.name for layer in layers(project)}
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for side, table in (("spec", read.spec), ("code", read.code)):
        for name, killers in table.items():
            if unknown := sorted(set(killers) - known):
                raise UnusableInput(f"{side} mutant {name}: no layer {unknown[0]}", str(project.matrix))
            found[side, name] = killers
    return found


def gaps(mutants: Iterable[Mutant], listed: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    """What the list lacks: mutants without a row, or whose row names no layer, and rows of no mutant."""
    known = {key(each) for each in mutants}
    for side, name in sorted(known - listed.keys()):
        yield f"{side} mutant {name}: is not in the list of what kills what"
    for side, name in sorted(listed.keys() - known):
        yield f"{side} mutant {name}: is in the list of what kills what, and there is none"
    for (side, name), killers in listed.items():
        if not killers:
            yield f"{side} mutant {name}: no layer kills it, by the list"


def write_expected(
    path: Path, found: Sequence[Tried], known: Mapping[tuple[str, str], tuple[str, ...]] | None = None
) -> None:
    """Writes down what kills what; what is known of mutants, and of layers, that were not tried now stays."""
    every = dict(known or {})
    for each in found:
        tried = {cell.layer for cell in each.cells}
        others = [layer for layer in every.get(key(each.mutant), ()) if layer not in tried]
        every[key(each.mutant)] = (*others, *each.killers)
    lines = [
        "# Which layers kill which mutant. Written by `tlastep matrix --rewrite`, and compared by `tlastep matrix`;",
        "# a change of it is to be looked at like any other.",
    ]
    for side in ("spec", "code"):
        lines += ["", f"[{side}]"]
        for (of, name), killers in every.items():
            if of == side:
                quoted = ", ".join(f'"{layer}"' for layer in killers)
                lines.append(f"{name} = [{quoted}]")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def problems(mutant: Mutant, cells: Sequence[Cell], expected: Sequence[str] | None) -> Iterator[str]:
    """What is not as it should be about a row."""
    for cell in cells:
        if cell.state == "unjudged":
            assert cell.by is not None
            yield f"{cell.layer}: not judged: {cell.by.property}"
        elif expected is not None and (cell.state == "killed") != (cell.layer in expected):
            yield f"{cell.layer}: {cell.state}, expected {'killed' if cell.layer in expected else 'escaped'}"
    if expected is None:
        yield "is not in the list of what kills what"
    states = {cell.layer: cell.state for cell in cells}
    if mutant.side == "code" and states.get("lockstep") == "escaped":
        yield "escapes lock-step"
    deep = {states[name] for name in DEEP & states.keys()}
    if mutant.side == "code" and states.keys() >= DEEP and "killed" not in deep and deep != {"elsewhere"}:
        yield "escapes both the machine and the simulation"
