"""Actions and properties on states that are lists of cells: each an own function for the constants it is called with.

    cells = Cells(spec, Layout(components))
    run = cells.action(step, {"i": server})     # run(state, m): the next state, or None where the action is refused
    all_true = cells.all_true([...])            # all_true(before, after): whether no formula is false

An action runs here if it leads to one state at most, whatever its variables are bound to: then the next state begins as
a copy of the state, and of what stays as it is nothing is said. Others are left to those who run generators.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from tlastep.compile.compiled import CompiledSpec, Step, rewritten
from tlastep.compile.direct import module_directly, parsed_directly
from tlastep.compile.evaluator import expression, statements
from tlastep.compile.partial import Layout, Partial, forget, located
from tlastep.compile.peephole import PLAIN, cells_in, place_of
from tlastep.compile.reads import STATES
from tlastep.compile.specialised import membership, renamed
from tlastep.compile.trees import walk
from tlastep.values import Value

State: TypeAlias = list[Any]
"""The cells of a state. It is never changed once it is one."""


LONG: Final = 100  # nodes of a formula that is a function of its own


class Run(NamedTuple):
    """An action as a function of a state, and what is left of its arguments; the cells that it may give another value.

    The function gives the next state, or None where the action is refused.
    """

    run: Callable[..., State | None]
    writes: tuple[int, ...]


class Asked(NamedTuple):
    """A conjunct with values for its parameters: about a state, or about a step."""

    bound: Mapping[str, Value]
    code: str
    of_step: bool = False
    members: tuple[str, str] | None = None
    """If it is asked of each new member of a set: the set, as code of the state, and the name of a member."""


class _New(NamedTuple):
    """The new members of a set, of each of which something is asked: if the set differs from what it was."""

    item: str
    differs: ast.expr
    members: ast.expr
    text: str


class _Said(NamedTuple):
    """What returns False if a formula is false, and the cells that it reads, as bits; or whose members it is about."""

    said: list[ast.stmt]
    reads: int
    new: _New | None


class Cells:
    """The code of a compiled spec for one layout of states."""

    def __init__(self, spec: CompiledSpec, layout: Layout, changing: Collection[str] = ()) -> None:
        """Of the constants `changing` the code holds whatever values they have (`rebind`)."""
        self.layout = layout
        module, code = module_directly(rewritten(spec.source, spec.namespace), spec.filename)
        namespace = {**spec.namespace, "scatter": _scatter}
        exec(code, namespace)
        self._namespace = namespace
        self._partial = Partial(module, namespace, layout, changing)
        self._said: dict[int, tuple[Asked, _Said]] = {}

    def rebind(self, values: Mapping[str, Value]) -> None:
        """Constants that change have these values from now on."""
        self._namespace.update(values)
        forget(self._namespace)
        self._partial.rebind(values)

    # -- actions -------------------------------------------------------------------------------------------------

    def action(self, step: Step, bound: Mapping[str, Value]) -> Run | None:
        """The action with these values for some of its arguments, as a function of a state and the others.

        None if it may lead to several states, or has other arguments than its variables.
        """
        names = [binder.name for binder in step.code.binders]
        function, given = self._called(step.code.run, names)
        if function is None or not _leads_to_one(function, self.layout.places.keys()):
            return None
        arguments = [name for name in step.code.arguments if name not in bound]
        if sorted(step.code.arguments) != sorted(names):
            return None
        known = {name: self._partial.constant(value) for name, value in bound.items()}
        constants = {parameter: known[name] for parameter, name in given.items() if name in known}
        kinds: dict[str, str | None] = {parameter: PLAIN for parameter, name in given.items() if name not in known}
        first: list[ast.stmt] = []
        for binder in step.code.binders:
            code = None if binder.name in bound else membership(binder.name, binder.domain)
            if code is not None:
                test = expression(self._partial, bound, parsed_directly(code), dict.fromkeys(arguments, PLAIN))
                first.append(ast.If(ast.UnaryOp(ast.Not(), test), [ast.Return(None)], []))
            elif binder.name not in bound:
                return None
        body, _ = statements(self._partial, function.body, constants, kinds)
        others = [f"{p} = {name}" for p, name in given.items() if p != name and name not in known]
        first += ast.parse("\n".join([*others, "t = s.copy()"])).body
        run = self._partial.made(step.action, ["s", *arguments], list(map(located, [*first, *_returning(body)])))
        return Run(run, self._written(body))

    def _written(self, body: Iterable[ast.stmt]) -> tuple[int, ...]:
        """The cells that statements may give another value: all of them, if that is not clear."""
        found: set[int] = set()
        for node in (node for each in body for node in walk(each)):
            match node:
                case ast.Assign([ast.Subscript(ast.Name("t"), ast.Constant(int(place)))]):
                    found.add(place)
                case ast.Assign([ast.Subscript(ast.Name("t"))]) | ast.Call(ast.Name("scatter")):
                    return tuple(range(len(self.layout.components)))
        return tuple(sorted(found))

    def _called(self, run: str, names: Sequence[str]) -> tuple[ast.FunctionDef | None, dict[str, str]]:
        """The generator that a step runs, and which of its parameters is given which variable."""
        match ast.parse(run, mode="eval").body:
            case ast.Call(ast.Name(name), [ast.Name("s"), ast.Name("t"), *operands]) if name in self._partial.functions:
                function = self._partial.functions[name]
                given = [each.id for each in operands if isinstance(each, ast.Name) and each.id in names]
                parameters = [each.arg for each in function.args.args[2:]]
                apart = all(one == other or one not in names for one, other in zip(parameters, given, strict=False))
                if len(given) == len(parameters) == len(operands) and apart:
                    return function, dict(zip(parameters, given, strict=True))
        return None, {}

    # -- properties ----------------------------------------------------------------------------------------------

    def all_true(self, asked: Iterable[Asked], changed: int = -1) -> Callable[[State, State], bool]:
        """Formulas as one function of the states before and after a step: whether all of them are true.

        Of those that turn out to read none of the cells that have `changed`, nothing needs to be asked. What is asked
        of the new members of one set is asked of one after the other.
        """
        body: list[ast.stmt] = []
        loops: dict[str, ast.For] = {}
        for said, reads, new in [self._said_of(formula) for formula in asked]:
            if not reads & changed:
                continue
            if new is None:
                body += said
                continue
            loop = loops.get(new.text)
            if loop is None:
                loop = loops[new.text] = ast.For(ast.Name(new.item, ast.Store()), new.members, list(said), [])
                body.append(located(ast.If(new.differs, [loop], [])))
            else:
                same = ast.Assign(
                    [ast.Name(new.item, ast.Store())], ast.Name(cast(ast.Name, loop.target).id, ast.Load())
                )
                loop.body += [located(same), *said]
        return self._all_true("all_true", body)

    def _all_true(self, name: str, body: Iterable[ast.stmt], *more: str) -> Callable[..., bool]:
        return self._partial.made(name, ["s", "t", *more], [*body, located(ast.Return(ast.Constant(True)))])

    def _said_of(self, asked: Asked) -> _Said:
        """What says whether one of them is false. It is the same wherever it is asked.

        What is long is a function of its own, so that it is compiled once.
        """
        known = self._said.get(id(asked))
        if known is None:
            test, reads, new = self._asking(asked)
            if sum(1 for _ in walk(test)) > LONG:
                name, more = self._partial.fresh("said"), [] if new is None else [new.item]
                self._partial.namespace[name] = self._all_true(name, [located(test)], *more)
                test = _unless(ast.parse(f"{name}({', '.join(['s', 't', *more])})", mode="eval").body)
            known = self._said[id(asked)] = asked, _Said([located(test)], reads, new)
        return known[1]

    def _asking(self, asked: Asked) -> tuple[ast.stmt, int, _New | None]:
        partial, bound = self._partial, asked.bound
        code = parsed_directly(asked.code)
        if not asked.of_step:
            code = _of_next(code)
        if asked.members is None:
            said = expression(partial, bound, code, {})
            return _of_each(said) or _unless(said), _reads(said), None
        of, item = asked.members
        before = expression(partial, bound, parsed_directly(of), {})
        after = expression(partial, bound, _of_next(parsed_directly(of)), {})
        test = expression(partial, bound, code, {item: PLAIN})
        differs, members = ast.Compare(after, [ast.IsNot()], [before]), ast.BinOp(after, ast.Sub(), before)
        return _unless(test), _reads(after), _New(item, differs, members, ast.unparse(members))


def _reads(said: ast.expr) -> int:
    """The cells that an evaluated formula reads, as bits; all, if it may read others than those that it names."""
    cells = cells_in(said)
    if sum(isinstance(node, ast.Name) and node.id in STATES for node in walk(said)) > len(cells):
        return -1
    found = 0
    for each in cells:
        found |= 1 << place_of(each)
    return found


def _unless(test: ast.expr) -> ast.stmt:
    return ast.If(ast.UnaryOp(ast.Not(), test), [ast.Return(ast.Constant(False))], [])


def _of_each(test: ast.expr) -> ast.stmt | None:
    """`all(said for item in of)` as a loop, which goes on in the same frame."""
    match test:
        case ast.Call(ast.Name("all"), [ast.GeneratorExp(said, [ast.comprehension(ast.Name() as item, of, [])])]):
            return ast.For(item, of, [_unless(said)], [])
    return None


def _of_next(code: ast.expr) -> ast.expr:
    """A formula about a state as one about the next."""
    return renamed(code, {"s": ast.Name("t", ast.Load())})


def _scatter(state: State, places: Mapping[Any, int], function: Any) -> None:
    """A function over the keys that its cells have becomes the value of a variable. `KeyError` if it has others."""
    mapping = function.mapping
    if mapping.keys() != places.keys():
        raise KeyError
    for key, place in places.items():
        state[place] = mapping[key]


def _leads_to_one(function: ast.FunctionDef, variables: Collection[str]) -> bool:
    """Whether a generator yields once at most, with a value for each variable, and never reads what has none yet."""
    for node in walk(function):
        if isinstance(node, (ast.For, ast.While, ast.YieldFrom)):
            return False
        if isinstance(node, ast.Name) and node.id == "forget":
            return False
        if isinstance(node, ast.FunctionDef) and node is not function:
            return False
    try:
        _assigned(function.body, frozenset(), frozenset(variables))
    except _ManyStates:
        return False
    return True


class _ManyStates(Exception):
    """An action may go on after it has yielded, or yields while variables have no value."""


def _assigned(
    statements: Sequence[ast.stmt], already: frozenset[str], variables: frozenset[str]
) -> frozenset[str] | None:
    """The variables that have a value after these statements; None if nothing comes after them."""
    now: frozenset[str] | None = already
    for each in statements:
        if now is None:
            raise _ManyStates
        match each:
            case ast.Assign([ast.Attribute(ast.Name("t"), variable)]):
                now |= {variable}
            case ast.Expr(ast.Yield()):
                if now != variables:
                    raise _ManyStates
                now = None
            case ast.Return():
                now = None
            case ast.If(_, yes, no):
                ends = [_assigned(part, now, variables) for part in (yes, no)]
                left = [end for end in ends if end is not None]
                now = frozenset.intersection(*left) if left else None
    return now


class _Returning(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        """A yield is the end."""
        return ast.Return(ast.Name("t", ast.Load())) if isinstance(node.value, ast.Yield) else node


def _returning(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [_Returning().visit(each) for each in body]
