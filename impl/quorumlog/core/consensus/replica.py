"""One step of one server: an input goes in, the changed server and the effects come out. The door to the core."""

from __future__ import annotations

from typing import cast

from quorumlog.core.consensus.effects import NOTHING, ImpossibleInput, Input, Refused
from quorumlog.core.consensus.election import enter_term
from quorumlog.core.consensus.messages import MESSAGE_TYPES, AppendReply, Message, VoteReply, is_addressed
from quorumlog.core.consensus.roles import TABLE
from quorumlog.core.consensus.state import Outcome, Replica, restart, start

__all__ = ["Outcome", "Replica", "restart", "start", "step"]


def step(replica: Replica, taken: Input) -> Outcome:
    """The server after the input, and what is to be done, in order. Raises `Refused` where the spec has no step."""
    if type(taken) in MESSAGE_TYPES:
        return receive(replica, cast(Message, taken))
    return handle(replica, taken)


def receive(replica: Replica, message: Message) -> Outcome:
    """The term rule, once for all messages: the past is late, and in a later term everybody starts as a follower."""
    if not is_addressed(message, replica.identity):
        raise Refused(f"{message} is not for {replica.identity}")
    if message.term < replica.term:
        return replica, NOTHING
    if message.term > replica.term:
        return handle(caught_up(replica, message), message)
    return handle(replica, message)


def caught_up(replica: Replica, message: Message) -> Replica:
    """The server in the later term of a request. A reply bears its request's term, so it is never ahead of us."""
    if isinstance(message, (VoteReply, AppendReply)):
        raise ImpossibleInput(f"{replica.identity} in term {replica.term} never asked for {message}")
    return enter_term(replica, message.term)


def handle(replica: Replica, taken: Input) -> Outcome:
    """What the table of roles says."""
    return TABLE[type(taken)][replica.role](replica, taken)
