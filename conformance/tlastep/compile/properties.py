"""Temporal formulas, taken apart: what can be judged state by state and step by step, and what can't."""

from __future__ import annotations

from dataclasses import dataclass, field

from tlastep.compile.analysis import CONJUNCTIONS, Analysis
from tlastep.language.tree import ACTION_LEVEL, TEMPORAL_LEVEL, Definition, Expr, Use, children


@dataclass
class Temporal:
    """`initial /\\ []invariants /\\ [][steps]_v /\\ rest`, as lists."""

    initial: list[Expr] = field(default_factory=list)
    invariants: list[Expr] = field(default_factory=list)
    steps: list[Use] = field(default_factory=list)
    rest: list[Expr] = field(default_factory=list)


def take_apart(formula: Expr, analysis: Analysis) -> Temporal:
    """The parts of a temporal formula. `rest` holds what needs whole behaviours: fairness, ~>, <>."""
    found = Temporal()
    _collect(formula, analysis, found)
    return found


def _collect(formula: Expr, analysis: Analysis, found: Temporal) -> None:
    if not isinstance(formula, Use):
        found.rest.append(formula)
    elif formula.is_builtin(*CONJUNCTIONS):
        for operand in formula.operands:
            _collect(operand, analysis, found)
    elif not is_temporal(formula, analysis, set()):
        found.initial.append(formula)
    elif isinstance(formula.symbol, Definition) and not formula.operands:
        _collect(analysis.expand(formula.symbol).body, analysis, found)
    elif formula.is_builtin("[]"):
        _collect_always(formula.operands[0], analysis, found)
    else:
        found.rest.append(formula)


def _collect_always(formula: Expr, analysis: Analysis, found: Temporal) -> None:
    if isinstance(formula, Use):
        if formula.is_builtin(*CONJUNCTIONS):
            for operand in formula.operands:
                _collect_always(operand, analysis, found)
            return
        if formula.is_builtin("$SquareAct"):
            found.steps.append(formula)
            return
        if not is_temporal(formula, analysis, set()) and not analysis.is_action(formula):
            found.invariants.append(formula)
            return
        if isinstance(formula.symbol, Definition) and not formula.operands:
            _collect_always(analysis.expand(formula.symbol).body, analysis, found)
            return
    found.rest.append(formula)


def is_temporal(expr: Expr, analysis: Analysis, seen: set[Definition]) -> bool:
    """Whether the expression speaks of more than one step.

    SANY's level can't be asked: for an instance it is that of the module instantiated.
    """
    if isinstance(expr, Use):
        if expr.is_builtin("[]", "<>", "~>", "$WF", "$SF", "-+->", "$TemporalExists", "$TemporalForall"):
            return True
        if isinstance(expr.symbol, Definition) and expr.symbol not in seen:
            seen.add(expr.symbol)
            if expr.symbol.level in (ACTION_LEVEL, TEMPORAL_LEVEL) or "!" in expr.symbol.name:
                return is_temporal(analysis.expand(expr.symbol).body, analysis, seen)
    return any(is_temporal(child, analysis, seen) for child in children(expr))
