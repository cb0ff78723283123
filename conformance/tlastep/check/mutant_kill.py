"""Tries to kill one mutant: the changed spec is explored, the changed code is stepped beside the spec and alone.

Nothing of the project is touched. A changed spec stands in a copy of the folder of specs; changed code in a copy of its
package, which a child process imports in place of the real one.
"""

from __future__ import annotations

import compileall
import importlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from tlastep.behaviour import Behaviour
from tlastep.binding import Binding
from tlastep.check.bindings import binding_of
from tlastep.check.check import Engine
from tlastep.check.explore import Verdict, explore_compiled, load
from tlastep.check.lockstep import lockstep
from tlastep.check.models import Model, Project
from tlastep.check.mutant_list import Mutant
from tlastep.check.replay import replay
from tlastep.check.run_replay import Simulation, simulated
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import CompiledSpec, compile_spec
from tlastep.engine.code_machine import CodeMachine
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import collector_off, run
from tlastep.errors import UnusableInput
from tlastep.language.config import Config, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany, tlc, tlc_config

SIMULATION: Final = Simulation(behaviours=20, depth=30, seed=1)
MINUTES: Final = 3.0  # for TLC on one mutant of liveness: many times what the slowest needs


class Killer(msgspec.Struct, frozen=True):
    """What killed a mutant: a layer of the checks, a model, what was violated, and after how many states.

    `layer` is `python` or `tlc` for specs; for code `lockstep` (then `property` is `difference`,
    `hidden state` or `exception`), or `properties`, the code on its own; or another layer of the matrix
    (`check/layers.py`), where `model` may be a contract's or a transcript, and `depth` counts steps or paths.
    """

    layer: str
    model: str
    property: str
    depth: int


class Prepared(msgspec.Struct, frozen=True):
    """A model for lock-step: the spec compiled without properties, so that all that can be found is a difference."""

    model: Model
    config: Config
    bare: Config
    spec: CompiledSpec
    behaviours: tuple[Behaviour, ...]


# -- specs ------------------------------------------------------------------------------------------------------


def kill_spec(project: Project, mutant: Mutant, engine: Engine = "python") -> list[Killer]:
    """Explores the changed spec in the model that should show it, up to the first violation.

    TLC is asked about what is temporal, which the Python engine cannot judge, and where it is to confirm.
    """
    assert mutant.breaks is not None, "the list requires it"
    wanted = mutant.breaks.property
    with tempfile.TemporaryDirectory(prefix="tlastep-mutant-", ignore_cleanup_errors=True) as own:
        model = project.model(mutant.breaks.model)
        changed = changed_specs(project, mutant, Path(own), [project.config(model)])
        spec, config = changed.spec(model), changed.config(model)
        if engine == "tlc" or model.kind == "liveness":
            return _by_tlc(spec, config, model, wanted)
        compiled = load(spec, config)
        verdict = explore_compiled(compiled, deadlock=model.deadlock)
        if verdict.result == "ok" and wanted in compiled.unchecked:
            return _by_tlc(spec, config, model, wanted)
        first = _of_verdict("python", model, verdict)
        if verdict.counterexample is None or first[0].property == wanted:
            return first
        # Two properties may fall by one step, and which of them is seen first is the engine's choice.
        only = compile_spec(read_spec(sany.parse(spec)), checking_only(read_config(config), wanted))
        other = _of_verdict("python", model, explore_compiled(only, deadlock=False))
        return [*other, *first] if other and other[0].depth == first[0].depth else first


def _by_tlc(spec: Path, config: Path, model: Model, wanted: str) -> list[Killer]:
    """What TLC finds in a copy of the specs; if that is another property, it is asked again for this one only.

    TLC does not name the temporal property that is violated. Where it could be several, the others are left out.
    """
    text = config.read_text(encoding="utf-8")
    if wanted in tlc_config.properties(text):
        config.write_text(tlc_config.without_other_properties(text, wanted), encoding="utf-8")
    first = _told_by_tlc(spec, config, model)
    if not first or first[0].property == wanted:
        return first
    config.write_text(tlc_config.checking_only(config.read_text(encoding="utf-8"), wanted), encoding="utf-8")
    other = _told_by_tlc(spec, config, model)
    return [*other, *first] if other and other[0].depth == first[0].depth else first


