"""Formulas about all members of a set: written out for a few constants, learnt for the places of sequences."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from tlastep.compile import peephole
from tlastep.compile.partial import MANY
from tlastep.compile.peephole import INT
from tlastep.compile.reads import STATES, bound_names
from tlastep.compile.specialised import renamed
from tlastep.compile.trees import walk

if TYPE_CHECKING:
    from tlastep.compile.evaluator import Evaluator


def about_all(evaluator: Evaluator, name: str, every: ast.GeneratorExp) -> ast.expr:
    """`all(...)` or `any(...)`: written out for a few constants, or learnt for places of sequences."""
    match every.generators:
        case [ast.comprehension(ast.Name(item), ast.Call(ast.Name("members"), [of]), [])]:
            known, value = evaluator.partial.value_of(evaluator.visit(of))
            if known and type(value) is frozenset and len(value) <= MANY:
                each = [renamed(every.elt, {item: evaluator.constant(member)}) for member in value]
                if not each:
                    return ast.Constant(name == "all")
                return evaluator.visit_BoolOp(ast.BoolOp(ast.And() if name == "all" else ast.Or(), each))
        case [ast.comprehension(ast.Name(item), ast.Call(ast.Name("numbers"), [low, high]), [])] if name == "all":
            learnt = _learnt(evaluator, item, low, high, every.elt)
            if learnt is not None:
                return learnt
    return ast.Call(ast.Name(name, ast.Load()), [evaluator.visit(every)], [])


def counted_of(evaluator: Evaluator, of: ast.expr) -> ast.expr | None:
    """How many of a few constants a formula is true of."""
    match of:
        case ast.Call(
            ast.Name("frozenset"),
            [ast.GeneratorExp(ast.Name(item), [ast.comprehension(ast.Name(same), among, [test])])],
        ) if item == same:
            value = evaluator.partial.value_of(among)[1]
            if type(value) is frozenset and 0 < len(value) <= MANY:
                tests = [evaluator.visit(renamed(test, {item: evaluator.constant(member)})) for member in value]
                one, none = ast.Constant(1), ast.Constant(0)
                total: ast.expr = ast.IfExp(tests[0], one, none)
                for each in tests[1:]:
                    total = ast.BinOp(total, ast.Add(), ast.IfExp(each, one, none))
                return total
    return None


def _learnt(evaluator: Evaluator, place: str, low: ast.expr, high: ast.expr, body: ast.expr) -> ast.expr | None:
    """A formula about all places that remembers how far it was found true: if cells are all that changes of it."""
    if "all_places" not in evaluator.partial.namespace:
        return None
    kinds = {**evaluator.scope.kinds, place: INT}
    inner = type(evaluator)(evaluator.partial, replace(evaluator.scope, kinds=kinds, quiet=False))
    said = inner.visit(renamed(body, {}))
    cells = {ast.unparse(node): node for node in peephole.cells_in(said)}
    states = [node for node in walk(said) if isinstance(node, ast.Name) and node.id in STATES]
    fixed = len(peephole.cells_in(said))
    own = {name for node in walk(said) for name in bound_names(node)} | {place}
    own |= {node.target.id for node in walk(said) if isinstance(node, ast.NamedExpr)}
    local = {node.id for node in walk(said) if isinstance(node, ast.Name)} & evaluator.scope.kinds.keys() - own
    if not cells or len(states) != fixed or local:
        return None
    # What is learnt of cells is true of all that have the same values: only the order in which they come matters.
    order = {name: f"cell{number}" for number, name in enumerate(cells)}
    text = ast.unparse(said)
    for name, number in order.items():
        text = text.replace(name, number)
    test = ast.Lambda(ast.arguments([], [ast.arg(place)], None, [], [], None, []), said)
    parts = ast.Tuple(list(cells.values()), ast.Load())
    known = ast.Name(evaluator.partial.learnt(text), ast.Load())
    operands: list[ast.expr] = [known, evaluator.visit(low), evaluator.visit(high), test, parts]
    if isinstance(low, ast.Constant) and low.value == 1 and reads_up_to(said, place):
        quietly = type(evaluator)(evaluator.partial, replace(evaluator.scope, kinds=kinds))
        test.body = quietly.visit(renamed(body, {}))
        return ast.Call(ast.Name("each_place", ast.Load()), [known, *operands[2:]], [])
    return ast.Call(ast.Name("all_places", ast.Load()), operands, [])


def reads_up_to(said: ast.expr, place: str) -> bool:
    """Whether a formula reads of all cells no more than they have up to a place, whatever it is."""
    inside: list[ast.expr] = []
    for node in walk(said):
        match node:
            case ast.Call(ast.Name("apply" | "prefix"), [cell_, ast.Name(name)]) if name == place:
                inside.append(cell_)
            case ast.Call(ast.Name("alike"), [one, ast.Name(its), other, ast.Name(ours)]) if its == ours == place:
                inside += [one, other]
    return len(peephole.cells_in(said)) == sum(map(peephole.is_cell, inside))
