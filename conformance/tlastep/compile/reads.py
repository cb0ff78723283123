"""What a generated formula reads of its states, found in its Python text: which variables, and of functions which keys.

    reads = Reader(spec.source, spec.variables).formula(["s", "i"], "equal(apply(s.role, i), 'leader')")
    assert reads.of == {Read("s", "role", "i")}

This says what a formula *may* read, so it can only name too much. Whatever is not understood counts as all of a
variable, or, where a state is passed on to somebody unknown, as everything: then the answer is None.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from tlastep.compile.runtime import attribute
from tlastep.compile.trees import walk

STATES: Final = ("s", "t")
"""What generated code calls the state and the next state."""


DOMAIN: Final = "DOMAIN"
"""As a key: of a function only its domain is read."""


class Read(NamedTuple):
    """A variable of a state that is read: of a function only the value at the key that a parameter names, if `key`."""

    state: str
    variable: str
    key: str | None


@dataclass(frozen=True)
class Reads:
    """What a formula reads. `used` are the parameters that it needs for more than a key."""

    of: frozenset[Read]
    used: frozenset[str]


class Each(NamedTuple):
    """A formula about all members of a set that is a part of the state: `test` is what it says of the member `item`."""

    set: Read
    item: str
    test: str


class _Unknown(Exception):
    """A state goes where it can't be followed."""


@dataclass
class _Names:
    """What names mean inside one function: states, and parameters of the formula."""

    states: Mapping[str, str]
    keys: Mapping[str, str]
    found: set[Read] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def without(self, names: frozenset[str]) -> _Names:
        """The same where these names mean something else."""
        if names & self.states.keys():
            raise _Unknown
        keys = {name: key for name, key in self.keys.items() if name not in names}
        return _Names(self.states, keys, self.found, self.used)


@lru_cache(maxsize=8)  # one spec may be compiled with many sets of constants, and its source is the same
def _followed(source: str) -> Mapping[str, ast.FunctionDef]:
    """The functions of a module that are followed: not what is called by a name that is local somewhere."""
    tree = ast.parse(source)
    local = {name for node in walk(tree) for name in (*bound_names(node), *_stored_in(node))}
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {each.name: each for each in functions if each.name not in local}


