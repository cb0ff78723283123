"""The state on which a leader decides: what it is made of, and that nothing of it is left when it is deposed."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.speculation import Speculative, begin
from quorumlog.simulation.small_applications import Purse

PURSE = Purse()
LOG = (("one", "one"), ("taken",))


def test_a_leader_begins_with_its_whole_log() -> None:
    behind = begin(PURSE).learn(PURSE, LOG, 1)
    assert behind.lead(PURSE, LOG) == Speculative(state=3, folded=1, leads=True, draft=2)


def test_commands_in_a_row_find_what_the_earlier_ones_have_done() -> None:
    leader = begin(PURSE).lead(PURSE, ())
    leader, first = leader.decide(PURSE, "take", 1)
    leader, second = leader.decide(PURSE, "take", 1)
    assert (first, second) == (("taken",), ("declined",))
    assert (leader.state, leader.draft) == (1, 0)


def test_a_deposed_leader_discards_what_it_decided_on() -> None:
    leader, _ = begin(PURSE).lead(PURSE, ()).decide(PURSE, "put", 2)
    assert leader.follow() == begin(PURSE)


def test_only_what_is_decided_becomes_the_state() -> None:
    replica = begin(PURSE).learn(PURSE, LOG, 1)
    with pytest.raises(Refused):
        replica.learn(PURSE, LOG, 1)
    assert replica.learn(PURSE, LOG, 2).state == 2


def test_roles_are_kept() -> None:
    with pytest.raises(Refused):
        begin(PURSE).decide(PURSE, "put", 1)
    with pytest.raises(Refused):
        begin(PURSE).follow()
    with pytest.raises(Refused):
        begin(PURSE).lead(PURSE, ()).lead(PURSE, ())
