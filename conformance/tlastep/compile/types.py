"""Types of variables and of actions' parameters, inferred from the type invariant and from quantifiers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tlastep.compile.analysis import CONJUNCTIONS, Analysis, standard_operator
from tlastep.language.config import Config
from tlastep.language.tree import BuiltIn, Declaration, Definition, Expr, Number, Parameter, Spec, Text, Use
from tlastep.values import Bool, ModelValue, Value

_TYPE_INVARIANTS: Final = ("TypeOK", "TypeInvariant", "TypeInv", "TypeCorrect")


@dataclass(frozen=True)
class Type:
    """A Python type as text; of a collection also the type of its items, and of a mapping that of its keys."""

    text: str
    item: Type | None = None
    key: Type | None = None


UNKNOWN: Final = Type("object")
NUMBER: Final = Type("int")


@dataclass(frozen=True)
class Signature:
    """An action: its name, its parameters, and the type of each."""

    name: str
    parameters: tuple[tuple[str, Type], ...]


@dataclass
class Inferred:
    """What is known of a spec's types. `records` and `aliases` are definitions that the texts of types use."""

    constants: dict[str, Type] = field(default_factory=dict)
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    variables: dict[str, Type] = field(default_factory=dict)
    actions: dict[str, Signature] = field(default_factory=dict)


def infer(spec: Spec, config: Config, next_action: Expr) -> Inferred:
    """The types of a spec under a configuration."""
    return _Inference(spec, config).all(next_action)


