"""Statements of generated code, evaluated as far as they can be: a variable's next value is that of a cell.

A next state begins as a copy of the state, so of what stays as it is nothing needs to be said.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tlastep.compile.partial import Partial
from tlastep.compile.specialised import renamed


@dataclass
class Scope:
    """What is known inside one function. A `quiet` one need not say which places of long sequences it reads."""

    constants: Mapping[str, str] = field(default_factory=dict)
    kinds: dict[str, str | None] = field(default_factory=dict)
    operators: dict[str, ast.Lambda] = field(default_factory=dict)
    quiet: bool = True


class Statements(ast.NodeTransformer):
    """Evaluates statements; whoever evaluates expressions is one of these."""

    def __init__(self, partial: Partial, scope: Scope) -> None:
        self.partial = partial
        self.scope = scope
        self.returned: list[str | None] = []
        """The kinds of what is returned."""

    @abstractmethod
    def kind(self, node: ast.expr) -> str | None:
        """The kind of value that an expression has."""

    @abstractmethod
    def tested(self, node: ast.expr) -> ast.expr:
        """A value that is asked whether it is true, as an expression that Python finds true or false at once."""

    @abstractmethod
    def called(self, name: str, operands: list[ast.expr]) -> ast.expr:
        """A call of an operator with operands that are evaluated."""

    # -- statements ----------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """Statements one after another."""
        found: list[ast.stmt] = []
        for each in statements:
            made = self.visit(each)
            found += made if isinstance(made, list) else [made] if made is not None else []
        return found or [ast.Pass()]

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        """What is returned."""
        if node.value is not None:
            node.value = self.visit(node.value)
            self.returned.append(self.kind(node.value))
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        """A choice, unless it is clear."""
        node.test = self.tested(self.visit(node.test))
        known, value = self.partial.value_of(node.test)
        if known:
            return self.block(node.body if value else node.orelse)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse) if node.orelse else []
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | list[ast.stmt] | None:
        """A name that gets a value, or a variable that gets its next one."""
        match node.targets:
            case [ast.Attribute(ast.Name("t"), variable)]:
                return self._next(variable, node.value)
            case [ast.Name(name)]:
                node.value = self.visit(node.value)
                if isinstance(node.value, ast.Lambda):
                    self.scope.operators[name] = node.value
                kind = self.kind(node.value)
                self.scope.kinds[name] = kind if self.scope.kinds.get(name, kind) == kind else None
        return node

    def _next(self, variable: str, value: ast.expr) -> ast.stmt | list[ast.stmt] | None:
        """`t.variable = value`. The next state begins as a copy of the state, so what stays need not be said."""
        layout = self.partial.layout
        match value:
            case ast.Attribute(ast.Name("s"), same) if same == variable:
                return None
            case ast.Call(
                ast.Name("replaced" | "updated" as manner), [ast.Attribute(ast.Name("s"), same), path, new]
            ) if same == variable and layout.is_split(variable) and isinstance(path, ast.Tuple):
                place = self.place(variable, self.visit(path.elts[0]))
                return self._stored(place, self._part(manner, place, path.elts[1:], new))
        made = self.visit(value)
        if layout.is_split(variable):
            places = ast.Name(self.partial.places_of(variable), ast.Load())
            call = ast.Call(ast.Name("scatter", ast.Load()), [ast.Name("t", ast.Load()), places, made], [])
            return ast.Expr(call)
        return self._stored(ast.Constant(layout.places[variable][None]), made)

    def _part(self, manner: str, place: ast.expr, path: Sequence[ast.expr], new: ast.expr) -> ast.expr:
        """What a cell becomes: of what it is, a part, if there is more of the path."""
        old = cell("s", place)
        if path:
            keys = ast.Tuple([self.visit(each) for each in path], ast.Load())
            return self.called(manner, [old, keys, new if manner == "updated" else self.visit(new)])
        if manner == "replaced":
            return self.visit(new)  # type: ignore[no-any-return]  # as all visitors do
        assert isinstance(new, ast.Lambda)
        return self.visit(renamed(new.body, {new.args.args[0].arg: old}))  # type: ignore[no-any-return]  # likewise

    def _stored(self, place: ast.expr, value: ast.expr) -> ast.stmt:
        if self.kind(value) is None:
            value = ast.Call(ast.Name("keep", ast.Load()), [value], [])
        return ast.Assign([ast.Subscript(ast.Name("t", ast.Load()), place, ast.Store())], value, lineno=1)

    def place(self, variable: str, key: ast.expr) -> ast.expr:
        """Where the cell of a key is."""
        known, value = self.partial.value_of(key)
        places = self.partial.layout.places[variable]
        if known and value in places:
            return ast.Constant(places[value])
        return ast.Subscript(ast.Name(self.partial.places_of(variable), ast.Load()), key, ast.Load())


def cell(state: str, place: ast.expr) -> ast.expr:
    """The cell of a state at a place."""
    return ast.Subscript(ast.Name(state, ast.Load()), place, ast.Load())


def copy_of(statement: ast.stmt) -> ast.stmt:
    """A copy of a statement, for others to change."""
    made: ast.stmt = renamed(statement, {})  # type: ignore[arg-type,assignment]  # it copies any part of a tree
    return made