def _told_by_tlc(spec: Path, config: Path, model: Model) -> list[Killer]:
    said = tlc.check(spec, config, deadlock=model.deadlock, timeout=MINUTES * 60)
    return _of_verdict("tlc", model, Verdict(said.result, said.message, counterexample=said.counterexample))


def checking_only(config: Config, name: str) -> Config:
    """The configuration with one of its properties."""
    return replace(
        config,
        invariants=[each for each in config.invariants if each.text == name],
        properties=[each for each in config.properties if each.text == name],
    )


def changed_specs(project: Project, mutant: Mutant, own: Path, configurations: Iterable[Path] | None = None) -> Project:
    """The project with a copy of its specs, one of them changed, in the folder `own`; of configurations all, or these.

    They are no links: SANY looks for modules beside the file that a link leads to.
    """
    for file in (*project.specs.glob("*.tla"), *(configurations or project.specs.glob("*.cfg"))):
        shutil.copyfile(file, own / file.name)
    (own / mutant.file.name).write_text(mutant.changed(), encoding="utf-8")
    return msgspec.structs.replace(project, list=own / project.list.name)


def _of_verdict(layer: str, model: Model, verdict: Verdict) -> list[Killer]:
    if verdict.result == "ok":
        return []
    what = verdict.result.removeprefix("invariant ").removeprefix("property ")
    if verdict.result == "error":
        what = f"error: {verdict.message}"
    depth = len(verdict.counterexample) if verdict.counterexample else 0
    return [Killer(layer, model.name, what, depth)]


# -- code -------------------------------------------------------------------------------------------------------


def prepare(project: Project, model: Model, simulation: Simulation | None = None) -> Prepared:
    """Compiles the spec of a model for lock-step, and has TLC simulate behaviours of it for replay, if told how."""
    config = read_config(project.config(model))
    bare = replace(config, invariants=[], properties=[])
    spec = compile_spec(read_spec(sany.parse(project.spec(model))), bare)
    behaviours = tuple(simulated(project, model, simulation)) if simulation else ()
    return Prepared(model, config, bare, spec, behaviours)


@lru_cache(maxsize=64)
def prepared(project: Project, name: str, simulation: Simulation | None = None) -> Prepared:
    """A model by its name, kept for the next mutant: a child that is forked has it for nothing."""
    return prepare(project, project.model(name), simulation)


def kill_code(project: Project, mutant: Mutant, models: Sequence[str]) -> list[Killer]:
    """Steps the changed code beside the spec, model by model, up to the first difference; then the code alone.

    To be called in a process of its own in which the code has not been imported yet.
    """
    with changed_code(mutant):
        binding = binding_of(project, mutant.module)
        ready = [prepared(project, name) for name in mutant.models or models]
        found = [by_lockstep((each, BoundModel(binding, each.bare)) for each in ready)]
        if mutant.breaks is not None:
            found.append(by_properties(mutant, prepared(project, mutant.breaks.model), binding))
        return [each for each in found if each is not None]


def by_lockstep(models: Iterable[tuple[Prepared, BoundModel[Any]]]) -> Killer | None:
    """Code beside spec, in one model after another: the first difference."""
    for ready, code in models:
        finding = lockstep(ready.model.name, ready.spec, code).finding
        if finding is not None:
            return of_finding("lockstep", ready.model.name, finding)
    return None


def by_replay(models: Iterable[tuple[Prepared, BoundModel[Any]]]) -> Killer | None:
    """Behaviours that TLC simulates of the spec, on the code: they may or may not pass where the change shows."""
    for ready, code in models:
        finding = replay(ready.model.name, ready.spec, code, ready.behaviours).finding
        if finding is not None:
            return of_finding("replay", ready.model.name, finding)
    return None


def by_properties(mutant: Mutant, ready: Prepared, binding: Binding[Any]) -> Killer | None:
    """The code all by itself: the property that the list names, or else the first that is violated."""
    config = checking_only(ready.config, mutant.breaks.property) if mutant.breaks else ready.config
    return next(iter(alone(ready.model.name, BoundModel(binding, config))), None)


