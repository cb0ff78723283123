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
from tlastep.compile.branching import Assigned, Branching
from tlastep.compile.expressions import Expressions
from tlastep.compile.rewriting import opened
from tlastep.compile.runtime import attribute
from tlastep.compile.scope import Local, Scope
from tlastep.errors import Unsupported
from tlastep.language.tree import BuiltIn, Definition, Expr, LetIn, Text, Use


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
        self.branching = Branching(analysis, generators, initial=initial)

    @property
    def scope(self) -> Scope:
        """The outermost scope: an initial predicate reads the state that it is building."""
        return Scope(current="t") if self._initial else Scope()

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
        elif name == "$BoundedForall" and self.branching.forks(use):
            self._emit_forall(use, scope, assigned, body, then)
        elif name in ("$IfThenElse", "$Case") and (self.branching.assigns(use) or self.branching.forks(use)):
            self._emit_branches(use, scope, assigned, body, then)
        elif name in ("=", "\\in") and (target := self.branching.target(use.operands[0])) and not target <= assigned:
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
        names = [name for each in self.branching.unchanged(use.operands[0]) for name in each]
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
        if len(self.branching.outcomes(use, assigned)) > 1 or then is yield_now:
            self._emit_alternatives(use, scope, assigned, body, then)
            return
        (after,) = self.branching.outcomes(use, assigned)
        if not use.is_builtin(*DISJUNCTIONS) and not self.branching.forks(use):
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
        definition = self.branching.called(use, symbol)
        if standard_operator(definition) is not None or definition.recursive:
            self._emit_test(use, scope, assigned, body, then)
            return
        rewritten = self.branching.is_rewritten(use, symbol)
        if not (rewritten or self.branching.assigns(use) or self.branching.forks(definition.body)):
            self._emit_test(use, scope, assigned, body, then)
            return
        after = self.branching.definition_outcomes(definition, assigned)
        local = symbol in scope.locals or definition.name == "LAMBDA"  # it may use names of the place where it stands
        if local or rewritten or len(after) > 1 or not self.branching.forks(definition.body):
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
            if self.branching.acts(operand):
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