class _Inference:
    def __init__(self, spec: Spec, config: Config) -> None:
        self._spec = spec
        self._analysis = Analysis()
        self._values = {name.text: value for name, value in config.constants.items()}
        self._replaced = {name.text: other.text for name, other in config.overrides.items()}
        self._wanted = (*_TYPE_INVARIANTS, *(name.text for name in config.invariants))
        self._found = Inferred()

    def all(self, next_action: Expr) -> Inferred:
        found = self._found
        for name in self._wanted:
            definition = self._spec.definitions.get(name)
            if definition is not None and not definition.parameters:
                self._invariant(definition.body)
        for variable in self._spec.variables:
            found.variables.setdefault(variable.name, UNKNOWN)
        self._actions(next_action, {})
        order = [variable.name for variable in self._spec.variables]
        found.variables = {name: found.variables[name] for name in order}
        return found

    # -- the type invariant ----------------------------------------------------------------------------------

    def _invariant(self, expr: Expr) -> None:
        if not isinstance(expr, Use):
            return
        if expr.is_builtin(*CONJUNCTIONS):
            for operand in expr.operands:
                self._invariant(operand)
        elif expr.is_builtin("\\in", "\\subseteq"):
            self._membership(expr)
        elif expr.is_builtin("$BoundedForall"):
            self._for_each_key(expr)
        elif isinstance(expr.symbol, Definition) and not expr.operands and standard_operator(expr.symbol) is None:
            self._invariant(self._analysis.expand(expr.symbol).body)

    def _membership(self, use: Use) -> None:
        subject, of = use.operands
        if isinstance(subject, Use) and isinstance(subject.symbol, Declaration) and subject.symbol.is_variable:
            name = subject.symbol.name
            if name not in self._found.variables:
                item = self.item(of, name)
                self._found.variables[name] = item if use.is_builtin("\\in") else _set(item)

    def _for_each_key(self, use: Use) -> None:
        """`\\A i \\in D : v[i] \\in S`, alone or among others."""
        (bound, *others) = use.bounds
        if others or bound.domain is None or len(bound.parameters) != 1 or bound.is_tuple:
            return
        for part in _conjuncts(use.operands[0]):
            if not (isinstance(part, Use) and part.is_builtin("\\in", "\\subseteq")):
                continue
            subject, of = part.operands
            applied = isinstance(subject, Use) and subject.is_builtin("$FcnApply")
            if not applied or not isinstance(subject, Use):
                continue
            function, argument = subject.operands
            if (
                isinstance(function, Use)
                and isinstance(function.symbol, Declaration)
                and isinstance(argument, Use)
                and argument.symbol == bound.parameters[0]
            ):
                name = function.symbol.name
                item = self.item(of, name)
                value = item if part.is_builtin("\\in") else _set(item)
                self._found.variables.setdefault(name, _mapping(self.item(bound.domain, name), value))

    # -- sets ------------------------------------------------------------------------------------------------

    def item(self, of: Expr, hint: str, environment: Mapping[Parameter, Type] | None = None) -> Type:
        """The type of a set's members; `hint` names a record that has no name of its own."""
        if not isinstance(of, Use):
            return UNKNOWN
        if isinstance(of.symbol, BuiltIn):
            return self._builtin_item(of, of.symbol.name, hint, environment or {})
        if isinstance(of.symbol, Declaration):
            return self._declared_item(of.symbol, hint)
        if isinstance(of.symbol, Definition):
            return self._defined_item(of, of.symbol, environment or {})
        return UNKNOWN

    def _declared_item(self, symbol: Declaration, hint: str) -> Type:
        if symbol.is_variable:
            return self._found.variables.get(symbol.name, UNKNOWN).item or UNKNOWN
        if symbol.name in self._replaced and (other := self._spec.definitions.get(self._replaced[symbol.name])):
            return self.item(other.body, hint)
        value = self._values.get(symbol.name)
        if isinstance(value, frozenset):
            self._found.constants[symbol.name] = Type(_union(map(_type_of_value, value)))
            return Type(symbol.name)
        return UNKNOWN

    def _defined_item(self, use: Use, symbol: Definition, environment: Mapping[Parameter, Type]) -> Type:
        operator = standard_operator(symbol)
        if operator in ("NAT", "INT", "interval"):
            return NUMBER
        if operator == "sequences_of":
            return _sequence(self.item(use.operands[0], symbol.name, environment))
        if operator is not None:
            return UNKNOWN
        value = self._values.get(symbol.name)
        if isinstance(value, frozenset):
            return Type(_union(map(_type_of_value, value)))
        replaced = self._spec.definitions.get(self._replaced.get(symbol.name, ""))
        definition = self._analysis.expand(replaced or symbol)
        name = definition.name.rpartition("!")[2]
        item = self.item(definition.body, name, environment)
        if " | " in item.text and not definition.parameters and name not in self._found.records:
            self._found.constants[name] = item
            return Type(name)
        return item

    def _builtin_item(self, of: Use, name: str, hint: str, environment: Mapping[Parameter, Type]) -> Type:
        operands = of.operands
        match name:
            case "BOOLEAN":
                return Type("bool")
            case "STRING":
                return Type("str")
            case "$SetEnumerate":
                return Type(_union(self._member(each).text for each in operands) or "object")
            case "\\union" | "\\cup":
                left, right = (self.item(each, hint, environment) for each in operands)
                return left if left == right else Type(_union((left.text, right.text)))
            case "\\intersect" | "\\cap" | "\\":
                return self.item(operands[0], hint, environment)
            case "SUBSET":
                return _set(self.item(operands[0], hint, environment))
            case "$SetOfFcns":
                key, value = (self.item(each, hint, environment) for each in operands)
                return _mapping(key, value)
            case "$CartesianProd":
                return Type(f"tuple[{', '.join(self.item(each, hint, environment).text for each in operands)}]")
            case "$SetOfRcds":
                return self._record(of, hint, environment)
            case "$SubsetOf":
                domain = of.bounds[0].domain
                return self.item(domain, hint, environment) if domain else UNKNOWN
            case "DOMAIN":
                return self._domain(operands[0])
            case "$FcnApply":
                return self._applied(operands[0]).item or UNKNOWN
            case _:
                return UNKNOWN

    def _applied(self, function: Expr) -> Type:
        if isinstance(function, Use) and isinstance(function.symbol, Declaration) and function.symbol.is_variable:
            return self._found.variables.get(function.symbol.name, UNKNOWN).item or UNKNOWN
        return UNKNOWN

    def _domain(self, function: Expr) -> Type:
        if isinstance(function, Use) and isinstance(function.symbol, Declaration):
            return self._found.variables.get(function.symbol.name, UNKNOWN).key or UNKNOWN
        return UNKNOWN

    def _member(self, expr: Expr) -> Type:
        if isinstance(expr, Text):
            return Type(f'Literal["{expr.value}"]')
        if isinstance(expr, Number):
            return NUMBER
        if isinstance(expr, Use):
            if expr.is_builtin("TRUE", "FALSE"):
                return Type("bool")
            if isinstance(expr.symbol, (Declaration, Definition)) and expr.symbol.name in self._values:
                return Type(_type_of_value(self._values[expr.symbol.name]))
        return UNKNOWN

    def _record(self, of: Use, hint: str, environment: Mapping[Parameter, Type]) -> Type:
        fields: dict[str, str] = {}
        for pair in of.operands:
            assert isinstance(pair, Use)
            name, domain = pair.operands
            assert isinstance(name, Text)
            fields[name.value] = self.item(domain, f"{_capital(hint)}{_capital(name.value)}", environment).text
        wish = base = _capital(hint)
        count = 2
        while self._found.records.get(wish, fields) != fields:
            wish, count = f"{base}{count}", count + 1
        self._found.records[wish] = fields
        return Type(wish)

    # -- actions ---------------------------------------------------------------------------------------------

    def _actions(self, expr: Expr, environment: dict[Parameter, Type]) -> None:
        if not isinstance(expr, Use):
            return
        if expr.is_builtin("$DisjList", "\\lor", "$Nop"):
            for operand in expr.operands:
                self._actions(operand, environment)
        elif expr.is_builtin("$BoundedExists"):
            inner = dict(environment)
            for bound in expr.bounds:
                if bound.domain is not None and not bound.is_tuple:
                    item = self.item(bound.domain, "Item", inner)
                    inner.update(dict.fromkeys(bound.parameters, item))
            self._actions(expr.operands[0], inner)
        elif isinstance(expr.symbol, Definition) and standard_operator(expr.symbol) is None:
            self._action(expr, expr.symbol, environment)

    def _action(self, use: Use, symbol: Definition, environment: dict[Parameter, Type]) -> None:
        definition = self._analysis.expand(symbol)
        types = [self._operand(operand, environment) for operand in use.operands]
        inner = {**environment, **dict(zip(definition.parameters, types, strict=True))}
        body = definition.body
        choice = isinstance(body, Use) and body.is_builtin("$DisjList", "\\lor", "$BoundedExists")
        passes = (
            isinstance(body, Use) and isinstance(body.symbol, Definition) and standard_operator(body.symbol) is None
        )
        if not definition.recursive and (choice or passes):
            self._actions(body, inner)
        if not choice and not passes and definition.name not in self._found.actions:
            names = [parameter.name for parameter in definition.parameters]
            signature = Signature(definition.name, tuple(zip(names, types, strict=True)))
            self._found.actions[definition.name] = signature

    def _operand(self, operand: Expr, environment: Mapping[Parameter, Type]) -> Type:
        if isinstance(operand, Use) and isinstance(operand.symbol, Parameter):
            return environment.get(operand.symbol, UNKNOWN)
        return self._member(operand)