def alone(name: str, model: BoundModel[Any]) -> list[Killer]:
    """The code without the spec: the first of its properties that is violated."""
    with collector_off():
        explorer, violation = run(CodeMachine(model))
        if violation is None:
            return []
        depth = len(explorer.path_to(violation.last, violation.state))
    what = violation.broken.result.removeprefix("invariant ").removeprefix("property ")
    if what.startswith("exception "):
        return [Killer("properties", name, "exception", depth + 1)]
    return [Killer("properties", name, what, depth)]


def of_finding(layer: str, name: str, finding: Finding) -> Killer:
    """What a finding says of the layer that made it."""
    # A step that only one side takes, or that raises, leads to a state that the behaviour does not hold.
    beyond = finding.kind in ("difference", "exception") and finding.label is not None
    return Killer(layer, name, finding.kind, len(finding.behaviour) + beyond)


@contextmanager
def changed_code(mutant: Mutant) -> Iterator[None]:
    """A package with the change stands in the place of the real one, which must not have been imported."""
    package = _package_of(mutant)
    already = [name for name in sys.modules if name.split(".")[0] == package.name]
    assert not already, f"{package.name} has been imported already, so a change of it would not be seen"
    with tempfile.TemporaryDirectory(prefix="tlastep-mutant-", ignore_cleanup_errors=True) as own:
        _stand_in(package, mutant.file, mutant.changed(), Path(own))
        sys.path.insert(0, own)
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        try:
            importlib.import_module(package.name)
            yield
        except (SyntaxError, UnusableInput) as error:
            cause = error if isinstance(error, SyntaxError) else error.__cause__
            if not isinstance(cause, SyntaxError):
                raise
            raise UnusableInput(f"mutant {mutant.name} is no Python: {cause}", mutant.place) from error


def _stand_in(package: Path, file: Path, changed: str, own: Path) -> None:
    """A package of the same name in the folder `own`, with one file changed; all that is not beside it is linked."""
    folders = [package, *(package / part for part in reversed(file.parent.relative_to(package).parents[:-1]))]
    folders += [file.parent] if file.parent != package else []
    compiled = Path(importlib.util.cache_from_source(str(file)))
    real = {*folders, compiled.parent}
    for folder in [*folders, compiled.parent]:
        copy = own / package.name / folder.relative_to(package)
        copy.mkdir()
        for each in folder.iterdir() if folder.is_dir() else ():
            if each not in real and each not in (file, compiled):
                _link(each, copy / each.name)
    (own / package.name / file.relative_to(package)).write_text(changed, encoding="utf-8")


def _link(original: Path, link: Path) -> None:
    try:
        link.symlink_to(original)
    except OSError:  # not everybody may, everywhere
        (shutil.copytree if original.is_dir() else shutil.copy2)(original, link)


def compile_packages(mutants: Iterable[Mutant]) -> None:
    """Compiles what the mutants of code are copies of, so that not every one of them has to compile all of it."""
    if not sys.dont_write_bytecode:
        for package in {_package_of(each) for each in mutants if each.side == "code"}:
            compileall.compile_dir(package, quiet=2)


def _package_of(mutant: Mutant) -> Path:
    """The folder of the outermost package that the changed file is in."""
    package = mutant.file.parent
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    if not (package / "__init__.py").is_file():
        raise UnusableInput(f"mutant {mutant.name}: {mutant.file.name} is in no package", mutant.place)
    return package


def models_for(project: Project, mutant: Mutant, only: Sequence[str] = ()) -> tuple[Model, ...]:
    """The models that a mutant of code needs: those named for it, else all small ones of its module, cheapest first."""
    if mutant.models:
        return tuple(project.model(name) for name in mutant.killers)
    small = [each for each in project.models if each.module == mutant.module and each.size == "small"]
    chosen = [each for each in small if each.kind == "safety" and (not only or each.name in only)]
    extra = [project.model(mutant.breaks.model)] if mutant.breaks else []
    return tuple(dict.fromkeys([*sorted(chosen, key=lambda each: each.generated), *extra]))
