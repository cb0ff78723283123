"""The syntax tree of a TLA+ spec. Names are resolved: a use points at what it uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tlastep.errors import Place

CONSTANT_LEVEL: Final = 0
STATE_LEVEL: Final = 1
ACTION_LEVEL: Final = 2
TEMPORAL_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in operator of the language, by SANY's name: `$IfThenElse`, `\\in`, `'`."""

    name: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A CONSTANT or VARIABLE."""

    name: str
    arity: int
    is_variable: bool
    module: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter or bound variable; `key` tells apart two of one name."""

    key: str
    name: str
    arity: int = 0


@dataclass(eq=False, slots=True)
class Definition:
    """An operator definition. Compared by identity: LET definitions may share a name."""

    name: str
    parameters: tuple[Parameter, ...]
    place: Place
    level: int
    recursive: bool = False
    body: Expr = field(init=False, repr=False)

    @property
    def module(self) -> str:
        """The module that defines it (for an instance: the module that was instantiated)."""
        return self.place.file


Symbol: TypeAlias = BuiltIn | Declaration | Parameter | Definition


@dataclass(frozen=True, slots=True)
class Number:
    value: int
    place: Place


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Bound:
    """`x, y \\in domain`, or `<<x, y>> \\in domain` where `is_tuple`, or an unbounded `x` without a domain."""

    parameters: tuple[Parameter, ...]
    is_tuple: bool
    domain: Expr | None


@dataclass(frozen=True, slots=True)
class Use:
    """A symbol with its operands and, for quantifiers and the like, its bounds."""

    symbol: Symbol
    operands: tuple[Expr, ...]
    place: Place
    level: int
    bounds: tuple[Bound, ...] = ()

    def is_builtin(self, *names: str) -> bool:
        """Whether this applies one of these built-in operators."""
        return isinstance(self.symbol, BuiltIn) and self.symbol.name in names


@dataclass(frozen=True, slots=True)
class LetIn:
    definitions: tuple[Definition, ...]
    body: Expr
    place: Place
    level: int


@dataclass(frozen=True, slots=True)
class OperatorArgument:
    """An operator passed to a higher-order operator: a name or a LAMBDA."""

    symbol: Symbol
    place: Place


@dataclass(frozen=True, slots=True)
class At:
    """`@` in an EXCEPT."""

    place: Place


@dataclass(frozen=True, slots=True)
class Instance:
    """The body of an instantiated definition: `body`, read with these declarations replaced."""

    substitutions: tuple[tuple[Declaration, Expr], ...]
    body: Expr
    place: Place
    level: int


Expr: TypeAlias = Number | Text | Use | LetIn | OperatorArgument | At | Instance


@dataclass(frozen=True)
class Assumption:
    name: str
    body: Expr
    place: Place


@dataclass(frozen=True)
class Spec:
    """The root module, with all that it extends and instantiates."""

    name: str
    constants: tuple[Declaration, ...]
    variables: tuple[Declaration, ...]
    definitions: dict[str, Definition]
    assumptions: tuple[Assumption, ...]


def level_of(expr: Expr) -> int:
    """0 constant, 1 state, 2 action, 3 temporal, as SANY computed it."""
    if isinstance(expr, (Use, LetIn, Instance)):
        return expr.level
    return CONSTANT_LEVEL


def children(expr: Expr) -> Iterator[Expr]:
    """The direct parts of an expression, LET bodies included, definitions that it uses not."""
    if isinstance(expr, Use):
        yield from expr.operands
        for bound in expr.bounds:
            if bound.domain is not None:
                yield bound.domain
    elif isinstance(expr, LetIn):
        for definition in expr.definitions:
            yield definition.body
        yield expr.body
    elif isinstance(expr, Instance):
        yield expr.body
        for _, replacement in expr.substitutions:
            yield replacement
