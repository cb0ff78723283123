"""Why the spec does not allow a step: the conjuncts of an action that are false of it, with their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tlastep.behaviour import Label
from tlastep.compile.analysis import CONJUNCTIONS
from tlastep.compile.compiled import State, Step
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import EvaluationError
from tlastep.language.tree import BuiltIn, Definition, Expr, LetIn, Use
from tlastep.values import Value


class Conjunct(NamedTuple):
    """One conjunct of an action: where it stands, and what it is as an expression."""

    place: str
    expr: Expr


def conjuncts(body: Expr) -> Iterator[Conjunct]:
    """The conjuncts of an action, those under LET and IF included, each with what it depends on around it."""
    if isinstance(body, LetIn):
        for each in conjuncts(body.body):
            yield Conjunct(each.place, LetIn(body.definitions, each.expr, body.place, body.level))
    elif isinstance(body, Use) and body.is_builtin(*CONJUNCTIONS):
        for operand in body.operands:
            yield from conjuncts(operand)
    elif isinstance(body, Use) and body.is_builtin("$IfThenElse"):
        condition, yes, no = body.operands
        true = Use(BuiltIn("TRUE"), (), body.place, 0)
        for each in conjuncts(yes):
            yield Conjunct(each.place, Use(body.symbol, (condition, each.expr, true), body.place, body.level))
        for each in conjuncts(no):
            yield Conjunct(each.place, Use(body.symbol, (condition, true, each.expr), body.place, body.level))
    else:
        yield Conjunct(f"{body.place.file}.tla:{body.place.line}:{body.place.column}", body)


def false_conjuncts(
    system: SpecSystem, step: Step, bound: tuple[Value, ...], state: State, following: State
) -> list[str]:
    """The places of the conjuncts that are false of the step, in the order in which they stand in the spec."""
    body = step.code.body.body if isinstance(step.code.body, Definition) else step.code.body
    names = [binder.name for binder in step.code.binders]
    found = []
    for conjunct in conjuncts(body):
        test = system.spec.compile_test(conjunct.expr, step.code.scope, names)
        try:
            holds = test(system.view(state), system.view(following), *bound)
        except EvaluationError as error:
            found.append(f"{conjunct.place} ({error.message})")
            continue
        if not holds:
            found.append(conjunct.place)
    return found


def why_not(system: SpecSystem, state: State, label: Label, following: State) -> list[str]:
    """The places of the false conjuncts of the action with that label; empty if the spec has no such action."""
    for step, bound, offered in system.offers(state):
        if offered == label:
            return false_conjuncts(system, step, bound, state, following)
    return []
