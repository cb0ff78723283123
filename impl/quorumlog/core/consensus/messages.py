"""What servers say to each other: four messages, and the entries of the log that they carry. Immutable values.

Messages are hashed and compared by the million, so each remembers its hash.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeAlias, final

from msgspec import Struct

ServerId: TypeAlias = str
Event: TypeAlias = Hashable
"""An event means nothing to the core: it is copied, compared and handed on, never looked into."""


class Entry(Struct, frozen=True, gc=False, cache_hash=True):
    """One place of the log: an event and the term of the leader that appended it; no event is a new leader's no-op."""

    term: int
    event: Event | None


@final
class VoteRequest(Struct, frozen=True, cache_hash=True):
    """A candidate asks everybody else for a vote, and shows how far its log goes."""

    sender: ServerId
    term: int
    last_index: int
    last_term: int


class VoteReply(Struct, frozen=True, cache_hash=True):
    """A vote. A server that does not vote says nothing."""

    sender: ServerId
    to: ServerId
    term: int


class AppendRequest(Struct, frozen=True, cache_hash=True):
    """A leader hands on a slice of its log, with the place after which it belongs; an empty slice is a heartbeat."""

    sender: ServerId
    to: ServerId
    term: int
    prev_index: int
    prev_term: int
    entries: tuple[Entry, ...]
    commit_index: int


class AppendReply(Struct, frozen=True, cache_hash=True):
    """Accepted: the logs agree up to `index`. Not accepted: the leader should try again after `index`."""

    sender: ServerId
    to: ServerId
    term: int
    accepted: bool
    index: int


Message: TypeAlias = VoteRequest | VoteReply | AppendRequest | AppendReply
MESSAGES = (VoteRequest, VoteReply, AppendRequest, AppendReply)
MESSAGE_TYPES: Final = frozenset(MESSAGES)
"""For a look that costs little: `isinstance` of a class that something is not takes five times as long."""


def is_addressed(message: Message, server: ServerId) -> bool:
    """Whether the message is for this server: a request for votes goes to everybody but its sender."""
    if type(message) is VoteRequest:
        return message.sender != server
    return message.to == server
