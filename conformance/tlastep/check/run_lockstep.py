"""Lock-step of a model of the list: both sides, the code's own digest, the certificate, and a test of any finding."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from tlastep.behaviour import Behaviour
from tlastep.binding import Binding
from tlastep.check.bindings import bound_modules
from tlastep.check.certificate import Certificate, certify, finish_code_side, start_code_side, write
from tlastep.check.code_side import CodeSide
from tlastep.check.explore import load
from tlastep.check.lockstep import lockstep
from tlastep.check.models import Model, Project
from tlastep.check.reproduce import write_test
from tlastep.check.verdict import Finding, Lockstep
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import collector_off, run
from tlastep.engine.search import Progress
from tlastep.engine.spec_machine import SpecMachine
from tlastep.language.config import read_config


@dataclass(frozen=True)
class Locked:
    """A model in lock-step, with its certificate, and the test that shows its finding."""

    model: Model
    found: Lockstep
    certificate: Certificate
    test: Path | None

    @property
    def holds(self) -> bool:
        """Whether spec and code are the same machine within the bound."""
        return self.certificate.result == "ok"

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        found = self.found
        return {
            "model": self.model.name,
            "spec_states": found.spec_states,
            "code_states": found.code_states,
            "spec_transitions": found.spec_transitions,
            "code_transitions": found.code_transitions,
            "boundary": found.boundary,
            "refusals": found.refusals,
            "result": self.certificate.result,
            "digest": found.digest,
            "seconds": round(found.seconds, 3),
        }


def lockable(project: Project, models: tuple[Model, ...]) -> Iterator[tuple[Model, Binding[Any]]]:
    """Those of the models that are safety models expected to hold, of a module that has a binding."""
    bound = bound_modules(project)
    for model in models:
        if model.kind == "safety" and model.result == "ok" and model.module in bound:
            yield model, bound[model.module]


def run_lockstep(
    project: Project, model: Model, binding: Binding[Any], *, on_progress: Progress | None = None
) -> Locked:
    """Steps spec and code of one model together; the code's own digest is made meanwhile, in another process."""
    compiled = load(project.spec(model), project.config(model))
    bound = BoundModel(binding, read_config(project.config(model)))
    process = start_code_side(project, model, binding)
    try:
        if model.size == "large":
            return _apart(project, model, binding, compiled, process, on_progress)
        found = lockstep(model.name, compiled, bound, on_progress=on_progress)
        if found.finding is not None:
            process.kill()
        side = finish_code_side(process, model.name) if found.finding is None else None
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    certificate = _certificate(project, model, binding, compiled, found, side)
    test = write_test(model.name, found.finding, project.root / "build" / "findings") if found.finding else None
    return Locked(model, found, certificate, test)


def _apart(
    project: Project,
    model: Model,
    binding: Binding[Any],
    compiled: CompiledSpec,
    process: subprocess.Popen[str],
    on_progress: Progress | None,
) -> Locked:
    """For models so large that two searches do not fit into one process: each side by itself, then compared.

    A difference is then known by the digests alone; a smaller model has to show where it is.
    """
    start = perf_counter()
    with collector_off():
        explorer, violation = run(SpecMachine(compiled), digest=True, on_progress=on_progress)
    totals = explorer.totals
    side = finish_code_side(process, model.name)
    result = violation.broken.result if violation else side.result
    digest = f"{totals.digest:032x}"
    if result == "ok" and (digest, totals.distinct) != (side.digest, side.states):
        result = "the digests of spec and code differ"
    found = Lockstep(
        model=model.name,
        spec_states=totals.distinct,
        code_states=side.states,
        spec_transitions=totals.transitions,
        code_transitions=side.transitions,
        boundary=totals.boundary,
        refusals=totals.refusals,
        digest=digest,
        seconds=perf_counter() - start,
        depth=len(explorer.levels),
        generated=totals.generated,
        actions=side.actions,
        finding=None if result == "ok" else Finding("difference", result, Behaviour(())),
    )
    return Locked(model, found, _certificate(project, model, binding, compiled, found, side), None)


def _certificate(
    project: Project,
    model: Model,
    binding: Binding[Any],
    compiled: CompiledSpec,
    found: Lockstep,
    side: CodeSide | None,
) -> Certificate:
    names = [each.name for each in (*compiled.invariants, *compiled.always_properties, *compiled.step_properties)]
    certificate = certify(project, model, binding, found, side, sorted(set(names)), compiled.unchecked)
    write(certificate, project.root / "build" / "certificates")
    return certificate
