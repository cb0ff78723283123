"""The layers of the checks, each by itself against one mutant: what the full matrix is made of.

A layer has two halves. `ready` runs in a process that serves many mutants, remembers what it made, and never imports
the code. `kill` runs in a fork of it, where changed code may be imported in place of the real one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tlastep.check import machine, machine_kill
from tlastep.check.bindings import bound_modules
from tlastep.check.contract import contracts_of
from tlastep.check.elsewhere import Elsewhere
from tlastep.check.explore import load
from tlastep.check.models import MACHINE, Project
from tlastep.check.mutant_kill import (
    SIMULATION,
    Killer,
    Prepared,
    by_lockstep,
    by_properties,
    by_replay,
    changed_code,
    changed_specs,
    kill_spec,
    models_for,
    prepare,
    prepared,
)
from tlastep.check.mutant_list import Mutant, Side
from tlastep.check.own_layers import load_layer, own_layers
from tlastep.check.simulated import read_beforehand, simulate_beside
from tlastep.check.symbolic import kill_by_contracts
from tlastep.engine.code_system import BoundModel
from tlastep.errors import UnusableInput

SMALL: Final = 25_000  # states of the models in which a changed spec is looked for
MODELS: Final = 2  # and how many of them
STEPS: Final = 20_000  # that the machine takes at most
SCHEDULES: Final = 200  # that the simulation runs at most
SECONDS: Final = 10.0  # for the symbols of one contract
SEED: Final = 1
ALL_SPECS: Final = frozenset({("spec", "tlc"), ("spec", "properties")})  # a spec is judged by itself, bound or not


class Layer(NamedTuple):
    """A layer, the sides whose mutants it sees, and its two halves. A mutant without a killer has escaped it."""

    name: str
    sides: tuple[Side, ...]
    ready: Callable[[Project, Mutant], Any]
    kill: Callable[[Project, Mutant, Any], Killer | None]


def layers(project: Project) -> tuple[Layer, ...]:
    """All layers, from what reads a whole graph to what takes single steps; then those of the project's own."""
    both: tuple[Side, ...] = ("spec", "code")
    known = (
        Layer("tlc", ("spec",), _nothing, _by_tlc),
        Layer("properties", both, _alone_ready, _by_properties),
        Layer("lockstep", both, _compared_ready, _by_lockstep),
        Layer("replay", both, _replayed_ready, _by_replay),
        Layer("machine", both, _machine_ready, _by_machine),
        Layer("simulation", both, _nothing, _by_simulation),
        Layer("crosshair", both, _nothing, _by_contracts),
    )
    return known + tuple(Layer(name, both, _read_ready, _of_project(name, where)) for name, where in project.layers)


def concerned(project: Project) -> dict[tuple[str, str], frozenset[str]]:
    """The modules whose mutants a layer has something to do with, for each side and layer. The others are elsewhere."""
    bound = bound_modules(project)
    of_layer = {
        "properties": bound.keys(),
        "lockstep": bound.keys(),
        "replay": bound.keys(),
        "machine": {model.module for model in project.models if model.kind == MACHINE} & bound.keys(),
        "simulation": {module for module, binding in bound.items() if binding.simulation is not None},
        "crosshair": {each.module for each in contracts_of(project)},
        **{layer.name: layer.modules for layer in own_layers(project)},
    }
    found = {(side, layer.name): of_layer.get(layer.name, ()) for layer in layers(project) for side in layer.sides}
    every = {model.module for model in project.models}
    return {key: frozenset(every if key in ALL_SPECS else modules) for key, modules in found.items()}


@contextmanager
def changed(project: Project, mutant: Mutant) -> Iterator[Project]:
    """The project with the mutant in it: changed code stands in place of the real one, changed specs in a copy."""
    if mutant.side == "code":
        with changed_code(mutant):
            yield project
        return
    with tempfile.TemporaryDirectory(prefix="tlastep-mutant-", ignore_cleanup_errors=True) as own:
        yield changed_specs(project, mutant, Path(own))


def _nothing(project: Project, mutant: Mutant) -> None:
    return None


# -- one side alone ------------------------------------------------------------------------------------------------


def _by_tlc(project: Project, mutant: Mutant, ready: None) -> Killer | None:
    return _named(mutant, kill_spec(project, mutant, "tlc"))


def _alone_ready(project: Project, mutant: Mutant) -> Prepared | None:
    if mutant.side == "spec":
        return None
    name = mutant.breaks.model if mutant.breaks else _candidates(project, mutant)[0]
    return prepared(project, name)


def _by_properties(project: Project, mutant: Mutant, ready: Prepared | None) -> Killer | None:
    """The changed side violates a property all by itself: the one that the list names, or else any."""
    if ready is None:
        return _named(mutant, kill_spec(project, mutant))
    with changed_code(mutant):
        return _named(mutant, [by_properties(mutant, ready, _bound(project, mutant))])


