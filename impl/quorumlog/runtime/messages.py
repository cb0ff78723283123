"""What servers and clients say to each other beside consensus, as values, and how much of it is taken."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar, cast, final

from msgspec import Raw, Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.leader_output import Answered, Conflict, Session

Command = TypeVar("Command")
Answer = TypeVar("Answer")


BESIDE: Final = 2048
"""Bytes of an entry beside its events, at most: a session's name of 256 characters, numbers, its share of a slice."""


class Limits(Struct, frozen=True):
    """How much is taken and kept, in bytes unless it says otherwise.

    A slice of the log holds up to `batch` entries, so that `batch` times the largest entry has to fit a peer's frame.
    An entry of ours names what its command names, twice at most; what other applications decide is measured.
    """

    client_frame: int = 4 << 20
    peer_frame: int = 96 << 20
    peer_buffer: int = 64 << 20
    """What may wait to be sent to a peer; what goes beyond is dropped, as a network may."""
    client_buffer: int = 1 << 20
    """What may wait to be sent to a client before no more is read from it."""
    command: int = 32 << 10
    """A client's command, encoded."""
    batch: int = 1024
    """Entries that go into one message to a peer."""
    turn: int = 4096
    """Requests that are taken in one turn, and that one frame may hold, or questions: a tenth of a second, of the half
    after which others would stand for election. Beyond, no more is read from clients until the turn is over."""
    outstanding: int = 65_536
    """Requests and reads that may wait for a turn; beyond, no more is read from clients."""
    undecided: int = 64 << 20
    """Requests that wait for a turn or are not decided, with their events; beyond, no more is read from clients."""
    sessions: int = 1_000_000
    """Sessions and keys of clients that are remembered, some 300 bytes each; beyond, no new ones are taken."""
    answers: int = 4_000_000
    """Answers that are kept, some 100 bytes each; beyond, only commands are taken whose clients let some go."""
    connections: int = 800
    """Clients that may be connected; beyond, new ones are closed. Systems often give a process 1,024 files in all."""
    snapshot: int = 10_000
    """A snapshot of the state is kept after so many entries, or more if it is large; never with 0.

    Who starts folds the entries after it again before it speaks as a leader, a slice a turn.
    """
    retain: int = 1_000_000
    """The latest entries that are not dropped when there is a snapshot: read models ask for them. See `behind.py`."""
    inputs: int = 4096
    """Messages of peers that may wait for the disk, of `peer_buffer` bytes together; what goes beyond is dropped."""

    @property
    def events(self) -> int:
        """The events of a command, encoded."""
        return self.peer_frame // self.batch - BESIDE


# -- messages between a client and a server -------------------------------------------------------------------


class Hello(Struct, frozen=True, array_like=True):
    """Who calls: a server of the same group, by its name, or a client; and which group it wants.

    A server says which store it has, and whether it is said to be a new one, in the place of whatever is known of it.
    """

    group: str
    peer: ServerId | None = None
    store: str = ""
    is_new: bool = False


class Welcome(Struct, frozen=True, array_like=True):
    """A server's answer to a client's Hello: who it is, whether it leads, who does as far as it knows."""

    identity: ServerId
    leads: bool
    leader: ServerId | None
    term: int


class NotLeader(Struct, frozen=True, array_like=True):
    """Whatever was asked of this server and is not answered, it will not answer; this one leads, as far as it knows."""

    leader: ServerId | None
    term: int


class Refusal(Struct, frozen=True, array_like=True):
    """Why the connection is closed."""

    reason: str


class Read(Struct, Generic[Command], frozen=True, array_like=True):
    """Questions to be answered from what is true now, all at one point, under a number of the client's choice."""

    call: int
    questions: tuple[Command, ...]


class ReadAnswered(Struct, Generic[Answer], frozen=True, array_like=True):
    """The answers to one Read, in the order of its questions, and how many events there were.

    There are none if a question is none, for its command would have changed something, or if the application has raised
    an exception, which is the reason then.
    """

    call: int
    at: int
    answers: tuple[Answer, ...] | None
    reason: str = ""


class AskStatus(Struct, frozen=True, array_like=True):
    """How is the server?"""


class AskSession(Struct, frozen=True, array_like=True):
    """What is known of this session?"""

    session: str


class SessionKnown(Struct, frozen=True, array_like=True):
    """The last command of a session that is known to be decided, and how many of its first answers are forgotten.

    Neither ever becomes less, so that it is true whoever says it.
    """

    session: str
    last: int
    forgotten: int
    full: bool = False
    """Whether it is a new session, for which there is no room."""

    @classmethod
    def of(cls, name: str, session: Session[Any]) -> SessionKnown:
        """What a table says of a session."""
        return cls(name, session.last, session.forgotten)


class Status(Struct, frozen=True):
    """How a server is. Places count entries from 1; `lag` says for each peer of a leader how many entries it lacks."""

    identity: ServerId
    group: str
    role: str
    term: int
    leader: ServerId | None
    last: int
    synced: int
    commit: int
    applied: int
    """How many entries have been folded, those of leaders that begin left out; followers may wait with few of them."""
    events: int
    lag: dict[ServerId, int]
    bad: int
    """Messages of peers that were impossible."""
    dropped: int = 0
    """The first so many entries are no longer on its disk."""
    sessions: int = 0
    """Sessions and keys that it remembers; see `Limits.sessions`."""


class AnswerRow(Struct, Generic[Answer], frozen=True, array_like=True):
    """The answer to one command of a session; no answer of the application where there was a conflict."""

    session: str
    number: int
    at: int
    conflict: bool
    said: Answer | None
    reason: str = ""
    """Of the conflict, if the application has raised an exception."""

    def answered(self) -> Answered[Answer]:
        """The answer as the core has it."""
        return Answered(self.at, Conflict(self.reason) if self.conflict else cast("Answer", self.said))


class Gone(Struct, frozen=True, array_like=True):
    """A read model has asked a server for what it has dropped: the first `events` entries of a shard's queue."""

    sender: ServerId
    shard: str
    events: int


@final
class Held(Struct, frozen=True, array_like=True):
    """A leader says to the others that all of them have on their disks what stands up to this index; it is decided."""

    sender: ServerId
    index: int


class Slice(Struct, frozen=True, array_like=True):
    """An AppendRequest whose entries stand in it as they stand on the disk."""

    sender: ServerId
    to: ServerId
    term: int
    prev_index: int
    prev_term: int
    commit_index: int
    entries: Raw
