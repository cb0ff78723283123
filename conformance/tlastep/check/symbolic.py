"""Contracts checked for all inputs at once: CrossHair runs them on symbols, and a solver decides each branch.

Two words are kept apart. *Proved*: all paths were taken to their end, so the contract holds for every input within its
limits. *Searched*: no counterexample within the time, and no more than that. Beyond the limits is always a search.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Literal, TypeAlias

import msgspec

from tlastep.binding import nothing_remembered
from tlastep.check.contract import Contract, Contracts, Operators, Unfit, assume, contracts_of, operators, operators_of
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer, changed_code
from tlastep.check.mutant_list import Mutant
from tlastep.compile.compiled import CompiledSpec
from tlastep.errors import UnusableInput

SECONDS: Final = 10.0  # for one contract: the proof within its limits
BEYOND: Final = 0.75  # and the search beyond them

Result: TypeAlias = Literal["proved", "searched", "found"]


class Judged(msgspec.Struct, frozen=True):
    """What became of a contract: `paths` within the limits, `beyond` them, and the inputs that break it, if any do."""

    contract: str
    model: str
    code: str
    operator: str
    result: Result
    within: str
    paths: int
    beyond: int
    counterexample: str
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether no input was found that breaks it."""
        return self.result != "found"

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        return {**msgspec.structs.asdict(self), "seconds": round(self.seconds, 3)}


def run_symbolic(project: Project, seconds: float = SECONDS, models: Sequence[str] = ()) -> Iterator[Judged]:
    """Judges all contracts of the project, or those with these models; `seconds` is the most for the proof of one."""
    for contracts in contracts_of(project):
        if models and contracts.model not in models:
            continue
        spec = operators(project, contracts)
        for contract in contracts.all:
            yield judge(contract, spec, seconds, model=contracts.model)


def judge(contract: Contract, spec: Operators, seconds: float = SECONDS, *, model: str = "") -> Judged:
    """Tries to prove one contract within its limits, then searches beyond them."""
    begun = perf_counter()
    searched = explore(contract, spec, seconds, limited=True)
    further = _Search()
    if contract.limits and not searched.broken:
        further = explore(contract, spec, BEYOND, limited=False)
    broken = searched.broken or further.broken
    result: Result = "found" if broken else "proved" if searched.exhausted else "searched"
    return Judged(
        contract=contract.name,
        model=model,
        code=contract.code,
        operator=contract.operator,
        result=result,
        within=contract.within(),
        paths=searched.fitting,
        beyond=further.fitting,
        counterexample=broken,
        seconds=perf_counter() - begun,
    )


# -- one search -------------------------------------------------------------------------------------------------


@dataclass
class _Search:
    """What a search has found: paths on which the contract spoke, the first input that breaks it."""

    fitting: int = 0
    broken: str = ""
    exhausted: bool = False
    paths: int = field(default=0)


def explore(contract: Contract, spec: Operators, seconds: float, *, limited: bool) -> _Search:
    """Runs a contract on symbols, path after path, until all are done, one breaks it, or the time is over."""
    crosshair = _crosshair()
    found = _Search()
    limits = contract.limits if limited else {}

    def run(arguments: inspect.BoundArguments) -> bool | None:
        values = arguments.arguments
        try:
            for name, limit in limits.items():
                assume(len(values[name]) <= limit)
            return bool(contract.test(spec, **values))
        except Unfit:
            return None

    def on_path(space: Any, before: Any, after: Any, holds: bool | None, error: Any, stack: Any) -> bool:
        found.paths += 1
        if error is None and holds is not False:
            found.fitting += holds is True
            return False
        space.detach_path()
        given = crosshair.realize(dict(before.arguments))
        found.broken = f"{contract.name}({', '.join(f'{name}={value!r}' for name, value in given.items())})"
        found.broken += f" raises {type(error).__name__}: {error}" if error is not None else " is false"
        return True

    root = crosshair.root()
    options = crosshair.options(seconds)
    try:
        with nothing_remembered():
            crosshair.explore(run, _signature(contract.test), options, root, on_path)
    except crosshair.unsteady:
        return found  # it ran differently a second time, so nothing is proved; what was searched counts
    found.exhausted = not found.broken and found.fitting > 0 and crosshair.confirmed(root)
    return found


def _signature(test: Callable[..., bool]) -> inspect.Signature:
    """The parameters for which the solver finds values: all but the first, the spec."""
    signature = inspect.signature(test, eval_str=True)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


class _CrossHair:
    """What is used of CrossHair, which is imported when it is first needed."""

    def __init__(self) -> None:
        try:
            from crosshair import core, core_and_libs, options, statespace, util
        except ModuleNotFoundError as error:
            raise UnusableInput(f"needs the package crosshair-tool: {error}", "tlastep symbolic") from error
        assert core_and_libs, "importing it teaches CrossHair the standard library"
        self._options = options
        self._statespace = statespace
        self.explore: Callable[..., None] = core.explore_paths
        self.realize: Callable[[Any], Any] = core.deep_realize
        self.root: Callable[[], Any] = statespace.RootNode
        self.unsteady: type[BaseException] = util.NotDeterministic

    def options(self, seconds: float) -> Any:
        """At most so long in all, and a third of it for one path."""
        limits = self._options.AnalysisOptionSet(per_condition_timeout=seconds, per_path_timeout=max(seconds / 3, 0.5))
        return self._options.DEFAULT_OPTIONS.overlay(limits)

    def confirmed(self, root: Any) -> bool:
        """Whether every path was taken to its end, none given up and no value picked for a symbol."""
        tree = root.child
        status = self._statespace.VerificationStatus.CONFIRMED
        return bool(tree.is_exhausted() and tree.get_result().verification_status == status)


def _crosshair() -> _CrossHair:
    return _CrossHair()


# -- mutants ----------------------------------------------------------------------------------------------------


def kill_by_symbolic(
    project: Project, mutant: Mutant, compiled: CompiledSpec, only: Sequence[str] = (), seconds: float = 1.5
) -> Killer | None:
    """The first contract that changed code breaks, after how many paths. `compiled` is the model of the contracts.

    To be called in a process of its own in which the code has not been imported yet.
    """
    with changed_code(mutant):
        mine = [each for each in contracts_of(project) if each.module == mutant.module]
        killers = (kill_by_contracts(each, compiled, mutant.file, only, seconds) for each in mine)
        return next(filter(None, killers), None)


def kill_by_contracts(
    contracts: Contracts, compiled: CompiledSpec, file: Path, only: Sequence[str] = (), seconds: float = 1.5
) -> Killer | None:
    """The first of these contracts that is broken, of those whose functions reach into a changed file of the code.

    Those about functions that stand in it are looked at first. Where the spec was changed, all are looked at.
    """
    spec = operators_of(compiled, contracts)
    near = [each for each in contracts.all if file.suffix != ".py" or each.reaches(file)]
    for contract in sorted(near, key=lambda each: not each.is_of(file)):
        if not only or contract.name in only:
            found = explore(contract, spec, seconds, limited=True)
            if found.broken:
                return Killer("crosshair", contracts.model, contract.name, found.paths)
    return None
