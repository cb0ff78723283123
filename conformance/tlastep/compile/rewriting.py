"""Formulas rewritten before they are compiled as actions, so that they branch where TLC branches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tlastep.language.tree import (
    Bound,
    BuiltIn,
    Definition,
    Expr,
    Instance,
    LetIn,
    OperatorArgument,
    Parameter,
    Use,
)

_TRUE: Final = BuiltIn("TRUE")


def opened(expr: Expr) -> Expr:
    """`A => B`, `[A]_v` and `<<A>>_v` in the words of IF, disjunction and conjunction; anything else as it is."""
    if not isinstance(expr, Use):
        return expr
    if expr.is_builtin("=>"):
        condition, result = expr.operands
        otherwise = Use(_TRUE, (), expr.place, 0)
        return Use(BuiltIn("$IfThenElse"), (condition, result, otherwise), expr.place, expr.level)
    if expr.is_builtin("$SquareAct", "$AngleAct"):
        action, subscript = expr.operands
        idle = Use(BuiltIn("UNCHANGED"), (subscript,), subscript.place, 2)
        if expr.is_builtin("$SquareAct"):
            return Use(BuiltIn("$DisjList"), (action, idle), expr.place, 2)
        return Use(BuiltIn("$ConjList"), (action, Use(BuiltIn("\\lnot"), (idle,), subscript.place, 2)), expr.place, 2)
    return expr


class Replacement:
    """Parameters of a definition replaced by operands. Each parameter is an object of its own: nothing is captured."""

    def __init__(self, operands: Mapping[Parameter, Expr]) -> None:
        self._operands = operands
        self._definitions: dict[Definition, Definition] = {}

    def of(self, expr: Expr) -> Expr:
        """The expression with the parameters replaced."""
        if isinstance(expr, Use):
            return self._of_use(expr)
        if isinstance(expr, LetIn):
            definitions = tuple(self._of_definition(each) for each in expr.definitions)
            return replace(expr, definitions=definitions, body=self.of(expr.body))
        if isinstance(expr, OperatorArgument):
            return self._of_argument(expr)
        if isinstance(expr, Instance):
            substitutions = tuple((name, self.of(each)) for name, each in expr.substitutions)
            return replace(expr, substitutions=substitutions, body=self.of(expr.body))
        return expr

    def _of_use(self, use: Use) -> Expr:
        symbol = use.symbol
        operands = tuple(map(self.of, use.operands))
        if isinstance(symbol, Parameter) and symbol in self._operands:
            operand = self._operands[symbol]
            if not isinstance(operand, OperatorArgument):
                return operand
            symbol = operand.symbol
        elif isinstance(symbol, Definition):
            symbol = self._definitions.get(symbol, symbol)
        bounds = tuple(
            Bound(each.parameters, each.is_tuple, each.domain and self.of(each.domain)) for each in use.bounds
        )
        return Use(symbol, operands, use.place, use.level, bounds)

    def _of_argument(self, argument: OperatorArgument) -> Expr:
        symbol = argument.symbol
        if isinstance(symbol, Parameter) and symbol in self._operands:
            return self._operands[symbol]
        if isinstance(symbol, Definition):
            known = self._definitions.get(symbol)
            if known is None and symbol.name == "LAMBDA":
                known = self._of_definition(symbol)
            return replace(argument, symbol=known or symbol)
        return argument

    def _of_definition(self, definition: Definition) -> Definition:
        """A copy of a LET definition or a LAMBDA."""
        if definition not in self._definitions:
            copy = Definition(
                definition.name, definition.parameters, definition.place, definition.level, definition.recursive
            )
            self._definitions[definition] = copy
            copy.body = self.of(definition.body)
        return self._definitions[definition]
