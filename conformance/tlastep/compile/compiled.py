"""A spec and a configuration as something that runs."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

from tlastep.compile.actions import Body, yield_now
from tlastep.compile.module import Module
from tlastep.compile.properties import take_apart
from tlastep.compile.runtime import HELPERS, state_class
from tlastep.compile.scope import Scope
from tlastep.compile.steps import Binder, PartCode, StepCode, parts_of, steps_of
from tlastep.errors import EvaluationError, Unsupported, UnusableInput
from tlastep.language.config import Config, Name
from tlastep.language.tree import BuiltIn, Declaration, Definition, Expr, Spec, Use, children
from tlastep.predicates import Part, Predicate, Quantified
from tlastep.values import Value

State: TypeAlias = tuple[Value, ...]
"""A state: the values of the variables, in the order in which they are declared."""

View: TypeAlias = Any
"""A state as generated code sees it: an object with an attribute a variable. Plain, or one that records reads."""


@dataclass(frozen=True)
class Step:
    """One named action: `run(view, next, *bound)` fills `next` and yields for each way to take it."""

    action: str
    tlc_name: str
    quantified: tuple[Quantified, ...]
    run: Callable[..., Iterator[None]]
    arguments: Callable[..., tuple[Value, ...]]
    code: StepCode


@dataclass
class CompiledSpec:
    """A spec under a configuration. Everything is plain Python; `source` is its text."""

    name: str
    variables: tuple[str, ...]
    steps: tuple[Step, ...]
    initial: Callable[[View], Iterator[None]]
    constraints: tuple[Predicate, ...]
    action_constraints: tuple[Predicate, ...]
    invariants: tuple[Predicate, ...]
    initial_properties: tuple[Predicate, ...]
    always_properties: tuple[Predicate, ...]
    step_properties: tuple[Predicate, ...]
    unchecked: tuple[str, ...]
    assumptions: tuple[Predicate, ...]
    source: str
    module: Module
    namespace: dict[str, Any]
    places: list[str] = field(repr=False)

    def place_of(self, error: BaseException) -> str:
        """The place in the spec where generated code raised the error, or ""."""
        found = ""
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == self.filename and frame.lineno and frame.lineno <= len(self.places):
                found = self.places[frame.lineno - 1] or found
        return found

    @property
    def filename(self) -> str:
        """What generated code calls its file in tracebacks."""
        return f"<{self.name} compiled>"

    def located(self, error: EvaluationError) -> EvaluationError:
        """The error with its place in the spec."""
        if error.place is not None:
            return error
        return EvaluationError(error.message, self.place_of(error) or self.name)

    def compile_test(self, expr: Expr, scope: Scope, names: Sequence[str]) -> Callable[..., bool]:
        """A Python function `(s, t, *names)` for a formula of this spec."""
        code = self.module.expressions.truth(expr, scope)
        self.reload()
        return _function(f"lambda {', '.join(['s', 't', *names])}: {code}", self.namespace, self.filename)

    def function(self, parameters: Sequence[str], code: str) -> Callable[..., Any]:
        """A Python function of generated code."""
        return _function(f"lambda {', '.join(parameters)}: {code}", self.namespace, self.filename)

    def rebind(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Constants have these values from now on. The same by the names that generated code has for them."""
        found = {self.module.constants[name]: value for name, value in values.items()}
        self.namespace.update(found)
        for each in self.namespace.values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
        return found

    def reload(self) -> None:
        """Takes in what was compiled since."""
        _execute(self.module, self.namespace, self.filename)
        self.places[:] = self.module.places


def compile_spec(spec: Spec, config: Config, helpers: Mapping[str, object] = HELPERS) -> CompiledSpec:
    """The spec as Python under this configuration. `helpers` are the operations that generated code calls.

    Raises `Unsupported` for constructs that have no Python form, and `UnusableInput` where the configuration names
    what the spec does not have (TLC takes an unknown constant in silence).
    """
    _check_names(spec, config)
    if config.view is not None or config.symmetry is not None:
        name = config.view or config.symmetry
        assert name is not None
        raise Unsupported("VIEW and SYMMETRY merge states; this engine keeps every state apart", name.place)
    return _Builder(spec, config, helpers).build()


