"""What goes into a step and what comes out of it, apart from messages: inputs, effects and the two ways to say no.

A step takes one input. Batches live inside inputs: a proposal carries several events, and `Replicate` and `Sync` are
issued once for all that has gathered since the last time.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import Entry, Event, Message, ServerId
from quorumlog.persistent.strand import Items


class Durable(Struct, frozen=True, cache_hash=True):
    """What a crash keeps. Term, vote and log are written together or not at all."""

    term: int
    voted_for: ServerId | None
    log: Items[Entry]


BLANK = Durable(0, None, ())
"""The disk of a server that has never run."""


class ElectionTimeout(Struct, frozen=True):
    """No leader was heard of for too long."""


class Sync(Struct, frozen=True):
    """Make durable what is not yet, and then send what waited for it."""


class Propose(Struct, frozen=True):
    """Append these events, decided by this server, to the log that it leads."""

    events: tuple[Event, ...]


class Replicate(Struct, frozen=True):
    """Hand the next slice of the log to a peer; without news it is a heartbeat."""

    to: ServerId


class Resign(Struct, frozen=True):
    """Lead no more: no quorum was heard for too long, or a member is in a later term."""


Input: TypeAlias = ElectionTimeout | Sync | Propose | Replicate | Resign | Message


class Store(Struct, frozen=True):
    """Write this to the disk, and wait until it is there. The first `kept` entries of the log are there already."""

    durable: Durable
    kept: int


class Send(Struct, frozen=True):
    """Send this message, after everything that was to be stored."""

    message: Message


class Committed(Struct, frozen=True):
    """These entries, which follow the first `after` ones, are decided for ever. A restarted server learns them anew.

    Whoever has a snapshot looks only at those behind it: the others are not read.
    """

    after: int
    entries: Items[Entry]


Effect: TypeAlias = Store | Send | Committed
Effects: TypeAlias = tuple[Effect, ...]
"""In the order in which they are to be carried out: stored, then sent, then told."""

NOTHING: Effects = ()


class Refused(Exception):
    """The input is not possible now, and nothing changed: a proposal to a follower, say. The spec disables the step."""


class ImpossibleInput(AssertionError):
    """An input that cannot occur while everybody follows the protocol. Somebody does not."""
