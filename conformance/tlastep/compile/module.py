"""One spec with one configuration as one generated Python module."""

from __future__ import annotations

from tlastep.compile.actions import Actions, Body, yield_now
from tlastep.compile.analysis import Analysis
from tlastep.compile.branching import Assigned
from tlastep.compile.expressions import Expressions
from tlastep.compile.scope import RESERVED, Local, Scope, identifier
from tlastep.errors import UnusableInput
from tlastep.language.config import Config
from tlastep.language.tree import Definition, Expr, LetIn, OperatorArgument, Spec, Use, children


class Module:
    """Collects the functions of a generated module; each definition is compiled when it is first used."""

    def __init__(self, spec: Spec, config: Config, helpers: frozenset[str]) -> None:
        self.spec = spec
        self._helpers = helpers
        self._taken: set[str] = {*helpers, *RESERVED, *local_names(spec)}
        self._lines: list[tuple[str, str]] = []
        self._functions: dict[Definition, str] = {}
        self._generators: dict[tuple[Definition, Assigned, bool], str] = {}
        self._values = {name.text for name in config.constants}
        self._replaced = {name.text: other for name, other in config.overrides.items()}
        self._constants: dict[str, str] = {}
        self.analysis = Analysis()
        self.expressions = Expressions(self.analysis, self)
        variables = frozenset(each.name for each in spec.variables)
        self.actions = Actions(self.analysis, self.expressions, _Generators(self, initial=False), variables)
        self.initial = Actions(
            self.analysis, self.expressions, _Generators(self, initial=True), variables, initial=True
        )

    @property
    def source(self) -> str:
        """The Python text of all functions so far."""
        return "\n".join(code for code, _ in self._lines) + "\n"

    @property
    def places(self) -> list[str]:
        """For each line of `source` the place in the spec that it comes from."""
        return [place for _, place in self._lines]

    def name(self, wish: str) -> str:
        """A name of its own in the module."""
        base = code = identifier(wish)
        count = 1
        while code in self._taken:
            code, count = f"{base}_op{count if count > 1 else ''}", count + 1
        self._taken.add(code)
        return code

    def add(self, lines: list[tuple[str, str]]) -> None:
        """Appends a function."""
        self._lines += [("", ""), ("", ""), *lines]

    # -- what expressions ask for ----------------------------------------------------------------------------

    def replacement(self, name: str) -> Definition | None:
        """The definition that the configuration puts in the place of a name."""
        other = self._replaced.get(name)
        if other is None:
            return None
        definition = self.spec.definitions.get(other.text)
        if definition is None:
            raise UnusableInput(f"{other.text} is not defined in {self.spec.name}", other.place)
        return definition

    def constant(self, name: str) -> str | None:
        """The Python name of a constant that the configuration gives a value."""
        if name not in self._values:
            return None
        if name not in self._constants:
            self._constants[name] = self.name(name)
        return self._constants[name]

    @property
    def constants(self) -> dict[str, str]:
        """TLA+ name → Python name of the constants in use."""
        return dict(self._constants)

    def function_for(self, definition: Definition) -> str:
        """The function that evaluates a definition."""
        if definition not in self._functions:
            self._functions[definition] = self.name(definition.name)
            self._compile_function(definition, self._functions[definition])
        return self._functions[definition]

    def enabled_for(self, action: Expr, scope: Scope) -> str:
        """A Python truth: whether the action can be taken."""
        name = self.name("enabled")
        captured = list(dict.fromkeys(local.code for local in scope.locals.values() if local.code.isidentifier()))
        body = Body([(f"def {name}({', '.join(['s', 't', *captured])}):", str(action.place))])
        inner = Scope(locals=dict(scope.locals))
        self.actions.emit(action, inner, frozenset(), body, yield_now)
        self.add(body.lines)
        return f"any(True for _ in {name}({', '.join([scope.current, 'Next()', *captured])}))"

    def _compile_function(self, definition: Definition, name: str) -> None:
        reads = self.analysis.definition_reads(definition)
        states = ["s"] * bool(reads.current) + ["t"] * bool(reads.next)
        scope, codes = self.expressions.bind_parameters(definition, Scope())
        lines: list[tuple[str, str]] = []
        if not states and not codes:
            lines.append(("@cache", ""))
        lines.append((f"def {name}({', '.join([*states, *codes])}):", str(definition.place)))
        formula = self.expressions.returns_truth(definition)
        self._emit_return(definition.body, scope, Body(lines), formula=formula)
        self.add(lines)

    def _emit_return(self, expr: Expr, scope: Scope, body: Body, *, formula: bool) -> None:
        if isinstance(expr, LetIn):
            self._emit_let(expr, scope, body, formula=formula)
        elif isinstance(expr, Use) and expr.is_builtin("$IfThenElse"):
            condition, yes, no = expr.operands
            body.add(f"if {self.expressions.truth(condition, scope)}:", condition.place)
            self._emit_return(yes, scope, body.deeper(), formula=formula)
            self._emit_return(no, scope, body, formula=formula)
        else:
            render = self.expressions.truth if formula else self.expressions.value
            body.add(f"return {render(expr, scope)}", expr.place)

    def _emit_let(self, let: LetIn, scope: Scope, body: Body, *, formula: bool) -> None:
        inner = scope
        for index, definition in enumerate(let.definitions):
            code = inner.fresh(definition.name)
            rest = LetIn(let.definitions[index + 1 :], let.body, let.place, let.level)
            lazy = self.expressions.is_lazy(definition, rest)
            value = self.expressions.let_value(definition, code, inner, lazy=lazy)
            body.add(f"{code} = {value}", definition.place)
            inner = inner.having(definition, Local(code, lazy))
        self._emit_return(let.body, inner, body, formula=formula)

    def compile_generator(self, definition: Definition, assigned: Assigned, *, initial: bool) -> str:
        """The generator of an action or initial predicate, entered with these variables assigned."""
        key = (definition, assigned, initial)
        if key not in self._generators:
            actions = self.initial if initial else self.actions
            name = self._generators[key] = self.name(definition.name)
            states = ["t"] if initial else ["s", "t"]
            scope, codes = self.expressions.bind_parameters(definition, actions.scope)
            lines = [(f"def {name}({', '.join([*states, *codes])}):", str(definition.place))]
            body = Body(lines)
            actions.emit(definition.body, scope, assigned, body, yield_now)
            self.add(lines)
        return self._generators[key]


def local_names(spec: Spec) -> set[str]:
    """What parameters, bound variables and LET definitions of the spec are called: functions are named otherwise."""
    found: set[str] = set()
    seen: set[Definition] = set()

    def enter(definition: Definition) -> None:
        if definition not in seen:
            seen.add(definition)
            found.update(identifier(each.name) for each in definition.parameters)
            visit(definition.body)

    def visit(expr: Expr) -> None:
        if isinstance(expr, (Use, OperatorArgument)) and isinstance(expr.symbol, Definition):
            enter(expr.symbol)
        if isinstance(expr, Use):
            found.update(identifier(each.name) for bound in expr.bounds for each in bound.parameters)
        if isinstance(expr, LetIn):
            found.update(identifier(each.name) for each in expr.definitions)
        for child in children(expr):
            visit(child)

    for definition in spec.definitions.values():
        enter(definition)
    return found


class _Generators:
    def __init__(self, module: Module, *, initial: bool) -> None:
        self._module = module
        self._initial = initial

    def generator_for(self, definition: Definition, assigned: Assigned) -> str:
        return self._module.compile_generator(definition, assigned, initial=self._initial)

    def replacement(self, name: str) -> Definition | None:
        return self._module.replacement(name)
