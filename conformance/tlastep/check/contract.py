"""Contracts: small functions that say, of one function of the code, what it must answer for all inputs.

    contracts = Contracts("Replication", model="ReplicationTiny")

    @contracts.of(log.merge, operator="Merge", terms=3, received=3)
    def merge(spec, terms: list[int], prev: int, received: list[int]) -> bool:
        assume(0 <= prev <= len(terms))
        return shown(log.merge(...)) == spec.Merge(...)

The first parameter is the compiled spec, so that the code is held to the spec's own operator. The other parameters are
integers, truth values and lists of them, and the contract is about all their values for which `assume` goes through.
Numbers behind the operator limit the lengths of lists for a proof, which needs finitely many paths.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar

from tlastep.check.explore import load
from tlastep.check.models import Project
from tlastep.compile.compiled import CompiledSpec
from tlastep.compile.runtime import attribute, state_class
from tlastep.errors import UnusableInput
from tlastep.values import Value

F = TypeVar("F", bound=Callable[..., bool])


class Unfit(Exception):
    """These inputs are none that the contract speaks of."""


def assume(fits: object) -> None:
    """Leaves out inputs of which the contract says nothing."""
    if not fits:
        raise Unfit


def pick(number: int, among: Sequence[int]) -> int:
    """The number itself, if it is one of these; a solver looks at each of them apart."""
    for each in among:
        if number == each:
            return each
    raise Unfit


@dataclass(frozen=True)
class Contract:
    """One contract: its name, the function of the code, the operator of the spec, and the limits of a proof.

    `limits` are the lengths of lists; `given` says in words what else the contract itself leaves out.
    """

    name: str
    code: str
    operator: str
    limits: Mapping[str, int]
    test: Callable[..., bool]
    function: Callable[..., object]
    given: str = ""

    def is_of(self, file: Path) -> bool:
        """Whether its function stands in this file."""
        return self.code.partition(".")[0] == file.stem

    def reaches(self, file: Path) -> bool:
        """Whether its function, or one that it calls, stands in a file of this name."""
        return file.name in {Path(name).name for name in reached_files(self.function)}

    def within(self) -> str:
        """The limits as text."""
        lists = [f"{name} of up to {limit}" for name, limit in self.limits.items()]
        return ", ".join([*lists, *([self.given] if self.given else [])])


def reached_files(function: Callable[..., object]) -> set[str]:
    """The files of a function and of all functions that it names, directly or as attributes of modules it names."""
    files: set[str] = set()
    left: list[object] = [function]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if id(each) in seen or not isinstance(each, FunctionType):
            continue
        seen.add(id(each))
        files.add(each.__code__.co_filename)
        named = [each.__globals__[name] for name in each.__code__.co_names if name in each.__globals__]
        modules = [value for value in named if isinstance(value, ModuleType)]
        left += named
        left += [getattr(module, name, None) for module in modules for name in each.__code__.co_names]
    return files


class Contracts:
    """The contracts of one module, and the model that gives its constants their values."""

    def __init__(self, module: str, *, model: str) -> None:
        self.module = module
        self.model = model
        self.all: list[Contract] = []

    def of(self, code: Callable[..., object], *, operator: str, given: str = "", **limits: int) -> Callable[[F], F]:
        """The function is a contract on a function of the code."""

        def add(test: F) -> F:
            name = f"{code.__module__.rpartition('.')[2]}.{code.__name__}"
            self.all.append(Contract(test.__name__, name, operator, limits, test, code, given))
            return test

        return add


class Operators:
    """Operators of a compiled spec as Python functions: an attribute each, under the spec's own names."""

    def __init__(self, compiled: CompiledSpec, names: Sequence[str]) -> None:
        self._compiled = compiled
        self._codes = {name: _compiled_name(compiled, name) for name in names}
        self._steps = {step.action: step for step in compiled.steps}
        self._view = state_class("View", compiled.variables)
        self._others: dict[tuple[tuple[str, Value], ...], Operators] = {}
        compiled.reload()
        self._namespace = dict(compiled.namespace)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._codes:
            raise AttributeError(name)
        function: Callable[..., Any] = self._namespace[self._codes[name]]
        return function

    def constant(self, name: str) -> Any:
        """The value that the model gives a constant."""
        return self._namespace[self._compiled.module.constants[name]]

    def where(self, **constants: Value) -> Operators:
        """The same spec with other values for some of its constants."""
        key = tuple(constants.items())
        if key not in self._others:
            names = self._compiled.module.constants
            changed = {code: constants[name] for name, code in names.items() if name in constants}
            other = copy(self)
            other._namespace = {**self._namespace, **changed}
            exec(compile(self._compiled.source, self._compiled.filename, "exec"), other._namespace)
            self._others[key] = other
        return self._others[key]

    def state(self, variables: Mapping[str, Value]) -> Any:
        """A state in which only these variables have a value."""
        view = self._view()
        for name, value in variables.items():
            setattr(view, attribute(name), value)
        return view

    def take(self, action: str, variables: Mapping[str, Value], *bound: Value) -> list[dict[str, Any]]:
        """The variables after an action, once for each way to take it; nothing where it is disabled."""
        step = self._steps[action]
        following = self._compiled.namespace["Next"]()
        return [
            {name: getattr(following, attribute(name)) for name in variables}
            for _ in step.run(self.state(variables), following, *bound)
        ]


def contracts_of(project: Project) -> list[Contracts]:
    """All contracts in the modules that the project names."""
    found = []
    for name in project.contracts:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise UnusableInput(f"[tool.tlastep] contracts: {error}", str(project.root / "pyproject.toml")) from error
        found += [each for each in vars(module).values() if isinstance(each, Contracts)]
    return found


def operators(project: Project, contracts: Contracts) -> Operators:
    """The compiled spec that these contracts refer to, with the operators that they name."""
    model = project.model(contracts.model)
    return operators_of(load(project.spec(model), project.config(model)), contracts)


def operators_of(compiled: CompiledSpec, contracts: Contracts) -> Operators:
    """The operators of a spec that these contracts name; actions among them are taken, not called."""
    actions = {step.action for step in compiled.steps}
    names = dict.fromkeys(each.operator for each in contracts.all)
    return Operators(compiled, [name for name in names if name and name not in actions])


def _compiled_name(compiled: CompiledSpec, name: str) -> str:
    definition = compiled.module.spec.definitions.get(name)
    if definition is None:
        raise UnusableInput(f"a contract names {name}, which {compiled.name} does not define", "contracts")
    return compiled.module.function_for(definition)
