"""Generated code evaluated as far as it can be before it runs: what is known is put in, what is simple is written out.

    partial = Partial(source, namespace, layout)
    test = partial.expression({"i": server}, ast.parse("equal(apply(s.role, i), 'leader')", mode="eval").body, {})
    assert ast.unparse(test) == "s[21] == 'leader' if type(s[21]) is str else slow_equal(s[21], 'leader')"

States are lists of *cells* here: one a variable, or one a key of a variable that is a function (`Layout`). A part of a
state that is known by its place is `s[21]`. Parameters that have values are constants, and so is what is made of
constants. Operators of the spec are copied for the constants and the kinds of operands that they are called with, or
written out. Python's own operators are used where the kind of an operand is known, so that Python raises where TLA+
would; all that raises is asked again with care (`FAILURES`), so nothing that is said here can be less strict.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, TypeVar

from tlastep.compile import peephole
from tlastep.compile.peephole import BOOL, FUNCTION, INT, MODEL, PLAIN, SET, SLOW, SURE, TEXT, name_of
from tlastep.compile.reads import STATES, bound_names
from tlastep.compile.runtime import attribute
from tlastep.compile.specialised import Known, renamed
from tlastep.errors import EvaluationError
from tlastep.language.operations import Endless, Implicit
from tlastep.long_sequences import Long
from tlastep.values import Bool, Fn, ModelValue, Value

S = TypeVar("S", bound=ast.stmt)

MANY: Final = 8  # members of a constant set up to which a formula about all of them is written out
KINDS: Final[Mapping[type, str]] = {int: INT, str: TEXT, frozenset: SET, ModelValue: MODEL, Bool: BOOL, Fn: FUNCTION}
RESULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("plus", "minus", "times", "length", "cardinality", "greatest", "quotient", "modulo"), INT),
    **dict.fromkeys(("set_of", "frozenset"), SET),
    **dict.fromkeys(("keep", "freeze", "apply", "function_of", "domain"), PLAIN),
    **dict.fromkeys(("record_from", "Fn"), FUNCTION),
    **dict.fromkeys(
        ("subsequence", "prefix", "concatenated", "appended", "head", "tail", "replaced", "updated"), PLAIN
    ),
    "boolean": BOOL,
    SLOW["length"]: INT,
    SLOW["apply"]: PLAIN,
}
"""The kinds of what helpers return."""


class Layout:
    """Where the cells of a state are: `places[variable][key]`, with the key None for a variable that is one cell.

    `kinds` are the classes that the values of cells have in all states, or None.
    """

    def __init__(self, components: Sequence[tuple[str, Value | None]], kinds: Sequence[type | None] = ()) -> None:
        self.components = tuple(components)
        self.kinds = tuple(kinds) or (None,) * len(self.components)
        self.places: dict[str, dict[Value | None, int]] = {}
        for place, (variable, key) in enumerate(components):
            self.places.setdefault(attribute(variable), {})[key] = place
        self.keys = {key for _, key in components}

    def is_split(self, variable: str) -> bool:
        """Whether a variable has a cell for each key."""
        return None not in self.places[variable]


@dataclass
class _Scope:
    """What is known inside one function. A `quiet` one need not say which places of long sequences it reads."""

    constants: Mapping[str, str] = field(default_factory=dict)
    kinds: dict[str, str | None] = field(default_factory=dict)
    operators: dict[str, ast.Lambda] = field(default_factory=dict)
    quiet: bool = True


class Partial:
    """Evaluates the code of one generated module for one layout of its states."""

    def __init__(self, source: str, namespace: Mapping[str, Any], layout: Layout) -> None:
        self.layout = layout
        self.namespace: dict[str, Any] = {**namespace, "Fn": Fn, "Long": Long, "whole": self._whole}
        self.namespace |= {slow: namespace[name] for name, slow in SLOW.items() if name in namespace}
        self.functions = {
            node.name: node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and not node.decorator_list
        }
        self._recursive = frozenset(name for name in self.functions if name in reached(self.functions, name))
        self._numbers = count()
        self._constants: dict[tuple[type, Any], str] = {}
        self._at: dict[str, str] = {}
        self.at: dict[str, str] = {}
        """The variables by the names of what says where their cells are."""
        self._learnt: dict[str, str] = {}
        self._copies: dict[tuple[Any, ...], str] = {}
        self._results: dict[str, str | None] = {}
        self._filename = "<partially evaluated>"

    # -- what is made --------------------------------------------------------------------------------------------

    def expression(self, bound: Mapping[str, Value], code: ast.expr, kinds: Mapping[str, str | None]) -> ast.expr:
        """An expression of the states with values for its parameters. Other names that it uses have these kinds."""
        constants = {name: self.constant(value) for name, value in bound.items()}
        made: ast.expr = _Evaluator(self, _Scope(constants, dict(kinds))).visit(code)
        return made

    def statements(
        self,
        body: Iterable[ast.stmt],
        constants: Mapping[str, str],
        kinds: Mapping[str, str | None],
        *,
        quiet: bool = True,
    ) -> tuple[list[ast.stmt], str | None]:
        """Statements of a function, and the kind of what it returns."""
        evaluator = _Evaluator(self, _Scope(constants, dict(kinds), quiet=quiet))
        return evaluator.block([copied(each) for each in body]), evaluator.result

    def made(self, name: str, parameters: Iterable[str], body: list[ast.stmt]) -> Callable[..., Any]:
        """A function of such code, which has its `located` places already."""
        given = ast.arguments([], [ast.arg(each) for each in parameters], None, [], [], None, [])
        function = located(ast.FunctionDef(name, given, [], [], None))
        function.body = body
        exec(compile(ast.Module([function], []), self._filename, "exec"), self.namespace)
        made: Callable[..., Any] = self.namespace.pop(name)
        return made

    # -- names ---------------------------------------------------------------------------------------------------

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        return f"{name}__{next(self._numbers)}"

    def constant(self, value: Any) -> str:
        """The name of a value."""
        known = type(value), value if isinstance(value, (int, str, ModelValue, frozenset)) else id(value)
        if known not in self._constants:
            name = self._constants[known] = self.fresh("known")
            self.namespace[name] = value
        return self._constants[known]

    def places_of(self, variable: str) -> str:
        """The name of what says at which place the cell of a key is."""
        if variable not in self._at:
            name = self._at[variable] = self.fresh(f"at_{variable}")
            self.namespace[name], self.at[name] = self.layout.places[variable], variable
        return self._at[variable]

    def learnt(self, code: str) -> str:
        """The name of what is learnt of a formula about all places of sequences, by the text of what it says of one."""
        if code not in self._learnt:
            self._learnt[code] = self.fresh("learnt")
            self.namespace[self._learnt[code]] = {}
        return self._learnt[code]

    def _whole(self, state: list[Any], variable: str) -> Fn:
        """A variable that is split, as one value."""
        return Fn({key: state[place] for key, place in self.layout.places[variable].items() if key is not None})

    # -- what is known -------------------------------------------------------------------------------------------

    def value_of(self, node: ast.expr) -> tuple[bool, Any]:
        """Whether an expression is a constant, and its value."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, str)):
            return True, node.value
        if isinstance(node, ast.Name) and node.id in self.namespace and not callable(self.namespace[node.id]):
            return True, self.namespace[node.id]
        return (True, ()) if isinstance(node, ast.Tuple) and not node.elts else (False, None)

    def result_of(self, function: str) -> str | None:
        """The kind of what a function returns."""
        return self._results.get(function) or RESULTS.get(function)

    def folded(self, name: str, operands: Sequence[ast.expr]) -> ast.expr | None:
        """What a function makes of constants, if it can be made beforehand."""
        values = [self.value_of(each) for each in operands]
        if not all(known for known, _ in values) or name in ("no_case", "all_places", "forget"):
            return None
        try:
            found = self.namespace[name](*(value for _, value in values))
        except (EvaluationError, AttributeError, TypeError):
            return None
        return self.as_node(found)

    def as_node(self, value: Any) -> ast.expr | None:
        """A value as an expression."""
        if isinstance(value, (bool, int, str)):
            return ast.Constant(value)
        if isinstance(value, Implicit):
            plainly = isinstance(value, (Endless, Known)) or type(value).__name__ == "_Sequences"
            return ast.Name(self.constant(value if plainly else Known(value)), ast.Load())
        return ast.Name(self.constant(value), ast.Load()) if type(value) in SURE else None

    # -- operators of the spec -----------------------------------------------------------------------------------

    def body_of(self, name: str) -> ast.expr | None:
        """What an operator says, if it is one expression."""
        function = self.functions[name]
        return _as_expression(function.body)

    def is_left(self, name: str) -> bool:
        """Whether an operator is called as it is: it calls itself, and reads no state."""
        return name in self._recursive and not {each.arg for each in self.functions[name].args.args} & set(STATES)

    def called(self, name: str, operands: Sequence[ast.expr], kinds: Sequence[str | None], *, quiet: bool) -> ast.expr:
        """A call of an operator: of a copy of it for these constants, and these kinds of the other operands."""
        parameters = [each.arg for each in self.functions[name].args.args]
        known: dict[str, str] = {}
        for parameter, operand in zip(parameters, operands, strict=True):
            found, value = self.value_of(operand)
            if found:
                known[parameter] = self.constant(value)
        others = {name: kind for name, kind in zip(parameters, kinds, strict=True) if name not in known}
        wanted = (name, tuple(known.items()), tuple(others.items()), quiet)
        if wanted not in self._copies:
            made = self._copies[wanted] = self.fresh(name)
            body, kind = self.statements(self.functions[name].body, known, others, quiet=quiet)
            self.namespace[made] = self.made(made, others, [located(each) for each in body])
            self._results[made] = kind
        left = [each for parameter, each in zip(parameters, operands, strict=True) if parameter not in known]
        return ast.Call(ast.Name(self._copies[wanted], ast.Load()), left, [])


