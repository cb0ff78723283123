"""Explores a spec with the Python engines: from files to a verdict."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from tlastep.behaviour import Behaviour
from tlastep.compile.compiled import CompiledSpec, compile_spec, next_action
from tlastep.compile.types import Inferred, infer
from tlastep.engine.fast import explore_fast
from tlastep.engine.search import Exploration, Progress, explore
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import EvaluationError, Place, UnusableInput
from tlastep.language.config import Config, Name, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany

FAST: Final = "fast"
DIRECT: Final = "direct"
RECURSION: Final = 20_000  # a long record set or a deep recursion of the spec takes many frames of Python


@dataclass(frozen=True)
class Verdict:
    """What an engine says of a model.

    `result` is `ok`, `invariant NAME`, `property NAME`, `deadlock`, `assumption`, or `error`; `message` says more.
    `unchecked` names the temporal properties that were not judged, `engine` who explored: the fast or the direct one.
    """

    result: str
    message: str = ""
    distinct: int = 0
    generated: int = 0
    depth: int = 0
    seconds: float = 0.0
    counterexample: Behaviour | None = None
    unchecked: tuple[str, ...] = ()
    engine: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything that was judged holds."""
        return self.result == "ok"


def config_beside(spec: Path, config: Path | None) -> Path:
    """The configuration to use: the given one, or that beside the spec."""
    chosen = config or spec.with_suffix(".cfg")
    if not spec.is_file():
        raise UnusableInput("no such spec", str(spec))
    if not chosen.is_file():
        raise UnusableInput("no such configuration", str(chosen))
    return chosen


def load(spec: Path, config: Path | None = None, library: Sequence[Path] = ()) -> CompiledSpec:
    """The spec compiled under a configuration (by default SPEC.cfg beside it)."""
    sys.setrecursionlimit(max(RECURSION, sys.getrecursionlimit()))
    settings = read_config(config_beside(spec, config))
    return compile_spec(read_spec(sany.parse(spec, library)), settings)


def types_of(spec: Path, config: Path | None = None, library: Sequence[Path] = ()) -> Inferred:
    """The types of a spec's variables and actions. Without a configuration Next is what is called so."""
    sys.setrecursionlimit(max(RECURSION, sys.getrecursionlimit()))
    settings = settings_of(spec, config)
    tree = read_spec(sany.parse(spec, library))
    return infer(tree, settings, next_action(tree, settings))


def settings_of(spec: Path, config: Path | None = None) -> Config:
    """What a spec's configuration says. Without one Init and Next are what is called so."""
    if config is None and spec.is_file() and not spec.with_suffix(".cfg").is_file():
        place = Place(str(spec))
        return Config(spec, init=Name("Init", place), next=Name("Next", place))
    return read_config(config_beside(spec, config))


def explore_spec(
    spec: Path,
    config: Path | None = None,
    library: Sequence[Path] = (),
    *,
    deadlock: bool = True,
    on_progress: Progress | None = None,
) -> Verdict:
    """Explores all states of a spec. Deadlock is checked unless this call or the configuration says not to."""
    config = config_beside(spec, config)
    compiled = load(spec, config, library)
    deadlock = deadlock and read_config(config).check_deadlock
    return explore_compiled(compiled, deadlock=deadlock, on_progress=on_progress)


def explore_compiled(
    compiled: CompiledSpec, *, deadlock: bool, on_progress: Progress | None = None, fast: bool = True
) -> Verdict:
    """Explores a compiled spec, by the fast engine where it applies, unless `fast` is off."""
    begun = perf_counter()
    try:
        false = SpecSystem(compiled).check_assumptions()
        if false is not None:
            return Verdict("assumption", f"ASSUME is false: {false.place}", seconds=perf_counter() - begun)
        found, engine = _explore(compiled, deadlock, on_progress, fast)
    except EvaluationError as error:
        return Verdict("error", str(error), seconds=perf_counter() - begun)
    except RecursionError:
        message = f"{compiled.name}: a recursion that is too deep, or has no end"
        return Verdict("error", message, seconds=perf_counter() - begun)
    return Verdict(
        found.result,
        found.place,
        found.distinct,
        found.generated,
        found.depth,
        perf_counter() - begun,
        found.counterexample,
        compiled.unchecked,
        engine,
    )


def _explore(
    compiled: CompiledSpec, deadlock: bool, on_progress: Progress | None, fast: bool
) -> tuple[Exploration, str]:
    if fast and not compiled.action_constraints:
        try:
            return explore_fast(SpecMachine(compiled), deadlock=deadlock, on_progress=on_progress), FAST
        except AssertionError:
            # The fast engine asserts what it relies on; a spec that breaks it is explored state by state instead,
            # and the verdict says so. Tests hold that this happens to none of the specs here.
            pass
    return explore(SpecSystem(compiled), deadlock=deadlock, on_progress=on_progress), DIRECT
