"""Who may stand for election, and when a leader resigns, so that a server that comes back deposes nobody.

Before a server stands it asks the others (a pre-vote), and a leader looks whether a quorum still replies to it
(check-quorum). This stands beside consensus, which knows nothing of it: nothing here is durable, no term changes, and
what follows is an input that consensus takes, or none. Time comes as `Tick`. Spec: PreVote.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus import log
from quorumlog.core.consensus.effects import ElectionTimeout, Input, Refused, Resign
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, ServerId
from quorumlog.core.consensus.quorum import is_quorum
from quorumlog.core.consensus.state import LEADER, Replica


class PreVoteRequest(Struct, frozen=True, cache_hash=True):
    """A server asks everybody else whether it may stand in this term, and shows how far its log goes."""

    sender: ServerId
    term: int
    attempt: int
    last_index: int
    last_term: int


class PreVoteReply(Struct, frozen=True, cache_hash=True):
    """The sender is for it. Whoever is against it says nothing."""

    sender: ServerId
    to: ServerId
    attempt: int


class Ask(Struct, frozen=True):
    """No leader was heard for too long. `attempt` is a number that this server has never used, in none of its lives."""

    attempt: int


class Tick(Struct, frozen=True):
    """An election time-out has passed: the least one since a leader was heard, or one since a leader's last tick."""


PreVote: TypeAlias = PreVoteRequest | PreVoteReply
PRE_VOTES: Final = (PreVoteRequest, PreVoteReply)
Asking: TypeAlias = Ask | Tick | PreVote
"""What a server takes beside the inputs of consensus."""


class Contact(Struct, frozen=True, cache_hash=True):
    """What a server knows of the others' being there; a crash wipes it out.

    `heard`: a leader of its term, or a vote of its own in it, within the least election time-out. `grants`: who is for
    its standing, itself included, or nobody if it does not ask in its `attempt`. `replied`: who has answered a leader
    since its last tick.
    """

    heard: bool
    grants: frozenset[ServerId] = frozenset()
    replied: frozenset[ServerId] = frozenset()
    attempt: int = 0


HEARD: Final = Contact(heard=True)
"""A leader was heard just now, or there will be one soon. A server that starts waits, too: there may be a leader."""

NOBODY: Final = Contact(heard=False)
"""No leader was heard in this term and role."""


class Judged(NamedTuple):
    """What comes of an input: what the server knows now, what it sends at once, and what consensus is to take."""

    contact: Contact
    sent: PreVote | None = None
    then: Input | None = None


def judge(contact: Contact, replica: Replica, taken: Asking | Input) -> Judged:
    """What comes of an input before consensus takes it. Raises `Refused` where the spec has no step."""
    match taken:
        case Ask():
            return ask(contact, replica, taken)
        case Tick():
            return tick(contact, replica)
        case PreVoteRequest():
            return consider(contact, replica, taken)
        case PreVoteReply():
            return count(contact, replica, taken)
        case ElectionTimeout():
            return stand(contact, replica, taken)
        case _:
            return Judged(contact, then=taken)


def learnt(judged: Judged, before: Replica, after: Replica) -> Contact:
    """What a server knows once consensus has taken what it was to take: it has heard a leader, say, or a follower."""
    contact, taken = judged.contact, judged.then
    if type(taken) is AppendRequest and taken.term == after.term:
        return HEARD
    if type(taken) is Resign:
        return contact
    if after.voted_for is not None and (after.term, after.voted_for) != (before.term, before.voted_for):
        return HEARD
    if (after.term, after.role) != (before.term, before.role):
        return NOBODY
    if type(taken) is AppendReply and (after.role, taken.term) == (LEADER, after.term):
        if taken.sender in contact.replied:
            return contact
        return replace(contact, replied=contact.replied | {taken.sender})
    return contact


def ask(contact: Contact, replica: Replica, asked: Ask) -> Judged:
    """Ask the others whether one may stand in the next term. Spec: PreVote!Ask."""
    if replica.role == LEADER or contact.heard:
        raise Refused(f"{replica.identity} leads, or has heard a leader")
    request = PreVoteRequest(
        sender=replica.identity,
        term=replica.term + 1,
        attempt=asked.attempt,
        last_index=log.last_index(replica.log),
        last_term=log.last_term(replica.log),
    )
    return Judged(Contact(heard=False, grants=frozenset({replica.identity}), attempt=asked.attempt), request)


def consider(contact: Contact, replica: Replica, request: PreVoteRequest) -> Judged:
    """Be for it if the log is as complete as one's own, and no leader was heard. Spec: PreVote!OnPreVoteRequest.

    The term is not compared: this is no vote, and who is behind may win all the same, a term or two later. But a leader
    that hears of a later term makes room for whoever cannot follow it any more, and stands itself.
    """
    if request.sender == replica.identity:
        raise Refused(f"{request} is not for {replica.identity}")
    if replica.role == LEADER and request.term > replica.term + 1:
        return Judged(Contact(heard=True, grants=frozenset(replica.members)), then=Resign())
    against = replica.role == LEADER or contact.heard
    if against or not log.is_as_complete(request.last_index, request.last_term, replica.log):
        return Judged(contact)
    return Judged(contact, PreVoteReply(sender=replica.identity, to=request.sender, attempt=request.attempt))


def count(contact: Contact, replica: Replica, reply: PreVoteReply) -> Judged:
    """Count a grant, unless it is one of an earlier attempt. Spec: PreVote!OnPreVoteReply."""
    if reply.to != replica.identity:
        raise Refused(f"{reply} is not for {replica.identity}")
    if not contact.grants or reply.attempt != contact.attempt:
        return Judged(contact)
    return Judged(replace(contact, grants=contact.grants | {reply.sender}))


def may_stand(contact: Contact, replica: Replica) -> bool:
    """Whether a quorum is for it."""
    return is_quorum(contact.grants, replica.members)


def stand(contact: Contact, replica: Replica, timeout: ElectionTimeout) -> Judged:
    """Stand for election with the grants of a quorum. Spec: PreVote!Timeout."""
    if not may_stand(contact, replica):
        raise Refused(f"{replica.identity} has no grants of a quorum")
    return Judged(contact, then=timeout)


def tick(contact: Contact, replica: Replica) -> Judged:
    """Forget the leader that was not heard; a leader that no quorum has answered resigns. Spec: PreVote!Tick."""
    if replica.role != LEADER:
        return Judged(replace(contact, heard=False))
    if is_quorum(contact.replied | {replica.identity}, replica.members):
        return Judged(replace(contact, replied=frozenset()))
    return Judged(NOBODY, then=Resign())
