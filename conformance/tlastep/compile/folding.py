"""What a sequence makes of a value, item after item: specs say so with a function that is defined by its own values.

    LET after[k \\in 0 .. Len(entries)] == IF k = 0 THEN t ELSE Apply(after[k - 1], entries[k])
    IN after[Len(entries)]

That is `folded(Apply, t, entries)`, a loop. Of a long sequence it is remembered what some of its beginnings made, so
that one that begins like another before is gone through from there on only; and what single items made of single
values. The operator is a function of its operands and of constants, so what it made of them once it makes again;
whether two sequences begin alike is known from the trunks that they have in common (`long_sequences.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from tlastep.language.operations import PLAIN, Operand, freeze
from tlastep.long_sequences import Long, LongSequences, Trunk
from tlastep.values import Value
from tlastep.wide_functions import apart

STARTS: Final = 8  # values from which was folded that are remembered, each with one operator
ENDS: Final = 16  # beginnings of which is remembered what they made of one such value
STEPS: Final = 1 << 14  # single items of which that is remembered
ALL: Final = 1 << 62
"""The highest place that was read, where something depends on the whole sequence."""

OneMore = Callable[[Any, Any], Operand]
"""What one item makes of a value."""


def found_in(function: ast.FunctionDef) -> ast.expr | None:
    """The call of `folded` that says what an operator says, in code without promises, if there is one."""
    match function.body:
        case [
            ast.Assign(
                [ast.Name(after)],
                ast.Call(
                    ast.Name("RecursiveFunction"),
                    [
                        ast.Call(ast.Name("interval"), [ast.Constant(0), ast.Call(ast.Name("length"), [items])]),
                        ast.Lambda(
                            ast.arguments(args=[ast.arg(own), ast.arg(k)]),
                            ast.IfExp(
                                ast.Call(ast.Name("equal"), [ast.Name(zeroth), ast.Constant(0)]),
                                start,
                                ast.Call(ast.Name() as step, [before, item]),
                            ),
                        ),
                    ],
                ),
            ),
            ast.Return(ast.Call(ast.Name("apply"), [ast.Name(last), ast.Call(ast.Name("length"), [whole])])),
        ] if (zeroth, last) == (k, after):
            said = [ast.unparse(each) for each in (whole, before, item)]
            text = ast.unparse(items)
            if said != [text, f"apply({own}, minus({k}, 1))", f"apply({text}, {k})"]:
                return None
            used = {node.id for part in (step, start, items) for node in ast.walk(part) if isinstance(node, ast.Name)}
            if not used & {own, k, after}:
                return ast.Call(ast.Name("folded", ast.Load()), [step, start, items], [])
    return None


def folded(step: OneMore, start: Operand, items: Any) -> Value:
    """What the items of a sequence make of a value, one after another. `TypeError` if that is not a sequence."""
    if type(items) is not tuple:
        raise TypeError(items)
    value = _value(start)
    for each in items:
        value = _value(step(value, each))
    return value


def _value(operand: Any) -> Value:
    return operand if type(operand) in PLAIN or type(operand) is Long else freeze(operand)


class _End(NamedTuple):
    """What the first items of a trunk made of a value; `apart` from what others go on from, or not."""

    trunk: Trunk
    reach: int
    value: Value
    is_apart: bool = False


class _Known:
    """What beginnings of long sequences made of one value by one operator."""

    def __init__(self, step: OneMore, start: Value) -> None:
        self.step = step
        self.start = start
        self.ends: list[_End] = []
        """Shorter ones first. Of those that are much shorter than the longest only few are kept."""

    def add(self, end: _End) -> None:
        """One more. Whoever keeps an old version of a wide function keeps all younger ones: so old ones are copied."""
        self.ends.append(end)
        self.ends.sort(key=lambda each: each.reach)
        if len(self.ends) > ENDS:
            old = self.ends[1 : ENDS // 2 : 2]
            self.ends[: ENDS // 2] = [
                each if each.is_apart else _End(each.trunk, each.reach, apart(each.value), is_apart=True)
                for each in old
            ]

    def longest(self) -> int:
        """How long the longest beginning is that is known."""
        return self.ends[-1].reach if self.ends else 0

    def nearest(self, items: Long) -> tuple[int, Value]:
        """The longest beginning of the items that is known: how long it is, and what it makes."""
        reach: dict[Trunk, int] = {}
        trunk, count = items.trunk, items.count
        reach[trunk] = count
        while trunk.parent is not None:
            trunk, count = trunk.parent, min(count, trunk.fork)
            reach[trunk] = count
        for end in reversed(self.ends):
            if end.reach <= reach.get(end.trunk, -1):
                return end.reach, apart(end.value) if end.is_apart else end.value
        return 0, self.start


class Folds:
    """`folded` where sequences may be long. It remembers what it made last, and for that what it was made of.

    What a value was from which less was made than from others is not kept: it keeps what came of it.
    """

    def __init__(self, long: LongSequences) -> None:
        self._long = long
        self._known: list[_Known] = []
        self._made: dict[tuple[int, int, int], tuple[OneMore, Value, Value, Value]] = {}
        """What an operator made of a value and an item, by their identities: they live as long as this is known."""

    def __call__(self, step: OneMore, start: Operand, items: Any) -> Value:
        """What the items make of the value. `TypeError` if they are no sequence."""
        value = _value(start)
        if type(items) is not Long:
            if type(items) is not tuple:
                raise TypeError(items)
            return self._through(step, value, items)
        self._long.highest = ALL
        known = self._from(step, value)
        if known is None:
            if any(each.longest() > items.count for each in self._known):
                return self._through(step, value, items)
            known = self._new(_Known(step, value))
        count, value = known.nearest(items)
        if count < items.count:
            value = self._through(step, value, items.trunk.items[count : items.count])
            known.add(_End(items.trunk, items.count, value))
        return value

    def _through(self, step: OneMore, value: Value, items: Iterable[Value]) -> Value:
        made = self._made
        for each in items:
            key = id(step), id(value), id(each)
            found = made.get(key)
            if found is None:
                found = made[key] = step, value, each, _value(step(value, each))
                if len(made) > STEPS:
                    del made[next(iter(made))]
            value = found[3]
        return value

    def _from(self, step: OneMore, start: Value) -> _Known | None:
        """What is known of this operator and this value, if anything is."""
        for each in self._known:
            if each.step is step and each.start is start:
                return each
        return None

    def _new(self, known: _Known) -> _Known:
        """Something will be known of others. Forgotten is that of which only short sequences are known."""
        if len(self._known) == STARTS:
            self._known.remove(min(self._known, key=_Known.longest))
        self._known.append(known)
        return known

    def cache_clear(self) -> None:
        """Operators have other constants from now on."""
        self._known = []
        self._made = {}
