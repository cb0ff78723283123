"""Where actions branch, and which variables they give a value: what is known of an action before it is compiled."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from tlastep.compile.analysis import CONJUNCTIONS, DISJUNCTIONS, Analysis, standard_operator
from tlastep.compile.rewriting import Replacement, opened
from tlastep.language.tree import Declaration, Definition, Expr, LetIn, OperatorArgument, Use

Assigned: TypeAlias = frozenset[str]
"""The variables that have a next value at some place of an action."""


class Replacements(Protocol):
    """Who knows what the configuration replaces."""

    def replacement(self, name: str) -> Definition | None:
        """The definition that the configuration puts in the place of a name."""


class Branching:
    """Answers about actions (`initial=False`) or initial predicates (`initial=True`), remembered."""

    def __init__(self, analysis: Analysis, replacements: Replacements, *, initial: bool) -> None:
        self._analysis = analysis
        self._replacements = replacements
        self._initial = initial
        self._outcomes: dict[tuple[Definition, Assigned], frozenset[Assigned]] = {}
        self._bodies: dict[int, tuple[Use, Definition]] = {}

    def outcomes(self, expr: Expr, assigned: Assigned) -> frozenset[Assigned]:
        """The sets of variables that may be assigned after the expression, one for each kind of branch."""
        expr = opened(expr)
        if isinstance(expr, LetIn):
            return self.outcomes(expr.body, assigned)
        if not isinstance(expr, Use):
            return frozenset({assigned})
        if expr.is_builtin(*CONJUNCTIONS):
            found = frozenset({assigned})
            for operand in expr.operands:
                found = frozenset().union(*(self.outcomes(operand, each) for each in found))
            return found
        if expr.is_builtin(*DISJUNCTIONS):
            return frozenset().union(*(self.outcomes(each, assigned) for each in expr.operands))
        if expr.is_builtin("$BoundedExists", "$Nop"):
            return self.outcomes(expr.operands[0], assigned)
        if expr.is_builtin("$IfThenElse"):
            return self.outcomes(expr.operands[1], assigned) | self.outcomes(expr.operands[2], assigned)
        if expr.is_builtin("$Case"):
            results = [pair.operands[1] for pair in expr.operands if isinstance(pair, Use)]
            return frozenset().union(*(self.outcomes(each, assigned) for each in results))
        if expr.is_builtin("=", "\\in"):
            return frozenset({assigned | self.target(expr.operands[0])})
        if expr.is_builtin("UNCHANGED"):
            return frozenset({assigned.union(*self.unchanged(expr.operands[0]))})
        if isinstance(expr.symbol, Definition):
            return self.definition_outcomes(self.called(expr, expr.symbol), assigned)
        return frozenset({assigned})

    def definition_outcomes(self, definition: Definition, assigned: Assigned) -> frozenset[Assigned]:
        """`outcomes` of a definition's body."""
        definition = self.resolved(definition)
        if standard_operator(definition) is not None:
            return frozenset({assigned})
        key = (definition, assigned)
        if key not in self._outcomes:
            self._outcomes[key] = frozenset({assigned})
            self._outcomes[key] = self.outcomes(definition.body, assigned)
        return self._outcomes[key]

    def resolved(self, definition: Definition) -> Definition:
        """The definition that counts: replaced by the configuration, and free of INSTANCE."""
        return self._analysis.expand(self._replacements.replacement(definition.name) or definition)

    def called(self, use: Use, symbol: Definition) -> Definition:
        """The definition that is used, with operands that are actions put in the place of its parameters.

        TLC passes an operand on as it is written, so that it branches, or assigns, where the parameter stands.
        """
        definition = self.resolved(symbol)
        if standard_operator(definition) is not None or definition.recursive or not use.operands:
            return definition
        if id(use) not in self._bodies:
            pairs = zip(definition.parameters, use.operands, strict=True)
            chosen = {parameter: operand for parameter, operand in pairs if self.acts(operand)}
            result = definition
            if chosen:
                result = Definition(definition.name, definition.parameters, definition.place, definition.level)
                result.body = Replacement(chosen).of(definition.body)
            self._bodies[id(use)] = use, result  # the use is kept, so that its id is not used again
        return self._bodies[id(use)][1]

    def is_rewritten(self, use: Use, symbol: Definition) -> bool:
        """Whether an operand of the use is an action."""
        return self.called(use, symbol) is not self.resolved(symbol)

    def acts(self, operand: Expr) -> bool:
        """Whether the operand branches, assigns, or speaks of the next state."""
        if isinstance(operand, OperatorArgument):
            if not isinstance(operand.symbol, Definition):
                return False
            definition = self.resolved(operand.symbol)
            return standard_operator(definition) is None and not definition.recursive and self.acts(definition.body)
        if self.forks(operand) or self.assigns(operand):
            return True
        return not self._initial and bool(self._analysis.reads(operand).next)

    def forks(self, expr: Expr) -> bool:
        """Whether the expression may succeed in more than one way."""
        expr = opened(expr)
        if isinstance(expr, LetIn):
            return self.forks(expr.body)
        if not isinstance(expr, Use):
            return False
        if expr.is_builtin(*DISJUNCTIONS, "$BoundedExists"):
            return True
        if expr.is_builtin("\\in"):
            return bool(self.target(expr.operands[0]))
        if expr.is_builtin(*CONJUNCTIONS, "$Nop", "$BoundedForall"):
            return any(self.forks(each) for each in expr.operands)
        if expr.is_builtin("$IfThenElse"):
            return any(self.forks(each) for each in expr.operands[1:])
        if expr.is_builtin("$Case"):
            return any(self.forks(pair.operands[1]) for pair in expr.operands if isinstance(pair, Use))
        if isinstance(expr.symbol, Definition):
            definition = self.called(expr, expr.symbol)
            return standard_operator(definition) is None and not definition.recursive and self.forks(definition.body)
        return False

    def assigns(self, expr: Expr) -> bool:
        """Whether the expression may give a variable its next value."""
        return any(self.outcomes(expr, frozenset()))

    def target(self, expr: Expr) -> Assigned:
        """The variable that `expr = ...` would assign, if it is one."""
        if self._initial:
            variable = expr
        elif isinstance(expr, Use) and expr.is_builtin("'"):
            variable = expr.operands[0]
        else:
            return frozenset()
        if isinstance(variable, Use) and isinstance(variable.symbol, Declaration) and variable.symbol.is_variable:
            return frozenset({variable.symbol.name})
        return frozenset()

    def unchanged(self, expr: Expr) -> list[Assigned]:
        """The variables of `UNCHANGED <<x, vars>>`, tuples and definitions opened."""
        if isinstance(expr, Use):
            if expr.is_builtin("$Tuple"):
                return [each for operand in expr.operands for each in self.unchanged(operand)]
            if isinstance(expr.symbol, Declaration) and expr.symbol.is_variable:
                return [frozenset({expr.symbol.name})]
            if isinstance(expr.symbol, Definition) and not expr.operands:
                return self.unchanged(self.resolved(expr.symbol).body)
        return []
