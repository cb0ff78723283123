"""Maps that share what they have in common behave as dictionaries that are copied."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.persistent.mutated import mutated

from quorumlog.persistent import frozen_map, hash_map

Step: TypeAlias = tuple[str, int, Any]

KEYS: Final = st.one_of(st.integers(0, 120), st.integers(0, 20).map(lambda number: 64 * number), st.text(max_size=1))
PAIRS: Final = st.dictionaries(KEYS, st.integers(0, 2), max_size=60)
WHICH: Final = st.integers(-3, 0)  # mostly one of the latest maps, so that they grow
STEPS: Final = st.one_of(
    st.tuples(st.just("set"), WHICH, st.tuples(KEYS, st.integers(0, 2))),
    st.tuples(st.just("update"), WHICH, PAIRS),
    st.tuples(st.just("range"), WHICH, st.integers(0, 120)),
    st.tuples(st.just("taken"), WHICH, st.lists(KEYS, max_size=20)),
    st.tuples(st.just("empty"), WHICH, st.none()),
)


def taken(mine: Any, pairs: dict[Any, int], step: Step) -> tuple[Any, dict[Any, int]]:
    """What comes of a map and of the dictionary that it should be."""
    kind, _, what = step
    match kind:
        case "set":
            return mine.set(*what), {**pairs, what[0]: what[1]}
        case "update":
            return mine.update(what), {**pairs, **what}
        case "range":
            many = dict.fromkeys(range(what), int(what))
            return mine.update(many), {**pairs, **many}
        case "taken":
            found, rest = mine.taken(what)
            assert [*found.items()] == [(key, pairs[key]) for key in dict.fromkeys(what) if key in pairs]
            return rest, {key: value for key, value in pairs.items() if key not in what}
        case _:
            return mine.taken(list(pairs))[1], {}


def check_hash_map(module: Any, program: list[Step]) -> None:
    """All maps that a program makes are what they should be, also after all the others were made."""
    made: list[tuple[Any, dict[Any, int]]] = [(module.HashMap(), {}), (module.HashMap({0: 1, 64: 2}), {0: 1, 64: 2})]
    for each in program:
        made.append(taken(*made[each[1] % len(made)], each))
    for mine, pairs in made:
        assert dict(mine.items()) == pairs
        assert sorted(map(repr, mine)) == sorted(map(repr, pairs))
        assert len(mine) == len(pairs)
        assert mine == pairs
        assert mine == module.HashMap(pairs)
        assert hash(mine) == hash(module.HashMap(pairs))
        for key in (*pairs, "absent", -1):
            assert (key in mine) == (key in pairs)
            assert mine.get(key, 9) == pairs.get(key, 9)


def held_hash_map(module: Any) -> None:
    """The check, on programs that Hypothesis makes."""

    @settings(max_examples=200, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.lists(STEPS, max_size=25))
    def test(program: list[Step]) -> None:
        check_hash_map(module, program)

    test()


def test_a_hash_map_behaves_as_a_dictionary() -> None:
    held_hash_map(hash_map)


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        # A map is changed in place.
        (
            "    if 2 * len(bucket) <= len(buckets):\n        return bucket.copy()",
            "    if bucket:\n        return bucket",
        ),
        (
            "        copied = set[int]()\n        found",
            "        copied = set(range(999))\n        found",
        ),
        # What belongs to the other place is found.
        ("for key in each if hash(key) & mask == place)", "for key in each)"),
        (
            "value in bucket.items() if hash(key) & mask == place}",
            "value in bucket.items() if hash(key) & mask != place}",
        ),
        # Buckets are not doubled in place.
        ("        made._buckets = buckets if 4", "        made._buckets = buckets + buckets[::-1] if 4"),
        (
            "        made._buckets, made._size, made._hash = copied, self._size, None",
            "        return self._with(copied, self._size + 1)",
        ),
        ("            size += key not in buckets[place]", "            size += 1"),
        ("self._size - len(found)", "self._size"),
        ("                found[key] = bucket.pop(key)", "                found[key] = bucket[key]"),
        (
            "buckets[place] = bucket = own(buckets, place)\n                found",
            "bucket = own(buckets, place)\n                found",
        ),
        ("            size += key not in buckets[place]\n            buckets", "            self._buckets"),
    ],
)
def test_a_hash_map_that_does_not_is_found(find: str, replace: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup, KeyError, IndexError)):
        held_hash_map(mutated(hash_map, find, replace))


def check_frozen_map(module: Any, program: list[tuple[int, Any, int]]) -> None:
    """A map that is set, and set again, has its keys in the order in which they came."""
    made: list[tuple[Any, dict[Any, int]]] = [(module.FrozenMap({}), {})]
    for which, key, value in program:
        mine, pairs = made[which % len(made)]
        made.append((mine.set(key, value), {**pairs, key: value}))
    for mine, pairs in made:
        assert list(mine.items()) == list(pairs.items())
        assert (list(mine), list(mine.values()), len(mine)) == (list(pairs), list(pairs.values()), len(pairs))
        again = module.FrozenMap(dict(reversed(pairs.items())))
        assert (mine == again, again == mine, hash(mine) == hash(again)) == (True, True, True)
        assert all(mine[key] == mine.get(key, 9) == value and key in mine for key, value in pairs.items())
        assert mine.set("new", 1) != mine
        assert "new" not in mine
        assert list(mine.since(made[0][0]).items()) == list(pairs.items())
        changed = {key: value + 1 for key, value in list(pairs.items())[::3]}
        after = mine
        for key, value in (*changed.items(), ("new", 1)):
            after = after.set(key, value)
        assert list(after.since(mine).items()) == [*changed.items(), ("new", 1)]


def held_frozen_map(module: Any) -> None:
    """The check, on long programs."""

    @settings(max_examples=40, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.integers(20, 90), st.lists(st.tuples(WHICH, KEYS, st.integers(0, 2)), max_size=40))
    def test(many: int, program: list[tuple[int, Any, int]]) -> None:
        check_frozen_map(module, [*((-1, number, 0) for number in range(many)), *program])

    test()


def test_a_frozen_map_has_its_keys_in_order() -> None:
    held_frozen_map(frozen_map)


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("            if after._size != pairs._size:", "            if after._size:"),
        ("            if after._size != pairs._size:", "            if not after._size:"),
        ("if self._keys is None else {key: self._pairs[key] for key in self._keys}", ""),
        ("        return iter(self._pairs if self._keys is None else self._keys)", "        return iter(self._pairs)"),
        ("        elif pairs.get(key, MISSING) is value:", "        elif key in pairs:"),
        ("pairs if key in pairs else (*pairs, key)", "pairs"),
        ("if had(key, MISSING) != value}", "if had(key, value) != value}"),
        ("if had(key, MISSING) != value}", "}"),
        ("        pairs = self._pairs if self._keys is None else self._in_order()", "        pairs = self._pairs"),
    ],
)
def test_a_frozen_map_that_has_not_is_found(find: str, replace: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup, TypeError, KeyError)):
        held_frozen_map(mutated(frozen_map, find, replace))


def test_growing_costs_little_at_a_time() -> None:
    """Buckets stay small, and no step of a growing map copies everything."""
    mine: hash_map.HashMap[str, int] = hash_map.HashMap()
    for number in range(20_000):
        mine = mine.set(f"key {number}", number)
    assert len(mine._buckets) == 512
    assert max(map(len, mine._buckets)) < 256
    assert len(mine.taken([f"key {number}" for number in range(20_000)])[1]._buckets) == hash_map.FEWEST
