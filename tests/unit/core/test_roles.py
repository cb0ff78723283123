"""The table of roles is complete, and says what the silences mean."""

from __future__ import annotations

from typing import get_args

import pytest

from quorumlog.core.consensus.effects import (
    ElectionTimeout,
    ImpossibleInput,
    Input,
    Propose,
    Refused,
    Replicate,
    Resign,
    Sync,
)
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, VoteReply, VoteRequest
from quorumlog.core.consensus.replica import Replica, start, step
from quorumlog.core.consensus.roles import IGNORE, IMPOSSIBLE, LATE, REFUSE, SILENCES, TABLE
from quorumlog.core.consensus.state import ROLES, Role

MEMBERS = ("a", "b", "c")

# One input of each kind that is in place in term 1 for server a.
EXAMPLES: dict[type, Input] = {
    ElectionTimeout: ElectionTimeout(),
    VoteRequest: VoteRequest(sender="b", term=1, last_index=0, last_term=0),
    VoteReply: VoteReply(sender="b", to="a", term=1),
    AppendRequest: AppendRequest(sender="b", to="a", term=1, prev_index=0, prev_term=0, entries=(), commit_index=0),
    AppendReply: AppendReply(sender="b", to="a", term=1, accepted=True, index=1),
    Propose: Propose(("x",)),
    Replicate: Replicate("b"),
    Resign: Resign(),
    Sync: Sync(),
}


def in_role(role: Role) -> Replica:
    """Server a in term 1 in this role."""
    candidate = step(step(start("a", MEMBERS, 2), ElectionTimeout())[0], Sync())[0]
    if role == "candidate":
        return candidate
    if role == "leader":
        return step(candidate, EXAMPLES[VoteReply])[0]
    return step(candidate, EXAMPLES[AppendRequest])[0]


@pytest.mark.parametrize("role", ROLES)
def test_the_example_is_in_its_role(role: Role) -> None:
    replica = in_role(role)
    assert (replica.role, replica.term) == (role, 1)


def test_every_input_has_a_row_and_every_row_every_role() -> None:
    kinds = {kind for member in get_args(Input) for kind in (get_args(member) or (member,))}
    assert set(TABLE) == kinds == set(EXAMPLES)
    assert all(set(row) == set(ROLES) for row in TABLE.values())


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize("role", ROLES)
def test_a_cell_does_what_it_says(kind: type, role: Role) -> None:
    replica, cell = in_role(role), TABLE[kind][role]
    # A leader's no-op and a follower's acknowledgement wait for the disk; the candidate has synced.
    if kind is Sync and role == "candidate":
        cell = REFUSE
    if cell is REFUSE:
        with pytest.raises(Refused):
            step(replica, EXAMPLES[kind])
    elif cell is IMPOSSIBLE:
        with pytest.raises(ImpossibleInput):
            step(replica, EXAMPLES[kind])
    elif cell in (IGNORE, LATE):
        assert step(replica, EXAMPLES[kind]) == (replica, ())
    elif (kind, role) == (AppendRequest, "follower"):
        assert step(replica, EXAMPLES[kind]) == (replica, ())  # the same again: its answer is owed already
    elif (kind, role) == (VoteRequest, "follower"):
        assert step(replica, EXAMPLES[kind]) == (replica, ())  # a has voted for itself
    else:
        assert step(replica, EXAMPLES[kind]) != (replica, ())


def test_each_silence_explains_itself() -> None:
    assert [silence.__name__ for silence in SILENCES] == ["IGNORE", "LATE", "REFUSE", "IMPOSSIBLE"]
    assert all(silence.__doc__ for silence in SILENCES)
