"""The next-state relation, taken apart into named actions with their arguments, and predicates into their conjuncts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from tlastep.compile.actions import Body, yield_now
from tlastep.compile.analysis import CONJUNCTIONS, DISJUNCTIONS, standard_operator
from tlastep.compile.module import Module
from tlastep.compile.scope import Local, Scope
from tlastep.language.tree import Bound, BuiltIn, Definition, Expr, OperatorArgument, Parameter, Use


class Binder(NamedTuple):
    """One quantified variable: its Python name, code for its domain, and whether that domain never changes."""

    name: str
    domain: str
    constant: bool


@dataclass(frozen=True)
class StepCode:
    """A disjunct of Next: all ways to bind its variables, the generator to run, and the label of its steps."""

    action: str
    tlc_name: str
    binders: tuple[Binder, ...]
    run: str
    arguments: tuple[str, ...]
    body: Expr | Definition
    scope: Scope


@dataclass(frozen=True)
class _Path:
    """Where the decomposition stands: inside which operator, under which quantifiers."""

    action: str
    tlc_name: str
    arguments: tuple[str, ...]
    binders: tuple[Binder, ...]
    scope: Scope
    frozen: bool = False  # below a domain that depends on the state, TLC keeps the name it has

    def inside(self, name: str, arguments: tuple[str, ...], scope: Scope) -> _Path:
        tlc_name = self.tlc_name if self.frozen else name
        return replace(self, action=name, tlc_name=tlc_name, arguments=arguments, scope=scope)


def steps_of(module: Module, next_action: Expr) -> list[StepCode]:
    """The named actions of a next-state relation, in the order in which they stand there."""
    return list(_steps(module, next_action, _Path("Next", "Next", (), (), Scope())))


def _steps(module: Module, expr: Expr, path: _Path) -> list[StepCode]:
    if isinstance(expr, Use):
        if expr.is_builtin(*DISJUNCTIONS):
            return [step for operand in expr.operands for step in _steps(module, operand, path)]
        if expr.is_builtin("$Nop"):
            return _steps(module, expr.operands[0], path)
        if expr.is_builtin("$BoundedExists") and not any(bound.is_tuple for bound in expr.bounds):
            return _steps(module, expr.operands[0], _bind(module, expr, path))
        if isinstance(expr.symbol, Definition) and standard_operator(expr.symbol) is None:
            return _named(module, expr, expr.symbol, path)
    return [_leaf(module, expr, path)]


def _bind(module: Module, quantifier: Use, path: _Path) -> _Path:
    """The path below a quantifier; its variables count as arguments until a named operator has its own."""
    scope, binders, frozen = path.scope, list(path.binders), path.frozen
    arguments = list(path.arguments)
    for bound in quantifier.bounds:
        assert bound.domain is not None
        constant = not module.analysis.reads(bound.domain).current
        frozen = frozen or not constant
        code = module.expressions.domain(bound.domain, path.scope, in_order=True)
        scope, names = scope.bind(bound.parameters)
        binders += [Binder(name, code, constant) for name in names]
        arguments += names
    return replace(path, scope=scope, binders=tuple(binders), arguments=tuple(arguments), frozen=frozen)


def _named(module: Module, use: Use, symbol: Definition, path: _Path) -> list[StepCode]:
    definition = module.analysis.expand(module.replacement(symbol.name) or symbol)
    if module.actions.branching.is_rewritten(use, symbol):
        return [_leaf(module, use, path.inside(definition.name, path.arguments, path.scope))]
    codes = []
    scope = path.scope
    for operand, parameter in zip(use.operands, definition.parameters, strict=True):
        code = module.expressions.operand(operand, path.scope, strict=True)
        codes.append(code)
        scope = scope.having(parameter, Local(code))
    fixed = all(
        not isinstance(each, OperatorArgument) and not any(module.analysis.reads(each)) for each in use.operands
    )
    # What depends on the state can't be a label's argument: then those of the quantifiers around it are.
    inside = path.inside(definition.name, tuple(codes) if fixed else path.arguments, scope)
    if not definition.recursive and _opens(definition.body):
        return _steps(module, definition.body, inside)
    operands = [
        module.expressions.operand(operand, path.scope, strict=module.analysis.is_strict(definition, parameter))
        for operand, parameter in zip(use.operands, definition.parameters, strict=True)
    ]
    generator = module.compile_generator(definition, frozenset(), initial=False)
    call = f"{generator}({', '.join(['s', 't', *operands])})"
    return [StepCode(inside.action, inside.tlc_name, path.binders, call, inside.arguments, definition, scope)]


def _opens(body: Expr) -> bool:
    """Whether the body of a definition is again a choice between actions."""
    if not isinstance(body, Use):
        return False
    if body.is_builtin(*DISJUNCTIONS, "$BoundedExists"):
        return True
    return isinstance(body.symbol, Definition) and standard_operator(body.symbol) is None


def _leaf(module: Module, expr: Expr, path: _Path) -> StepCode:
    """A disjunct without a name of its own: it bears that of the operator in which it stands."""
    names = [binder.name for binder in path.binders]
    body = Body([])
    module.actions.emit(expr, path.scope, frozenset(), body, yield_now)
    name = module.name(f"{path.action}_step")
    header = f"def {name}({', '.join(['s', 't', *names])}):"
    module.add([(header, str(expr.place)), *body.lines])
    call = f"{name}({', '.join(['s', 't', *names])})"
    return StepCode(path.action, path.tlc_name, path.binders, call, path.arguments, expr, path.scope)


@dataclass(frozen=True)
class PartCode:
    """One conjunct of a state predicate (or of a step predicate), for each way to bind its variables."""

    binders: tuple[Binder, ...]
    test: str
    place: str


def parts_of(module: Module, expr: Expr, scope: Scope | None = None) -> list[PartCode]:
    """The conjuncts of a predicate: conjunctions and `\\A` over constant sets are opened."""
    found: list[PartCode] = []
    _parts(module, expr, scope or Scope(), (), found.append)
    return found


def _parts(
    module: Module, expr: Expr, scope: Scope, binders: tuple[Binder, ...], found: Callable[[PartCode], None]
) -> None:
    if isinstance(expr, Use):
        if expr.is_builtin(*CONJUNCTIONS):
            for operand in expr.operands:
                _parts(module, operand, scope, binders, found)
            return
        if expr.is_builtin("$BoundedForall") and _is_constant(module, expr):
            path = _bind(module, expr, _Path("", "", (), binders, scope))
            _parts(module, expr.operands[0], path.scope, path.binders, found)
            return
        if expr.is_builtin("\\in") and (typed := _typed_function(expr)):
            for operand in typed:
                _parts(module, operand, scope, binders, found)
            return
        if isinstance(expr.symbol, Definition) and not expr.operands and standard_operator(expr.symbol) is None:
            definition = module.analysis.expand(module.replacement(expr.symbol.name) or expr.symbol)
            if not definition.recursive and module.constant(definition.name) is None:
                _parts(module, definition.body, scope, binders, found)
                return
        if expr.is_builtin("$SquareAct"):
            _square(module, expr, scope, binders, found)
            return
    found(PartCode(binders, module.expressions.truth(expr, scope), str(expr.place)))


def _square(
    module: Module, square: Use, scope: Scope, binders: tuple[Binder, ...], found: Callable[[PartCode], None]
) -> None:
    """`[A /\\ B]_v` as `[A]_v` and `[B]_v`."""
    action, subscript = square.operands
    idle = module.expressions.truth(Use(BuiltIn("UNCHANGED"), (subscript,), square.place, 2), scope)

    def add(part: PartCode) -> None:
        found(replace(part, test=f"({part.test} or {idle})"))

    _parts(module, action, scope, binders, add)


def _is_constant(module: Module, quantifier: Use) -> bool:
    domains = [bound.domain for bound in quantifier.bounds]
    if any(bound.is_tuple for bound in quantifier.bounds):
        return False
    return all(domain is not None and not any(module.analysis.reads(domain)) for domain in domains)


def _typed_function(use: Use) -> tuple[Expr, Expr] | None:
    """`f \\in [S -> T]` as `DOMAIN f = S` and `\\A x \\in S : f[x] \\in T`, which reads one value at a time."""
    function, functions = use.operands
    if not (isinstance(functions, Use) and functions.is_builtin("$SetOfFcns")):
        return None
    arguments, results = functions.operands
    place = use.place
    # Of the place of [S -> T], not of the whole: in [S -> [T -> U]] the inner one must be a parameter of its own.
    parameter = Parameter(f"typed {functions.place}", "x")
    applied = Use(BuiltIn("$FcnApply"), (function, Use(parameter, (), place, 0)), place, 1)
    each = Use(BuiltIn("\\in"), (applied, results), place, 1)
    return (
        Use(BuiltIn("="), (Use(BuiltIn("DOMAIN"), (function,), place, 1), arguments), place, 1),
        Use(BuiltIn("$BoundedForall"), (each,), place, 1, (Bound((parameter,), False, arguments),)),
    )
