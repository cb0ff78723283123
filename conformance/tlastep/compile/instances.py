"""INSTANCE, expanded: definitions of an instantiated module with their constants and variables replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from tlastep.language.tree import (
    Bound,
    Declaration,
    Definition,
    Expr,
    Instance,
    LetIn,
    OperatorArgument,
    Parameter,
    Use,
    children,
)

_Substitution: TypeAlias = dict[Declaration, Expr]


class Instances:
    """Expands definitions of instances; the same expansion is made once."""

    def __init__(self) -> None:
        self._expanded: dict[Definition, Definition] = {}

    def expand(self, definition: Definition) -> Definition:
        """The definition with a body free of `Instance` nodes at its top; other definitions are returned as is."""
        if not isinstance(definition.body, Instance):
            return definition
        if definition not in self._expanded:
            clone = replace_definition(definition)
            self._expanded[definition] = clone
            clone.body = _expand_instance(definition.body, {}, _Clones())
        return self._expanded[definition]


class _Clones:
    """Definitions of the instantiated module, copied under one substitution."""

    def __init__(self) -> None:
        self.of: Final[dict[tuple[Definition, int], Definition]] = {}
        self.extra: Final[dict[Definition, tuple[Parameter, ...]]] = {}
        self.kept: Final[list[_Substitution]] = []  # keeps the ids that `of` uses from being reused


def replace_definition(definition: Definition, extra: tuple[Parameter, ...] = ()) -> Definition:
    """A copy without a body yet, with further parameters at the end."""
    return Definition(
        definition.name, definition.parameters + extra, definition.place, definition.level, definition.recursive
    )


def _expand_instance(instance: Instance, outer: _Substitution, clones: _Clones) -> Expr:
    replacements = {name: _substitute(expr, outer, clones) for name, expr in instance.substitutions}
    clones.kept.append(replacements)
    return _substitute(instance.body, replacements, clones)


def _substitute(expr: Expr, replaced: _Substitution, clones: _Clones) -> Expr:
    if not replaced and not isinstance(expr, Instance):
        return expr
    if isinstance(expr, Instance):
        return _expand_instance(expr, replaced, clones)
    if isinstance(expr, LetIn):
        definitions = tuple(_clone(each, replaced, clones) for each in expr.definitions)
        return replace(expr, definitions=definitions, body=_substitute(expr.body, replaced, clones))
    if isinstance(expr, OperatorArgument):
        if isinstance(expr.symbol, Definition):
            return replace(expr, symbol=_clone(expr.symbol, replaced, clones))
        return expr
    if isinstance(expr, Use):
        return _substitute_use(expr, replaced, clones)
    return expr


def _substitute_use(use: Use, replaced: _Substitution, clones: _Clones) -> Expr:
    if isinstance(use.symbol, Declaration) and use.symbol in replaced:
        replacement = replaced[use.symbol]
        if isinstance(replacement, OperatorArgument):
            operands = tuple(_substitute(each, replaced, clones) for each in use.operands)
            return Use(replacement.symbol, operands, use.place, use.level)
        return replacement
    operands = tuple(_substitute(each, replaced, clones) for each in use.operands)
    bounds = tuple(
        Bound(each.parameters, each.is_tuple, each.domain and _substitute(each.domain, replaced, clones))
        for each in use.bounds
    )
    symbol = use.symbol
    if isinstance(symbol, Definition):
        symbol = _clone(symbol, replaced, clones)
        extra = clones.extra.get(symbol, ())
        operands += tuple(Use(parameter, (), use.place, 0) for parameter in extra)
    return Use(symbol, operands, use.place, use.level, bounds)


def _clone(definition: Definition, replaced: _Substitution, clones: _Clones) -> Definition:
    key = (definition, id(replaced))
    if key in clones.of:
        return clones.of[key]
    if not _mentions(definition, replaced, set()):
        clones.of[key] = definition
        return definition
    extra = tuple(
        parameter for parameter in _free_parameters(replaced.values()) if parameter not in definition.parameters
    )
    clone = replace_definition(definition, extra)
    clones.of[key] = clone
    clones.extra[clone] = extra
    clone.body = _substitute(definition.body, replaced, clones)
    return clone


def _mentions(definition: Definition, replaced: _Substitution, seen: set[Definition]) -> bool:
    if definition in seen:
        return False
    seen.add(definition)
    return _expr_mentions(definition.body, replaced, seen)


def _expr_mentions(expr: Expr, replaced: _Substitution, seen: set[Definition]) -> bool:
    symbol = expr.symbol if isinstance(expr, (Use, OperatorArgument)) else None
    if isinstance(symbol, Declaration) and symbol in replaced:
        return True
    if isinstance(symbol, Definition) and _mentions(symbol, replaced, seen):
        return True
    return any(_expr_mentions(child, replaced, seen) for child in children(expr))


def _free_parameters(exprs: Iterable[Expr]) -> tuple[Parameter, ...]:
    """Parameters of a parametrised instance, `J(x) == INSTANCE M WITH y <- x`, that the replacements use."""
    found: dict[Parameter, None] = {}

    def visit(expr: Expr, bound: frozenset[Parameter]) -> None:
        if isinstance(expr, Use):
            if isinstance(expr.symbol, Parameter) and expr.symbol not in bound:
                found[expr.symbol] = None
            bound = bound.union(*(each.parameters for each in expr.bounds))
        elif isinstance(expr, LetIn):
            bound = bound.union(*(each.parameters for each in expr.definitions))
        elif isinstance(expr, OperatorArgument) and isinstance(expr.symbol, Definition):
            visit(expr.symbol.body, bound.union(expr.symbol.parameters))
        for child in children(expr):
            visit(child, bound)

    for expr in exprs:
        visit(expr, frozenset())
    return tuple(found)
