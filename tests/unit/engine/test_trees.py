"""Trees are gone through as `ast` does it, without what is no expression and no statement."""

from __future__ import annotations

import ast
from pathlib import Path

from tlastep.compile import evaluator
from tlastep.compile.trees import put_somewhere, same, walk

SIGNS = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)


def test_all_nodes_are_found_but_signs() -> None:
    tree = ast.parse(Path(evaluator.__file__).read_text(encoding="utf-8"))
    assert walk(tree) == [node for node in ast.walk(tree) if not isinstance(node, SIGNS)]


def test_made_code_can_be_compiled() -> None:
    total = ast.BinOp(ast.Name("x", ast.Load()), ast.Add(), ast.Constant(2))
    function = ast.FunctionDef("f", ast.arguments([], [ast.arg("x")], None, [], [], None, []), [ast.Return(total)], [])
    put_somewhere(function)
    names: dict[str, int] = {}
    exec(compile(ast.Module([function, *ast.parse("y = f(3)").body], []), "made", "exec"), names)
    assert names["y"] == 5


def test_trees_are_the_same_if_they_say_the_same() -> None:
    texts = [
        "x",
        "y",
        "1",
        "True",
        "'1'",
        "f(x, 1)",
        "f(1, x)",
        "f(x)",
        "x + y",
        "x - y",
        "x.y",
        "x[y]",
        "x < y",
        "x <= y",
    ]
    for one in texts:
        for other in texts:
            trees = [ast.parse(text, mode="eval").body for text in (one, other)]
            assert same(*trees) == (one == other)
