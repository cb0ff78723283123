"""The lines of a recording: one JSON object each, one file a server. What a recorder writes, and what others read.

Every line has a number, one more than the line before it, and the incarnation that wrote it: how often the server has
been started. The first line of an incarnation is a `Start`; each other one is a step, written after the fact, with what
it has changed. A field that is not there has not changed. A crash leaves no line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from quorumlog.core.consensus.messages import ServerId
from quorumlog.ledger.forgetting import Letter as GroupLetter

FORMAT: Final = 3
"""The version of the format. Whoever reads another one says so and stops."""

EventName: TypeAlias = int | str | None
"""How an event is named: a string by itself, the no-op of a new leader by null. Another one by its encoding in
MessagePack: 2^32 times its length in bytes, and its CRC-32."""

Run: TypeAlias = list[EventName]
"""Entries of one term that follow each other: the term, and then the events."""

Terms: TypeAlias = tuple[tuple[int, int], ...]
"""Entries by their terms alone: how many of each follow each other."""

Requested: TypeAlias = int | tuple[int, str, int, int, int | None]
"""A request: the connection, session, number, how many answers were received, how many events are expected. Or only
the connection, of a request that expected nothing and became the next entry that was written."""

Wrote: TypeAlias = tuple[str, int, int, int | list[dict[str, Any]] | None]
"""What a gate wrote for a command: session, number, answers received, how many events. Null for a conflict.

Groups that say something to each other write down the events themselves.
"""

Answer: TypeAlias = tuple[int | str, str, int, int, EventName]
"""An answer: the connection, session, number, how many events there were, and what was said, named as events are."""


NOTHING: Final[Mapping[ServerId, int]] = MappingProxyType({})
"""No index has changed."""


class Start(Struct, tag="start", tag_field="do", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A server begins with what its disk holds: `length` entries, of which all after the first `after` are named."""

    n: int
    i: int
    format: int
    node: ServerId
    members: tuple[ServerId, ...]
    batch: int
    term: int
    voted_for: ServerId | None
    length: int
    after: int
    log: list[Run]
    group: str = ""
    shards: list[str] = []
    """The group among groups to which the server belongs, and those of them that are shards, in their order."""
    applied: int = 0
    """The commands' entries that a snapshot stands for, with which the gate begins."""


class SentRequest(Struct, tag="AppendRequest", tag_field="kind", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A slice of the log: its entries are those of the sender's log, and both ends say that they have the same.

    The checksum is the CRC-32 of their encoding in MessagePack, `[[term, [event, ...]], ...]`, or 0 of none.
    """

    sender: ServerId
    to: ServerId
    term: int
    prev_index: int
    prev_term: int
    entries: Terms
    checksum: int
    commit_index: int


class SentReply(Struct, tag="AppendReply", tag_field="kind", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What a follower made of a slice."""

    sender: ServerId
    to: ServerId
    term: int
    accepted: bool
    index: int


class AskedVote(Struct, tag="VoteRequest", tag_field="kind", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A candidate asks everybody."""

    sender: ServerId
    term: int
    last_index: int
    last_term: int


class GivenVote(Struct, tag="VoteReply", tag_field="kind", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A vote."""

    sender: ServerId
    to: ServerId
    term: int


Letter: TypeAlias = SentRequest | SentReply | AskedVote | GivenVote
"""A message as both ends name it."""


class Written(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A log as it differs from what it was: the first `kept` entries, and `length` in all.

    Without `entries` the others are those that the step was given: the events proposed, or the last entries taken.
    """

    kept: int
    length: int
    entries: list[Run] | UnsetType = UNSET


class Disk(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What the disk holds after a sync: term, vote, and the server's log, unless `log` says otherwise."""

    term: int
    voted_for: ServerId | None
    length: int
    log: Written | UnsetType = UNSET


class Step(Struct, tag_field="do", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What all steps may say: what was sent, what the application was told to be decided, and what has changed.

    What a line does not mention is one empty sequence, or mapping, for all of them: there are hundreds of thousands.
    """

    n: int
    i: int
    sent: Sequence[Letter] = ()
    told: tuple[int, int] | None = None
    """The application had been told of so many entries, and now of so many."""
    term: int | UnsetType = UNSET
    voted_for: ServerId | UnsetType | None = UNSET
    log: Written | UnsetType = UNSET
    disk: Disk | UnsetType = UNSET
    owes: Sequence[Letter] = ()
    """What leaves with the next sync, in addition to what was owed."""
    owed: list[Letter] | UnsetType = UNSET
    """All that is owed now, where something is owed no longer."""
    role: str | UnsetType = UNSET
    votes: list[ServerId] | UnsetType = UNSET
    next_index: Mapping[ServerId, int] = NOTHING
    match_index: Mapping[ServerId, int] = NOTHING
    commit_index: int | UnsetType = UNSET
    leads: bool | UnsetType = UNSET
    """Whether the gate leads now: what it knows of itself, whatever consensus says."""
    applied: int | UnsetType = UNSET
    """How many entries the gate has applied, the no-ops of leaders left out."""
    waits: int | UnsetType = UNSET
    """For how many commands somebody waits."""
    asked: Sequence[Requested] = ()
    wrote: Sequence[Wrote] = ()
    commands: Sequence[dict[str, Any] | None] = ()
    """Where events themselves are written: the commands, in order, of those entries whose events say nothing."""
    said: Sequence[Answer] = ()
    held: Sequence[Answer] = ()
    """Answers that the gate gave, and that the server keeps back until something else is known."""
    heard: Sequence[GroupLetter] = ()
    """Letters of other groups that a leader has taken, in their order, whether or not anything follows from them."""
    spoke: Sequence[GroupLetter] = ()
    """Letters to other groups that left with this step, those included that were said before."""


class Timeout(Step, tag="ElectionTimeout", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The server stood for election."""


class Sync(Step, tag="Sync", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The sync has returned."""


class Propose(Step, tag="Propose", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The leader appended these events."""

    events: list[int | str]


class Ask(Step, tag="Ask", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Requests came and nothing was appended, or something was said beside consensus."""


class Replicate(Step, tag="Replicate", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The leader handed a slice on."""

    to: ServerId


class Take(Step, tag="Take", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A message was taken."""

    letter: Letter


class Resign(Step, tag="Resign", kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The leader leads no more, of its own accord."""


Line: TypeAlias = Start | Timeout | Sync | Propose | Ask | Replicate | Take | Resign

_DECODER: Final = msgspec.json.Decoder(Line)


def line_of(text: bytes) -> Line:
    """A line of a recording. Raises `ValueError` that says what is wrong with it."""
    return _DECODER.decode(text)


def lines_of(text: bytes) -> list[Line]:
    """All lines of a recording. Raises `ValueError` if one of them is none."""
    return _DECODER.decode_lines(text)
