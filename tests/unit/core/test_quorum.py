"""Majorities, computed a second way: by trying all subsets and all thresholds."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from quorumlog.core.consensus.progress import replicated
from quorumlog.core.consensus.quorum import is_quorum, majority, reached
from quorumlog.persistent.frozen_map import FrozenMap


@pytest.mark.parametrize("size", range(1, 8))
def test_any_two_quorums_share_a_server_and_no_smaller_set_has_to(size: int) -> None:
    members = tuple("abcdefg"[:size])
    subsets = [set(chosen) for count in range(size + 1) for chosen in combinations(members, count)]
    quorums = [subset for subset in subsets if is_quorum(subset, members)]
    assert all(one & other for one, other in product(quorums, repeat=2))
    assert min(map(len, quorums)) == majority(size)
    assert 2 * (majority(size) - 1) <= size


@pytest.mark.parametrize("indexes", list(product(range(4), repeat=3)))
def test_reached_is_the_highest_index_that_a_quorum_has(indexes: tuple[int, ...]) -> None:
    by_counting = [k for k in range(4) if sum(index >= k for index in indexes) >= majority(3)]
    assert reached(indexes, 3) == max(by_counting)


def test_a_leader_counts_once_and_only_for_its_own_disk() -> None:
    match_index = FrozenMap({"a": 9, "b": 0, "c": 0})
    assert replicated("a", ("a", "b", "c"), match_index, synced=5) == 0
    assert replicated("a", ("a", "b", "c"), match_index.set("b", 3), synced=5) == 3
    assert replicated("a", ("a", "b", "c"), match_index.set("b", 3), synced=2) == 2
