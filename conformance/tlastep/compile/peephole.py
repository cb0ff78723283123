"""Calls of the operations of TLA+ as Python's own, where the kinds of operands are known well enough.

What is written instead says the same, or raises where the operation would have had to look at its operands first: a
number and something else are never added up, a string is never compared with a set.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from tlastep.compile.reads import STATES
from tlastep.compile.specialised import Known
from tlastep.compile.trees import same, walk
from tlastep.language.operations import PLAIN as CLASSES
from tlastep.language.operations import Implicit, Operand, RecordSet, Union
from tlastep.language.standard_modules.arithmetic import INT as INTEGERS
from tlastep.language.standard_modules.arithmetic import NAT
from tlastep.long_sequences import Long
from tlastep.values import TRUE, ModelValue

INT: Final = "number"
TEXT: Final = "string"
SET: Final = "set"
FUNCTION: Final = "function"
MODEL: Final = "model value"
BOOL: Final = "boolean"
PLAIN: Final = "value"
"""Some value; what has no kind may be a set that is not written out."""

SURE: Final = frozenset({*CLASSES, Long})
_ARITHMETIC: Final[Mapping[str, ast.operator]] = {"plus": ast.Add(), "minus": ast.Sub(), "times": ast.Mult()}
ORDER: Final[Mapping[str, ast.cmpop]] = {
    "less": ast.Lt(),
    "greater": ast.Gt(),
    "at_most": ast.LtE(),
    "at_least": ast.GtE(),
}
SLOW: Final = {name: f"slow_{name}" for name in ("equal", "apply", "length", "member", "truth", *ORDER)}
"""What is called where a short way does not apply: under another name, so that it is not looked at again."""


class Knows(Protocol):
    """What is known of expressions."""

    @property
    def quiet(self) -> bool:
        """Whether it need not be said which places of long sequences are read."""

    def kind(self, node: ast.expr) -> str | None:
        """The kind of value that an expression has."""

    def value_of(self, node: ast.expr) -> tuple[bool, Any]:
        """Whether an expression is a constant, and its value."""

    def named(self, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """An expression that gives its value a name, and that name; of what is simple, the same twice."""

    def constant(self, value: Any) -> ast.expr:
        """A value as an expression."""


def simpler(known: Knows, name: str, operands: Sequence[ast.expr]) -> ast.expr | None:
    """A call said more simply, if there is a way."""
    rule = _RULES.get(name)
    return rule(known, name, *operands) if rule is not None else None


def name_of(node: ast.expr) -> str:
    """The name of the function that is called."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def is_cell(node: ast.AST) -> bool:
    """Whether an expression is a cell of a state, at a place that is known."""
    match node:
        case ast.Subscript(ast.Name(state), ast.Constant()):
            return state in STATES
    return False


def cells_in(node: ast.expr) -> list[ast.expr]:
    """All such parts of an expression."""
    return [each for each in walk(node) if isinstance(each, ast.expr) and is_cell(each)]


def place_of(cell: ast.expr) -> int:
    """The place of a cell."""
    match cell:
        case ast.Subscript(_, ast.Constant(int(place))):
            return place
    raise ValueError(ast.unparse(cell))


def is_simple(node: ast.expr) -> bool:
    """Whether to evaluate an expression twice costs nothing: a name, a constant, a cell, or a field of one."""
    match node:
        case ast.Name() | ast.Constant():
            return True
        case ast.Subscript(ast.Attribute(of, "mapping"), key):
            return is_simple(of) and isinstance(key, (ast.Name, ast.Constant))
    return is_cell(node)


def _call(name: str, *operands: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(operands), [])


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [operator], [right])


def _mapping(function: ast.expr) -> ast.expr:
    return ast.Attribute(function, "mapping", ast.Load())


def _has_class(node: ast.expr, of: str) -> ast.expr:
    return _compared(_call("type", node), ast.Is(), ast.Name(of, ast.Load()))


def _frozen(known: Knows, node: ast.expr) -> ast.expr:
    return node if known.kind(node) is not None else _call("freeze", node)


# -- numbers, comparisons ------------------------------------------------------------------------------------------


def _number(known: Knows, name: str, left: ast.expr, right: ast.expr) -> ast.expr | None:
    """Python refuses to add a number and what is none."""
    if INT not in (known.kind(left), known.kind(right)):
        return None
    return ast.BinOp(left, _ARITHMETIC[name], right)


