"""Names in generated Python: what a TLA+ name is called, and what is in reach."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from tlastep.compile.runtime import HELPERS
from tlastep.language.tree import Definition, Parameter

RESERVED: Final = frozenset({*keyword.kwlist, *dir(builtins), *HELPERS, "s", "t", "_", "State", "Next"})
"""Names that mean something else in generated code."""


class Local(NamedTuple):
    """How a parameter or LET definition is read: it may be evaluated late, and is then waited for."""

    code: str
    lazy: bool = False

    @property
    def read(self) -> str:
        """The Python expression of its value."""
        return f"now({self.code})" if self.lazy else self.code


_Key: TypeAlias = Parameter | Definition


@dataclass(frozen=True)
class Scope:
    """What names mean at one place: the current and the next state, `@`, parameters and LET definitions."""

    current: str = "s"
    next: str = "t"
    at: str = ""
    locals: dict[_Key, Local] = field(default_factory=dict)

    def having(self, key: _Key, local: Local) -> Scope:
        """This scope with one more name."""
        return replace(self, locals={**self.locals, key: local})

    def bind(self, parameters: Iterable[Parameter]) -> tuple[Scope, list[str]]:
        """This scope with plain parameters, and their Python names."""
        scope, codes = self, []
        for parameter in parameters:
            code = scope.fresh(parameter.name)
            scope = scope.having(parameter, Local(code))
            codes.append(code)
        return scope, codes

    def fresh(self, name: str) -> str:
        """A Python name for a TLA+ name that hides nothing in reach."""
        taken = {local.code for local in self.locals.values()}
        code = base = identifier(name)
        count = 2
        while code in taken or code in RESERVED:
            code = f"{base}_{count}" if code in taken else f"{base}_"
            count += 1
        return code

    def primed(self) -> Scope:
        """The scope inside `'`: the current state is the next one."""
        return replace(self, current=self.next)


def identifier(name: str) -> str:
    """A Python identifier that resembles a TLA+ name."""
    code = re.sub(r"\W", "_", name)
    return code if code[:1].isalpha() or code.startswith("_") else f"_{code}"
