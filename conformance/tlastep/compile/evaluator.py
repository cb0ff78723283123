"""Generated code evaluated as far as it can be before it runs: what is known is put in, what is simple is written out.

    partial = Partial(module, namespace, layout)
    test = expression(partial, {"i": server}, ast.parse("equal(apply(s.role, i), 'leader')", mode="eval").body, {})
    assert ast.unparse(test) == "s[21] == 'leader' if type(s[21]) is str else slow_equal(s[21], 'leader')"

Parameters that have values are constants, and so is what is made of constants. Operators of the spec are copied for the
constants and the kinds of operands that they are called with, or written out. Python's own operators are used where the
kind of an operand is known, so that Python raises where TLA+ would; all that raises is asked again with care
(`FAILURES`), so nothing that is said here can be less strict.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tlastep.compile import peephole
from tlastep.compile.everywhere import about_all, counted_of
from tlastep.compile.partial import KINDS, Partial
from tlastep.compile.partial_statements import Scope, Statements, cell, copy_of
from tlastep.compile.peephole import BOOL, FUNCTION, INT, PLAIN, SET, SURE, name_of
from tlastep.compile.reads import STATES, bound_names
from tlastep.compile.specialised import renamed
from tlastep.compile.trees import walk
from tlastep.values import Value

Kinds: TypeAlias = Mapping[str, str | None]


def expression(partial: Partial, bound: Mapping[str, Value], code: ast.expr, kinds: Kinds) -> ast.expr:
    """An expression of the states with values for its parameters. Other names that it uses have these kinds."""
    constants = {name: partial.constant(value) for name, value in bound.items()}
    made: ast.expr = Evaluator(partial, Scope(constants, dict(kinds))).visit(code)
    return made


def statements(
    partial: Partial, body: Iterable[ast.stmt], constants: Mapping[str, str], kinds: Kinds, *, quiet: bool = True
) -> tuple[list[ast.stmt], str | None]:
    """Statements of a function, and the kind of what it returns."""
    evaluator = Evaluator(partial, Scope(constants, dict(kinds), quiet=quiet))
    return evaluator.block([copy_of(each) for each in body]), evaluator.result


class Evaluator(Statements):
    """Evaluates expressions and statements where this much is known."""

    def __init__(self, partial: Partial, scope: Scope) -> None:
        super().__init__(partial, scope)
        self.names = True
        """Whether a part of an expression may be given a name, so that it is evaluated once."""

    @property
    def result(self) -> str | None:
        """The kind of what is returned."""
        kinds = set(self.returned)
        return kinds.pop() if len(kinds) == 1 else (PLAIN if kinds and None not in kinds else None)

    def kind(self, node: ast.expr) -> str | None:
        """The kind of value that an expression has."""
        known, value = self.partial.value_of(node)
        if known:
            return KINDS.get(type(value), PLAIN if type(value) in SURE else None)
        match node:
            case ast.Name(name):
                return self.scope.kinds.get(name)
            case ast.Call(ast.Name(name)):
                return self.partial.result_of(name)
            case ast.IfExp(_, one, other):
                kinds = {self.kind(one), self.kind(other)}
                return kinds.pop() if len(kinds) == 1 else (None if None in kinds else PLAIN)
            case ast.BinOp(left, operator, right):
                sets = isinstance(operator, ast.BitOr) or SET in (self.kind(left), self.kind(right))
                return SET if sets else INT
            case ast.Subscript(ast.Name(state), ast.Constant(int(place))) if state in STATES:
                of = self.partial.layout.kinds[place]
                return PLAIN if of is None else KINDS.get(of, PLAIN)
            case ast.Subscript(ast.Attribute(_, "mapping" | "items")) | ast.Subscript(ast.Name(), ast.Subscript()):
                return PLAIN
            case ast.Attribute(_, "count"):
                return INT
            case ast.BoolOp(ast.And(), [ast.Compare(ast.NamedExpr()), *_, last]):
                return self.kind(last)
        return None

    # -- expressions ---------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A variable as a whole, or something else."""
        match node:
            case ast.Attribute(ast.Name(state), variable) if state in STATES:
                layout = self.partial.layout
                if layout.is_split(variable):
                    whole = [ast.Name(state, ast.Load()), ast.Constant(variable)]
                    return ast.Call(ast.Name("whole", ast.Load()), whole, [])
                return cell(state, ast.Constant(layout.places[variable][None]))
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A key of a variable, or something else."""
        match node:
            case ast.Subscript(ast.Attribute(ast.Attribute(ast.Name(state), variable), "mapping"), key) if (
                state in STATES and self.partial.layout.is_split(variable)
            ):
                return cell(state, self.place(variable, self.visit(key)))
            case ast.Subscript(ast.Attribute(ast.Attribute(ast.Name("s" | "t")) as of, "mapping"), key):
                whole = self.visit(of)
                if self.kind(whole) != FUNCTION:
                    return self.called("apply", [whole, self.visit(key)])  # it may be a sequence
            case ast.Subscript(ast.Name(places), ast.Name() as key) if places in self.partial.at:
                return self.place(self.partial.at[places], key)  # of what was evaluated before its key was known
        self.generic_visit(node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """A comparison, unless it is clear: of one constant with another."""
        self.generic_visit(node)
        match node:
            case ast.Compare(ast.Name() as left, [ast.Is()], [ast.Name() as right]):
                (one, its), (other, ours) = self.partial.value_of(left), self.partial.value_of(right)
                if one and other:
                    return ast.Constant(its is ours)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A parameter that has a value."""
        if isinstance(node.ctx, ast.Load) and node.id in self.scope.constants:
            name = self.scope.constants[node.id]
            return self.partial.as_node(self.partial.namespace[name]) or ast.Name(name, ast.Load())
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        """What goes through a set: of numbers, it may be."""
        for each in node.generators:
            each.iter = self._iterated(each.iter)
            if isinstance(each.target, ast.Name):
                numbers = name_of(each.iter) in ("range", "numbers")
                self.scope.kinds[each.target.id] = INT if numbers else PLAIN
            each.ifs = [self.visit(test) for test in each.ifs]
        node.elt = self.visit(node.elt)
        return node

    def _iterated(self, node: ast.expr) -> ast.expr:
        """What a generator goes through. Python lets no names be given there."""
        names, self.names = self.names, False
        made: ast.expr = self.visit(node)
        self.names = names
        return made

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """A function, of whose operands nothing is known."""
        for each in node.args.args:
            self.scope.kinds[each.arg] = None
        node.body = self.visit(node.body)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """Likewise."""
        for each in node.args.args:
            self.scope.kinds[each.arg] = None
        node.body = self.block(node.body)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """A choice, unless it is clear."""
        test = self.tested(self.visit(node.test))
        known, value = self.partial.value_of(test)
        if known:
            return self.visit(node.body if value else node.orelse)  # type: ignore[no-any-return]  # as visitors do
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """A conjunction or disjunction, of what is not clear."""
        match node.values:
            case [ast.Compare(ast.NamedExpr()), *_]:  # no formula, but values with names, and what is said of them
                node.values = [self.visit(each) for each in node.values]
                return node
        absorbs = isinstance(node.op, ast.Or)
        left: list[ast.expr] = []
        for each in node.values:
            made = self.tested(self.visit(each))
            if isinstance(made, ast.Constant) and isinstance(made.value, bool):
                if made.value == absorbs:
                    left.append(made)
                    break
                continue
            left.append(made)
        if not left:
            return ast.Constant(not absorbs)
        if len(left) == 1:
            return left[0]
        return (None if absorbs else peephole.begun(self, left)) or ast.BoolOp(node.op, left)

    def tested(self, node: ast.expr) -> ast.expr:
        """A value that is asked whether it is true, as an expression that Python finds true or false at once."""
        if self.kind(node) != BOOL or self.value_of(node)[0]:
            return node
        return peephole.simpler(self, "truth", [node]) or node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """A negation."""
        node.operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """An operator of TLA+ or of the spec."""
        match node:
            case ast.Call(ast.Lambda(ast.arguments(args=parameters), body), operands):
                made = [self.visit(each) for each in operands]
                written = self._written_out([each.arg for each in parameters], body, made)
                return written or ast.Call(self.visit(node.func), made, [])
            case ast.Call(ast.Name("all" | "any" as name), [ast.GeneratorExp() as every]):
                return about_all(self, name, every)
            case ast.Call(ast.Name("apply"), [ast.Attribute(ast.Name(state), variable), key]) if (
                state in STATES and self.partial.layout.is_split(variable)
            ):
                return cell(state, self.place(variable, self.visit(key)))
            case ast.Call(ast.Name("member"), [item, ast.Call(ast.Name("difference"), [wider, less])]):
                made = self.visit(item)
                if peephole.is_simple(made):
                    inside, outside = (self.called("member", [made, self.visit(each)]) for each in (wider, less))
                    return ast.BoolOp(ast.And(), [inside, ast.UnaryOp(ast.Not(), outside)])
                return self.called("member", [made, self.visit(node.args[1])])
            case ast.Call(ast.Name("updated"), [function, path, new]):
                return self._updated(self.visit(function), self.visit(path), new)
            case ast.Call(ast.Name("folded"), [ast.Name(step), *operands]) if step in self.partial.functions:
                return ast.Call(node.func, [self._of_values(step), *map(self.visit, operands)], [])
            case ast.Call(ast.Name(name), operands):
                return self.called(name, [self.visit(each) for each in operands])
        self.generic_visit(node)
        return node

    def _updated(self, function: ast.expr, path: ast.expr, new: ast.expr) -> ast.expr:
        """`[function EXCEPT ![key] = ...@...]`, where what is said of @ is not visited yet."""
        match path, new:
            case ast.Tuple([key]), ast.Lambda(ast.arguments(args=[old]), body) if self.kind(function) == FUNCTION:
                if peephole.is_simple(function) and peephole.is_simple(key):
                    said = self._written_out([old.arg], body, [peephole.part(function, key)])
                    made = peephole.changed(self, function, key, said) if said is not None else None
                    if made is not None:
                        return made
        return ast.Call(ast.Name("updated", ast.Load()), [function, path, self.visit(new)], [])

    def called(self, name: str, operands: list[ast.expr]) -> ast.expr:
        """A call of an operator with operands that are evaluated."""
        partial = self.partial
        if name == "updated":
            return self._updated(operands[0], operands[1], operands[2])
        call = ast.Call(ast.Name(name, ast.Load()), operands, [])
        operator = self.scope.operators.get(name)
        if operator is not None:
            return self._written_out([each.arg for each in operator.args.args], operator.body, operands) or call
        if name in partial.functions:
            if partial.is_left(name):
                return call
            body = partial.body_of(name)
            parameters = [each.arg for each in partial.functions[name].args.args]
            written = self._written_out(parameters, body, operands) if body is not None else None
            if written is not None:
                return written
            return self._copied(name, operands)
        counted = counted_of(self, operands[0]) if name == "cardinality" else None
        if counted is not None:
            return counted
        folded = partial.folded(name, operands) if name in partial.namespace else None
        if folded is not None:
            return folded
        return peephole.simpler(self, name, operands) or call

    def _copied(self, name: str, operands: Sequence[ast.expr]) -> ast.expr:
        """A call of an operator: of a copy of it for these constants, and these kinds of the other operands."""
        partial, quiet = self.partial, self.scope.quiet
        function = partial.functions[name]
        known: dict[str, str] = {}
        others: dict[str, str | None] = {}
        left: list[ast.expr] = []
        for parameter, operand in zip((each.arg for each in function.args.args), operands, strict=True):
            found, value = partial.value_of(operand)
            if found:
                known[parameter] = partial.constant(value)
            else:
                others[parameter] = self.kind(operand)
                left.append(operand)

        def make(_: str) -> tuple[list[ast.stmt], str | None]:
            return statements(partial, function.body, known, others, quiet=quiet)

        made = partial.copied((name, tuple(known.items()), tuple(others.items()), quiet), make)
        return ast.Call(ast.Name(made, ast.Load()), left, [])

    def _of_values(self, name: str) -> ast.expr:
        """The copy of an operator that is called with values; it is the same wherever it is called."""
        given = [self.partial.fresh(each.arg) for each in self.partial.functions[name].args.args]
        self.scope.kinds.update(dict.fromkeys(given, PLAIN))
        call = self._copied(name, [ast.Name(each, ast.Load()) for each in given])
        assert isinstance(call, ast.Call), "a copy is called"
        return call.func

    @property
    def quiet(self) -> bool:
        """Whether it need not be said which places of long sequences are read."""
        return self.scope.quiet

    def value_of(self, node: ast.expr) -> tuple[bool, Any]:
        """Whether an expression is a constant, and its value."""
        return self.partial.value_of(node)

    def named(self, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """An expression that gives its value a name, and that name; of what is simple, the same twice."""
        if peephole.is_simple(node):
            return node, node
        if not self.names:
            return None
        own = self.partial.fresh("it")
        self.scope.kinds[own] = self.kind(node)
        return ast.NamedExpr(ast.Name(own, ast.Store()), node), ast.Name(own, ast.Load())

    def constant(self, value: Any) -> ast.expr:
        """A value as an expression."""
        return ast.Name(self.partial.constant(value), ast.Load())

    def _written_out(self, parameters: list[str], body: ast.expr, operands: list[ast.expr]) -> ast.expr | None:
        """An operator with its operands put in, if that makes nothing be evaluated twice."""
        given = dict(zip(parameters, operands, strict=True))
        used = [node.id for node in walk(body) if isinstance(node, ast.Name)]
        inner = {name for node in walk(body) for name in bound_names(node)}
        free = {node.id for each in operands for node in walk(each) if isinstance(node, ast.Name)}
        if inner & (free | given.keys()):
            return None
        named = [
            name
            for name, operand in given.items()
            if (inner or used.count(name) > 1) and not peephole.is_simple(operand) and name in used
        ]
        if named and not self.names:
            return None
        first: list[ast.expr] = []
        for name in named:
            own = ast.Name(self.partial.fresh(name), ast.Load())
            self.scope.kinds[own.id] = self.kind(given[name])
            value = ast.NamedExpr(ast.Name(own.id, ast.Store()), given[name])
            first.append(ast.Compare(value, [ast.IsNot()], [ast.Constant(None)]))  # no value is None: this is true
            given[name] = own
        said: ast.expr = self.visit(renamed(body, given))
        return peephole.with_names(first, said) if first else said