def _named(mutant: Mutant, killers: Sequence[Killer | None]) -> Killer | None:
    """The killer by the property that the list names, if it names one: anything else is an accident, and no kill."""
    wanted = mutant.breaks.property if mutant.breaks else None
    return next((each for each in killers if each and wanted in (None, each.property)), None)


# -- spec and code, through models -----------------------------------------------------------------------------------


def _candidates(project: Project, mutant: Mutant) -> list[str]:
    """The models in which to compare: those named for a mutant of code; for a changed spec the cheapest small ones."""
    if mutant.side == "code":
        return [model.name for model in models_for(project, mutant)]
    wanted = (mutant.module, "safety", "small", "ok")
    safe = [each for each in project.models if (each.module, each.kind, each.size, each.result) == wanted]
    cheap = [each.name for each in sorted(safe, key=lambda each: each.generated) if each.distinct <= SMALL]
    return cheap[:MODELS]


def _compared_ready(project: Project, mutant: Mutant) -> tuple[Prepared, ...]:
    """Mutants of code share their models; those of a changed spec are compiled in the fork."""
    if mutant.side == "spec":
        return ()
    return tuple(prepared(project, name) for name in _candidates(project, mutant))


def _replayed_ready(project: Project, mutant: Mutant) -> tuple[Prepared, ...]:
    if mutant.side == "spec":
        return ()
    return tuple(prepared(project, name, SIMULATION) for name in _candidates(project, mutant))


def _compared(
    project: Project, mutant: Mutant, ready: Sequence[Prepared], *, simulated: bool
) -> Iterator[tuple[Prepared, BoundModel[Any]]]:
    with changed(project, mutant) as there:
        binding = _bound(there, mutant)
        how = SIMULATION if simulated else None
        models = ready or (prepare(there, there.model(name), how) for name in _candidates(project, mutant))
        for model in models:
            yield model, BoundModel(binding, model.bare)


def _by_lockstep(project: Project, mutant: Mutant, ready: Sequence[Prepared]) -> Killer | None:
    return by_lockstep(_compared(project, mutant, ready, simulated=False))


def _by_replay(project: Project, mutant: Mutant, ready: Sequence[Prepared]) -> Killer | None:
    try:
        return by_replay(_compared(project, mutant, ready, simulated=True))
    except UnusableInput as error:
        # A changed spec may violate a property while TLC simulates it, so that there is no behaviour to replay.
        if mutant.side == "code" or "simulation stopped" not in error.message:
            raise
        return Killer("replay", "", "simulation stopped", 0)


# -- past the bound --------------------------------------------------------------------------------------------------


def _machine_ready(project: Project, mutant: Mutant) -> tuple[machine.Prepared, ...]:
    models = machine_kill.machine_models(project, mutant.module)
    if not models:
        raise Elsewhere
    small = [model for model in models if model.size == "small"] or models[:1]
    return tuple(_machine_prepared(project.root, project, model.name) for model in small)


@lru_cache(maxsize=8)
def _machine_prepared(root: Path, project: Project, name: str) -> machine.Prepared:
    return machine.prepare(project, project.model(name))


def _by_machine(project: Project, mutant: Mutant, ready: tuple[machine.Prepared, ...]) -> Killer | None:
    return machine_kill.kill_by_machine(project, mutant, ready, steps=STEPS, seed=SEED)


def _by_simulation(project: Project, mutant: Mutant, ready: None) -> Killer | None:
    with changed(project, mutant) as there:
        binding = _bound(there, mutant)
        if binding.simulation is None:
            raise Elsewhere
        found = simulate_beside(there, binding, schedules=SCHEDULES, seed=SEED)
    return Killer("simulation", f"{found.schedules} schedules", found.name, found.steps) if found.finding else None


def _by_contracts(project: Project, mutant: Mutant, ready: None) -> Killer | None:
    with changed(project, mutant) as there:
        mine = [each for each in contracts_of(there) if each.module == mutant.module]
        if not mine:
            raise Elsewhere
        for contracts in mine:
            model = there.model(contracts.model)
            compiled = load(there.spec(model), there.config(model))
            if killer := kill_by_contracts(contracts, compiled, mutant.file, seconds=SECONDS):
                return killer
    return None


def _read_ready(project: Project, mutant: Mutant) -> None:
    """What a layer of the project does is its own; most read the spec."""
    if mutant.side == "code":
        read_beforehand(project, mutant.module)


def _of_project(name: str, where: str) -> Callable[[Project, Mutant, None], Killer | None]:
    """A layer that a project brings along (`check/own_layers.py`); its module is loaded where the code is changed."""

    def kill(project: Project, mutant: Mutant, ready: None) -> Killer | None:
        with changed(project, mutant) as there:
            layer = load_layer(there, name, where)
            if mutant.module not in layer.modules:
                raise Elsewhere
            return layer.kill(there, mutant.module)

    return kill


def _bound(project: Project, mutant: Mutant) -> Any:
    found = bound_modules(project).get(mutant.module)
    if found is None:
        raise Elsewhere
    return found
