"""The table of roles: what a server does with each input in each role. The table is law.

House rules:

- All that depends on the role stands here. A handler never asks which role it plays.
- Every pair of input and role is present. A server that says nothing does so under a name: one of the silences below.
- The term rule is applied before (`replica.step`): a message of an earlier term never gets here, and where a request
  of a later term gets here, the server follows in that term already. So messages are of the server's own term here.
- What the table says of an input, the spec says in the action that bears its name or `On` and its name.

The table printed by `quorumlog roles` and the diagrams of the documentation are drawn from this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar, cast

from quorumlog.core.consensus.durability import sync
from quorumlog.core.consensus.effects import (
    NOTHING,
    ElectionTimeout,
    ImpossibleInput,
    Input,
    Propose,
    Refused,
    Replicate,
    Resign,
    Sync,
)
from quorumlog.core.consensus.election import consider_vote, count_vote, resign, stand
from quorumlog.core.consensus.follower import accept_entries, yield_to_leader
from quorumlog.core.consensus.leader import advance_peer, append_events, hand_on
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, VoteReply, VoteRequest
from quorumlog.core.consensus.state import CANDIDATE, FOLLOWER, LEADER, Outcome, Replica, Role

Kind = TypeVar("Kind")
Handler: TypeAlias = Callable[[Replica, Kind], Outcome]
AnyHandler: TypeAlias = Callable[[Replica, Input], Outcome]

# -- the four silences --------------------------------------------------------------------------------------


def IGNORE(replica: Replica, _: Input) -> Outcome:
    """A step that the spec allows: the input asks for something, and the answer is no, said by saying nothing."""
    return replica, NOTHING


def LATE(replica: Replica, _: Input) -> Outcome:
    """A step that the spec allows: the input answers a question that nobody asks any more."""
    return replica, NOTHING


def REFUSE(replica: Replica, refused: Input) -> Outcome:
    """The spec disables the step: whoever offers the input is told, and nothing has happened."""
    raise Refused(f"{replica.identity} is {replica.role} and takes no {type(refused).__name__}")


def IMPOSSIBLE(replica: Replica, impossible: Input) -> Outcome:
    """Does not occur while everybody follows the protocol; lock-step shows that it is never reached."""
    raise ImpossibleInput(f"{replica.identity}, {replica.role} in term {replica.term}, cannot have got {impossible}")


SILENCES: Final[tuple[AnyHandler, ...]] = (IGNORE, LATE, REFUSE, IMPOSSIBLE)

# -- the table ----------------------------------------------------------------------------------------------


Row: TypeAlias = Mapping[Role, AnyHandler]


def row(kind: type[Kind], *, follower: Handler[Kind], candidate: Handler[Kind], leader: Handler[Kind]) -> Row:
    """What each role does with one kind of input. A handler that takes another kind does not pass the type checker."""
    # Looked up by the input's own type, so a handler only ever gets inputs of its kind.
    return {
        FOLLOWER: cast(AnyHandler, follower),
        CANDIDATE: cast(AnyHandler, candidate),
        LEADER: cast(AnyHandler, leader),
    }


# fmt: off
TABLE: Final[Mapping[type, Row]] = {
    ElectionTimeout: row(ElectionTimeout, follower=stand,          candidate=stand,           leader=REFUSE),
    VoteRequest:     row(VoteRequest,     follower=consider_vote,  candidate=IGNORE,          leader=IGNORE),
    VoteReply:       row(VoteReply,       follower=LATE,           candidate=count_vote,      leader=LATE),
    AppendRequest:   row(AppendRequest,   follower=accept_entries, candidate=yield_to_leader, leader=IMPOSSIBLE),
    AppendReply:     row(AppendReply,     follower=LATE,           candidate=IMPOSSIBLE,      leader=advance_peer),
    Propose:         row(Propose,         follower=REFUSE,         candidate=REFUSE,          leader=append_events),
    Replicate:       row(Replicate,       follower=REFUSE,         candidate=REFUSE,          leader=hand_on),
    Resign:          row(Resign,          follower=REFUSE,         candidate=REFUSE,          leader=resign),
    Sync:            row(Sync,            follower=sync,           candidate=sync,            leader=sync),
}
# fmt: on
