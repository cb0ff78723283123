"""Lock-step of a model of the list: both sides, the certificate, and a test of any finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlastep.binding import Binding
from tlastep.check.apart import code_process, explore_apart
from tlastep.check.bindings import bound_modules
from tlastep.check.certificate import Certificate, certify, write
from tlastep.check.code_side import CodeSide
from tlastep.check.coverage import Coverage, covered
from tlastep.check.explore import load
from tlastep.check.lockstep import check_fit, lockstep
from tlastep.check.models import Model, Project
from tlastep.check.reproduce import write_test
from tlastep.check.verdict import Lockstep
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.search import Progress
from tlastep.language.config import read_config


@dataclass(frozen=True)
class Locked:
    """A model in lock-step, with its certificate, and the test that shows its finding."""

    model: Model
    found: Lockstep
    certificate: Certificate
    test: Path | None
    coverage: Coverage

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
    """Steps spec and code of one model through all states within the bound, each in a process of its own.

    A difference is then looked for in one process, state by state; of a large model, whose two sides do not fit into
    one process, it is known by the digests alone, and a smaller model has to show where it is.
    """
    compiled = load(project.spec(model), project.config(model))
    bound = BoundModel(binding, read_config(project.config(model)))
    check_fit(compiled, bound)
    conjuncts = Conjuncts(compiled)
    with code_process(project, model, binding) as process:
        found = explore_apart(model, compiled, process, conjuncts=conjuncts, on_progress=on_progress)
    if found.finding is not None and model.size != "large":
        located = lockstep(model.name, compiled, bound, on_progress=on_progress)
        found = located if located.finding is not None else found
    certificate = _certificate(project, model, binding, compiled, found, process.side)
    test = None
    if found.finding is not None and len(found.finding.behaviour):
        test = write_test(model.name, found.finding, project.root / "build" / "findings")
    reached = covered("lockstep", model.name, model.module, found.actions, conjuncts, found.spec_transitions)
    return Locked(model, found, certificate, test, reached)


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
