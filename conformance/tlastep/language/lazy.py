"""Operands that are promised: TLA+ passes expressions, not values, and what is not needed may have no value."""

from __future__ import annotations

from collections.abc import Callable

from tlastep.language.operations import Operand


class Lazy:
    """A promise of an operand, kept when it is first needed: TLA+ passes expressions, not values."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], Operand]) -> None:
        self._compute: Callable[[], Operand] | None = compute
        self._value: Operand | None = None

    def get(self) -> Operand:
        """The operand, evaluated once."""
        if self._compute is not None:
            self._value = self._compute()
            self._compute = None
        assert self._value is not None
        return self._value


def now(operand: Operand | Lazy) -> Operand:
    """The operand, which may have been promised."""
    if type(operand) is not Lazy:
        return operand  # type: ignore[return-value]  # narrowed by type()
    value = operand._value
    return operand.get() if value is None else value