def _ordered(known: Knows, name: str, left: ast.expr, right: ast.expr) -> ast.expr | None:
    """Python refuses to order a number and what is none."""
    if is_simple(left) and same(left, right) and known.kind(left) == INT:
        return ast.Constant(name in ("at_most", "at_least"))
    kinds = known.kind(left), known.kind(right)
    if INT in kinds:
        return _compared(left, ORDER[name], right)
    value, own = (known.named(left) if None not in kinds and is_simple(right) else None) or (None, left)
    quickly, slowly = _compared(own, ORDER[name], right), _call(SLOW[name], own, right)
    return ast.IfExp(_has_class(value, "int"), quickly, slowly) if value is not None else None


def _numbers(known: Knows, _: str, low: ast.expr, high: ast.expr) -> ast.expr | None:
    if known.kind(low) != INT or known.kind(high) != INT:
        return None
    return _call("range", low, ast.BinOp(high, ast.Add(), ast.Constant(1)))


def _equal(known: Knows, _: str, left: ast.expr, right: ast.expr) -> ast.expr | None:
    kinds = known.kind(left), known.kind(right)
    if is_simple(left) and same(left, right):
        return ast.Constant(True)
    for one, other, kind in ((left, right, kinds[1]), (right, left, kinds[0])):
        if isinstance(known.value_of(one)[1], ModelValue) and kind is not None:
            return _compared(other, ast.Is(), one)
    if kinds == (MODEL, MODEL):
        return _compared(left, ast.Is(), right)
    if kinds[0] == kinds[1] and kinds[0] in (INT, TEXT, SET):
        return _compared(left, ast.Eq(), right)
    for one, other in ((left, right), (right, left)):
        match one:
            case ast.Call(ast.Name("domain"), [function]) if is_simple(function) and known.kind(other) == SET:
                keys = ast.Call(ast.Attribute(_mapping(function), "keys", ast.Load()), [], [])
                quickly, slowly = _compared(keys, ast.Eq(), other), _call(SLOW["equal"], one, other)
                return ast.IfExp(_has_class(function, "Fn"), quickly, slowly)
    if isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple):
        return _compared(left, ast.Eq(), right)
    for one, other, kind in ((left, right, kinds[0]), (right, left, kinds[1])):
        names = known.named(other) if kind in (INT, TEXT) and is_simple(one) else None
        if names is not None:
            value, name = names
            slowly = _call(SLOW["equal"], name, one)
            return ast.IfExp(_has_class(value, "int" if kind == INT else "str"), _compared(name, ast.Eq(), one), slowly)
    match left, right:
        case ast.Call(ast.Name("prefix"), first), ast.Call(ast.Name("prefix"), second):
            return _call("alike", *first, *second)
        case (ast.Call(ast.Name("prefix"), first), whole) | (whole, ast.Call(ast.Name("prefix"), first)) if known.quiet:
            return _call("begins", *first, whole)
    its, ours = known.named(left), known.named(right)
    if None not in kinds and its is not None and ours is not None:
        return ast.BoolOp(ast.Or(), [_compared(its[0], ast.Is(), ours[0]), _call(SLOW["equal"], its[1], ours[1])])
    return None


# -- booleans --------------------------------------------------------------------------------------------------------


def _boolean(_: Knows, __: str, operand: ast.expr) -> ast.expr:
    return ast.IfExp(operand, ast.Name("TRUE", ast.Load()), ast.Name("FALSE", ast.Load()))


def _truth(known: Knows, _: str, operand: ast.expr) -> ast.expr | None:
    """The truth of a boolean that was just made of a truth."""
    match operand:
        case ast.IfExp(test, ast.Name("TRUE"), ast.Name("FALSE")):
            return test
        case ast.IfExp(test, yes, no):
            return ast.IfExp(test, *(_truth(known, "", each) or _call("truth", each) for each in (yes, no)))
    found, value = known.value_of(operand)
    if found and known.kind(operand) == BOOL:
        return ast.Constant(value is TRUE)
    is_true = _compared(operand, ast.Is(), ast.Name("TRUE", ast.Load()))
    if known.kind(operand) == PLAIN and is_simple(operand):
        return ast.IfExp(_has_class(operand, "Bool"), is_true, _call(SLOW["truth"], operand))
    return is_true if known.kind(operand) == BOOL else None


# -- functions and sequences ------------------------------------------------------------------------------------------


