"""What sequences make of values, item after item, is the same in a loop, and where beginnings are remembered."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import reduce
from typing import Any, cast

import pytest
from tests.unit.engine.test_long_sequences import walk

from tlastep.compile import folding
from tlastep.compile.direct import module_directly
from tlastep.compile.folding import ALL, ENDS, STARTS, Folds
from tlastep.compile.long_runtime import long_helpers
from tlastep.compile.runtime import HELPERS
from tlastep.language.operations import fail
from tlastep.long_sequences import SHORT, Long, LongSequences, Trunk
from tlastep.values import Fn, Value
from tlastep.wide_functions import WIDE, put

FOLD = """
def Fold(t_, entries):
    after = RecursiveFunction(interval(0, length(entries)), lambda after, k: (now(t_) if equal(k, 0) else Apply(Lazy(lambda: apply(after, minus(k, 1))), apply(entries, k))))
    return apply(after, length(entries))
"""  # noqa: E501  # as it is generated
EMPTY = Fn(dict.fromkeys(range(WIDE + 9), 0))
OTHER = Fn({**EMPTY.mapping, 7: 1})


def counted(table: Any, item: Any) -> Value:
    """One more of an item: a wide function, in which it matters what came before."""
    return put(table, item, 3 * table.mapping[item] + table.mapping[1 - item] + 1)


def shifted(table: Any, item: Any) -> Value:
    """Another operator."""
    return put(table, item, table.mapping[item] - 1)


# -- what is generated -----------------------------------------------------------------------------------------------


def body(source: str) -> str:
    """What the operator of a module does, in code without promises."""
    module, _ = module_directly(source, "<test>")
    function = next(each for each in module.body if isinstance(each, ast.FunctionDef))
    return "\n".join(map(ast.unparse, function.body))


def test_a_function_that_goes_through_a_sequence_is_a_loop() -> None:
    assert body(FOLD) == "return folded(Apply, t_, entries)"


@pytest.mark.parametrize(
    ("that", "other"),
    [
        ("minus(k, 1)", "minus(k, 2)"),
        ("apply(entries, k)", "apply(entries, 1)"),
        ("apply(entries, k)", "apply(others, k)"),
        ("equal(k, 0)", "equal(k, 1)"),
        ("interval(0", "interval(1"),
        ("now(t_) if", "k if"),
        ("now(t_) if", "apply(after, 1) if"),
        ("return apply(after, length(entries))", "return apply(after, minus(length(entries), 1))"),
        ("return apply(after, length(entries))", "return apply(other, length(entries))"),
    ],
)
def test_what_says_something_else_is_left_alone(that: str, other: str) -> None:
    assert that in FOLD
    assert "RecursiveFunction" in body(FOLD.replace(that, other))


def test_it_says_what_the_function_says() -> None:
    long = LongSequences()
    now: Any = HELPERS["now"]
    namespace: dict[str, Any] = {**long_helpers(long), "Apply": lambda table, item: counted(now(table), item)}
    exec(FOLD, namespace)
    recursive: Callable[[Any, Any], Value] = namespace.pop("Fold")
    exec(module_directly(FOLD, "<test>")[1], namespace)
    loop: Callable[[Any, Any], Value] = namespace["Fold"]
    for count in (0, 1, SHORT, 300):
        items = long.of([number % 3 % 2 for number in range(count)])
        assert loop(EMPTY, items) == recursive(EMPTY, items) == reduce(counted, items, cast(Value, EMPTY))


# -- what is remembered ----------------------------------------------------------------------------------------------


def folded_at_random(seed: int, changed: Callable[[Folds], None] = lambda _: None) -> None:
    """Sequences that branch off each other are folded by two operators, from two values."""
    _, known = walk(seed)
    folds = Folds(LongSequences())
    changed(folds)
    for number, (items, made) in enumerate(known):
        step: Any = (counted, counted, shifted)[number % 3]
        start = (EMPTY, OTHER)[number % 2]
        found = folds(step, start, made)
        assert found == reduce(step, items, start)
        if items:
            counted(found, items[0])  # whoever goes on from it changes nothing of what is remembered


@pytest.mark.parametrize("seed", range(12))
def test_it_makes_what_going_through_all_of_it_makes(seed: int) -> None:
    folded_at_random(seed)


def folded_often(changed: Callable[[Folds], None] = lambda _: None) -> None:
    for seed in range(12):
        folded_at_random(seed, changed)


def whatever_the_operator(folds: Folds, step: Any, start: Any) -> Any:
    """Finds what another operator made."""
    found = next((each for each in folds._known if each.start is start), None)
    return found or TRUE_FROM(folds, step, start)


def whatever_the_start(folds: Folds, step: Any, start: Any) -> Any:
    """Finds what was made of another value."""
    found = next((each for each in folds._known if each.step is step), None)
    return found or TRUE_FROM(folds, step, start)


def whatever_the_items(known: Any, items: Long) -> Any:
    """Takes as known what another sequence of at most this length made."""
    ends = [end for end in known.ends if end.reach <= items.count]
    return (ends[-1].reach, ends[-1].value) if ends else (0, known.start)


def whatever_the_fork(known: Any, items: Long) -> Any:
    """Takes trunks for alike that branched off each other, however early."""
    trunks: set[Trunk | None] = set()
    trunk: Trunk | None = items.trunk
    while trunk is not None:
        trunks.add(trunk)
        trunk = trunk.parent
    ends = [end for end in known.ends if end.trunk in trunks and end.reach <= items.count]
    return (ends[-1].reach, ends[-1].value) if ends else (0, known.start)


TRUE_FROM: Any = Folds._from


@pytest.mark.parametrize(
    ("of", "name", "wrong"),
    [
        (Folds, "_from", whatever_the_operator),
        (Folds, "_from", whatever_the_start),
        (folding._Known, "nearest", whatever_the_items),
        (folding._Known, "nearest", whatever_the_fork),
    ],
)
def test_what_remembers_too_much_is_found_out(of: type, name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of, name, wrong)
    with pytest.raises(AssertionError):
        folded_often()


class Careless(dict[Any, Any]):
    """Remembers by a part of what something was made of."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__()
        self.places = places

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(tuple(key[place] for place in self.places), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(tuple(key[place] for place in self.places), value)


def remembering(*places: int) -> Callable[[Folds], None]:
    """Makes folds remember single steps by the operator (0), the value (1), the item (2)."""
    return lambda folds: setattr(folds, "_made", Careless(places))


def test_single_steps_are_remembered_by_all_that_they_are_made_of() -> None:
    folded_often(remembering(0, 1, 2))


@pytest.mark.parametrize("places", [(0, 1), (0, 2), (1, 2)])
def test_single_steps_that_are_remembered_by_less_are_found_out(places: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError):
        folded_often(remembering(*places))


def test_few_steps_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "STEPS", 3)
    kept: list[Folds] = []
    folded_often(kept.append)
    assert {len(folds._made) for folds in kept} == {3}


