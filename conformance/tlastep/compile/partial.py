"""What is known of generated code before it runs: constants, the kinds of what helpers return, where cells are.

States are lists of *cells* here: one a variable, or one a key of a variable that is a function (`Layout`). A part of a
state that is known by its place is `s[21]`. `compile/evaluator.py` evaluates code with what is known here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar

from tlastep.compile.peephole import BOOL, FUNCTION, INT, MODEL, PLAIN, SET, SLOW, SURE, TEXT
from tlastep.compile.reads import STATES
from tlastep.compile.runtime import attribute
from tlastep.compile.specialised import Known, renamed
from tlastep.compile.trees import put_somewhere, walk
from tlastep.errors import EvaluationError
from tlastep.language.operations import Endless, Implicit
from tlastep.long_sequences import Long
from tlastep.values import Bool, Fn, ModelValue, Value

S = TypeVar("S", bound=ast.stmt)

Copy: TypeAlias = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, "str | None"], ...], bool]
"""An operator, which of its parameters are which constants, of what kinds the others are, and whether it is quiet."""

MANY: Final = 8  # members of a constant set up to which a formula about all of them is written out
KINDS: Final[Mapping[type, str]] = {int: INT, str: TEXT, frozenset: SET, ModelValue: MODEL, Bool: BOOL, Fn: FUNCTION}
RESULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("plus", "minus", "times", "length", "cardinality", "greatest", "quotient", "modulo"), INT),
    **dict.fromkeys(("set_of", "frozenset"), SET),
    **dict.fromkeys(("keep", "freeze", "apply", "function_of", "domain", "folded"), PLAIN),
    **dict.fromkeys(("record_from", "Fn"), FUNCTION),
    **dict.fromkeys(
        ("subsequence", "prefix", "concatenated", "appended", "head", "tail", "replaced", "updated"), PLAIN
    ),
    "boolean": BOOL,
    **dict.fromkeys(("len", SLOW["length"]), INT),
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


class Partial:
    """Evaluates the code of one generated module for one layout of its states."""

    def __init__(
        self, module: ast.Module, namespace: Mapping[str, Any], layout: Layout, changing: Iterable[str] = ()
    ) -> None:
        """Of the constants `changing`, and of what is made of them, the values are not put in."""
        self.layout = layout
        self._changing = depending(module, changing)
        self.namespace: dict[str, Any] = {**namespace, "Fn": Fn, "Bool": Bool, "Long": Long, "whole": self._whole}
        self.namespace |= {slow: namespace[name] for name, slow in SLOW.items() if name in namespace}
        self.functions = {
            node.name: node for node in module.body if isinstance(node, ast.FunctionDef) and not node.decorator_list
        }
        self._recursive = frozenset(name for name in self.functions if name in reached(self.functions, name))
        self._numbers = count()
        self._constants: dict[tuple[type, Any], str] = {}
        self._folded: dict[tuple[str, ...], ast.expr | None] = {}
        self._at: dict[str, str] = {}
        self.at: dict[str, str] = {}
        """The variables by the names of what says where their cells are."""
        self._learnt: dict[str, str] = {}
        self._copies: dict[Copy, str] = {}
        self._results: dict[str, str | None] = {}
        self._filename = "<partially evaluated>"

    def rebind(self, values: Mapping[str, Value]) -> None:
        """Constants that change have these values from now on."""
        self.namespace.update(values)
        forget(self.namespace)
        for learnt in self._learnt.values():
            self.namespace[learnt].clear()

    # -- what is made --------------------------------------------------------------------------------------------

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

    def copied(self, wanted: Copy, make: Callable[[str], tuple[list[ast.stmt], str | None]]) -> str:
        """The name of a copy of an operator, which is made if there is none yet, and what kind of value it gives."""
        if wanted not in self._copies:
            name = self._copies[wanted] = self.fresh(wanted[0])
            body, kind = make(name)
            self.namespace[name] = self.made(name, [each for each, _ in wanted[2]], [located(each) for each in body])
            self._results[name] = kind
        return self._copies[wanted]

    def _whole(self, state: list[Any], variable: str) -> Fn:
        """A variable that is split, as one value."""
        return Fn({key: state[place] for key, place in self.layout.places[variable].items() if key is not None})

    # -- what is known -------------------------------------------------------------------------------------------

    def value_of(self, node: ast.expr) -> tuple[bool, Any]:
        """Whether an expression is a constant, and its value."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, str)):
            return True, node.value
        if isinstance(node, ast.Name) and node.id in self.namespace and not callable(self.namespace[node.id]):
            if node.id in self._changing:
                return False, None
            return True, self.namespace[node.id]
        return (True, ()) if isinstance(node, ast.Tuple) and not node.elts else (False, None)

    def result_of(self, function: str) -> str | None:
        """The kind of what a function returns."""
        return self._results.get(function) or RESULTS.get(function)

    def folded(self, name: str, operands: Sequence[ast.expr]) -> ast.expr | None:
        """What a function makes of constants, if it can be made beforehand: once, for sets learn what they hold."""
        values = [self.value_of(each) for each in operands]
        if not all(known for known, _ in values) or name in ("no_case", "all_places", "forget"):
            return None
        if name in self._changing:
            return None
        wanted = (name, *map(ast.unparse, operands))
        if wanted not in self._folded:
            try:
                self._folded[wanted] = self.as_node(self.namespace[name](*(value for _, value in values)))
            except (EvaluationError, AttributeError, TypeError):
                self._folded[wanted] = None
        found = self._folded[wanted]
        return None if found is None else renamed(found, {})

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


def depending(module: ast.Module, names: Iterable[str]) -> frozenset[str]:
    """These names, and those of the functions of a module that are made of them, however indirectly."""
    found = set(names)
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)] if found else []
    used = {node.name: {each.id for each in walk(node) if isinstance(each, ast.Name)} for node in functions}
    while more := {name for name, own in used.items() if own & found} - found:
        found |= more
    return frozenset(found)


def forget(namespace: Mapping[str, Any]) -> None:
    """Whatever was made of constants is to be made again."""
    for each in namespace.values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def reached(functions: Mapping[str, ast.FunctionDef], start: str) -> set[str]:
    """The functions that a function calls, however far."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        names = {node.id for node in walk(functions[ahead.pop()]) if isinstance(node, ast.Name)}
        new = (names & functions.keys()) - found
        found |= new
        ahead += new
    return found


def located(statement: S) -> S:
    """A statement with places in the text, as Python wants them; they mean nothing.

    Sets are made of lists there, which are filled faster than generators are asked.
    """
    for node in put_somewhere(statement):
        match node:
            case ast.Call(ast.Name("frozenset"), [ast.GeneratorExp(item, generators) as every]):
                node.args = [ast.copy_location(ast.ListComp(item, generators), every)]
    return statement


def _as_expression(body: Sequence[ast.stmt]) -> ast.expr | None:
    """Statements that only choose what to return, as one expression."""
    match body:
        case [ast.Return(ast.expr() as value)]:
            return value
        case [ast.If(test, yes, no), *rest]:
            one, other = _as_expression(yes), _as_expression([*no, *rest] if no else rest)
            return ast.IfExp(test, one, other) if one is not None and other is not None else None
    return None
