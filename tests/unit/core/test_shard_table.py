"""The table of shards: who owns what, and how a key goes from one shard to another."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import fold
from quorumlog.core.shard_table import (
    Assignment,
    Command,
    Handover,
    Refusal,
    Request,
    Router,
    ShardLeader,
    ShardTable,
    Table,
    commit,
    depose,
    hand_over,
    hear,
    is_decided,
    is_unknown,
    next_about,
    on_handover,
    on_refusal,
    on_request,
    owner,
    refresh,
    release,
    route,
    take_first,
)

TO_EAST: Final = Assignment("k", "east")
TO_WEST: Final = Assignment("k", "west")
PAY: Final = Command("pay", "k")


def holder() -> ShardLeader:
    """East holds the key."""
    return commit(take_first(hear(ShardLeader("east"), TO_EAST), "k"))[0]


def test_the_table_is_an_application_that_gives_no_key_to_its_owner() -> None:
    table = ShardTable()
    state: Table = fold(table, table.start(), (TO_EAST, TO_WEST))
    assert table.decide(state, TO_EAST) == (TO_EAST,)
    assert table.answer(state, (TO_WEST,)) == 2
    with pytest.raises(Refused):
        table.decide(state, TO_WEST)


@pytest.mark.parametrize("table", list(product([TO_EAST, TO_WEST, Assignment("l", "east")], repeat=3)))
def test_owners_are_those_of_the_last_version_about_a_key(table: Table) -> None:
    """Computed another way: by a dictionary of the whole history."""
    owners: dict[str, str] = {}
    for each in table:
        owners[each.key] = each.shard
    assert [owner(table, key) for key in "klm"] == [owners.get(key) for key in "klm"]
    for version in range(4):
        later = [v for v in range(version + 1, 4) if table[v - 1].key == "k"]
        assert next_about(table, "k", version) == (later[0] if later else 0)


def test_a_key_goes_on_with_what_was_decided_for_it() -> None:
    east, west = holder(), ShardLeader("west")
    east, _ = commit(on_request(east, Request("r", "east", PAY))[0])
    east = release(hear(east, TO_WEST), "k")
    with pytest.raises(Refused):
        hand_over(east, "k")  # the release is not committed
    east, _ = commit(east)
    west, _ = commit(on_handover(west, hand_over(east, "k")))
    assert is_decided(west, PAY)
    assert on_request(west, Request("r", "west", PAY)) == (west, None)
    assert on_request(east, Request("r", "east", PAY)) == (east, Refusal("r", 2))


def test_a_handover_is_taken_once() -> None:
    handover = Handover("k", 2, "west", ())
    west, _ = commit(on_handover(ShardLeader("west"), handover))
    west, _ = commit(release(hear(hear(hear(west, TO_EAST), TO_WEST), TO_EAST), "k"))
    assert on_handover(west, handover) == west
    assert hand_over(west, "k") == Handover("k", 3, "east", ())


def test_a_draft_goes_with_its_leader() -> None:
    east = depose(release(hear(holder(), TO_WEST), "k"))
    assert east == depose(holder())
    with pytest.raises(Refused):
        release(east, "k")  # the new leader has yet to read the table
    with pytest.raises(Refused):
        commit(east)


def test_a_router_that_was_refused_reads_on_first() -> None:
    router = refresh(Router("r"), TO_EAST)
    assert route(router, PAY) == Request("r", "east", PAY)
    router = on_refusal(on_refusal(router, Refusal("r", 2)), Refusal("r", 1))
    with pytest.raises(Refused):
        route(router, PAY)
    assert route(refresh(router, TO_WEST), PAY).to == "west"


def test_a_key_is_unknown_only_by_the_present_table() -> None:
    router = Router("r")
    assert is_unknown(router, "k", confirmed=0)
    assert not is_unknown(router, "k", confirmed=1)
    assert not is_unknown(refresh(router, TO_EAST), "k", confirmed=1)
    with pytest.raises(Refused):
        route(router, PAY)
