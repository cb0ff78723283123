"""Formulas about two values that say the same with the two exchanged: of each pair they need be asked once.

    pairs = Pairs(spec.source)
    assert len(pairs.once([Asked({"i": a, "j": b}, code), Asked({"i": b, "j": a}, code)])) == 1

That a formula is one is seen from its text. `x = y` is `y = x`, and has a value where the other has one; so with the
smaller of two numbers, or the greater, for where neither is smaller they are one number. Of such calls the operands are
put in order; all else stays where it stands, what is evaluated only if something before it is true or false among it.
Where the text is the same then with the two parameters exchanged, so is the value, or that there is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Final

from tlastep.compile.cells import Asked
from tlastep.compile.direct import parsed_directly
from tlastep.compile.peephole import ORDER, name_of
from tlastep.compile.reads import bound_names
from tlastep.compile.specialised import functions_of, renamed
from tlastep.compile.trees import walk

EITHER_WAY: Final = frozenset({"equal"})
"""What says the same of its two operands in either order."""


class Pairs:
    """Knows which formulas of a generated module say the same of two values in either order."""

    def __init__(self, source: str) -> None:
        self._functions = functions_of(source)
        self._exchanged: dict[tuple[str, tuple[str, ...]], tuple[str, str] | None] = {}

    def once(self, asked: Iterable[Asked]) -> list[Asked]:
        """The same without what is asked of a pair for the second time."""
        seen: set[object] = set()
        found = []
        for each in asked:
            pair = self.exchanged(each.code, tuple(each.bound)) if len(each.bound) > 1 and not each.members else None
            if pair is not None:
                others = [(name, value) for name, value in each.bound.items() if name not in pair]
                said = each.code, each.of_step, frozenset(each.bound[name] for name in pair), tuple(others)
                if said in seen:
                    continue
                seen.add(said)
            found.append(each)
        return found

    def exchanged(self, code: str, parameters: tuple[str, ...]) -> tuple[str, str] | None:
        """Two parameters that can be exchanged, if there are any."""
        wanted = code, parameters
        if wanted not in self._exchanged:
            pairs = [(one, other) for place, one in enumerate(parameters) for other in parameters[place + 1 :]]
            self._exchanged[wanted] = next((pair for pair in pairs if self._can_be(code, *pair)), None)
        return self._exchanged[wanted]

    def _can_be(self, code: str, one: str, other: str) -> bool:
        formula = parsed_directly(code)
        if any(name in (one, other) for node in walk(formula) for name in bound_names(node)):
            return False
        names: Mapping[str, ast.expr] = {one: ast.Name(other, ast.Load()), other: ast.Name(one, ast.Load())}
        ordered = _InOrder(self._functions)
        return ast.unparse(ordered.visit(renamed(formula, names))) == ast.unparse(ordered.visit(renamed(formula, {})))


class _InOrder(ast.NodeTransformer):
    """Puts the operands of what says the same in either order in one order."""

    def __init__(self, functions: Mapping[str, ast.FunctionDef]) -> None:
        self._functions = functions

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call of such an operator, or something else."""
        self.generic_visit(node)
        name = name_of(node)
        if name in EITHER_WAY or (name in self._functions and _is_one_of_two(self._functions[name])):
            node.args.sort(key=ast.unparse)
        return node


def _is_one_of_two(function: ast.FunctionDef) -> bool:
    """Whether an operator is `IF a < b THEN a ELSE b`, or another one that is the smaller, or the greater, of two."""
    match function.args.args, function.body:
        case (
            [ast.arg(one), ast.arg(other)],
            [
                ast.If(ast.Call(ast.Name(order), [ast.Name(left), ast.Name(right)]), [ast.Return(ast.Name(yes))], []),
                ast.Return(ast.Name(no)),
            ],
        ):
            return order in ORDER and {left, right} == {yes, no} == {one, other}
    return False
