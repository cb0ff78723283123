"""Checks models of the list, by TLC or by the Python engine, against what the list expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tlastep.check.explore import Verdict, explore_compiled, load
from tlastep.check.models import Model, Project
from tlastep.engine.search import Progress
from tlastep.toolchain import tlc

Engine: TypeAlias = Literal["tlc", "python"]

_QUICK: Final = 60_000  # generated states from which it pays that Java compiles well what it runs
_LIVENESS: Final = 2  # how many times as long a state takes where temporal properties are checked


@dataclass(frozen=True)
class Checked:
    """One model, checked by one engine."""

    model: Model
    engine: Engine
    verdict: Verdict

    @property
    def differences(self) -> tuple[str, ...]:
        """In what the verdict differs from what is expected; nothing if the model holds."""
        model, verdict = self.model, self.verdict
        if verdict.result != model.result:
            unjudged = [f"property {name}" for name in verdict.unchecked]
            if verdict.result == "ok" and model.result in unjudged:
                return ()
            return (f"{verdict.result}, expected {model.result}",)
        if verdict.result != "ok":
            return ()
        return miscounted(model, verdict.distinct, verdict.generated, verdict.depth)

    @property
    def holds(self) -> bool:
        """Whether the model is as expected."""
        return not self.differences

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        verdict = self.verdict
        return {
            "model": self.model.name,
            "module": self.model.module,
            "engine": self.engine,
            "result": verdict.result,
            "expected": self.model.result,
            "unchecked": list(verdict.unchecked),
            "distinct": verdict.distinct,
            "generated": verdict.generated,
            "depth": verdict.depth,
            "seconds": round(verdict.seconds, 3),
        }


def miscounted(model: Model, distinct: int, generated: int, depth: int) -> tuple[str, ...]:
    """Where these numbers are not those that TLC has counted, as far as the list has them."""
    return tuple(
        f"{name} {found}, expected {expected}"
        for name, found, expected in (
            ("distinct", distinct, model.distinct),
            ("generated", generated, model.generated),
            ("depth", depth, model.depth),
        )
        if expected and found != expected
    )


def check_model(
    project: Project,
    model: Model,
    engine: Engine,
    *,
    workers: int = 1,
    dump: Path | None = None,
    on_progress: Progress | None = None,
) -> Checked:
    """Checks one model. TLC writes its graph to `dump`, if it is asked to."""
    if engine == "tlc":
        return Checked(model, engine, _by_tlc(project, model, workers, dump, on_progress))
    return Checked(model, engine, _by_python(project, model, on_progress))


def check_models(project: Project, models: Sequence[Model], engine: Engine, *, workers: int = 1) -> Iterator[Checked]:
    """Checks models one after the other."""
    for model in models:
        yield check_model(project, model, engine, workers=workers)


def _by_tlc(project: Project, model: Model, workers: int, dump: Path | None, on_progress: Progress | None) -> Verdict:
    found = tlc.check(
        project.spec(model),
        project.config(model),
        deadlock=model.deadlock,
        workers=workers,
        dump=dump,
        # With the same polynomial TLC writes the same dump each time.
        fingerprint=0 if dump is not None else None,
        on_progress=on_progress,
        quick=_is_quick(model),
    )
    return Verdict(
        found.result,
        found.message,
        found.distinct,
        found.generated,
        found.depth,
        found.seconds,
        found.counterexample,
    )


def _is_quick(model: Model) -> bool:
    """Whether TLC is done with it before it pays that Java compiles well what it runs."""
    work = model.generated * (_LIVENESS if model.kind == "liveness" else 1)
    return model.size == "small" and work < _QUICK


def _by_python(project: Project, model: Model, on_progress: Progress | None) -> Verdict:
    compiled = load(project.spec(model), project.config(model))
    return explore_compiled(compiled, deadlock=model.deadlock, on_progress=on_progress)
