"""Long sequences are sequences: whatever is made of them is what would be made of tuples, however they came about."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest

from tlastep.compile import long_runtime
from tlastep.compile.all_places import AllPlaces
from tlastep.compile.long_runtime import long_helpers
from tlastep.compile.runtime import HELPERS
from tlastep.errors import EvaluationError
from tlastep.language.operations import Endless
from tlastep.long_sequences import SHORT, Long, LongSequences, common, plain
from tlastep.values import Fn, Value

Pair = tuple[tuple[Value, ...], Any]


def walk(seed: int, steps: int = 300) -> tuple[LongSequences, list[Pair]]:
    """Sequences made of each other at random, each beside the tuple that it should be."""
    dice, long = Random(seed), LongSequences()
    known: list[Pair] = [((), long.of(()))]
    for _ in range(steps):
        items, made = dice.choice(known[-12:])
        kind = dice.randrange(4)
        if kind == 0:
            item = dice.randrange(2)
            known.append(((*items, item), long.appended(made, item)))
        elif kind == 1:
            count = dice.randrange(len(items) + 1)
            known.append((items[:count], long.prefix(made, count)))
        elif kind == 2:
            other, its = dice.choice(known[-12:])
            known.append((items + other[:9], long.joined(made, long.prefix(its, 9))))
        else:
            first = dice.randrange(len(items) + 1)
            known.append((items[first:], long.between(made, first, len(items))))
    return long, known


@pytest.mark.parametrize("seed", range(20))
def test_they_are_what_tuples_are(seed: int) -> None:
    long, known = walk(seed)
    for items, made in known:
        assert tuple(made) == items
        assert (type(made) is Long) == (len(items) >= SHORT)
        assert plain(made) == items
    for items, made in known[-60:]:
        for others, its in known[-60:]:
            assert (made == its) == (items == others)
            assert made != its or hash(made) == hash(its)
        assert long.of(items) == made
    assert any(type(made) is Long for _, made in known)


@pytest.mark.parametrize("seed", range(10))
def test_what_trunks_have_in_common_is_common(seed: int) -> None:
    _, known = walk(seed, 500)
    trunks = list({id(made.trunk): made.trunk for _, made in known if type(made) is Long}.values())
    for one in trunks:
        for other in trunks:
            shared = common(one, other)
            assert one.items[:shared] == other.items[:shared]
            assert one is not other or shared == len(one.items)


def test_values_hold_long_sequences_however_deep() -> None:
    long = LongSequences()
    value = Fn({"log": tuple(range(20)), "few": (1, 2)})
    (found,) = cast("frozenset[Fn]", long.value(frozenset({value})))
    held: Any = found.mapping["log"]
    assert type(held) is Long
    assert found.mapping["few"] == (1, 2)
    assert plain(found) == value


def test_generated_code_gets_the_same_from_both() -> None:
    """Every operation on sequences, at lengths around the one from which on they are long."""
    long = LongSequences()
    new: dict[str, Any] = long_helpers(long)
    old: dict[str, Any] = dict(HELPERS)
    for count in (0, 1, SHORT - 1, SHORT, SHORT + 1, 30):
        items = tuple(range(count))
        made = long.of(items)
        asked: list[tuple[str, Callable[[Any], tuple[Any, ...]]]] = [
            ("length", lambda s: (s,)),
            ("appended", lambda s: (s, 7)),
            ("concatenated", lambda s: (s, s)),
            ("concatenated", lambda s: ((1, 2), s)),
            ("head", lambda s: (s,)),
            ("tail", lambda s: (s,)),
            ("selected", lambda s: (s, lambda item: item % 2 == 0)),
            ("domain", lambda s: (s,)),
            ("keep", lambda s: (s,)),
            ("freeze", lambda s: (s,)),
            ("equal", lambda s: (s, ())),
            ("updated", lambda s: (s, (2,), lambda at: at + 1)),
            ("replaced", lambda s: (s, (2,), 99)),
            *(("apply", lambda s, k=k: (s, k)) for k in (0, 1, SHORT, count, count + 1)),
            *(("subsequence", lambda s, m=m, n=n: (s, m, n)) for m, n in ((1, 1), (1, 9), (2, 10), (5, 4), (0, 3))),
        ]
        for name, arguments in asked:
            assert answer(new[name], arguments(made)) == answer(old[name], arguments(items)), (name, count)
        assert new["sequences_of"](frozenset(range(40))).contains(made)
        assert new["sequences_of"](frozenset(range(20))).contains(made) == (count <= 20)


def answer(operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What an operation says, or that it has no value."""
    try:
        return plain(operation(*arguments))
    except EvaluationError:
        return "no value"


def test_seq_looks_at_what_it_has_not_seen_and_at_all_of_a_new_branch() -> None:
    long = LongSequences()
    seen: list[Value] = []

    def noted(item: Value) -> bool:
        seen.append(item)
        return item in range(100)

    helpers: dict[str, Any] = long_helpers(long)
    seq = helpers["sequences_of"](Endless("small numbers", noted))
    log = long.of(range(50))
    assert seq.contains(log)
    assert len(seen) == 50
    assert seq.contains(long.appended(log, 7))
    assert len(seen) == 51
    assert not seq.contains(long.appended(long.prefix(log, 40), 1000))
    assert seen[-1] == 1000
    assert len(seen) == 52


def test_of_short_ones_seq_remembers_what_it_found_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that it has not found, and not more and more."""
    monkeypatch.setattr(long_runtime, "REMEMBERED", 3)
    seen: list[Value] = []

    def noted(item: Value) -> bool:
        seen.append(item)
        return item in range(100)

    helpers: dict[str, Any] = long_helpers(LongSequences())
    seq = helpers["sequences_of"](Endless("small numbers", noted))
    assert [seq.contains(items) for items in ((), (1, 2), (2, 1), (1, 1000), (1000, 1))] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert seen == [1, 2, 1000, 1000]
    assert all(seq.contains((item,)) for item in range(100))
    assert len(seq._items) <= 3


def test_all_places_looks_at_new_places_and_finds_what_is_false_there() -> None:
    long = LongSequences()
    helpers: dict[str, Any] = long_helpers(long)
    apply, all_places = helpers["apply"], AllPlaces(long)
    known: dict[Any, int] = {}
    looked: list[int] = []

    def agree(one: Any, other: Any) -> bool:
        def body(place: int) -> bool:
            looked.append(place)
            return bool(apply(one, place) == apply(other, place))

        return all_places(known, 1, min(len(one), len(other)), body, (one, other))

    log, copy = long.of(range(30)), long.of(range(40))
    assert agree(log, copy)
    assert len(looked) == 30
    assert agree(long.appended(log, 30), copy)
    assert looked[30:] == [31]
    wrong = long.appended(long.appended(long.prefix(log, 20), 999), 21)
    assert not agree(wrong, copy)
    assert looked[31:] == [21]


def test_what_looks_further_than_its_place_is_not_remembered() -> None:
    long = LongSequences()
    helpers: dict[str, Any] = long_helpers(long)
    all_places, length = AllPlaces(long), helpers["length"]
    known: dict[Any, int] = {}

    def shorter_than(limit: int, log: Any) -> bool:
        return all_places(known, 1, 10, lambda place: bool(length(log) < limit + place), (log,))

    log = long.of(range(20))
    assert shorter_than(25, log)
    assert not shorter_than(25, long.joined(log, tuple(range(20, 40))))