def reached(functions: Mapping[str, ast.FunctionDef], start: str) -> set[str]:
    """The functions that a function calls, however far."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        names = {node.id for node in ast.walk(functions[ahead.pop()]) if isinstance(node, ast.Name)}
        new = (names & functions.keys()) - found
        found |= new
        ahead += new
    return found


class _Evaluator(ast.NodeTransformer):
    """Evaluates expressions and statements where this much is known."""

    def __init__(self, partial: Partial, scope: _Scope) -> None:
        self._partial = partial
        self._scope = scope
        self._returned: list[str | None] = []
        self._names = True

    @property
    def result(self) -> str | None:
        """The kind of what is returned."""
        kinds = set(self._returned)
        return kinds.pop() if len(kinds) == 1 else (PLAIN if kinds and None not in kinds else None)

    def kind(self, node: ast.expr) -> str | None:
        """The kind of value that an expression has."""
        known, value = self._partial.value_of(node)
        if known:
            return KINDS.get(type(value), PLAIN if type(value) in SURE else None)
        match node:
            case ast.Name(name):
                return self._scope.kinds.get(name)
            case ast.Call(ast.Name(name)):
                return self._partial.result_of(name)
            case ast.IfExp(_, one, other):
                kinds = {self.kind(one), self.kind(other)}
                return kinds.pop() if len(kinds) == 1 else (None if None in kinds else PLAIN)
            case ast.BinOp(left, operator, right):
                sets = isinstance(operator, ast.BitOr) or SET in (self.kind(left), self.kind(right))
                return SET if sets else INT
            case ast.Subscript(ast.Name(state), ast.Constant(int(place))) if state in STATES:
                of = self._partial.layout.kinds[place]
                return PLAIN if of is None else KINDS.get(of, PLAIN)
            case ast.Subscript(ast.Attribute(_, "mapping" | "items")) | ast.Subscript(ast.Name(), ast.Subscript()):
                return PLAIN
            case ast.Attribute(_, "count"):
                return INT
            case ast.BoolOp(ast.And(), [ast.Compare(ast.NamedExpr()), *_, last]):
                return self.kind(last)
        return None

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
            self._returned.append(self.kind(node.value))
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        """A choice, unless it is clear."""
        node.test = self.visit(node.test)
        known, value = self._partial.value_of(node.test)
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
                    self._scope.operators[name] = node.value
                kind = self.kind(node.value)
                self._scope.kinds[name] = kind if self._scope.kinds.get(name, kind) == kind else None
        return node

    def _next(self, variable: str, value: ast.expr) -> ast.stmt | list[ast.stmt] | None:
        """`t.variable = value`. The next state begins as a copy of the state, so what stays need not be said."""
        layout = self._partial.layout
        match value:
            case ast.Attribute(ast.Name("s"), same) if same == variable:
                return None
            case ast.Call(
                ast.Name("replaced" | "updated" as manner), [ast.Attribute(ast.Name("s"), same), path, new]
            ) if same == variable and layout.is_split(variable) and isinstance(path, ast.Tuple):
                place = self._place(variable, self.visit(path.elts[0]))
                return self._stored(place, self._part(manner, place, path.elts[1:], new))
        made = self.visit(value)
        if layout.is_split(variable):
            places = ast.Name(self._partial.places_of(variable), ast.Load())
            call = ast.Call(ast.Name("scatter", ast.Load()), [ast.Name("t", ast.Load()), places, made], [])
            return ast.Expr(call)
        return self._stored(ast.Constant(layout.places[variable][None]), made)

    def _part(self, manner: str, place: ast.expr, path: Sequence[ast.expr], new: ast.expr) -> ast.expr:
        """What a cell becomes: of what it is, a part, if there is more of the path."""
        old = _cell("s", place)
        if path:
            keys = ast.Tuple([self.visit(each) for each in path], ast.Load())
            return self._called(manner, [old, keys, new if manner == "updated" else self.visit(new)])
        if manner == "replaced":
            return self.visit(new)  # type: ignore[no-any-return]  # as all visitors do
        assert isinstance(new, ast.Lambda)
        return self.visit(renamed(new.body, {new.args.args[0].arg: old}))  # type: ignore[no-any-return]  # likewise

    def _stored(self, place: ast.expr, value: ast.expr) -> ast.stmt:
        if self.kind(value) is None:
            value = ast.Call(ast.Name("keep", ast.Load()), [value], [])
        return ast.Assign([ast.Subscript(ast.Name("t", ast.Load()), place, ast.Store())], value, lineno=1)

    # -- expressions ---------------------------------------------------------------------------------------------

    def _place(self, variable: str, key: ast.expr) -> ast.expr:
        """Where the cell of a key is."""
        known, value = self._partial.value_of(key)
        places = self._partial.layout.places[variable]
        if known and value in places:
            return ast.Constant(places[value])
        return ast.Subscript(ast.Name(self._partial.places_of(variable), ast.Load()), key, ast.Load())

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A variable as a whole, or something else."""
        match node:
            case ast.Attribute(ast.Name(state), variable) if state in STATES:
                layout = self._partial.layout
                if layout.is_split(variable):
                    whole = [ast.Name(state, ast.Load()), ast.Constant(variable)]
                    return ast.Call(ast.Name("whole", ast.Load()), whole, [])
                return _cell(state, ast.Constant(layout.places[variable][None]))
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A key of a variable, or something else."""
        match node:
            case ast.Subscript(ast.Attribute(ast.Attribute(ast.Name(state), variable), "mapping"), key) if (
                state in STATES and self._partial.layout.is_split(variable)
            ):
                return _cell(state, self._place(variable, self.visit(key)))
            case ast.Subscript(ast.Name(places), ast.Name() as key) if places in self._partial.at:
                return self._place(self._partial.at[places], key)  # of what was evaluated before its key was known
        self.generic_visit(node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """A comparison, unless it is clear: of one constant with another."""
        self.generic_visit(node)
        match node:
            case ast.Compare(ast.Name() as left, [ast.Is()], [ast.Name() as right]):
                (one, its), (other, ours) = self._partial.value_of(left), self._partial.value_of(right)
                if one and other:
                    return ast.Constant(its is ours)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A parameter that has a value."""
        if isinstance(node.ctx, ast.Load) and node.id in self._scope.constants:
            name = self._scope.constants[node.id]
            return self._partial.as_node(self._partial.namespace[name]) or ast.Name(name, ast.Load())
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        """What goes through a set: of numbers, it may be."""
        for each in node.generators:
            each.iter = self._iterated(each.iter)
            if isinstance(each.target, ast.Name):
                numbers = name_of(each.iter) in ("range", "numbers")
                self._scope.kinds[each.target.id] = INT if numbers else PLAIN
            each.ifs = [self.visit(test) for test in each.ifs]
        node.elt = self.visit(node.elt)
        return node

    def _iterated(self, node: ast.expr) -> ast.expr:
        """What a generator goes through. Python lets no names be given there."""
        names, self._names = self._names, False
        made: ast.expr = self.visit(node)
        self._names = names
        return made

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """A function, of whose operands nothing is known."""
        for each in node.args.args:
            self._scope.kinds[each.arg] = None
        node.body = self.visit(node.body)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        """Likewise."""
        for each in node.args.args:
            self._scope.kinds[each.arg] = None
        node.body = self.block(node.body)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """A choice, unless it is clear."""
        test = self.visit(node.test)
        known, value = self._partial.value_of(test)
        if known:
            return self.visit(node.body if value else node.orelse)  # type: ignore[no-any-return]  # as visitors do
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """A conjunction or disjunction, of what is not clear."""
        absorbs = isinstance(node.op, ast.Or)
        left: list[ast.expr] = []
        for each in node.values:
            made = self.visit(each)
            if isinstance(made, ast.Constant) and isinstance(made.value, bool):
                if made.value == absorbs:
                    left.append(made)
                    break
                continue
            left.append(made)
        if not left:
            return ast.Constant(not absorbs)
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

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
                return self._about_all(name, every)
            case ast.Call(ast.Name("apply"), [ast.Attribute(ast.Name(state), variable), key]) if (
                state in STATES and self._partial.layout.is_split(variable)
            ):
                return _cell(state, self._place(variable, self.visit(key)))
            case ast.Call(ast.Name("member"), [item, ast.Call(ast.Name("difference"), [wider, less])]):
                made = self.visit(item)
                if peephole.is_simple(made):
                    inside, outside = (self._called("member", [made, self.visit(each)]) for each in (wider, less))
                    return ast.BoolOp(ast.And(), [inside, ast.UnaryOp(ast.Not(), outside)])
                return self._called("member", [made, self.visit(node.args[1])])
            case ast.Call(ast.Name("updated"), [function, path, new]):
                return self._updated(self.visit(function), self.visit(path), new)
            case ast.Call(ast.Name(name), operands):
                return self._called(name, [self.visit(each) for each in operands])
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

    def _called(self, name: str, operands: list[ast.expr]) -> ast.expr:
        partial = self._partial
        if name == "updated":
            return self._updated(operands[0], operands[1], operands[2])
        call = ast.Call(ast.Name(name, ast.Load()), operands, [])
        operator = self._scope.operators.get(name)
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
            return partial.called(name, operands, [self.kind(each) for each in operands], quiet=self._scope.quiet)
        counted = self._counted(operands[0]) if name == "cardinality" else None
        if counted is not None:
            return counted
        folded = partial.folded(name, operands) if name in partial.namespace else None
        if folded is not None:
            return folded
        return peephole.simpler(self, name, operands) or call

    @property
    def quiet(self) -> bool:
        """Whether it need not be said which places of long sequences are read."""
        return self._scope.quiet

    def value_of(self, node: ast.expr) -> tuple[bool, Any]:
        """Whether an expression is a constant, and its value."""
        return self._partial.value_of(node)

    def named(self, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """An expression that gives its value a name, and that name; of what is simple, the same twice."""
        if peephole.is_simple(node):
            return node, node
        if not self._names:
            return None
        own = self._partial.fresh("it")
        self._scope.kinds[own] = self.kind(node)
        return ast.NamedExpr(ast.Name(own, ast.Store()), node), ast.Name(own, ast.Load())

    def constant(self, value: Any) -> ast.expr:
        """A value as an expression."""
        return ast.Name(self._partial.constant(value), ast.Load())

    def _written_out(self, parameters: list[str], body: ast.expr, operands: list[ast.expr]) -> ast.expr | None:
        """An operator with its operands put in, if that makes nothing be evaluated twice."""
        given = dict(zip(parameters, operands, strict=True))
        used = [node.id for node in ast.walk(body) if isinstance(node, ast.Name)]
        inner = {name for node in ast.walk(body) for name in bound_names(node)}
        free = {node.id for each in operands for node in ast.walk(each) if isinstance(node, ast.Name)}
        if inner & (free | given.keys()):
            return None
        named = [
            name
            for name, operand in given.items()
            if (inner or used.count(name) > 1) and not peephole.is_simple(operand) and name in used
        ]
        if named and not self._names:
            return None
        first: list[ast.expr] = []
        for name in named:
            own = ast.Name(self._partial.fresh(name), ast.Load())
            self._scope.kinds[own.id] = self.kind(given[name])
            value = ast.NamedExpr(ast.Name(own.id, ast.Store()), given[name])
            first.append(ast.Compare(value, [ast.IsNot()], [ast.Constant(None)]))  # no value is None: this is true
            given[name] = own
        said: ast.expr = self.visit(renamed(body, given))
        return ast.BoolOp(ast.And(), [*first, said]) if first else said

    # -- formulas about all members ------------------------------------------------------------------------------

    def _about_all(self, name: str, every: ast.GeneratorExp) -> ast.expr:
        """`all(...)` or `any(...)`: written out for a few constants, or learnt for places of sequences."""
        match every.generators:
            case [ast.comprehension(ast.Name(item), ast.Call(ast.Name("members"), [of]), [])]:
                known, value = self._partial.value_of(self.visit(of))
                if known and type(value) is frozenset and len(value) <= MANY:
                    each = [renamed(every.elt, {item: self.constant(member)}) for member in value]
                    if not each:
                        return ast.Constant(name == "all")
                    return self.visit_BoolOp(ast.BoolOp(ast.And() if name == "all" else ast.Or(), each))
            case [ast.comprehension(ast.Name(item), ast.Call(ast.Name("numbers"), [low, high]), [])] if name == "all":
                learnt = self._learnt(item, low, high, every.elt)
                if learnt is not None:
                    return learnt
        return ast.Call(ast.Name(name, ast.Load()), [self.visit(every)], [])

    def _counted(self, of: ast.expr) -> ast.expr | None:
        """How many of a few constants a formula is true of."""
        match of:
            case ast.Call(
                ast.Name("frozenset"),
                [ast.GeneratorExp(ast.Name(item), [ast.comprehension(ast.Name(same), among, [test])])],
            ) if item == same:
                value = self._partial.value_of(among)[1]
                if type(value) is frozenset and 0 < len(value) <= MANY:
                    tests = [self.visit(renamed(test, {item: self.constant(member)})) for member in value]
                    one, none = ast.Constant(1), ast.Constant(0)
                    total: ast.expr = ast.IfExp(tests[0], one, none)
                    for each in tests[1:]:
                        total = ast.BinOp(total, ast.Add(), ast.IfExp(each, one, none))
                    return total
        return None

    def _learnt(self, place: str, low: ast.expr, high: ast.expr, body: ast.expr) -> ast.expr | None:
        """A formula about all places that remembers how far it was found true: if cells are all that changes of it."""
        if "all_places" not in self._partial.namespace:
            return None
        kinds = {**self._scope.kinds, place: INT}
        inner = _Evaluator(self._partial, replace(self._scope, kinds=kinds, quiet=False))
        said = inner.visit(renamed(body, {}))
        cells = {ast.unparse(node): node for node in peephole.cells_in(said)}
        states = [node for node in ast.walk(said) if isinstance(node, ast.Name) and node.id in STATES]
        fixed = len(peephole.cells_in(said))
        own = {name for node in ast.walk(said) for name in bound_names(node)} | {place}
        own |= {node.target.id for node in ast.walk(said) if isinstance(node, ast.NamedExpr)}
        local = {node.id for node in ast.walk(said) if isinstance(node, ast.Name)} & self._scope.kinds.keys() - own
        if not cells or len(states) != fixed or local:
            return None
        # What is learnt of cells is true of all that have the same values: only the order in which they come matters.
        order = {name: f"cell{number}" for number, name in enumerate(cells)}
        text = ast.unparse(said)
        for name, number in order.items():
            text = text.replace(name, number)
        test = ast.Lambda(ast.arguments([], [ast.arg(place)], None, [], [], None, []), said)
        parts = ast.Tuple(list(cells.values()), ast.Load())
        known = ast.Name(self._partial.learnt(text), ast.Load())
        operands: list[ast.expr] = [known, self.visit(low), self.visit(high), test, parts]
        return ast.Call(ast.Name("all_places", ast.Load()), operands, [])


def located(statement: S) -> S:
    """A statement with places in the text, as Python wants them; they mean nothing."""
    return ast.fix_missing_locations(statement)


def copied(statement: ast.stmt) -> ast.stmt:
    """A copy of a statement, for others to change."""
    made: ast.stmt = renamed(statement, {})  # type: ignore[arg-type,assignment]  # it copies any part of a tree
    return made


def _as_expression(body: Sequence[ast.stmt]) -> ast.expr | None:
    """Statements that only choose what to return, as one expression."""
    match body:
        case [ast.Return(ast.expr() as value)]:
            return value
        case [ast.If(test, yes, no), *rest]:
            one, other = _as_expression(yes), _as_expression([*no, *rest] if no else rest)
            return ast.IfExp(test, one, other) if one is not None and other is not None else None
    return None


def _cell(state: str, place: ast.expr) -> ast.expr:
    return ast.Subscript(ast.Name(state, ast.Load()), place, ast.Load())
