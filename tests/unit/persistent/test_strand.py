"""A strand behaves as the tuple of its items, whatever else is made of the same buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.persistent.mutated import mutated

from quorumlog.persistent import strand

Pair: TypeAlias = tuple[Any, tuple[int, ...]]
"""A strand, or what came of one, and the tuple that it should be."""

ITEMS: Final = st.lists(st.integers(0, 2), max_size=4).map(tuple)
PLACES: Final = st.one_of(st.integers(-2, 4), st.integers(0, 40))
NUMBERS: Final = st.integers(0, 30)
STEPS: Final = st.one_of(
    st.tuples(st.just("add"), NUMBERS, ITEMS),
    st.tuples(st.just("many"), NUMBERS, st.integers(0, 40)),
    st.tuples(st.just("again"), NUMBERS, NUMBERS),
    st.tuples(st.just("first"), NUMBERS, PLACES),
    st.tuples(st.just("without"), NUMBERS, PLACES.map(abs)),
    st.tuples(st.just("lighter"), NUMBERS, PLACES.map(abs)),
)
PROGRAMS: Final = st.lists(STEPS, max_size=20)
LIMITS: Final = st.one_of(st.none(), st.integers(-5, 45))


def reading(items: tuple[int, ...]) -> Callable[[int, int], tuple[int, ...]]:
    """Reads items from where they were kept."""
    return lambda start, end: items[start:end]


def taken(module: Any, pairs: list[Pair], step: tuple[str, int, Any]) -> Pair:
    """One more pair, made of one of those before it."""
    kind, which, what = step
    mine, items = pairs[which % len(pairs)]
    match kind:
        case "add":
            return mine + what, items + what
        case "many":
            return mine + tuple(range(what)), items + tuple(range(what))
        case "again":
            other = pairs[what % len(pairs)][1][len(items) :]
            return mine + other, items + other
        case "first":
            return mine[:what], items[:what]
        case "without":
            return module.without_first(mine, what), items[what:]
        case _:
            if isinstance(mine, module.Strand) and mine._start == 0:
                base = min(what, len(items))
                return mine.lighter(base, reading(items)), items
            return mine, items


def check(module: Any, program: list[tuple[str, int, Any]], start: int | None, end: int | None, step: int) -> None:
    """All pairs that a program makes are pairs of equals, also after all the others were made."""
    pairs: list[Pair] = [(module.Strand.of(()), ())]
    pairs += [(module.Strand.behind(2, reading((first, 1)), (2,)), (first, 1, 2)) for first in (0, 1)]
    for each in program:
        pairs.append(taken(module, pairs, each))
    for mine, items in pairs:
        assert tuple(mine) == items
        assert len(mine) == len(items)
        assert mine == items
        assert items == mine
        assert hash(mine) == hash(items)
        assert [mine[place] for place in range(-len(items), len(items))] == [*items, *items]
        assert mine[start:end:step] == items[start:end:step]
        assert (not mine) == (not items)
        for beyond in (len(items), -len(items) - 1):
            with pytest.raises(IndexError):
                mine[beyond]
    assert [[one == other for one, _ in pairs] for other, _ in pairs] == [
        [one == other for _, one in pairs] for _, other in pairs
    ]
    strands = [(mine, items) for mine, items in pairs if isinstance(mine, module.Strand)]
    for old, begun in strands:
        for mine, items in strands:
            more = mine.added(old)
            assert more is None or begun + more == items


def held(module: Any, examples: int) -> None:
    """The check, on programs that Hypothesis makes."""

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(PROGRAMS, LIMITS, LIMITS, st.sampled_from((1, 1, 1, 2, -1)))
    def test(program: list[tuple[str, int, Any]], start: int | None, end: int | None, step: int) -> None:
        check(module, program, start, end, step)

    test()


def added(mine: Any, *items: int) -> Any:
    """A strand with these items at its end."""
    return mine + items


def test_a_strand_behaves_as_a_tuple() -> None:
    held(strand, 300)


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        # What follows in the buffer is taken for what is added.
        ("goes_on = not here or buffer.between(end, end + here) == list(more[:here])", "goes_on = True"),
        # A strand that does not end where its buffer ends extends it all the same.
        ("here = min(size - end, len(more))", "here = 0"),
        # What is there already is added once more.
        ("buffer.items.extend(more[here:] if here else more)", "buffer.items.extend(more)"),
        ("            place = index + (first if index >= 0 else self._end)", "            place = index"),
        ("            if not first <= place < self._end:", "            if place >= self._end:"),
        ("return buffer.items[at] if at >= 0 else buffer.read(place, place + 1)[0]", "return buffer.items[at]"),
        ("            return Strand(buffer, first, first + end)", "            return Strand(buffer, 0, end)"),
        ("*self.read(start, min(end, base))", "*self.read(start, end)"),
        ("        if self._start != other._start:", "        if False:"),
        (
            "        return max(known - self._start, 0) if mine.read == theirs.read else 0",
            "        return max(known, 0)",
        ),
        ("        return Strand(self._buffer, min(self._start + count, self._end), self._end)", "        return self"),
        ("            base = min(buffer.base, end)", "            base = buffer.base"),
        ("        return hash(tuple(self))", "        return hash((*self, 0))"),
        ("        if before._buffer is not buffer or before._start", "        if before._start"),
        (" or before._start != self._start or old > self._end", " or old > self._end"),
        (" or old > self._end or at < 0:", " or at < 0:"),
        (" or old > self._end or at < 0:", " or old > self._end:"),
    ],
)
def test_a_strand_that_does_not_is_found(find: str, replace: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup, IndexError, TypeError)):
        held(mutated(strand, find, replace), 300)


def test_what_was_added_is_known_where_it_was_added() -> None:
    begun = strand.Strand.of(range(20))
    first, other = added(begun, 20, 21), added(begun, 30)
    assert first.added(begun) == (20, 21)
    assert added(first, 22).added(first) == (22,)
    assert begun.added(begun) == ()
    assert (first.added(other), other.added(first), begun.added(first)) == (None, None, None)


def test_adding_to_the_end_copies_nothing() -> None:
    whole = strand.Strand.of(range(1_000))
    assert added(whole[:10], *range(10, 1_005))._buffer is whole._buffer
    assert added(whole[:10], 0)._buffer is not whole._buffer
    assert added(whole, 1_000)._buffer is whole._buffer
    assert added(whole, 7)._buffer is not whole._buffer


def test_what_is_read_is_not_in_memory_and_not_looked_at_without_need() -> None:
    asked: list[tuple[int, int]] = []

    def read(start: int, end: int) -> tuple[int, ...]:
        asked.append((start, end))
        return tuple(range(start, end))

    whole = strand.Strand.of(range(1_000))
    light, other = whole.lighter(900, read), strand.Strand.behind(900, read, range(900, 1_000))
    assert len(light._buffer.items) == 100
    assert light == other
    assert added(light, 1)[:1_000] == other
    assert added(light[:1_000], 2) != added(light, 1)
    assert light[950:960] == tuple(range(950, 960))
    assert asked == []
    assert light[10:12] == (10, 11)
    assert asked == [(10, 12)]
    assert light.lighter(800, read) is light


def test_a_queue_does_not_keep_what_has_left_it() -> None:
    queue: Any = ()
    for number in range(10_000):
        queue = strand.without_first(strand.extended(queue, (number,)), 1 if number >= 100 else 0)
    assert len(queue) == 100
    assert len(queue._buffer.items) < 1_000


def test_a_long_tuple_becomes_a_strand() -> None:
    assert isinstance(strand.extended((1,), (2,)), tuple)
    assert strand.extended(tuple(range(40)), (40,)) == tuple(range(41))
    assert isinstance(strand.extended(tuple(range(40)), (40,)), strand.Strand)