def test_what_is_made_of_the_same_is_the_same() -> None:
    folds, others = Folds(LongSequences()), Fn(dict(EMPTY.mapping))
    first = folds(counted, EMPTY, (1, 0, 1))
    assert folds(counted, folds(counted, EMPTY, (1, 0)), (1,)) is first
    found = folds(counted, others, (1, 0, 1))
    assert found is not first
    assert found == first


def test_of_what_begins_alike_each_item_is_gone_through_once() -> None:
    long, steps = LongSequences(), 0

    def step(table: Any, item: Any) -> Value:
        nonlocal steps
        steps += 1
        return counted(table, item)

    folds = Folds(long)
    whole = cast(Long, long.of([number % 2 for number in range(2_000)]))
    for count in range(100, 2_000, 100):
        folds(step, EMPTY, long.prefix(whole, count))
        folds(step, EMPTY, long.prefix(whole, count))
    assert steps == 1_900
    assert len(folds._known[0].ends) <= ENDS
    for number in range(2 * STARTS):
        folds(step, Fn({**EMPTY.mapping, 7: number}), whole)
    assert len(folds._known) == STARTS


def test_what_less_was_made_from_is_not_kept() -> None:
    long = LongSequences()
    folds = Folds(long)
    whole = long.of([number % 2 for number in range(200)])
    folds(counted, EMPTY, long.prefix(whole, 100))
    assert folds(counted, OTHER, long.prefix(whole, 99)) == reduce(counted, [0, 1] * 49 + [0], cast(Value, OTHER))
    assert [each.start is EMPTY for each in folds._known] == [True]
    folds(counted, OTHER, whole)
    assert [each.start is OTHER for each in folds._known] == [False, True]
    for number in range(1, STARTS):
        folds(counted, Fn({**EMPTY.mapping, 7: number + 1}), whole)
    assert len(folds._known) == STARTS
    assert not any(each.start is EMPTY for each in folds._known), "of it the least was known"


def test_what_old_beginnings_made_is_apart() -> None:
    """Whoever kept it as it was would keep all that was made from it."""
    long = LongSequences()
    folds = Folds(long)
    whole = long.of([number % 2 for number in range(2_000)])
    for count in range(100, 2_001, 100):
        folds(counted, EMPTY, long.prefix(whole, count))
    (known,) = folds._known
    old = [end for end in known.ends if end.is_apart]
    assert old
    for end in old:
        kept: Any = end.value
        assert kept.mapping._own is not None
        found = folds(counted, EMPTY, long.prefix(whole, end.reach))
        assert found == kept
        counted(found, 0)
        assert kept.mapping._own is not None, "nobody goes on from what is kept"


def test_a_fold_depends_on_the_whole_sequence() -> None:
    long = LongSequences()
    folds = Folds(long)
    whole = long.of([0] * 20)
    for _ in range(2):
        long.highest = 0
        folds(counted, EMPTY, whole)
        assert long.highest == ALL


def test_operators_with_other_constants_begin_again() -> None:
    long, by = LongSequences(), 1
    folds = Folds(long)
    items = long.of([0] * 20)

    def step(value: Any, _: Any) -> Value:
        return cast(int, value) + by

    assert folds(step, 0, items) == 20
    by = 2
    folds.cache_clear()
    assert folds(step, 0, items) == 40
    assert all(each.cache_clear for each in long_helpers(long).values() if isinstance(each, Folds))


def test_what_has_no_value_is_asked_again() -> None:
    def step(value: Any, item: Any) -> Value:
        raise fail("no value")

    for folds in (Folds(LongSequences()), folding.folded):
        with pytest.raises(TypeError):
            folds(step, 0, EMPTY)
        with pytest.raises(Exception, match="no value"):
            folds(step, 0, (1,))
