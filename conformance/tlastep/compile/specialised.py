"""Formulas with their parameters filled in: values that are known beforehand are put in their places, once.

`apply(s.log, i)`, for a server i that is known to be in the domain, becomes a local name that is given a value when the
test begins; what depends on nothing, such as the set of all messages, is made once and then remembers its members. The
formula says the same as before; it is only said faster.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

from tlastep.compile.reads import STATES, Read, bound_names
from tlastep.compile.runtime import attribute
from tlastep.compile.trees import walk
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
        self.of = of
        self._members: set[Value] = set()

    def contains(self, item: Value) -> bool:
        if item in self._members:
            return True
        found = self.of.contains(item)
        if found:
            if len(self._members) >= REMEMBERED:
                self._members.clear()
            self._members.add(item)
        return found

    def members(self) -> Iterable[Value]:
        return self.of.members()


class Specialiser:
    """Makes tests of the formulas of one generated module."""

    def __init__(
        self,
        source: str,
        namespace: Mapping[str, Any],
        filename: str,
    ) -> None:
        self._namespace = dict(namespace)
        self._functions = functions_of(source)
        self._filename = filename
        self._names = (f"known{number}" for number in count())
        self._constants: dict[str, str] = {}
        self._learnt: dict[str, str] = {}
        self._makers: dict[tuple[object, ...], Callable[..., Callable[..., Any]]] = {}

    def test(
        self, states: Sequence[str], bound: Mapping[str, Value], code: str, keyed: Iterable[Read], *items: str
    ) -> Callable[..., Any]:
        """The formula as a function of the states (and items), with these values for its parameters.

        `keyed` are the reads of one key of a function that are known to be in its domain. What differs by nothing but
        its values is made once: it is a function of these.
        """
        reads = sorted(keyed)
        known = (*states, *items, *bound, code, *reads)
        if known not in self._makers:
            self._makers[known] = self._maker(states, list(bound), code, reads, items)
        return self._makers[known](*bound.values())

    def _maker(
        self, states: Sequence[str], parameters: Sequence[str], code: str, reads: Sequence[Read], items: Sequence[str]
    ) -> Callable[..., Callable[..., Any]]:
        """The function of the parameters' values that gives the formula as a function."""
        values = {name: f"given{number}" for number, name in enumerate(parameters)}
        parts = {read: (f"own{number}", values[str(read.key)]) for number, read in enumerate(reads)}
        learnt: dict[str, str] = {}
        body, lines = self._filled(
            states, values, {read: _line(read, *part) for read, part in parts.items()}, code, items, learnt
        )
        text = [f"def make({', '.join(values.values())}):", *(f"    {name} = {{}}" for name in learnt.values())]
        text += [f"    def test({', '.join([*states, *items])}):", *(f"    {line}" for line in lines)]
        return self._executed("make", [*text, f"        return {body}", "    return test"])

    def _executed(self, name: str, lines: Sequence[str]) -> Callable[..., Any]:
        exec(_compiled("\n".join(lines), self._filename, "exec"), self._namespace)
        made: Callable[..., Any] = self._namespace.pop(name)
        return made

    def _filled(
        self,
        states: Sequence[str],
        values: Mapping[str, str],
        parts: Mapping[Read, tuple[str, str]],
        code: str,
        items: Sequence[str],
        learnt: dict[str, str] | None = None,
    ) -> tuple[str, list[str]]:
        """The formula with its values filled in, by their names, and lines that give values to the parts that it reads.

        What is `learnt` of it is kept under these names; if none are given, with everything that says the same.
        """
        body: ast.expr = ast.parse(code, mode="eval").body
        inner = {name for node in walk(body) for name in bound_names(node)}
        plain = not inner & {*values, *states, *items}
        own = {read: name for read, (name, _) in parts.items()} if plain else {}
        if plain:
            body = _Filled(self, values, own).visit(body)
        local = {*states, *items, *own.values(), *(() if plain else values)}
        text = ast.unparse(_Learning(self, local, self._namespace, learnt).visit(body))
        if not plain and values:
            text = f"(lambda {', '.join(values)}: {text})({', '.join(values.values())})"
        lines = [line for _, line in parts.values()] if plain else []
        return text, lines

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

    def learnt(self, code: str, own: dict[str, str] | None) -> str:
        """The name of what is learnt of a formula about all places of sequences, by the text of what it says of one.

        It is one of a formula's `own` names, if it has any.
        """
        if own is not None:
            return own.setdefault(code, f"learnt{len(own)}")
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
                inner = {name for node in walk(body) for name in bound_names(node)}
                given = {each.id for each in call.args if isinstance(each, ast.Name)}
                parameters = [each.arg for each in function.args.args]
                if inner & {*given, *parameters} or len(parameters) != len(call.args):
                    return None
                return renamed(body, dict(zip(parameters, call.args, strict=True)))
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


def _line(read: Read, name: str, key: str) -> tuple[str, str]:
    """A name for a part of a state, and the line that gives it its value."""
    return name, f"    {name} = {read.state}.{attribute(read.variable)}.mapping[{key}]"


@lru_cache(maxsize=8)  # one spec may be compiled with many sets of constants, and its source is the same
def functions_of(source: str) -> Mapping[str, ast.FunctionDef]:
    """The operators of a generated module, by their names."""
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

    def __init__(
        self,
        specialiser: Specialiser,
        local: Collection[str],
        namespace: Mapping[str, Any],
        learnt: dict[str, str] | None,
    ) -> None:
        self._specialiser = specialiser
        self._local = local
        self._learnt = learnt
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
                used = {each.id for each in walk(body) if isinstance(each, ast.Name)}
                changing = sorted(used & {*self._local} - {place})
                if changing and not any(each in STATES for each in changing) and len(bounds) == 2:
                    known = self._specialiser.learnt(ast.unparse(body), self._learnt)
                    low, high = map(ast.unparse, bounds)
                    parts = "".join(f"{each}, " for each in changing)
                    text = f"all_places({known}, {low}, {high}, lambda {place}: {ast.unparse(body)}, ({parts}))"
                    return ast.parse(text, mode="eval").body
        return node


def renamed(expression: ast.expr, operands: Mapping[str, ast.expr]) -> ast.expr:
    """A copy of an expression with operands in the places of parameters."""
    copied: ast.expr = _renamed(expression, operands)
    return copied


def _renamed(part: Any, operands: Mapping[str, ast.expr]) -> Any:
    if isinstance(part, ast.Name):
        return operands.get(part.id) or ast.Name(part.id, part.ctx)
    if isinstance(part, list):
        return [_renamed(each, operands) for each in part]
    if not isinstance(part, ast.AST):
        return part
    return type(part)(*[_renamed(getattr(part, name, None), operands) for name in part._fields])


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
