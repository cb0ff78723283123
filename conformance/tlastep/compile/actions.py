"""Actions as Python generators that find every next state, branching exactly where TLC branches.

A generated action fills the next state `t` and yields once for each way to complete it:

    def Lose(s, t, m):
        t.network = difference(s.network, set_of(m))
        t.term = s.term
        yield

A conjunct that may succeed in several ways becomes a loop around the conjuncts after it. Initial predicates are
compiled in the same way; they assign unprimed variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from tlastep.compile.analysis import CONJUNCTIONS, DISJUNCTIONS, Analysis, standard_operator
from tlastep.compile.expressions import Expressions
from tlastep.compile.rewriting import Replacement, opened
from tlastep.compile.runtime import attribute
from tlastep.compile.scope import Local, Scope
from tlastep.errors import Unsupported
from tlastep.language.tree import BuiltIn, Declaration, Definition, Expr, LetIn, OperatorArgument, Text, Use

Assigned: TypeAlias = frozenset[str]
"""The variables that have a next value at some place of an action."""


class Generators(Protocol):
    """Who knows what the generators of actions are called."""

    def generator_for(self, definition: Definition, assigned: Assigned) -> str:
        """The name of the generator of a definition, entered with these variables assigned."""

    def replacement(self, name: str) -> Definition | None:
        """The definition that the configuration puts in the place of a name."""


@dataclass
class Body:
    """Lines of generated code, each with the place in the spec that it comes from."""

    lines: list[tuple[str, str]]
    indent: int = 1
    leave: str = "return"

    def add(self, code: str, place: object = "") -> None:
        """One line at the present depth."""
        self.lines.append(("    " * self.indent + code, str(place)))

    def deeper(self, *, loop: bool = False) -> Body:
        """The block inside the line just added; in a loop, failing means going on with the next round."""
        return Body(self.lines, self.indent + 1, "continue" if loop else self.leave)

    def function(self) -> Body:
        """The block of a function just begun."""
        return Body(self.lines, self.indent + 1, "return")


_Then: TypeAlias = Callable[[Assigned, Body], None]


class Actions:
    """Compiles actions (`initial=False`) or initial predicates (`initial=True`) within one module."""

    def __init__(
        self,
        analysis: Analysis,
        expressions: Expressions,
        generators: Generators,
        variables: Assigned,
        *,
        initial: bool = False,
    ) -> None:
        self._variables = variables
        self._analysis = analysis
        self._expressions = expressions
        self._generators = generators
        self._initial = initial
        self._outcomes: dict[tuple[Definition, Assigned], frozenset[Assigned]] = {}
        self._bodies: dict[int, tuple[Use, Definition]] = {}

    @property
    def scope(self) -> Scope:
        """The outermost scope: an initial predicate reads the state that it is building."""
        return Scope(current="t") if self._initial else Scope()

    # -- what an expression leads to -------------------------------------------------------------------------

    def outcomes(self, expr: Expr, assigned: Assigned) -> frozenset[Assigned]:
        """The sets of variables that may be assigned after the expression, one for each kind of branch."""
        expr = opened(expr)
        if isinstance(expr, LetIn):
            return self.outcomes(expr.body, assigned)
        if not isinstance(expr, Use):
            return frozenset({assigned})
        if expr.is_builtin(*CONJUNCTIONS):
            found = frozenset({assigned})
            for operand in expr.operands:
                found = frozenset().union(*(self.outcomes(operand, each) for each in found))
            return found
        if expr.is_builtin(*DISJUNCTIONS):
            return frozenset().union(*(self.outcomes(each, assigned) for each in expr.operands))
        if expr.is_builtin("$BoundedExists", "$Nop"):
            return self.outcomes(expr.operands[0], assigned)
        if expr.is_builtin("$IfThenElse"):
            return self.outcomes(expr.operands[1], assigned) | self.outcomes(expr.operands[2], assigned)
        if expr.is_builtin("$Case"):
            results = [pair.operands[1] for pair in expr.operands if isinstance(pair, Use)]
            return frozenset().union(*(self.outcomes(each, assigned) for each in results))
        if expr.is_builtin("=", "\\in"):
            return frozenset({assigned | self._target(expr.operands[0])})
        if expr.is_builtin("UNCHANGED"):
            return frozenset({assigned.union(*self._unchanged(expr.operands[0]))})
        if isinstance(expr.symbol, Definition):
            return self.definition_outcomes(self._called(expr, expr.symbol), assigned)
        return frozenset({assigned})

    def definition_outcomes(self, definition: Definition, assigned: Assigned) -> frozenset[Assigned]:
        """`outcomes` of a definition's body."""
        definition = self._resolve(definition)
        if standard_operator(definition) is not None:
            return frozenset({assigned})
        key = (definition, assigned)
        if key not in self._outcomes:
            self._outcomes[key] = frozenset({assigned})
            self._outcomes[key] = self.outcomes(definition.body, assigned)
        return self._outcomes[key]

    def _resolve(self, definition: Definition) -> Definition:
        return self._analysis.expand(self._generators.replacement(definition.name) or definition)

    def _called(self, use: Use, symbol: Definition) -> Definition:
        """The definition that is used, with operands that are actions put in the place of its parameters.

        TLC passes an operand on as it is written, so that it branches, or assigns, where the parameter stands.
        """
        definition = self._resolve(symbol)
        if standard_operator(definition) is not None or definition.recursive or not use.operands:
            return definition
        if id(use) not in self._bodies:
            pairs = zip(definition.parameters, use.operands, strict=True)
            chosen = {parameter: operand for parameter, operand in pairs if self.acts(operand)}
            result = definition
            if chosen:
                result = Definition(definition.name, definition.parameters, definition.place, definition.level)
                result.body = Replacement(chosen).of(definition.body)
            self._bodies[id(use)] = use, result  # the use is kept, so that its id is not used again
        return self._bodies[id(use)][1]

    def is_rewritten(self, use: Use, symbol: Definition) -> bool:
        """Whether an operand of the use is an action."""
        return self._called(use, symbol) is not self._resolve(symbol)

    def acts(self, operand: Expr) -> bool:
        """Whether the operand branches, assigns, or speaks of the next state."""
        if isinstance(operand, OperatorArgument):
            if not isinstance(operand.symbol, Definition):
                return False
            definition = self._resolve(operand.symbol)
            return standard_operator(definition) is None and not definition.recursive and self.acts(definition.body)
        if self.forks(operand) or self._assigns(operand):
            return True
        return not self._initial and bool(self._analysis.reads(operand).next)

    def forks(self, expr: Expr) -> bool:
        """Whether the expression may succeed in more than one way."""
        expr = opened(expr)
        if isinstance(expr, LetIn):
            return self.forks(expr.body)
        if not isinstance(expr, Use):
            return False
        if expr.is_builtin(*DISJUNCTIONS, "$BoundedExists"):
            return True
        if expr.is_builtin("\\in"):
            return bool(self._target(expr.operands[0]))
        if expr.is_builtin(*CONJUNCTIONS, "$Nop", "$BoundedForall"):
            return any(self.forks(each) for each in expr.operands)
        if expr.is_builtin("$IfThenElse"):
            return any(self.forks(each) for each in expr.operands[1:])
        if expr.is_builtin("$Case"):
            return any(self.forks(pair.operands[1]) for pair in expr.operands if isinstance(pair, Use))
        if isinstance(expr.symbol, Definition):
            definition = self._called(expr, expr.symbol)
            return standard_operator(definition) is None and not definition.recursive and self.forks(definition.body)
        return False

    def _assigns(self, expr: Expr) -> bool:
        return any(self.outcomes(expr, frozenset()))

    def _target(self, expr: Expr) -> Assigned:
        """The variable that `expr = ...` would assign, if it is one."""
        if self._initial:
            variable = expr
        elif isinstance(expr, Use) and expr.is_builtin("'"):
            variable = expr.operands[0]
        else:
            return frozenset()
        if isinstance(variable, Use) and isinstance(variable.symbol, Declaration) and variable.symbol.is_variable:
            return frozenset({variable.symbol.name})
        return frozenset()

    def _unchanged(self, expr: Expr) -> list[Assigned]:
        """The variables of `UNCHANGED <<x, vars>>`, tuples and definitions opened."""
        if isinstance(expr, Use):
            if expr.is_builtin("$Tuple"):
                return [each for operand in expr.operands for each in self._unchanged(operand)]
            if isinstance(expr.symbol, Declaration) and expr.symbol.is_variable:
                return [frozenset({expr.symbol.name})]
            if isinstance(expr.symbol, Definition) and not expr.operands:
                return self._unchanged(self._resolve(expr.symbol).body)
        return []

    # -- code ------------------------------------------------------------------------------------------------

    def emit(self, expr: Expr, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        """Code that goes on with `then` for each way in which the expression can be made true."""
        expr = opened(expr)
        if assigned == self._variables:
            # Once every variable has a value, TLC only tests what is left, and no longer branches.
            self._emit_test(expr, scope, assigned, body, then)
        elif isinstance(expr, LetIn):
            self._emit_let(expr, scope, assigned, body, then)
        elif isinstance(expr, Use) and isinstance(expr.symbol, BuiltIn):
            self._emit_builtin(expr, expr.symbol.name, scope, assigned, body, then)
        elif isinstance(expr, Use) and isinstance(expr.symbol, Definition):
            self._emit_call(expr, expr.symbol, scope, assigned, body, then)
        else:
            self._emit_test(expr, scope, assigned, body, then)

    def _emit_builtin(self, use: Use, name: str, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        if name in CONJUNCTIONS:
            self._emit_all(use.operands, scope, assigned, body, then)
        elif name in DISJUNCTIONS:
            self._emit_branches(use, scope, assigned, body, then)
        elif name == "$Nop":
            self.emit(use.operands[0], scope, assigned, body, then)
        elif name == "$BoundedExists":
            self._emit_exists(use, scope, assigned, body, then)
        elif name == "$BoundedForall" and self.forks(use):
            self._emit_forall(use, scope, assigned, body, then)
        elif name in ("$IfThenElse", "$Case") and (self._assigns(use) or self.forks(use)):
            self._emit_branches(use, scope, assigned, body, then)
        elif name in ("=", "\\in") and (target := self._target(use.operands[0])) and not target <= assigned:
            self._emit_assignment(use, next(iter(target)), scope, assigned, body, then)
        elif name == "UNCHANGED" and not self._initial:
            self._emit_unchanged(use, scope, assigned, body, then)
        elif name == "TRUE":
            then(assigned, body)
        else:
            self._emit_test(use, scope, assigned, body, then)

    def _emit_all(self, operands: tuple[Expr, ...], scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        if not operands:
            then(assigned, body)
            return
        first, rest = operands[0], operands[1:]

        def go_on(now: Assigned, inner: Body) -> None:
            self._emit_all(rest, scope, now, inner, then)

        self.emit(first, scope, assigned, body, go_on if rest else then)

    def _emit_test(self, expr: Expr, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        self._check_reads(expr, assigned, body)
        place = expr.place
        truth = self._expressions.truth(expr, scope)
        negative = isinstance(expr, Use) and expr.is_builtin("/=", "\\notin")
        body.add(f"if {truth.removeprefix('not ')}:" if negative else f"if not {truth}:", place)
        body.deeper().add(body.leave, place)
        then(assigned, body)

    def _check_reads(self, expr: Expr, assigned: Assigned, body: Body) -> None:
        """Where the expression may read a variable that has no value yet, no value of another branch must be left."""
        reads = self._analysis.reads(expr)
        missing = (reads.current if self._initial else reads.next) - assigned
        if missing:
            body.add(f"forget(t, {', '.join(map(repr, sorted(missing)))})", expr.place)

    def _emit_assignment(self, use: Use, name: str, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        right = use.operands[1]
        self._check_reads(right, assigned, body)
        if use.is_builtin("="):
            body.add(f"t.{attribute(name)} = keep({self._expressions.value(right, scope)})", use.place)
            then(assigned | {name}, body)
        else:
            body.add(f"for t.{attribute(name)} in {self._expressions.domain(right, scope, in_order=True)}:", use.place)
            then(assigned | {name}, body.deeper(loop=True))

    def _emit_unchanged(self, use: Use, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        names = [name for each in self._unchanged(use.operands[0]) for name in each]
        if not names:
            self._emit_test(use, scope, assigned, body, then)
            return
        for name in names:
            if name in assigned:
                body.add(f"if not equal(t.{attribute(name)}, s.{attribute(name)}):", use.place)
                body.deeper().add(body.leave, use.place)
            else:
                body.add(f"t.{attribute(name)} = s.{attribute(name)}", use.place)
        then(assigned.union(names), body)

    def _emit_exists(self, use: Use, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        inner = scope
        for bound in use.bounds:
            assert bound.domain is not None
            self._check_reads(bound.domain, assigned, body)
            source = self._expressions.domain(bound.domain, scope, in_order=True)
            inner, codes = inner.bind(bound.parameters)
            if bound.is_tuple:
                item = inner.fresh("each")
                body.add(f"for {item} in {source}:", use.place)
                body = body.deeper(loop=True)
                body.add(f"{', '.join(codes)}, = tuples({item}, {len(codes)})", use.place)
                continue
            for code in codes:
                body.add(f"for {code} in {source}:", use.place)
                body = body.deeper(loop=True)
        self.emit(use.operands[0], inner, assigned, body, then)

    def _emit_forall(self, use: Use, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        """`\\A x \\in S : A` as the conjunction of A for each member: a generator that calls itself for the rest."""
        loops, inner = self._expressions.loops(use.bounds, scope)
        codes = [inner.locals[each].code for bound in use.bounds for each in bound.parameters]
        name = inner.fresh(f"each_{len(body.lines)}")
        rest = inner.fresh(f"rest_{len(body.lines)}")
        body.add(f"def {name}({rest}):", use.place)
        inside = body.function()
        inside.add(f"if not {rest}:", use.place)
        inside.deeper().add("yield", use.place)
        inside.deeper().add("return", use.place)
        inside.add(f"{', '.join(codes)}, = {rest}[0]", use.place)

        def go_on(now: Assigned, deeper: Body) -> None:
            if now != assigned:
                raise Unsupported("a variable that gets its next value inside \\A", use.place)
            deeper.add(f"yield from {name}({rest}[1:])", use.place)

        self.emit(use.operands[0], inner, assigned, inside, go_on)
        body.add(f"for _ in {name}([({', '.join(codes)},) {loops}]):", use.place)
        then(assigned, body.deeper(loop=True))

    def _emit_branches(self, use: Use, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        """Alternatives. What follows is written once where they all assign the same, else once in each."""
        if len(self.outcomes(use, assigned)) > 1 or then is yield_now:
            self._emit_alternatives(use, scope, assigned, body, then)
            return
        (after,) = self.outcomes(use, assigned)
        if not use.is_builtin(*DISJUNCTIONS) and not self.forks(use):
            self._emit_alternatives(use, scope, assigned, body, _nothing)
            then(after, body)
            return
        name = scope.fresh(f"either_{len(body.lines)}")
        body.add(f"def {name}():", use.place)
        self._emit_alternatives(use, scope, assigned, body.function(), yield_now)
        body.add(f"for _ in {name}():", use.place)
        then(after, body.deeper(loop=True))

    def _emit_alternatives(self, use: Use, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        if use.is_builtin(*DISJUNCTIONS):
            for operand in use.operands:
                body.add("for _ in ONCE:", operand.place)
                self.emit(operand, scope, assigned, body.deeper(loop=True), then)
            return
        word = "if"
        for guard, result in self._cases(use):
            if guard is None:
                body.add("else:", use.place)
            else:
                self._check_reads(guard, assigned, body)
                body.add(f"{word} {self._expressions.truth(guard, scope)}:", guard.place)
            self.emit(result, scope, assigned, body.deeper(), then)
            word = "elif"
        if use.is_builtin("$Case") and not isinstance(use.operands[-1].operands[0], Text):  # type: ignore[union-attr]
            body.add("else:", use.place)
            body.deeper().add(f"no_case({str(use.place)!r})", use.place)

    @staticmethod
    def _cases(use: Use) -> list[tuple[Expr | None, Expr]]:
        if use.is_builtin("$IfThenElse"):
            condition, yes, no = use.operands
            return [(condition, yes), (None, no)]
        pairs = [pair.operands for pair in use.operands if isinstance(pair, Use)]
        return [(None if isinstance(guard, Text) else guard, result) for guard, result in pairs]

    def _emit_let(self, let: LetIn, scope: Scope, assigned: Assigned, body: Body, then: _Then) -> None:
        for index, definition in enumerate(let.definitions):
            if not definition.parameters and self._unfinished(definition.body, assigned):
                # It may change while variables get their values: it is written out wherever it stands.
                inlined = f"({self._expressions.value(definition.body, scope)})"
                scope = scope.having(definition, Local(inlined))
                continue
            code = scope.fresh(definition.name)
            rest = replace(let, definitions=let.definitions[index + 1 :])
            lazy = self._expressions.is_lazy(definition, rest)
            value = self._expressions.let_value(definition, code, scope, lazy=lazy)
            body.add(f"{code} = {value}", definition.place)
            scope = scope.having(definition, Local(code, lazy))
        self.emit(let.body, scope, assigned, body, then)

    def _unfinished(self, expr: Expr, assigned: Assigned) -> bool:
        """Whether the expression reads a variable that has no next value yet."""
        reads = self._analysis.reads(expr)
        return not (reads.current if self._initial else reads.next) <= assigned

    def _emit_call(
        self, use: Use, symbol: Definition, scope: Scope, assigned: Assigned, body: Body, then: _Then
    ) -> None:
        definition = self._called(use, symbol)
        if standard_operator(definition) is not None or definition.recursive:
            self._emit_test(use, scope, assigned, body, then)
            return
        rewritten = self.is_rewritten(use, symbol)
        if not (rewritten or self._assigns(use) or self.forks(definition.body)):
            self._emit_test(use, scope, assigned, body, then)
            return
        after = self.definition_outcomes(definition, assigned)
        local = symbol in scope.locals or definition.name == "LAMBDA"  # it may use names of the place where it stands
        if local or rewritten or len(after) > 1 or not self.forks(definition.body):
            self._emit_inline(use, definition, scope, assigned, body, then)
            return
        operands = [
            self._expressions.operand(operand, scope, strict=self._analysis.is_strict(definition, parameter))
            for operand, parameter in zip(use.operands, definition.parameters, strict=True)
        ]
        name = self._generators.generator_for(definition, assigned)
        states = ["t"] if self._initial else ["s", "t"]
        body.add(f"for _ in {name}({', '.join([*states, *operands])}):", use.place)
        then(next(iter(after)), body.deeper(loop=True))

    def _emit_inline(
        self, use: Use, definition: Definition, scope: Scope, assigned: Assigned, body: Body, then: _Then
    ) -> None:
        """A definition with one way to succeed, or whose ways assign different variables, is written out in place."""
        for operand, parameter in zip(use.operands, definition.parameters, strict=True):
            if self.acts(operand):
                continue  # it stands in the body already
            strict = self._analysis.is_strict(definition, parameter)
            code = self._expressions.operand(operand, scope, strict=strict)
            if not code.isidentifier():
                name = scope.fresh(parameter.name)
                body.add(f"{name} = {code}", use.place)
                code = name
            known = any(local == Local(code) for local in scope.locals.values())
            scope = scope.having(parameter, Local(code, lazy=not (strict or known or parameter.arity)))
        self.emit(definition.body, scope, assigned, body, then)


def yield_now(_assigned: Assigned, body: Body) -> None:
    """What follows when an action is complete."""
    body.add("yield")


def _nothing(_assigned: Assigned, body: Body) -> None:
    """What follows a branch whose rest is written after all branches."""
    if body.lines[-1][0].endswith(":"):
        body.add("pass")


NEW: Final[Assigned] = frozenset()
