"""The states that were seen, in several sets: the same members as one set has, and no set grows past its table."""

from __future__ import annotations

import random

import pytest

from tlastep.engine import visited
from tlastep.engine.visited import Visited


def test_states_that_were_added_are_seen() -> None:
    seen = Visited()
    seen.add({1, 2})
    seen.add({3})
    assert seen.unseen({2, 3, 4}) == {4}
    assert 3 in seen
    assert 4 not in seen
    assert len(seen) == 3


def test_many_sets_are_as_good_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visited, "FIRST_TABLE", 64)
    numbers = random.Random(1)
    seen, known = Visited(), set[int]()
    for _ in range(200):
        offered = {numbers.randrange(10_000) for _ in range(30)}
        new = seen.unseen(offered)
        assert new == offered - known
        seen.add(new)
        known |= new
        assert len(seen) == len(known)
    assert all(number in seen for number in known)
    assert len(seen._closed) > 5, "no set was ever closed"
