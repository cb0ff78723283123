"""Everything that is claimed, checked in one go: each model by TLC and by the Python engine, spec and code in
lock-step, TLC's behaviours and graphs on the code, and all mutants.

The work is cut into units, each of which says in a row of plain values what it found. A row that was good is kept
under a hash of all texts that it depends on, so that what has not changed need not be computed again.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec

from tlastep.behaviour import Behaviour
from tlastep.binding import Binding
from tlastep.check.bindings import bound_modules
from tlastep.check.check import Checked, check_model, miscounted
from tlastep.check.contract import contracts_of
from tlastep.check.coverage import Coverage
from tlastep.check.direct import lockstep_directly
from tlastep.check.direct_code import execute
from tlastep.check.explore import load
from tlastep.check.machine import shortcomings, walk_model
from tlastep.check.matrix import judged, key, known_matrix
from tlastep.check.memory import Memory
from tlastep.check.models import MACHINE, Model, Project, find_project
from tlastep.check.mutants import Judged, read_mutants, run_mutants
from tlastep.check.own_layers import own_layers
from tlastep.check.premises import check_premises
from tlastep.check.records import is_recorded
from tlastep.check.run_lockstep import lockable, run_lockstep
from tlastep.check.run_replay import ReplayedModel, replay_counterexample, run_replay
from tlastep.check.simulated import simulate_beside
from tlastep.check.symbolic import run_symbolic
from tlastep.engine.code_system import BoundModel
from tlastep.language.config import read_config
from tlastep.toolchain import sany_server, state_graph

DIRECT: Final = 1_000  # states up to which spec and code are also stepped without any memory
EXECUTED: Final = 5_000  # states up to which the code alone is also executed at every offer, without any memory
SIMULATED: Final = 1  # models of each module, the largest, of which TLC simulates behaviours for replay
PARALLEL: Final = 2
LONG: Final = frozenset({"symbolic", "machine", "simulation"})  # parts whose time no number of states tells
SCHEDULES: Final = 300  # of faults, of the simulation: beside the spec some two thousand a minute
COVERAGE: Final = "coverage"  # where a row keeps what its layer reached of the spec
COVERAGES: Final = "coverages"  # the same of a layer that reaches it in several pieces


class Unit(msgspec.Struct, frozen=True):
    """One piece of work: a part of the verification and the model (or mutant) that it is about."""

    part: str
    model: str


class Row(msgspec.Struct, frozen=True):
    """What a unit found. `holds` says whether it is as it should be, `says` why not (or what was found)."""

    part: str
    model: str
    holds: bool
    says: str
    seconds: float
    found: dict[str, Any]


def units(project: Project, models: Sequence[Model], *, fresh: bool = False) -> list[Unit]:
    """The work on these models, that of which no number of states tells the time first.

    What is recorded of TLC counts as known, unless everything is to be fresh.
    """
    bound = bound_modules(project)
    locked = {model.name for model, _ in lockable(project, tuple(models))}
    found = [Unit("tlc", model.name) for model in models if fresh or not is_recorded(project, model)]
    found += [Unit("lockstep", model.name) for model in models if model.name in locked]
    # Lock-step explores the spec of the others with the same engine, and is held to TLC's counts itself.
    found += [Unit("python", model.name) for model in models if model.name not in locked]
    # What TLC says of the others, its graph or its counterexample, is replayed right away.
    found += [Unit("replay", name) for name in _simulated(model for model in models if model.name in locked)]
    found += [Unit("premises", model.name) for model in models if model.kind == "liveness" and model.module in bound]
    found += [Unit("direct", model.name) for model in models if model.name in locked and model.distinct <= DIRECT]
    found += [Unit("executed", model.name) for model in models if model.name in locked and model.distinct <= EXECUTED]
    named = {model.name for model in models}
    found += [Unit("symbolic", each.model) for each in contracts_of(project) if each.model in named]
    modules = {model.module for model in models}
    walks = [each for each in project.models if each.kind == MACHINE and each.size == "small"]
    walked = [each for each in walks if each.module in modules & bound.keys()]
    found += [Unit("machine", each.name) for each in walked]
    # A simulation makes models of its own, from its schedules; it is told by the model for walks.
    simulated = {each.module: each.name for each in walked if bound[each.module].simulation}
    found += [Unit("simulation", name) for name in simulated.values()]
    first = {model.module: model.name for model in reversed(models)}
    for layer in own_layers(project):
        found += [Unit(layer.name, first[module]) for module in sorted(layer.modules & first.keys())]
    of = {model.name: model for model in project.models}
    dear: Counter[str] = Counter()
    for unit in found:
        dear[of[unit.model].spec] += of[unit.model].generated
    # Spec by spec, so that each is read once in a process; the dearest first, so that what ends the work is small.
    found.sort(key=lambda unit: (-dear[of[unit.model].spec], of[unit.model].spec, -of[unit.model].generated))
    return sorted(found, key=lambda unit: unit.part not in LONG)


def verify(
    project: Project, models: Sequence[Model], *, fresh: bool, on_row: Callable[[Row, int], None]
) -> tuple[list[Row], list[Judged]]:
    """Does all the work on these models, then tries to kill all mutants; `on_row` hears of each row as it comes."""
    memory = Memory(project, fresh=fresh)
    work = units(project, models, fresh=fresh)
    rows: list[Row] = []
    for done, several in enumerate(_rows(project, work, memory), 1):
        for row in several:
            rows.append(row)
            on_row(row, len(work) - done)
    found: list[Judged] = []
    mutants = read_mutants(project)
    for each in _mutants(project, memory, fresh=fresh):
        found.append(each)
        on_row(_mutant_row(each), len(mutants) - len(found))
    return rows, found


def _rows(project: Project, work: Sequence[Unit], memory: Memory) -> Iterator[list[Row]]:
    """What each of the units has found."""
    known = {unit: memory.recall(f"{unit.part} {unit.model}", list[Row]) for unit in work}
    yield from (rows for rows in known.values() if rows is not None)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(PARALLEL, os.cpu_count() or 1), spawn, sany_server.keep) as pool:
        futures = {pool.submit(perform, project.root, unit): unit for unit, rows in known.items() if rows is None}
        try:
            for future in as_completed(futures):
                unit, rows = futures[future], future.result()
                if all(row.holds for row in rows):
                    memory.keep(f"{unit.part} {unit.model}", rows)
                yield rows
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _mutants(project: Project, memory: Memory, *, fresh: bool) -> Iterator[Judged]:
    """Judges all mutants. What `tlastep matrix` has just done to those of code need not be done again."""
    known = memory.recall("mutants", list[Judged])
    if known is not None:
        yield from known
        return
    tried = {} if fresh else {key(each.mutant): judged(each) for each in known_matrix(project)}
    done = [each for of, each in tried.items() if of[0] == "code" and each.killed]
    yield from done
    names = {key(each.mutant) for each in done}
    for each in run_mutants(project, [mutant for mutant in read_mutants(project) if key(mutant) not in names]):
        done.append(each)
        yield each
    if all(each.killed for each in done):
        memory.keep("mutants", done)


def _mutant_row(each: Judged) -> Row:
    name = f"{each.mutant.side} {each.mutant.name}"
    return Row("mutant", name, each.killed, each.problem, each.seconds, each.fields())


# -- units ------------------------------------------------------------------------------------------------------


def perform(root: Path, unit: Unit) -> list[Row]:
    """Does one unit of work, in whatever process."""
    project = find_project(root)
    model = project.model(unit.model)
    if unit.part == "tlc":
        return _tlc(project, model)
    return [(_WORK.get(unit.part) or _of_project(unit.part))(project, model)]


def _tlc(project: Project, model: Model) -> list[Row]:
    """TLC on a model; what it shows besides, a small graph or a counterexample, is replayed on the bound code."""
    binding = bound_modules(project).get(model.module)
    if binding is None:
        return [_checked(check_model(project, model, "tlc"))]
    if model.kind == "violation":
        checked = check_model(project, model, "tlc")
        behaviour = checked.verdict.counterexample
        if not checked.holds or behaviour is None:
            return [_checked(checked)]
        return [_checked(checked), _counterexample(project, model, binding, behaviour)]
    if not _has_small_graph(model) or not any(lockable(project, (model,))):
        return [_checked(check_model(project, model, "tlc"))]
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        dump = Path(own) / "graph.dot"
        checked = check_model(project, model, "tlc", dump=dump)
        if not checked.holds:
            return [_checked(checked)]
        replayed = run_replay(project, model, binding, (), graph=True, dump=state_graph.read(dump))
        return [_checked(checked), _replayed("replay", model, replayed)]


def _simulated(models: Iterable[Model]) -> list[str]:
    """Of each module the largest models whose graphs are too large to be replayed whole."""
    of_module: dict[str, list[Model]] = {}
    for model in models:
        if not _has_small_graph(model):
            of_module.setdefault(model.module, []).append(model)
    largest = [sorted(each, key=lambda model: -model.generated)[:SIMULATED] for each in of_module.values()]
    return [model.name for each in largest for model in each]


def _has_small_graph(model: Model) -> bool:
    return model.result == "ok" and 0 < model.distinct <= MOST_GRAPH


def _checked(checked: Checked) -> Row:
    says = "; ".join(checked.differences) or checked.verdict.result
    return Row(checked.engine, checked.model.name, checked.holds, says, checked.verdict.seconds, checked.fields())


def _python(project: Project, model: Model) -> Row:
    return _checked(check_model(project, model, "python"))


def _lockstep(project: Project, model: Model) -> Row:
    binding = bound_modules(project)[model.module]
    locked = run_lockstep(project, model, binding)
    found = {
        **locked.fields(),
        "actions": {name: locked.found.actions.get(name, 0) for name in binding.actions},
        "properties": list(locked.certificate.properties),
        "code_calls": locked.found.code_calls,
        "distinct": locked.found.spec_states,
        "generated": locked.found.generated,
        "depth": locked.found.depth,
        COVERAGE: msgspec.to_builtins(locked.coverage),
    }
    wrong = miscounted(model, locked.found.spec_states, locked.found.generated, locked.found.depth)
    says = "; ".join((locked.certificate.result, *wrong))
    return Row("lockstep", model.name, locked.holds and not wrong, says, locked.found.seconds, found)


def _direct(project: Project, model: Model) -> Row:
    bound = BoundModel(bound_modules(project)[model.module], read_config(project.config(model)))
    found = lockstep_directly(model.name, load(project.spec(model), project.config(model)), bound)
    return Row("direct", model.name, found.result == "ok", found.result, found.seconds, {"digest": found.digest})


def _executed(project: Project, model: Model) -> Row:
    bound = BoundModel(bound_modules(project)[model.module], read_config(project.config(model)))
    executed = execute(bound)
    found = {name: getattr(executed, name) for name in (*COUNTED, "offers")}
    return Row("executed", model.name, executed.result == "ok", executed.result, executed.seconds, found)


def _replay(project: Project, model: Model) -> Row:
    """Behaviours that TLC simulates, where its graph is large."""
    return _replayed("replay", model, run_replay(project, model, bound_modules(project)[model.module]))


def _counterexample(project: Project, model: Model, binding: Binding[Any], behaviour: Behaviour) -> Row:
    return _replayed("counterexample", model, replay_counterexample(project, model, binding, behaviour))


def _replayed(part: str, model: Model, replayed: ReplayedModel) -> Row:
    fields = replayed.fields()
    if replayed.coverage is not None and replayed.behaviours.behaviours:
        fields[COVERAGE] = msgspec.to_builtins(replayed.coverage)
    return Row(part, model.name, replayed.result == "ok", replayed.result, float(str(fields["seconds"])), fields)


def _premises(project: Project, model: Model) -> Row:
    """That what TLC shows of a model of liveness carries over to the code."""
    found = check_premises(project, model, bound_modules(project)[model.module])
    return Row("premises", model.name, found.finding is None, found.result, found.seconds, found.fields())


def _symbolic(project: Project, model: Model) -> Row:
    """The contracts that take their constants from this model."""
    judged = list(run_symbolic(project, models=[model.name]))
    wrong = "; ".join(each.counterexample for each in judged if not each.holds)
    proved = sum(each.result == "proved" for each in judged)
    says = wrong or f"{proved} proved, {len(judged) - proved} searched"
    found = {"contracts": [each.fields() for each in judged]}
    return Row("symbolic", model.name, not wrong, says, sum(each.seconds for each in judged), found)


def _simulation(project: Project, model: Model) -> Row:
    """Schedules of faults in the simulation that the binding names, beside the spec."""
    simulated = simulate_beside(project, bound_modules(project)[model.module], schedules=SCHEDULES, seed=1)
    found = {**simulated.fields(), COVERAGE: msgspec.to_builtins(simulated.coverage)}
    return Row("simulation", model.name, not simulated.finding, simulated.finding or "ok", simulated.seconds, found)


def _machine(project: Project, model: Model) -> Row:
    walked = walk_model(project, model, steps=model.steps, seed=1)
    says = "; ".join(shortcomings(model, walked)) if walked.problem is None else walked.result
    found = {**walked.fields(), COVERAGE: msgspec.to_builtins(walked.coverage)} if walked.coverage else walked.fields()
    return Row("machine", model.name, not says, says or "ok", walked.seconds, found)


def _of_project(part: str) -> Callable[[Project, Model], Row]:
    """A layer that the project brings along: what it finds wrong with the module of this model, and what it reaches."""

    def work(project: Project, model: Model) -> Row:
        begun = perf_counter()
        (layer,) = [each for each in own_layers(project) if each.name == part]
        wrong = layer.kill(project, model.module)
        reached = layer.coverage(project, model.module)
        says = f"{wrong.model}: {wrong.property} at {wrong.depth}" if wrong else "ok"
        found = {"steps": sum(sum(each.actions.values()) for each in reached), COVERAGES: msgspec.to_builtins(reached)}
        return Row(part, model.name, wrong is None, says, perf_counter() - begun, found)

    return work


MOST_GRAPH: Final = 2_500  # states of the graphs that are dumped here; more is a matter of patience

COUNTED: Final = {
    "states": "code_states",
    "transitions": "code_transitions",
    "boundary": "boundary",
    "refusals": "refusals",
    "digest": "digest",
}
"""What the code without memory must count as lock-step does, and the name that it has there."""

_WORK: Final[dict[str, Callable[[Project, Model], Row]]] = {
    "python": _python,
    "lockstep": _lockstep,
    "direct": _direct,
    "machine": _machine,
    "simulation": _simulation,
    "executed": _executed,
    "replay": _replay,
    "symbolic": _symbolic,
    "premises": _premises,
}


def coverage_of(rows: Sequence[Row]) -> list[Coverage]:
    """What the layers reached of the specs."""
    found = [msgspec.convert(row.found[COVERAGE], Coverage) for row in rows if COVERAGE in row.found]
    for row in rows:
        found += msgspec.convert(row.found.get(COVERAGES, []), list[Coverage])
    return found


def disagreements(rows: Sequence[Row]) -> list[str]:
    """Where two ways to one number gave different ones: TLC and our engine, lock-step and code without memory."""
    by_part: dict[tuple[str, str], Row] = {(row.part, row.model): row for row in rows}
    found = []
    for row in rows:
        locked = by_part.get(("lockstep", row.model))
        ours = by_part.get(("python", row.model))
        if row.part == "tlc" and row.found["result"] == "ok":
            if ours is not None and not ours.found["unchecked"]:
                found += _differing(row, ours, ("result", *SIZES))
            elif locked is not None:
                found += _differing(row, locked, SIZES)
        if row.part == "direct" and locked is not None and row.found["digest"] != locked.found["digest"]:
            found.append(f"{row.model}: lock-step with and without memory give different digests")
        if row.part == "executed" and locked is not None:
            found += [
                f"{row.model}: the code executed without memory differs in {name} from lock-step"
                for name, theirs in COUNTED.items()
                if row.found[name] != locked.found[theirs]
            ]
    return found


SIZES: Final = ("distinct", "generated", "depth")


def _differing(tlc: Row, ours: Row, names: Sequence[str]) -> list[str]:
    """What TLC and the Python engine count otherwise."""
    differ = [name for name in names if tlc.found[name] != ours.found[name]]
    return [f"{tlc.model}: TLC and the Python engine differ in {name}" for name in differ]


def never_taken(project: Project, rows: Sequence[Row]) -> list[str]:
    """Actions of a bound module that no model in lock-step ever took: nothing was shown of them."""
    taken: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.part == "lockstep":
            of_module = taken.setdefault(project.model(row.model).module, {})
            for action, number in row.found["actions"].items():
                of_module[action] = of_module.get(action, 0) + number
    return [
        f"{module}: no model takes the action {action}"
        for module, actions in taken.items()
        for action, number in actions.items()
        if not number
    ]