def next_action(spec: Spec, config: Config) -> Expr:
    """The next-state relation that the configuration names."""
    return _Builder(spec, config).behaviour()[1]


def _check_names(spec: Spec, config: Config) -> None:
    known = {declaration.name for declaration in spec.constants} | set(spec.definitions)
    for name in [*config.constants, *config.overrides]:
        if name.text not in known:
            raise UnusableInput(f"{name.text} is neither a constant nor a definition of {spec.name}", name.place)
    given = {name.text for name in [*config.constants, *config.overrides]}
    for declaration in spec.constants:
        if declaration.name not in given:
            raise UnusableInput(f"constant {declaration.name} of {spec.name} has no value", str(config.path))


class _Builder:
    def __init__(self, spec: Spec, config: Config, helpers: Mapping[str, object] = HELPERS) -> None:
        self._spec = spec
        self._config = config
        self._helpers = helpers
        self._module = Module(spec, config, frozenset(helpers))
        self._filename = f"<{spec.name} compiled>"
        self._pending: list[tuple[list[Any], Callable[[], Any]]] = []
        self.unchecked: list[str] = []

    def build(self) -> CompiledSpec:
        spec, config, module = self._spec, self._config, self._module
        init, next_action = self.behaviour()
        initial = self._initial(init)
        steps = steps_of(module, next_action)
        constraints = [self._named_parts(name) for name in config.constraints]
        action_constraints = [self._named_parts(name) for name in config.action_constraints]
        invariants = [self._named_parts(name) for name in config.invariants]
        first, always, each_step = self._properties()
        assumptions = [
            (each.name or f"line {each.place.line}", parts_of(module, each.body))
            for each in spec.assumptions
            if self._is_ours(each.body)
        ]
        namespace = self._namespace()
        make = _Maker(namespace, self._filename)
        return CompiledSpec(
            name=spec.name,
            variables=tuple(each.name for each in spec.variables),
            steps=tuple(make.step(each) for each in steps),
            initial=namespace[initial],
            constraints=make.predicates(constraints),
            action_constraints=make.predicates(action_constraints, of_steps=True),
            invariants=make.predicates(invariants),
            initial_properties=make.predicates(first),
            always_properties=make.predicates(always),
            step_properties=make.predicates(each_step, of_steps=True),
            unchecked=tuple(self.unchecked),
            assumptions=make.predicates(assumptions),
            source=module.source,
            module=module,
            namespace=namespace,
            places=module.places,
        )

    def behaviour(self) -> tuple[Expr, Expr]:
        """The initial predicate and the next-state relation."""
        config = self._config
        if config.specification is not None:
            formula = self._definition(config.specification)
            parts = take_apart(formula.body, self._module.analysis)
            if not parts.initial or len(parts.steps) != 1:
                raise Unsupported(f"{formula.name} is not of the form Init /\\ [][Next]_vars", formula.place)
            place = formula.place
            return Use(BuiltIn("$ConjList"), tuple(parts.initial), place, 1), parts.steps[0].operands[0]
        if config.init is None or config.next is None:
            raise UnusableInput("neither SPECIFICATION nor INIT and NEXT is given", str(config.path))
        uses = []
        for name in (config.init, config.next):
            definition = self._definition(name)
            uses.append(Use(definition, (), definition.place, definition.level))
        return uses[0], uses[1]

    def _definition(self, name: Name) -> Definition:
        definition = self._module.replacement(name.text) or self._spec.definitions.get(name.text)
        if definition is None:
            raise UnusableInput(f"{name.text} is not defined in {self._spec.name}", name.place)
        if definition.parameters:
            raise UnusableInput(f"{name.text} takes arguments", name.place)
        return self._module.analysis.expand(definition)

    def _initial(self, init: Expr) -> str:
        module = self._module
        name = module.name("initial_states")
        body = Body([(f"def {name}(t):", str(init.place))])
        module.initial.emit(init, module.initial.scope, frozenset(), body, yield_now)
        module.add(body.lines)
        return name

    def _named_parts(self, name: Name) -> tuple[str, list[PartCode]]:
        return name.text, parts_of(self._module, self._definition(name).body)

    def _properties(self) -> tuple[list[tuple[str, list[PartCode]]], ...]:
        first, always, each_step = [], [], []
        for name in self._config.properties:
            parts = take_apart(self._definition(name).body, self._module.analysis)
            first += [(name.text, parts_of(self._module, expr)) for expr in parts.initial]
            always += [(name.text, parts_of(self._module, expr)) for expr in parts.invariants]
            each_step += [(name.text, parts_of(self._module, step)) for step in parts.steps]
            if parts.rest:
                self.unchecked.append(name.text)
        return first, always, each_step

    def _is_ours(self, expr: Expr) -> bool:
        """Whether an ASSUME is about constants of the root module, and not of one that is instantiated."""
        if isinstance(expr, Use) and isinstance(expr.symbol, Declaration):
            return expr.symbol in self._spec.constants
        return all(self._is_ours(child) for child in children(expr))

    def _namespace(self) -> dict[str, Any]:
        variables = [declaration.name for declaration in self._spec.variables]
        namespace: dict[str, Any] = dict(self._helpers)
        namespace["Next"] = state_class("Next", variables)
        values = {name.text: value for name, value in self._config.constants.items()}
        namespace.update({code: values[name] for name, code in self._module.constants.items()})
        _execute(self._module, namespace, self._filename)
        return namespace


