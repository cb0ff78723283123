"""What an expression reads, and which of its parts are evaluated in any case."""

from __future__ import annotations

from typing import Final, NamedTuple

from tlastep.compile.instances import Instances
from tlastep.errors import Unsupported
from tlastep.language.standard_modules import MODULES, STANDARD
from tlastep.language.tree import (
    BuiltIn,
    Declaration,
    Definition,
    Expr,
    LetIn,
    Number,
    OperatorArgument,
    Parameter,
    Text,
    Use,
    children,
)

CONJUNCTIONS: Final = ("$ConjList", "\\land")
DISJUNCTIONS: Final = ("$DisjList", "\\lor")
_FIRST_ONLY: Final = (*CONJUNCTIONS, *DISJUNCTIONS, "=>")
_TEMPORAL: Final = ("[]", "<>", "~>", "$WF", "$SF", "-+->")


class Reads(NamedTuple):
    """Variables read in the current state and in the next one, as names."""

    current: frozenset[str]
    next: frozenset[str]

    def __or__(self, other: object) -> Reads:
        assert isinstance(other, Reads)
        return Reads(self.current | other.current, self.next | other.next)


NOTHING: Final = Reads(frozenset(), frozenset())


def standard_operator(definition: Definition) -> str | None:
    """The name of the Python function behind an operator of a standard module, or None for a user's own.

    Raises `Unsupported` for a standard operator that has no Python function.
    """
    module, name = definition.module, definition.name
    if module not in STANDARD:
        # An operator of an instance bears the module with the INSTANCE; only its body is where it was written.
        body: Expr | None = getattr(definition, "body", None)
        module, name = body.place.file if body else "", name.rpartition("!")[2]
        if module not in STANDARD or module == definition.module:
            return None
    for operators in MODULES.values():
        if name in operators:
            return operators[name]
    raise Unsupported(f"{name} of the standard module {module}", definition.place)


class Analysis:
    """Answers about definitions, remembered."""

    def __init__(self) -> None:
        self._instances = Instances()
        self._reads: dict[Definition, Reads] = {}
        self._strict: dict[tuple[Definition, Parameter], bool] = {}

    def expand(self, definition: Definition) -> Definition:
        """The definition, with an INSTANCE replaced by what it stands for."""
        return self._instances.expand(definition)

    # -- reads -------------------------------------------------------------------------------------------

    def reads(self, expr: Expr) -> Reads:
        """What the expression reads, definitions that it uses included."""
        if isinstance(expr, Use):
            if expr.is_builtin("'"):
                inner = self.reads(expr.operands[0])
                return Reads(frozenset(), inner.current | inner.next)
            if expr.is_builtin("UNCHANGED"):
                inner = self.reads(expr.operands[0])
                return Reads(inner.current, inner.current)
            if expr.is_builtin("$SquareAct", "$AngleAct"):
                subscript = self.reads(expr.operands[1]).current
                return self.reads(expr.operands[0]) | Reads(subscript, subscript)
            if expr.is_builtin("ENABLED"):
                return Reads(self.reads(expr.operands[0]).current, frozenset())
        found = NOTHING
        if isinstance(expr, (Use, OperatorArgument)):
            found = self._symbol_reads(expr.symbol)
        for child in children(expr):
            found |= self.reads(child)
        return found

    def _symbol_reads(self, symbol: object) -> Reads:
        if isinstance(symbol, Declaration) and symbol.is_variable:
            return Reads(frozenset({symbol.name}), frozenset())
        if isinstance(symbol, Definition):
            return self.definition_reads(symbol)
        return NOTHING

    def definition_reads(self, definition: Definition) -> Reads:
        """What a definition's body reads."""
        definition = self.expand(definition)
        if definition not in self._reads:
            self._reads[definition] = NOTHING  # a recursive use adds nothing to the rest of the body
            if standard_operator(definition) is None:
                self._reads[definition] = self.reads(definition.body)
        return self._reads[definition]

    def is_action(self, expr: Expr) -> bool:
        """Whether the expression speaks of the next state."""
        return bool(self.reads(expr).next)

    def may_be_endless(self, expr: Expr, seen: frozenset[Definition] = frozenset()) -> bool:
        """Whether a set may be one that can't be enumerated: Nat, Int, Seq(S), STRING or a part of them."""
        if isinstance(expr, Use):
            if expr.is_builtin("STRING"):
                return True
            if isinstance(expr.symbol, Definition) and expr.symbol not in seen:
                operator = standard_operator(expr.symbol)
                if operator is not None:
                    return operator in ("NAT", "INT", "sequences_of")
                body = self.expand(expr.symbol).body
                if self.may_be_endless(body, seen | {expr.symbol}):
                    return True
        return any(self.may_be_endless(child, seen) for child in children(expr))

    # -- strictness --------------------------------------------------------------------------------------

    def is_strict(self, definition: Definition, parameter: Parameter) -> bool:
        """Whether the parameter is evaluated whenever the definition is: then it is passed as a value."""
        if standard_operator(definition) is not None:
            return True
        definition = self.expand(definition)
        key = (definition, parameter)
        if key not in self._strict:
            self._strict[key] = False  # while a recursive definition is looked at
            self._strict[key] = self.certainly_uses(definition.body, parameter)
        return self._strict[key]

    def certainly_uses(self, expr: Expr, symbol: Parameter | Definition) -> bool:
        """Whether evaluating the expression is sure to evaluate the symbol."""
        if isinstance(expr, LetIn):
            return self.certainly_uses(expr.body, symbol) or any(
                self.certainly_uses(expr.body, each) and self.certainly_uses(each.body, symbol)
                for each in expr.definitions
                if not each.parameters
            )
        if not isinstance(expr, Use):
            return False
        if expr.symbol is symbol or expr.symbol == symbol:
            return True
        return any(self.certainly_uses(part, symbol) for part in self._certain_parts(expr))

    def _certain_parts(self, use: Use) -> list[Expr]:
        domains = [each.domain for each in use.bounds if each.domain is not None]
        if domains:
            return domains[:1]
        if isinstance(use.symbol, Definition):
            pairs = zip(use.operands, use.symbol.parameters, strict=False)
            return [operand for operand, parameter in pairs if self.is_strict(use.symbol, parameter)]
        if not isinstance(use.symbol, BuiltIn) or use.bounds:
            return []
        if use.is_builtin(*_FIRST_ONLY, "$IfThenElse"):
            return list(use.operands[:1])
        if use.is_builtin("$Case"):
            return self._first_guard(use)
        if use.is_builtin("'", "UNCHANGED", "ENABLED", "$SquareAct", "$AngleAct", "$Except"):
            return list(use.operands[:1]) if use.is_builtin("$Except") else []
        return list(use.operands)

    @staticmethod
    def _first_guard(use: Use) -> list[Expr]:
        first = use.operands[0]
        if isinstance(first, Use) and first.is_builtin("$Pair") and not isinstance(first.operands[0], Text):
            return [first.operands[0]]
        return []


def cannot_fail(expr: Expr) -> bool:
    """Whether evaluating the expression is cheap and sure to succeed, so that it may be done early."""
    if isinstance(expr, (Number, Text)):
        return True
    if isinstance(expr, Use) and not expr.operands and not expr.bounds:
        return isinstance(expr.symbol, Declaration) or expr.is_builtin("TRUE", "FALSE", "$Tuple", "$SetEnumerate")
    return False


def is_temporal(expr: Expr) -> bool:
    """Whether an operator of temporal logic stands at the top."""
    return isinstance(expr, Use) and expr.is_builtin(*_TEMPORAL)
