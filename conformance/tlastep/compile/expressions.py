"""Expressions of TLA+ as Python expressions: values, or Python truths where TLA+ has a formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from tlastep.compile.analysis import CONJUNCTIONS, DISJUNCTIONS, Analysis, cannot_fail, standard_operator
from tlastep.compile.runtime import attribute
from tlastep.compile.scope import Local, Scope
from tlastep.errors import Unsupported
from tlastep.language.standard_modules import TRUTHS
from tlastep.language.tree import (
    At,
    Bound,
    BuiltIn,
    Declaration,
    Definition,
    Expr,
    Instance,
    LetIn,
    Number,
    OperatorArgument,
    Parameter,
    Text,
    Use,
    children,
)

_FORMULAS: Final = frozenset(
    {
        *CONJUNCTIONS,
        *DISJUNCTIONS,
        *("=", "/=", "\\in", "\\notin", "\\subseteq", "\\lnot", "=>", "\\equiv", "<=>"),
        *("$BoundedForall", "$BoundedExists", "ENABLED", "UNCHANGED", "$SquareAct", "$AngleAct"),
    }
)
_CALLS: Final = {
    "\\union": "union",
    "\\cup": "union",
    "\\intersect": "intersection",
    "\\cap": "intersection",
    "\\": "difference",
    "SUBSET": "PowerSet",
    "UNION": "big_union",
    "DOMAIN": "domain",
    "$FcnApply": "apply",
    "$RcdSelect": "apply",
    "$SetOfFcns": "FunctionSet",
    "$CartesianProd": "TupleSet",
    "$SetEnumerate": "set_of",
}
_WORDS: Final = {"TRUE": "TRUE", "FALSE": "FALSE", "BOOLEAN": "BOOLEAN", "STRING": "STRING"}


class Definitions(Protocol):
    """Who knows what definitions and constants are called in the generated module."""

    def function_for(self, definition: Definition) -> str:
        """The name of the Python function of a definition, which is compiled if it was not yet."""

    def enabled_for(self, action: Expr, scope: Scope) -> str:
        """A Python truth: whether the action has a next state."""

    def replacement(self, name: str) -> Definition | None:
        """The definition that the configuration puts in the place of a name."""

    def constant(self, name: str) -> str | None:
        """The Python name of a constant or of a definition that the configuration gives a value."""


class Expressions:
    """Compiles expressions within one generated module."""

    def __init__(self, analysis: Analysis, definitions: Definitions) -> None:
        self._analysis = analysis
        self._definitions = definitions

    # -- the two ways to read an expression ------------------------------------------------------------------

    def value(self, expr: Expr, scope: Scope) -> str:
        """A Python expression for the value."""
        if self.is_formula(expr):
            return f"boolean({self._formula(expr, scope)})"
        return self._value(expr, scope)

    def truth(self, expr: Expr, scope: Scope) -> str:
        """A Python expression that is true exactly when the formula is."""
        if self.is_formula(expr):
            return self._formula(expr, scope)
        if isinstance(expr, Use) and expr.is_builtin("TRUE", "FALSE"):
            return "True" if expr.is_builtin("TRUE") else "False"
        return f"truth({self._value(expr, scope)})"

    def is_formula(self, expr: Expr) -> bool:
        """Whether the Python code for the expression is a Python truth already."""
        if isinstance(expr, LetIn):
            return self.is_formula(expr.body)
        if not isinstance(expr, Use):
            return False
        if isinstance(expr.symbol, BuiltIn):
            if expr.is_builtin("$IfThenElse"):
                return self.is_formula(expr.operands[1]) and self.is_formula(expr.operands[2])
            if expr.is_builtin("$Nop", "'"):
                return self.is_formula(expr.operands[0])
            return expr.symbol.name in _FORMULAS
        if isinstance(expr.symbol, Definition):
            return self.returns_truth(expr.symbol)
        return False

    def returns_truth(self, definition: Definition) -> bool:
        """Whether the Python function of a definition returns a Python truth."""
        definition = self._definitions.replacement(definition.name) or definition
        if self._definitions.constant(definition.name):
            return False
        operator = standard_operator(definition)
        if operator is not None:
            return operator in TRUTHS
        if definition.recursive or definition.name == "LAMBDA":
            return False
        return self.is_formula(self._analysis.expand(definition).body)

    # -- values ----------------------------------------------------------------------------------------------

    def _value(self, expr: Expr, scope: Scope) -> str:
        match expr:
            case Number():
                return str(expr.value)
            case Text():
                return repr(expr.value)
            case At():
                return scope.at
            case LetIn():
                return self._let(expr, scope, self.value)
            case OperatorArgument():
                return self.operator(expr, scope)
            case Use():
                return self._use(expr, scope)
            case Instance():
                raise AssertionError("instances are expanded before they are compiled")

    def _use(self, use: Use, scope: Scope) -> str:
        symbol = use.symbol
        if isinstance(symbol, BuiltIn):
            return self._builtin(use, symbol.name, scope)
        if isinstance(symbol, Declaration):
            return self._declared(use, symbol, scope)
        if isinstance(symbol, Parameter):
            local = scope.locals[symbol]
            return self._call(local.code, use.operands, scope) if symbol.arity else local.read
        return self.call(symbol, use, scope)

    def _declared(self, use: Use, symbol: Declaration, scope: Scope) -> str:
        if symbol.is_variable:
            return f"{scope.current}.{attribute(symbol.name)}"
        if replacement := self._definitions.replacement(symbol.name):
            return self.call(replacement, use, scope)
        code = self._definitions.constant(symbol.name)
        if code is None:
            raise Unsupported(f"constant {symbol.name} has no value in the configuration", use.place)
        return code

    def call(self, definition: Definition, use: Use, scope: Scope) -> str:
        """The application of a definition."""
        if definition in scope.locals:
            local = scope.locals[definition]
            return self._call_with(local.code, [], definition, use, scope) if definition.parameters else local.read
        definition = self._definitions.replacement(definition.name) or definition
        if constant := self._definitions.constant(definition.name):
            return constant
        operator = standard_operator(definition)
        if operator is not None:
            return self._standard(operator, use, scope)
        definition = self._analysis.expand(definition)
        if definition.name == "LAMBDA":
            inner, codes = self.bind_parameters(definition, scope)
            function = f"(lambda {', '.join(codes)}: {self.value(definition.body, inner)})"
            return self._call_with(function, [], definition, use, scope)
        name = self._definitions.function_for(definition)
        return self._call_with(name, self._states(definition, use, scope), definition, use, scope)

    def _states(self, definition: Definition, use: Use, scope: Scope) -> list[str]:
        reads = self._analysis.definition_reads(definition)
        if reads.next and scope.current == scope.next:
            raise Unsupported(f"{definition.name} speaks of the next state, inside a prime", use.place)
        return [scope.current] * bool(reads.current) + [scope.next] * bool(reads.next)

    def _call_with(self, name: str, states: list[str], definition: Definition, use: Use, scope: Scope) -> str:
        operands = [
            self.operand(operand, scope, strict=self._analysis.is_strict(definition, parameter))
            for operand, parameter in zip(use.operands, definition.parameters, strict=True)
        ]
        return f"{name}({', '.join([*states, *operands])})"

    def operand(self, expr: Expr, scope: Scope, *, strict: bool) -> str:
        """An operand as a definition expects it: a value or, where it may not be needed, a promise of one."""
        if isinstance(expr, OperatorArgument):
            return self.operator(expr, scope)
        if not strict and isinstance(expr, Use) and isinstance(expr.symbol, (Parameter, Definition)):
            local = scope.locals.get(expr.symbol)
            if local is not None and not expr.operands:
                return local.code
        if strict or cannot_fail(expr):
            return self.value(expr, scope)
        return f"Lazy(lambda: {self.value(expr, scope)})"

    def operator(self, argument: OperatorArgument, scope: Scope) -> str:
        """An operator as a Python callable on values."""
        symbol = argument.symbol
        if isinstance(symbol, Parameter):
            return scope.locals[symbol].code
        if isinstance(symbol, Definition):
            inner, codes = scope.bind(symbol.parameters)
            operands = tuple(Use(parameter, (), argument.place, 0) for parameter in symbol.parameters)
            if symbol.name == "LAMBDA":
                body = self.value(symbol.body, inner)
            else:
                body = self.value(Use(symbol, operands, argument.place, symbol.level), inner)
            return f"(lambda {', '.join(codes)}: {body})"
        raise Unsupported(f"{symbol.name} as an operator argument", argument.place)

    def _standard(self, operator: str, use: Use, scope: Scope) -> str:
        return self._call(operator, use.operands, scope) if use.operands else operator

    def _call(self, name: str, operands: tuple[Expr, ...], scope: Scope) -> str:
        codes = [
            self.operator(each, scope) if isinstance(each, OperatorArgument) else self.value(each, scope)
            for each in operands
        ]
        return f"{name}({', '.join(codes)})"

    # -- built-in operators ----------------------------------------------------------------------------------

    def _builtin(self, use: Use, name: str, scope: Scope) -> str:
        if name in _WORDS:
            return _WORDS[name]
        if name in _CALLS:
            return self._call(_CALLS[name], use.operands, scope)
        match name:
            case "$Nop":
                return self.value(use.operands[0], scope)
            case "'":
                return self.value(use.operands[0], self._primed(use, scope))
            case "$IfThenElse":
                condition, yes, no = use.operands
                return f"({self.value(yes, scope)} if {self.truth(condition, scope)} else {self.value(no, scope)})"
            case "$Case":
                return self._case(use, scope)
            case "$Tuple":
                parts = [f"freeze({self.value(each, scope)})" for each in use.operands]
                return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
            case "$Except":
                return self._except(use, scope)
            case "$RcdConstructor":
                return f"record_from({{{self._fields(use, scope)}}})"
            case "$SetOfRcds":
                return f"RecordSet({{{self._fields(use, scope)}}})"
            case "$FcnConstructor" | "$NonRecursiveFcnSpec":
                return self._function(use, scope)
            case "$RecursiveFcnSpec":
                return self._recursive_function(use, scope)
            case "$SetOfAll":
                loops, inner = self.loops(use.bounds, scope)
                return f"frozenset(freeze({self.value(use.operands[0], inner)}) {loops})"
            case "$SubsetOf":
                return self._filtered(use, scope)
            case "$BoundedChoose":
                return self._choose(use, scope)
            case _:
                raise Unsupported(f"the operator {name.removeprefix('$')}", use.place)

    def _primed(self, use: Use, scope: Scope) -> Scope:
        if scope.current == scope.next:
            raise Unsupported("a prime where there is no next state", use.place)
        return scope.primed()

    def _case(self, use: Use, scope: Scope) -> str:
        code = f"no_case({str(use.place)!r})"
        for pair in reversed(use.operands):
            assert isinstance(pair, Use)
            guard, result = pair.operands
            chosen = self.value(result, scope)
            code = chosen if isinstance(guard, Text) else f"({chosen} if {self.truth(guard, scope)} else {code})"
        return code

    def _except(self, use: Use, scope: Scope) -> str:
        code = self.value(use.operands[0], scope)
        at = scope.fresh("at")
        inner = replace(scope, at=at)
        inner = inner.having(Parameter(f"@{use.place}", at), Local(at))  # so that nothing inside takes the name
        for pair in use.operands[1:]:
            assert isinstance(pair, Use)
            path, new = pair.operands
            assert isinstance(path, Use)
            steps = [self.value(each, scope) for each in path.operands]
            path_code = f"({', '.join(steps)}{',' if len(steps) == 1 else ''})"
            if _mentions_at(new):
                code = f"updated({code}, {path_code}, lambda {at}: {self.value(new, inner)})"
            else:
                code = f"replaced({code}, {path_code}, {self.value(new, scope)})"
        return code

    def _fields(self, use: Use, scope: Scope) -> str:
        fields = []
        for pair in use.operands:
            assert isinstance(pair, Use)
            name, field = pair.operands
            assert isinstance(name, Text)
            fields.append(f"{name.value!r}: {self.value(field, scope)}")
        return ", ".join(fields)

    def _function(self, use: Use, scope: Scope) -> str:
        domains = [bound.domain for bound in use.bounds if bound.domain is not None]
        if any(map(self._analysis.may_be_endless, domains)) and not any(bound.is_tuple for bound in use.bounds):
            itself = Parameter(f"itself {use.place}", "itself")
            return self._recursive_function(replace(use, bounds=(Bound((itself,), False, None), *use.bounds)), scope)
        loops, inner = self.loops(use.bounds, scope)
        argument = self._argument(use.bounds, inner)
        return f"function_of(({argument}, {self.value(use.operands[0], inner)}) {loops})"

    @staticmethod
    def _argument(bounds: tuple[Bound, ...], scope: Scope) -> str:
        """What a function of these bounds is applied to: one value, or a tuple of them."""
        parts = []
        for bound in bounds:
            names = [scope.locals[each].code for each in bound.parameters]
            parts += [f"({', '.join(names)},)"] if bound.is_tuple else names
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def _recursive_function(self, use: Use, scope: Scope) -> str:
        itself, *bounds = use.bounds
        scope, (name,) = scope.bind(itself.parameters)
        inner, codes = scope.bind(parameter for bound in bounds for parameter in bound.parameters)
        domains = [self.value(bound.domain, scope) for bound in bounds if bound.domain for _ in bound.parameters]
        body = self.value(use.operands[0], inner)
        if len(codes) == 1:
            return f"RecursiveFunction({domains[0]}, lambda {name}, {codes[0]}: {body})"
        unpacked = f"(lambda {', '.join(codes)}: {body})(*arguments)"
        return f"RecursiveFunction(TupleSet({', '.join(domains)}), lambda {name}, arguments: {unpacked})"

    def _filtered(self, use: Use, scope: Scope) -> str:
        loops, inner = self.loops(use.bounds, scope)
        item = self._argument(use.bounds, inner)
        (bound,) = use.bounds
        if bound.domain is not None and not bound.is_tuple and self._analysis.may_be_endless(bound.domain):
            test = f"lambda {item}: {self.truth(use.operands[0], inner)}"
            return f"filtered({self.value(bound.domain, scope)}, {test})"
        return f"frozenset({item} {loops} if {self.truth(use.operands[0], inner)})"

    def _choose(self, use: Use, scope: Scope) -> str:
        (bound,) = use.bounds
        assert bound.domain is not None
        inner, codes = scope.bind(bound.parameters)
        condition = self.truth(use.operands[0], inner)
        test = f"lambda {codes[0]}: {condition}"
        if bound.is_tuple:
            test = f"lambda parts: (lambda {', '.join(codes)}: {condition})(*tuples(parts, {len(codes)}))"
        return f"choose({self.value(bound.domain, scope)}, {test})"

    def loops(self, bounds: tuple[Bound, ...], scope: Scope) -> tuple[str, Scope]:
        """`for x in S for y in T` for bounds whose domains don't depend on each other, and the scope inside."""
        clauses = []
        inner = scope
        for bound in bounds:
            if bound.domain is None:
                raise Unsupported("a quantifier without a set, which TLC cannot enumerate either")
            source = self.domain(bound.domain, scope)
            inner, codes = inner.bind(bound.parameters)
            if bound.is_tuple:
                clauses.append(f"for {', '.join(codes)}, in (tuples(each, {len(codes)}) for each in {source})")
            else:
                clauses += [f"for {code} in {source}" for code in codes]
        return " ".join(clauses), inner

    def domain(self, expr: Expr, scope: Scope, *, in_order: bool = False) -> str:
        """A Python iterable over a set, in TLC's order if that shows."""
        if isinstance(expr, Use) and isinstance(expr.symbol, Definition):
            definition = self._definitions.replacement(expr.symbol.name) or expr.symbol
            if standard_operator(definition) == "interval":
                return self._call("numbers", expr.operands, scope)
        return f"{'ordered' if in_order else 'members'}({self.value(expr, scope)})"

    # -- formulas --------------------------------------------------------------------------------------------

    def _formula(self, expr: Expr, scope: Scope) -> str:
        if isinstance(expr, LetIn):
            return self._let(expr, scope, self.truth)
        assert isinstance(expr, Use)
        if isinstance(expr.symbol, Definition):
            return self.call(expr.symbol, expr, scope)
        assert isinstance(expr.symbol, BuiltIn)
        name, operands = expr.symbol.name, expr.operands
        if name in CONJUNCTIONS:
            return self._joined(" and ", operands, scope)
        if name in DISJUNCTIONS:
            return self._joined(" or ", operands, scope)
        match name:
            case "=" | "/=":
                sign = "" if name == "=" else "not "
                return f"{sign}equal({self.value(operands[0], scope)}, {self.value(operands[1], scope)})"
            case "\\in" | "\\notin":
                sign = "" if name == "\\in" else "not "
                return f"{sign}{self._member(expr, scope)}"
            case "\\subseteq":
                return self._call("subset", operands, scope)
            case "\\lnot":
                return f"(not {self.truth(operands[0], scope)})"
            case "=>":
                return f"(not {self.truth(operands[0], scope)} or {self.truth(operands[1], scope)})"
            case "\\equiv" | "<=>":
                return f"(({self.truth(operands[0], scope)}) == ({self.truth(operands[1], scope)}))"
            case "$BoundedForall" | "$BoundedExists":
                return self._quantified(expr, scope)
            case "$IfThenElse":
                condition, yes, no = operands
                return f"({self.truth(yes, scope)} if {self.truth(condition, scope)} else {self.truth(no, scope)})"
            case "$Nop":
                return self.truth(operands[0], scope)
            case "'":
                return self.truth(operands[0], self._primed(expr, scope))
            case "UNCHANGED":
                after = self.value(operands[0], self._primed(expr, scope))
                return f"equal({after}, {self.value(operands[0], scope)})"
            case "ENABLED":
                return self._definitions.enabled_for(operands[0], scope)
            case _:
                return self._bracketed(expr, scope)

    def _bracketed(self, use: Use, scope: Scope) -> str:
        """`[A]_v` and `<<A>>_v` as formulas about a step."""
        action, subscript = use.operands
        unchanged = Use(BuiltIn("UNCHANGED"), (subscript,), use.place, 2)
        if use.is_builtin("$SquareAct"):
            return f"({self.truth(action, scope)} or {self.truth(unchanged, scope)})"
        return f"({self.truth(action, scope)} and not {self.truth(unchanged, scope)})"

    def _joined(self, word: str, operands: tuple[Expr, ...], scope: Scope) -> str:
        return f"({word.join(self.truth(each, scope) for each in operands)})"

    def _member(self, use: Use, scope: Scope) -> str:
        item, of = use.operands
        if isinstance(of, Use) and isinstance(of.symbol, Definition):
            definition = self._definitions.replacement(of.symbol.name) or of.symbol
            if standard_operator(definition) == "interval":
                return self._call("in_interval", (item, *of.operands), scope)
        return self._call("member", use.operands, scope)

    def _quantified(self, use: Use, scope: Scope) -> str:
        loops, inner = self.loops(use.bounds, scope)
        word = "all" if use.is_builtin("$BoundedForall") else "any"
        return f"{word}({self.truth(use.operands[0], inner)} {loops})"

    # -- LET -------------------------------------------------------------------------------------------------

    def _let(self, let: LetIn, scope: Scope, render: Callable[[Expr, Scope], str]) -> str:
        """A LET inside an expression: `(lambda x: body)(value)`, one for each definition."""
        if not let.definitions:
            return render(let.body, scope)
        first, rest = let.definitions[0], replace(let, definitions=let.definitions[1:])
        code = scope.fresh(first.name)
        lazy = self.is_lazy(first, rest)
        inner = scope.having(first, Local(code, lazy))
        return f"(lambda {code}: {self._let(rest, inner, render)})({self.let_value(first, code, scope, lazy=lazy)})"

    def is_lazy(self, definition: Definition, rest: Expr) -> bool:
        """Whether a LET definition must wait until it is used: evaluating it early might fail."""
        if definition.parameters:
            return False
        return not (cannot_fail(definition.body) or self._analysis.certainly_uses(rest, definition))

    def let_value(self, definition: Definition, code: str, scope: Scope, *, lazy: bool) -> str:
        """What a LET definition is bound to: a value, a promise of one, or a Python function."""
        if not definition.parameters:
            value = self.value(definition.body, scope)
            return f"Lazy(lambda: {value})" if lazy else value
        inner = scope.having(definition, Local(code)) if definition.recursive else scope
        inner, codes = self.bind_parameters(definition, inner)
        render = self.truth if self.returns_truth(definition) else self.value
        function = f"lambda {', '.join(codes)}: {render(definition.body, inner)}"
        return f"recursive(lambda {code}: {function})" if definition.recursive else function

    def bind_parameters(self, definition: Definition, scope: Scope) -> tuple[Scope, list[str]]:
        """The scope inside a definition: parameters that it may not use are evaluated late."""
        codes = []
        for parameter in definition.parameters:
            code = scope.fresh(parameter.name)
            lazy = not parameter.arity and not self._analysis.is_strict(definition, parameter)
            scope = scope.having(parameter, Local(code, lazy))
            codes.append(code)
        return scope, codes


def _mentions_at(expr: Expr) -> bool:
    """Whether `@` occurs, so that the old value has to be read."""
    return isinstance(expr, At) or any(_mentions_at(child) for child in children(expr))