_GREATEST: Final = re.compile(r"choose\((\w+), lambda (\w+): all\(at_least\(\2, (\w+)\) for \3 in members\(\1\)\)\)")
"""The greatest of a set of numbers, as TLA+ has to say it: found in this way, it takes the square of their number."""


def rewritten(source: str, namespace: Mapping[str, Any]) -> str:
    """Generated code with what the helpers know a faster way for; the lines stay where they are."""
    return _GREATEST.sub(r"greatest(\1)", source) if "greatest" in namespace else source


compiled: Final = lru_cache(maxsize=4_000)(compile)
"""Python's `compile` of generated code: under other constants it is the same, and is compiled once."""


def _execute(module: Module, namespace: dict[str, Any], filename: str) -> None:
    exec(compiled(rewritten(module.source, namespace), filename, "exec"), namespace)


def _function(code: str, namespace: dict[str, Any], filename: str) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(compiled(code, filename, "eval"), namespace)
    return function


class _Maker:
    """Turns code into functions, once the module has been executed."""

    def __init__(self, namespace: dict[str, Any], filename: str) -> None:
        self._namespace = namespace
        self._filename: Final = filename

    def _lambda(self, parameters: Sequence[str], code: str) -> Callable[..., Any]:
        return _function(f"lambda {', '.join(parameters)}: {code}", self._namespace, self._filename)

    def step(self, code: StepCode) -> Step:
        names = [binder.name for binder in code.binders]
        return Step(
            action=code.action,
            tlc_name=code.tlc_name,
            quantified=self._quantified(code.binders),
            run=self._lambda(["s", "t", *names], code.run),
            arguments=self._lambda(names, f"({''.join(f'freeze({each}), ' for each in code.arguments)})"),
            code=code,
        )

    def _quantified(self, binders: Sequence[Binder]) -> tuple[Quantified, ...]:
        return tuple(
            Quantified(
                binder.name,
                self._lambda(["s", *(each.name for each in binders[:index])], binder.domain),
                binder.constant,
            )
            for index, binder in enumerate(binders)
        )

    def predicates(
        self, named: Sequence[tuple[str, list[PartCode]]], *, of_steps: bool = False
    ) -> tuple[Predicate, ...]:
        states = ["s", "t"] if of_steps else ["s"]
        return tuple(
            Predicate(
                name,
                tuple(
                    Part(
                        self._quantified(part.binders),
                        self._lambda([*states, *(binder.name for binder in part.binders)], part.test),
                        part.place,
                        part.test,
                    )
                    for part in parts
                ),
            )
            for name, parts in named
        )
