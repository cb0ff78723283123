"""Formulas with their parameters filled in: values that are known beforehand are put in their places, once.

`apply(s.log, i)`, for a server i that is known to be in the domain, becomes a local name that is given a value when the
test begins; what depends on nothing, such as the set of all messages, is made once and then remembers its members. The
formula says the same as before; it is only said faster.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final, TypeAlias

from tlastep.compile.reads import STATES, Read, bound_names
from tlastep.compile.runtime import attribute
from tlastep.errors import EvaluationError
from tlastep.language.operations import Implicit
from tlastep.values import Value

MAKERS: Final = frozenset(
    {"RecordSet", "FunctionSet", "PowerSet", "TupleSet", "sequences_of", "union", "difference", "set_of"}
)
"""What makes sets of sets: to make them costs little, whether or not they are needed."""
REMEMBERED: Final = 10_000


class Known(Implicit):
    """A constant set that is not written out, and remembers which values it was found to hold."""

    def __init__(self, of: Implicit) -> None:
        self._of = of
        self._members: set[Value] = set()

    def contains(self, item: Value) -> bool:
        if item in self._members:
            return True
        found = self._of.contains(item)
        if found:
            if len(self._members) >= REMEMBERED:
                self._members.clear()
            self._members.add(item)
        return found

    def members(self) -> Iterable[Value]:
        return self._of.members()


Formula: TypeAlias = tuple[Mapping[str, Value], str, Sequence[Read]]
"""Values for the parameters of a formula, its text, and the reads of one key that are known to be possible."""


class Specialiser:
    """Makes tests of the formulas of one generated module; `manner` says how their code is changed in the end."""

    def __init__(
        self,
        source: str,
        namespace: Mapping[str, Any],
        filename: str,
        manner: Callable[[str, str], str] | None = None,
    ) -> None:
        self._manner = manner
        self._namespace = dict(namespace)
        self._functions = _functions_of(source)
        self._filename = filename
        self._names = (f"known{number}" for number in count())
        self._constants: dict[str, str] = {}
        self._learnt: dict[str, str] = {}
        self._parts: dict[tuple[str, str, Value], tuple[str, str]] = {}
        self._made_before: dict[tuple[str | Value, ...], tuple[str, list[str]]] = {}

    def test(
        self, states: Sequence[str], bound: Mapping[str, Value], code: str, keyed: Iterable[Read], *items: str
    ) -> Callable[..., Any]:
        """The formula as a function of the states (and items), with these values for its parameters.

        `keyed` are the reads of one key of a function that are known to be in its domain.
        """
        body, lines = self._filled(states, bound, code, keyed, items)
        return self._made([*states, *items], [*lines, f"    return {body}"])

    def first_false(self, states: Sequence[str], formulas: Iterable[Formula]) -> Callable[..., int]:
        """Many formulas as one function of the states: the number of the first that is false, or -1."""
        lines: dict[str, None] = {}
        for number, (bound, code, keyed) in enumerate(formulas):
            known = (code, *bound.values())
            if known not in self._made_before:
                self._made_before[known] = self._filled(states, bound, code, keyed, ())
            body, own = self._made_before[known]
            lines.update(dict.fromkeys(own))
            lines[f"    if not ({body}): return {number}"] = None
        return self._made(states, [*lines, "    return -1"])

    def _made(self, parameters: Iterable[str], lines: Sequence[str]) -> Callable[..., Any]:
        text = "\n".join([f"def test({', '.join(parameters)}):", *lines])
        exec(_compiled(text, self._filename, "exec"), self._namespace)
        made: Callable[..., Any] = self._namespace.pop("test")
        return made

    def _filled(
        self, states: Sequence[str], bound: Mapping[str, Value], code: str, keyed: Iterable[Read], items: Sequence[str]
    ) -> tuple[str, list[str]]:
        """The formula with its values filled in, and lines that give values to the names that it uses."""
        body: ast.expr = ast.parse(code, mode="eval").body
        inner = {name for node in ast.walk(body) for name in bound_names(node)}
        own: dict[Read, str] = {}
        lines: list[str] = []
        if not inner & {*bound, *states, *items}:
            values = {name: self._constant(value) for name, value in bound.items()}
            for read in sorted(keyed):
                assert read.key is not None
                own[read], line = self._part(read, bound[read.key], values[read.key])
                lines.append(line)
            body = _Filled(self, values, own).visit(body)
            bound = {}
        local = {*states, *items, *own.values(), *bound}
        text = ast.unparse(_Learning(self, local, self._namespace).visit(body))
        if bound:
            text = f"(lambda {', '.join(bound)}: {text})({', '.join(map(self._constant, bound.values()))})"
        return (self._manner(text, "eval") if self._manner else text), lines

    def _part(self, read: Read, key: Value, constant: str) -> tuple[str, str]:
        """The name of a part of a state, and the line that gives it its value; both are the same every time."""
        place = (read.state, read.variable, key)
        if place not in self._parts:
            name = f"part{len(self._parts)}"
            line = f"    {name} = {read.state}.{attribute(read.variable)}.mapping[{constant}]"
            self._parts[place] = name, line
        return self._parts[place]

    def _constant(self, value: Any) -> str:
        name = next(self._names)
        self._namespace[name] = value
        return name

    def constant(self, node: ast.expr) -> str | None:
        """The name of what an expression without parameters makes, if it can be made beforehand."""
        text = ast.unparse(node)
        if text not in self._constants:
            try:
                value = eval(_compiled(text, self._filename, "eval"), self._namespace)
            except (EvaluationError, NameError):
                return None
            self._constants[text] = self._constant(Known(value) if isinstance(value, Implicit) else value)
        return self._constants[text]

    def learnt(self, code: str) -> str:
        """The name of what is learnt of a formula about all places of sequences, by the text of what it says of one."""
        if code not in self._learnt:
            self._learnt[code] = self._constant({})
        return self._learnt[code]

    def written_out(self, call: ast.Call) -> ast.expr | None:
        """A call of an operator that is one expression, with names for its operands: that expression."""
        assert isinstance(call.func, ast.Name)
        function = self._functions.get(call.func.id)
        if function is None or not all(isinstance(each, (ast.Name, ast.Constant)) for each in call.args):
            return None
        match function.body:
            case [ast.Return(ast.expr() as body)]:
                inner = {name for node in ast.walk(body) for name in bound_names(node)}
                given = {each.id for each in call.args if isinstance(each, ast.Name)}
                parameters = [each.arg for each in function.args.args]
                if inner & {*given, *parameters} or len(parameters) != len(call.args):
                    return None
                renamed: ast.expr = _Renamed(dict(zip(parameters, call.args, strict=True))).visit(copy.deepcopy(body))
                return renamed
        return None

    def is_constant(self, node: ast.AST) -> bool:
        """Whether an expression is made of constants by what makes sets."""
        match node:
            case ast.Constant():
                return True
            case ast.Name(name):
                return name in self._namespace and not callable(self._namespace[name])
            case ast.Call(ast.Name(name), operands, []):
                known = name in MAKERS or (not operands and hasattr(self._namespace.get(name), "cache_info"))
                return known and all(map(self.is_constant, operands))
            case ast.Dict(keys, values):
                return all(key is not None and self.is_constant(key) for key in keys) and all(
                    map(self.is_constant, values)
                )
        return False


@lru_cache(maxsize=8)  # one spec may be compiled with many sets of constants, and its source is the same
def _functions_of(source: str) -> Mapping[str, ast.FunctionDef]:
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {each.name: each for each in functions if not each.decorator_list}


_compiled: Final = lru_cache(maxsize=2_000)(compile)


class _Filled(ast.NodeTransformer):
    """Puts known values in their places."""

    def __init__(self, specialiser: Specialiser, values: Mapping[str, str], parts: Mapping[Read, str]) -> None:
        self._specialiser = specialiser
        self._values = values
        self._parts = parts

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call that is a part of the state, a set that never changes, or something else."""
        match node:
            case ast.Call(ast.Name("apply"), [ast.Attribute(ast.Name(state), variable), key]):
                name = self._parts.get(Read(state, variable.removesuffix("__"), _name(key)))
                if name is not None:
                    return ast.Name(name, ast.Load())
        if isinstance(node.func, ast.Name):
            node.args = [self.visit(each) for each in node.args]
            if self._specialiser.is_constant(node) and (name := self._specialiser.constant(node)):
                return ast.Name(name, ast.Load())
            return self._specialiser.written_out(node) or node
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A parameter."""
        return ast.Name(self._values.get(node.id, node.id), node.ctx)


class _Learning(ast.NodeTransformer):
    """Lets `all(body for k in numbers(low, high))` remember how far it was found true, where `all_places` can do that.

    It can if parts of the state are all that changes of the body.
    """

    def __init__(self, specialiser: Specialiser, local: Collection[str], namespace: Mapping[str, Any]) -> None:
        self._specialiser = specialiser
        self._local = local
        self._possible = "all_places" in namespace

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A conjunction over places, or something else."""
        self.generic_visit(node)
        match node:
            case ast.Call(
                ast.Name("all"),
                [
                    ast.GeneratorExp(
                        body, [ast.comprehension(ast.Name(place), ast.Call(ast.Name("numbers"), bounds), [])]
                    )
                ],
            ) if self._possible:
                used = {each.id for each in ast.walk(body) if isinstance(each, ast.Name)}
                changing = sorted(used & {*self._local} - {place})
                if changing and not any(each in STATES for each in changing) and len(bounds) == 2:
                    known = self._specialiser.learnt(ast.unparse(body))
                    low, high = map(ast.unparse, bounds)
                    parts = "".join(f"{each}, " for each in changing)
                    text = f"all_places({known}, {low}, {high}, lambda {place}: {ast.unparse(body)}, ({parts}))"
                    return ast.parse(text, mode="eval").body
        return node


class _Renamed(ast.NodeTransformer):
    """Puts operands in the places of parameters."""

    def __init__(self, operands: Mapping[str, ast.expr]) -> None:
        self._operands = operands

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A parameter, or another name."""
        return self._operands.get(node.id, node)


def _name(key: ast.expr) -> str | None:
    match key:
        case ast.Name(name):
            return name
        case ast.Call(ast.Name("now"), [ast.Name(name)]):
            return name
    return None


def membership(name: str, domain: str) -> str | None:
    """The test whether `name` is in a domain, of which the code that goes through it is given."""
    for loop, test in (("ordered(", "member"), ("members(", "member"), ("numbers(", "in_interval")):
        if domain.startswith(loop):
            return f"{test}({name}, {domain[len(loop) :]}"
    return None