class Reader:
    """Reads formulas of one generated module."""

    def __init__(self, source: str, variables: Sequence[str]) -> None:
        self._variables = {attribute(each): each for each in variables}
        self._functions = _followed(source)
        self._known: dict[tuple[tuple[str, ...], str], Reads | None] = {}
        self._entered: set[tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]] = set()

    def formula(self, parameters: Sequence[str], code: str) -> Reads | None:
        """What the formula reads; None if that could be anything."""
        known = tuple(parameters), code
        if known not in self._known:
            self._known[known] = self._formula(*known)
        return self._known[known]

    def _formula(self, parameters: Sequence[str], code: str) -> Reads | None:
        keys = {name: name for name in parameters if name not in STATES}
        names = _Names({name: name for name in parameters if name in STATES}, keys)
        self._entered.clear()
        try:
            self._walk(ast.parse(code, mode="eval").body, names)
        except _Unknown:
            return None
        return Reads(frozenset(names.found), frozenset(names.used))

    def each(self, parameters: Sequence[str], code: str) -> Each | None:
        """The formula as one about each member of a set, if it has that form."""
        keys = {name: name for name in parameters if name not in STATES}
        names = _Names({name: name for name in parameters if name in STATES}, keys)
        match ast.parse(code, mode="eval").body:
            case ast.Call(
                ast.Name("all"),
                [
                    ast.GeneratorExp(
                        test, [ast.comprehension(ast.Name(item), ast.Call(ast.Name("members"), [of]), [], 0)]
                    )
                ],
            ):
                found = Each(read, item, ast.unparse(test)) if (read := self._read(of, names)) else None
            case ast.Call(ast.Name("subset"), [of, wider]):
                found = self._each_in(of, wider, names)
            case ast.Call(ast.Name("member"), [of, ast.Call(ast.Name("PowerSet"), [wider])]):
                found = self._each_in(of, wider, names)
            case _:
                return None
        return None if found is None or found.item in names.keys else found

    def _each_in(self, of: ast.expr, wider: ast.expr, names: _Names) -> Each | None:
        read = self._read(of, names)
        return Each(read, "item", f"member(item, {ast.unparse(wider)})") if read else None

    # -- expressions and statements ---------------------------------------------------------------------------

    def _walk(self, node: ast.AST, names: _Names) -> None:
        read = self._read(node, names)
        if read is not None:
            names.found.add(read)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self._functions:
            self._enter(self._functions[node.func.id], node, names)
        elif isinstance(node, ast.Name):
            if node.id in names.states:
                raise _Unknown
            if node.id in names.keys:
                names.used.add(names.keys[node.id])
        else:
            inner = names.without(bound_names(node))
            for child in ast.iter_child_nodes(node):
                self._walk(child, inner)

    def _read(self, node: ast.AST, names: _Names) -> Read | None:
        """The read that an expression is: `s.x`, or `apply(s.x, key)` for a key that is a parameter."""
        match node:
            case ast.Attribute(ast.Name(state), name) if state in names.states:
                if name not in self._variables:
                    raise _Unknown
                return Read(names.states[state], self._variables[name], None)
            case ast.Call(ast.Name("domain"), [ast.Attribute() as function]):
                read = self._read(function, names)
                return read._replace(key=DOMAIN) if read else None
            case ast.Call(ast.Name("apply"), [function, key]):
                read, of = self._read(function, names), _parameter(key, names)
                return Read(read.state, read.variable, of) if read and of and read.key is None else None
        return None

    def _enter(self, function: ast.FunctionDef, call: ast.Call, names: _Names) -> None:
        """What a function of the module reads when it is called like this."""
        states, keys = {}, {}
        parameters = [each.arg for each in function.args.args]
        if len(parameters) != len(call.args) or any(isinstance(each, ast.Starred) for each in call.args):
            raise _Unknown
        for parameter, operand in zip(parameters, call.args, strict=True):
            if isinstance(operand, ast.Name) and operand.id in names.states:
                states[parameter] = names.states[operand.id]
            elif key := _parameter(operand, names):
                keys[parameter] = key
            else:
                self._walk(operand, names)
        entered = (function.name, tuple(sorted(states.items())), tuple(sorted(keys.items())))
        if entered in self._entered:
            return
        self._entered.add(entered)
        inner = _Names(states, keys, names.found, names.used).without(_assigned(function))
        for statement in function.body:
            self._walk(statement, inner)


def _parameter(node: ast.AST, names: _Names) -> str | None:
    """The parameter that an operand is, promised (`now(i)`, `Lazy(lambda: i)`) or not."""
    match node:
        case ast.Name(name):
            return names.keys.get(name)
        case ast.Call(ast.Name("now"), [ast.Name(name)]):
            return names.keys.get(name)
        case ast.Call(ast.Name("Lazy"), [ast.Lambda(_, ast.Name(name))]):
            return names.keys.get(name)
    return None


def bound_names(node: ast.AST) -> frozenset[str]:
    """The names that an expression binds."""
    if isinstance(node, ast.Lambda):
        return frozenset(each.arg for each in node.args.args)
    if isinstance(node, (ast.GeneratorExp, ast.SetComp, ast.ListComp, ast.DictComp)):
        return frozenset(name for each in node.generators for name in _stored(each.target))
    return frozenset()


def _assigned(function: ast.FunctionDef) -> frozenset[str]:
    """The names that the statements of a function bind."""
    return frozenset(name for statement in function.body for name in _stored(statement))


def _stored_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _stored(node: ast.AST) -> Iterator[str]:
    for each in walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