def _conjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Use) and expr.is_builtin(*CONJUNCTIONS):
        for operand in expr.operands:
            yield from _conjuncts(operand)
    else:
        yield expr


def _set(item: Type) -> Type:
    return Type(f"Set[{item.text}]", item)


def _sequence(item: Type) -> Type:
    return Type(f"Sequence[{item.text}]", item, NUMBER)


def _mapping(key: Type, item: Type) -> Type:
    """Functions over numbers are sequences where the domain is 1..n, so their keys say too little to be sure."""
    return Type(f"Mapping[{key.text}, {item.text}]", item, key)


def _type_of_value(value: Value) -> str:
    if isinstance(value, Bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, str):
        return f'Literal["{value}"]'
    return "ModelValue" if isinstance(value, ModelValue) else "object"


def _union(texts: Iterable[str]) -> str:
    """The texts joined, each once; strings become one `Literal`."""
    parts = list(dict.fromkeys(part for text in sorted(texts) for part in text.split(" | ")))
    literals = [part[len("Literal[") : -1] for part in parts if part.startswith("Literal[")]
    others = [part for part in parts if not part.startswith("Literal[")]
    if "object" in others:
        return "object"
    joined = [f"Literal[{', '.join(literals)}]"] if literals else []
    return " | ".join([*others, *joined])


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