def _applied(known: Knows, _: str, function: ast.expr, argument: ast.expr) -> ast.expr | None:
    found, value = known.value_of(argument)
    if found and isinstance(value, (str, ModelValue)):
        return ast.Subscript(_mapping(function), argument, ast.Load())
    names = known.named(argument) if known.quiet and known.kind(argument) == INT and is_simple(function) else None
    if names is None:
        return None
    place, name = names
    items = ast.Attribute(ast.Attribute(function, "trunk", ast.Load()), "items", ast.Load())
    item = ast.Subscript(items, ast.BinOp(name, ast.Sub(), ast.Constant(1)), ast.Load())
    count = ast.Attribute(function, "count", ast.Load())
    tests = [_has_class(function, "Long"), _compared(name, ast.LtE(), count)]
    inside = ast.BoolOp(ast.And(), [_compared(ast.Constant(0), ast.Lt(), place), *tests])
    tests = [_has_class(function, "tuple"), _compared(name, ast.LtE(), _call("len", function))]
    within = ast.BoolOp(ast.And(), [_compared(ast.Constant(0), ast.Lt(), name), *tests])
    short = ast.Subscript(function, ast.BinOp(name, ast.Sub(), ast.Constant(1)), ast.Load())
    return ast.IfExp(inside, item, ast.IfExp(within, short, _call(SLOW["apply"], function, name)))


def changed(known: Knows, function: ast.expr, key: ast.expr, value: ast.expr) -> ast.expr | None:
    """`[function EXCEPT ![key] = value]`, where neither of the first two costs anything: a key that it has."""
    if known.kind(function) != FUNCTION or not is_simple(function) or not is_simple(key) or known.kind(key) is None:
        return None
    mapping = _mapping(function)
    made = _call("Fn", ast.Dict([None, key], [mapping, _frozen(known, value)]))
    return ast.IfExp(_compared(key, ast.In(), mapping), made, function)


def part(function: ast.expr, key: ast.expr) -> ast.expr:
    """`function[key]` of a function that is known to be one and to have the key."""
    return ast.Subscript(_mapping(function), key, ast.Load())


def _replaced(known: Knows, _: str, function: ast.expr, path: ast.expr, value: ast.expr) -> ast.expr | None:
    match path:
        case ast.Tuple([key]):
            return changed(known, function, key, value)
    return None


def _subsequence(_: Knows, __: str, operand: ast.expr, first: ast.expr, last: ast.expr) -> ast.expr | None:
    match first:
        case ast.Constant(1):
            return _call("prefix", operand, last)
    return None


def _length(known: Knows, _: str, operand: ast.expr) -> ast.expr | None:
    if not known.quiet or not is_simple(operand):
        return None
    count = ast.Attribute(operand, "count", ast.Load())
    short = ast.IfExp(_has_class(operand, "tuple"), _call("len", operand), _call(SLOW["length"], operand))
    return ast.IfExp(_has_class(operand, "Long"), count, short)


def begun(known: Knows, both: Sequence[ast.expr]) -> ast.expr | None:
    """`Len(a) <= Len(b) /\\ SubSeq(b, 1, Len(a)) = a`: whether a sequence begins with another one."""
    match both:
        case [
            ast.Compare(its, [ast.LtE()], [ours]),
            ast.Call(ast.Name("begins"), [whole, count, start]),
        ] if _is_length(known, its, start) and _is_length(known, count, start) and _is_length(known, ours, whole):
            return _call("is_begun", start, whole)
    return None


def _is_length(known: Knows, node: ast.expr, of: ast.expr) -> bool:
    length = _length(known, "length", of)
    return length is not None and same(length, node)


def with_names(names: Sequence[ast.expr], said: ast.expr) -> ast.expr:
    """What is said of values that are given names first; nobody else knows them."""
    match names, said:
        case (
            [ast.Compare(ast.NamedExpr(ast.Name(name), ast.Call(ast.Name("prefix"), [whole, count])))],
            ast.Call(ast.Name("is_begun"), [ast.Name(same), other]),
        ) if name == same and name not in {node.id for node in walk(other) if isinstance(node, ast.Name)}:
            return _call("is_prefix_begun", whole, count, other)
    return ast.BoolOp(ast.And(), [*names, said])


def _record(known: Knows, _: str, fields: ast.expr) -> ast.expr | None:
    if not isinstance(fields, ast.Dict):
        return None
    return _call("Fn", ast.Dict(fields.keys, [_frozen(known, each) for each in fields.values]))


# -- sets --------------------------------------------------------------------------------------------------------------


