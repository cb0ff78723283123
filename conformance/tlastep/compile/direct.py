"""Generated code as if nothing could go wrong: no promises of operands, and fields are looked up without asking.

    assert directly("now(Lazy(lambda: i))", "eval") == "i"

TLA+ passes expressions, and looks at what it applies. That has to be paid for even where every operand has a value and
every record its field, which is nearly always. Where Python raises nothing, this code says what the other says; where
it raises anything (`FAILURES`), the other has to be asked.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from types import CodeType
from typing import Final

from tlastep.compile.folding import found_in
from tlastep.compile.reads import STATES
from tlastep.compile.specialised import renamed
from tlastep.errors import EvaluationError

FAILURES: Final = (EvaluationError, AttributeError, KeyError, TypeError, RecursionError)
"""What this code raises where it may be wrong."""

MAKES_VALUES: Final = frozenset({"replaced", "updated", "record_from", "function_of", "set_of"})
"""What is a value by itself, and need not be made one."""


def directly(code: str, mode: str) -> str:
    """Generated code in this manner."""
    return ast.unparse(ast.fix_missing_locations(_Directly().visit(ast.parse(code, mode=mode))))


@lru_cache(maxsize=8)  # one spec may be compiled with many sets of constants, and its source is the same
def module_directly(source: str, filename: str) -> tuple[ast.Module, CodeType]:
    """A generated module in this manner: as a tree, which nobody is to change, and compiled."""
    tree = ast.fix_missing_locations(_Directly().visit(ast.parse(source)))
    return tree, compile(tree, filename, "exec")


def parsed_directly(code: str) -> ast.expr:
    """A generated expression in this manner."""
    return renamed(_parsed(code), {})


@lru_cache(maxsize=2_000)
def _parsed(code: str) -> ast.expr:
    made: ast.expr = _Directly().visit(ast.parse(code, mode="eval")).body
    return made


class _Directly(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """An operator: a loop, if it goes through a sequence."""
        self.generic_visit(node)
        fold = found_in(node)
        if fold is not None:
            node.body = [ast.Return(fold)]
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A promise, a field, a part of a state, or something else."""
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("Lazy"), [ast.Lambda(_, body)]):
                return body
            case ast.Call(ast.Name("now"), [operand]):
                return operand
            case ast.Call(ast.Name("apply"), [operator, ast.Constant(str()) as field]):
                return _looked_up(operator, field)
            case ast.Call(ast.Name("apply"), [ast.Attribute(ast.Name(state), _) as operator, ast.Name() as key]) if (
                state in STATES
            ):
                return _looked_up(operator, key)
            case ast.Call(ast.Name("keep" | "freeze"), [ast.Call(ast.Name(maker)) as made]) if maker in MAKES_VALUES:
                return made
        return node


def _looked_up(operator: ast.expr, key: ast.expr) -> ast.expr:
    return ast.Subscript(ast.Attribute(operator, "mapping", ast.Load()), key, ast.Load())
