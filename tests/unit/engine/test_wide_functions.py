"""Wide functions say what dictionaries say, whichever of them goes on from which."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlastep.values import Fn, Value
from tlastep.wide_functions import FAR, WIDE, Wide, apart, put

STEPS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9), st.integers(0, 3)), max_size=60)


@given(STEPS)
def test_all_versions_say_what_copies_say(steps: list[tuple[int, int, int]]) -> None:
    start: dict[Value, Value] = dict.fromkeys(range(5), 0)
    versions = [(Wide.of(start), start)]
    for back, key, value in steps:
        wide, plain = versions[-1 - back % min(len(versions), 3)] if back % 4 == 0 else versions[-1]
        versions.append((wide.put(key, value), {**plain, key: value}))
    for wide, plain in versions[:: max(len(versions) // 7, 1)]:
        assert [wide.get(key, "none") for key in range(10)] == [plain.get(key, "none") for key in range(10)]
    for wide, plain in versions:
        assert wide == plain
        assert (len(wide), set(wide), dict(wide.items())) == (len(plain), set(plain), plain)
        assert (5 in wide) == (5 in plain)


def test_what_goes_on_from_the_last_one_copies_nothing() -> None:
    first = last = Wide.of(dict.fromkeys(range(1000), 0))
    own = last._own
    for key in range(1_000):
        last = last.put(key, 1)
        assert last._own is own
    assert first[0] == 0, "it is far from the last, and has pairs of its own now"
    assert first._own is not own
    with pytest.raises(KeyError):
        last[1_000]


def test_one_that_is_near_the_last_is_read_without_a_copy() -> None:
    first = Wide.of(dict.fromkeys(range(1000), 0))
    last = first
    for key in range(FAR - 1):
        last = last.put(key, 1)
    assert [first.get(key) for key in (0, FAR, 2_000)] == [0, 0, None]
    assert first._own is None


def test_functions_are_equal_however_they_came_about() -> None:
    narrow = Fn(dict.fromkeys(range(WIDE), 0))
    wide = Fn(dict.fromkeys(range(WIDE + 1), 0))
    assert type(put(narrow, 0, 1).mapping) is dict
    changed = put(put(wide, 0, 1), 0, 0)
    assert changed == wide
    assert wide == changed
    assert hash(changed) == hash(wide)
    assert put(wide, 0, 1) != wide


def test_what_is_apart_has_pairs_of_its_own_for_ever() -> None:
    wide = put(Fn(dict.fromkeys(range(WIDE + 1), 0)), 0, 1)
    table = Fn({"last": wide, "made": 3, "few": Fn({"a": 1})})
    own: Any = apart(table)
    assert own == table
    after = put(wide, 0, 2)
    assert own.mapping["last"].mapping._own is not None
    assert (own.mapping["last"][0], after[0], wide[0]) == (1, 2, 1)
    narrow = Fn({"few": Fn({"a": 1}), "made": (1, 2)})
    assert [apart(value) is value for value in (narrow, 3, (wide,))] == [True, True, True]
    assert apart(wide) == wide
    assert cast(Fn, apart(wide)).mapping is not wide.mapping