def _set_of(known: Knows, _: str, *items: ast.expr) -> ast.expr:
    return _call("frozenset", ast.Tuple([_frozen(known, each) for each in items], ast.Load()))


def _union(known: Knows, _: str, left: ast.expr, right: ast.expr) -> ast.expr | None:
    return ast.BinOp(left, ast.BitOr(), right) if SET in (known.kind(left), known.kind(right)) else None


def _difference(known: Knows, _: str, left: ast.expr, right: ast.expr) -> ast.expr | None:
    return ast.BinOp(left, ast.Sub(), right) if known.kind(right) == SET else None


def _cardinality(known: Knows, _: str, operand: ast.expr) -> ast.expr | None:
    return _call("len", operand) if known.kind(operand) == SET else None


def _member(known: Knows, _: str, item: ast.expr, of: ast.expr) -> ast.expr | None:
    if known.kind(item) is None:
        return None
    match of:
        case ast.Call(ast.Name("frozenset"), [ast.Tuple() as items]):
            return _compared(item, ast.In(), items)
        case ast.Call(ast.Name("RecordSet"), [ast.Dict() as fields]) if is_simple(item):
            return _in_records(known, item, fields)
        case ast.Call(ast.Name("PowerSet"), [base]) if known.kind(base) == SET and known.kind(item) == SET:
            return _compared(item, ast.LtE(), base)
    found, value = known.value_of(of)
    if found and value in (NAT, INTEGERS) and is_simple(item):
        is_number = _has_class(item, "int")
        at_least = _compared(item, ast.GtE(), ast.Constant(0))
        return ast.BoolOp(ast.And(), [is_number, at_least]) if value is NAT else is_number
    if found and isinstance(value, Implicit):
        either = _written_out(known, value) if is_simple(item) else []
        if either:
            return ast.BoolOp(ast.Or(), [_in_records(known, item, each) for each in either])
        return ast.Call(ast.Attribute(of, "contains", ast.Load()), [item], [])
    if known.kind(of) == SET:
        return _compared(item, ast.In(), of)
    if known.kind(of) is not None and is_simple(of):
        slowly = _call(SLOW["member"], item, of)
        return ast.IfExp(_has_class(of, "frozenset"), _compared(item, ast.In(), of), slowly)
    return None


def _written_out(known: Knows, of: Operand) -> list[ast.Dict]:
    """The sets of records of which a set is the union, if it is one: what kinds of messages there are, say."""
    if isinstance(of, Known):
        return _written_out(known, of.of) if isinstance(of.of, Union) else []
    if isinstance(of, Union):
        sides = [_written_out(known, each) for each in of.sides]
        return [each for side in sides for each in side] if all(sides) else []
    if isinstance(of, RecordSet):
        return [ast.Dict([ast.Constant(name) for name in of.fields], [*map(known.constant, of.fields.values())])]
    return []


def _in_records(known: Knows, item: ast.expr, fields: ast.Dict) -> ast.expr:
    """A record has these fields, and no others, and each has a value of its set."""
    mapping = _mapping(item)
    names: list[ast.expr] = [each for each in fields.keys if each is not None]
    tests = [_has_class(item, "Fn"), _compared(_call("len", mapping), ast.Eq(), ast.Constant(len(names)))]
    for name, of in zip(names, fields.values, strict=True):
        field = ast.Subscript(mapping, name, ast.Load())
        tests += [_compared(name, ast.In(), mapping), _member(known, "member", field, of) or _call("member", field, of)]
    return ast.BoolOp(ast.And(), tests)


def _kept(known: Knows, _: str, operand: ast.expr) -> ast.expr | None:
    return operand if known.kind(operand) is not None else None


_Rule: TypeAlias = Callable[..., "ast.expr | None"]

_RULES: Final[Mapping[str, _Rule]] = {
    **dict.fromkeys(_ARITHMETIC, _number),
    **dict.fromkeys(ORDER, _ordered),
    **dict.fromkeys(("keep", "freeze"), _kept),
    "numbers": _numbers,
    "replaced": _replaced,
    "equal": _equal,
    "boolean": _boolean,
    "truth": _truth,
    "apply": _applied,
    "length": _length,
    "record_from": _record,
    "set_of": _set_of,
    "subsequence": _subsequence,
    "union": _union,
    "difference": _difference,
    "cardinality": _cardinality,
    "member": _member,
    "members": lambda known, _, operand: operand if known.kind(operand) == SET else None,
}
