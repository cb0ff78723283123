"""What travels over a connection: the messages in frames (`frames.py`), in MessagePack. Nothing here opens a socket.

Whatever is malformed, oversized, unknown or impossible raises `BadFrame`, which is the end of that connection and of
nothing else. `Codec` knows the types of an application, and so how its entries are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from quorumlog.core.consensus.messages import (
    MESSAGES,
    AppendReply,
    AppendRequest,
    Entry,
    Message,
    VoteReply,
    VoteRequest,
)
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import Acknowledged, Conflict, Executed, Request, Say
from quorumlog.core.read_model import Ask, News
from quorumlog.ledger.forgetting import Letter
from quorumlog.pre_vote import PreVote, PreVoteReply, PreVoteRequest
from quorumlog.runtime.frames import BadFrame, FrameReader, framed
from quorumlog.runtime.messages import (
    AnswerRow,
    AskSession,
    AskStatus,
    Gone,
    Held,
    Hello,
    Limits,
    NotLeader,
    Read,
    ReadAnswered,
    Refusal,
    SessionKnown,
    Slice,
    Status,
    Welcome,
)

__all__ = [
    "AnswerRow",
    "AskSession",
    "AskStatus",
    "BadFrame",
    "Codec",
    "FrameReader",
    "Gone",
    "Held",
    "Hello",
    "Limits",
    "NotLeader",
    "PeerMessage",
    "Read",
    "ReadAnswered",
    "Refusal",
    "SessionKnown",
    "Slice",
    "Status",
    "Welcome",
    "frame",
    "framed",
]

Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")

LARGEST: Final = 2**53
"""Numbers of terms, places and calls stay below."""
TURN: Final = Limits().turn
BODY: Final = 1 << 20  # bytes of a frame of many values; servers take four times as many, if nothing else is said
LONGEST: Final = 256
"""Characters of the name of a session, or of a read model: servers remember them."""

PeerMessage: TypeAlias = Message | PreVote | Question | Reply | Held

# -- kinds -----------------------------------------------------------------------------------------------------

HELLO: Final = 1
APPEND: Final = 2
PEER_KINDS: Final[dict[type, int]] = {
    VoteRequest: 3,
    VoteReply: 4,
    AppendReply: 5,
    Question: 6,
    Reply: 7,
    PreVoteRequest: 9,
    PreVoteReply: 10,
    Held: 11,
}
"""The kinds of what servers say to each other, slices of the log apart. A new one gets the next free number."""

LETTERS: Final = 8
"""What one group says to another; not among PEER_KINDS, for it comes from elsewhere."""

REQUESTS: Final = 32
ANSWERS: Final = 33
READ: Final = 34
READ_ANSWERED: Final = 35
NOT_LEADER: Final = 36
ASK_STATUS: Final = 37
STATUS: Final = 38
ASK: Final = 39
NEWS: Final = 40
WELCOME: Final = 41
REFUSAL: Final = 42
GONE: Final = 43
ASK_SESSION: Final = 45
SESSION_KNOWN: Final = 46

CLIENT_KINDS: Final[dict[type, int]] = {
    ReadAnswered: READ_ANSWERED,
    NotLeader: NOT_LEADER,
    Status: STATUS,
    News: NEWS,
    Gone: GONE,
    Welcome: WELCOME,
    SessionKnown: SESSION_KNOWN,
}
"""The kinds of what a server says to a client, answers to requests apart."""

ENCODER: Final = msgspec.msgpack.Encoder()
_PEERS: Final[dict[int, msgspec.msgpack.Decoder[Any]]] = {
    kind: msgspec.msgpack.Decoder(each) for each, kind in PEER_KINDS.items()
}
_SLICE: Final = msgspec.msgpack.Decoder(Slice)
_LETTERS: Final[msgspec.msgpack.Decoder[list[Letter]]] = msgspec.msgpack.Decoder(list[Letter])
_HELLO: Final = msgspec.msgpack.Decoder(Hello)

assert set(PEER_KINDS) >= set(MESSAGES) - {AppendRequest}, "every message of consensus has a kind"


def frames_of(kind: int, values: Sequence[object]) -> Iterator[bytes]:
    """Frames with these values: as many as it takes, for servers close a connection over one that is too large."""
    body = ENCODER.encode(values)
    if len(body) <= BODY or len(values) == 1:
        yield framed(kind, body)
    else:
        half = len(values) // 2
        yield from frames_of(kind, values[:half])
        yield from frames_of(kind, values[half:])


def fitting(values: Sequence[object]) -> int:
    """How many of these values, of which at least one, go into a frame of many."""
    number = len(values)
    while number > 1 and len(ENCODER.encode(values[:number])) > BODY:
        number //= 2
    return number


def frame(kind: int, message: object) -> bytes:
    """A frame with this message."""
    return framed(kind, ENCODER.encode(message))


Decoded = TypeVar("Decoded")


def decoded(decoder: msgspec.msgpack.Decoder[Decoded], body: memoryview) -> Decoded:
    """The message in a frame. Raises `BadFrame` if it is none."""
    try:
        return decoder.decode(body)
    except Exception as error:  # types are the application's, and so is what reading them raises
        raise BadFrame(f"a message that cannot be read: {error}") from error


def within(message: Any) -> None:
    """Every number of a message is one that may occur."""
    for field in astuple(message):
        if type(field) is int and not 0 <= field < LARGEST:
            raise BadFrame(f"{type(message).__name__} with the number {field}")


def short(name: str) -> None:
    """A name that a client has chosen is one that may be remembered."""
    if len(name) > LONGEST:
        raise BadFrame(f"a name of {len(name)} characters, expected at most {LONGEST}")


def few(number: int, most: int) -> None:
    """A client asks no more in one frame than is taken in one turn."""
    if number > most:
        raise BadFrame(f"{number} requests in one frame, expected at most {most}")


def hello(body: memoryview) -> Hello:
    """The first message of a connection."""
    return decoded(_HELLO, body)


# -- an application's types --------------------------------------------------------------------------------------

Run: TypeAlias = tuple[int, tuple[Any, ...]]
"""Entries of one term that follow each other: the term, and what they hold."""
KEPT: Final = 16
"""How many blocks are remembered: a turn writes to the disk what it sends."""
EMPTY: Final = ENCODER.encode(())


class Codec(Generic[Command, Event, Answer]):
    """How commands, events and answers of an application are written: by the msgspec types that it brings."""

    def __init__(self, command: Any, event: Any, answer: Any) -> None:
        self.types = command, event, answer
        written = Executed[event] | Acknowledged | None
        self._runs: msgspec.msgpack.Decoder[tuple[Run, ...]] = msgspec.msgpack.Decoder(
            tuple[tuple[int, tuple[written, ...]], ...]
        )
        self._events: msgspec.msgpack.Decoder[tuple[Event, ...]] = msgspec.msgpack.Decoder(tuple[event, ...])
        self._requests: msgspec.msgpack.Decoder[list[Request[Command]]] = msgspec.msgpack.Decoder(
            list[Request[command]]
        )
        self._answers: msgspec.msgpack.Decoder[list[AnswerRow[Answer]]] = msgspec.msgpack.Decoder(
            list[AnswerRow[answer]]
        )
        self._read: msgspec.msgpack.Decoder[Read[Command]] = msgspec.msgpack.Decoder(Read[command])
        self._read_answered: msgspec.msgpack.Decoder[ReadAnswered[Answer]] = msgspec.msgpack.Decoder(
            ReadAnswered[answer]
        )
        self._news: msgspec.msgpack.Decoder[News[Any]] = msgspec.msgpack.Decoder(News[Executed[event] | Acknowledged])
        self._blocks: dict[tuple[int, int, int], tuple[Entry, Entry, bytes]] = {}

    def check(self, events: tuple[Event, ...], largest: int) -> int:
        """In how many bytes events are written, at most `largest`. Raises what says why they cannot, or not be read."""
        encoded = ENCODER.encode(events)
        if len(encoded) > largest:
            raise ValueError(f"events of {len(encoded)} bytes, expected at most {largest}")
        self._events.decode(encoded)
        return len(encoded)

    # -- entries ---------------------------------------------------------------------------------------------

    def block(self, after: int, entries: Sequence[Entry]) -> bytes:
        """The entries that follow the first `after` ones, as they go to disks and peers.

        The last few blocks are remembered, so that it is the same bytes that go to all of them. Two slices that begin
        and end with the very same entries are one slice of one log: an entry and its place determine all before it.
        """
        if not entries:
            return EMPTY
        known = self._blocks.get((after, id(entries[0]), id(entries[-1])))
        if known is not None:
            return known[2]
        block = ENCODER.encode(runs(entries))
        self._keep(after, entries, block)
        return block

    def entries(self, block: bytes) -> tuple[Entry, ...]:
        """The entries of a block. Raises `BadFrame` if it is none."""
        found: list[Entry] = []
        before = 0
        for term, events in decoded(self._runs, memoryview(block)):
            if not before < term < LARGEST:
                raise BadFrame(f"entries of term {term} after such of term {before}")
            before = term
            found += [Entry(term, event) for event in events]
        return tuple(found)

    def _keep(self, after: int, entries: Sequence[Entry], block: bytes) -> None:
        """What is remembered is held, so that no other entry comes to the same address."""
        if len(self._blocks) >= KEPT:
            self._blocks.clear()
        first, last = entries[0], entries[-1]
        self._blocks[after, id(first), id(last)] = first, last, block

    # -- between servers ---------------------------------------------------------------------------------------

    def to_peer(self, message: PeerMessage) -> bytes:
        """A frame for a peer."""
        if type(message) is not AppendRequest:
            return frame(PEER_KINDS[type(message)], message)
        block = Raw(self.block(message.prev_index, message.entries))
        return frame(
            APPEND,
            Slice(
                message.sender,
                message.to,
                message.term,
                message.prev_index,
                message.prev_term,
                message.commit_index,
                block,
            ),
        )

    def from_peer(self, kind: int, body: memoryview) -> PeerMessage:
        """What a peer says. Raises `BadFrame` if it is nothing that a peer says."""
        if kind != APPEND:
            if kind not in _PEERS:
                raise BadFrame(f"a message of the unknown kind {kind}")
            message: PeerMessage = decoded(_PEERS[kind], body)
            within(message)
            return message
        sent = decoded(_SLICE, body)
        within(sent)
        block = bytes(sent.entries)
        entries = self.entries(block)
        if entries and entries[-1].term > sent.term:
            raise BadFrame("entries of a later term than that of their leader")
        if entries:
            self._keep(sent.prev_index, entries, block)
        return AppendRequest(
            sent.sender, sent.to, sent.term, sent.prev_index, sent.prev_term, entries, sent.commit_index
        )

    # -- between clients and servers -----------------------------------------------------------------------------

    def requests(self, body: memoryview, largest: int, most: int = TURN) -> list[Request[Command]]:
        """A client's commands, each of up to `largest` bytes, at most so many."""
        found = decoded(self._requests, body)
        few(len(found), most)
        if len(body) > largest and any(len(ENCODER.encode(each)) > largest for each in found):
            raise BadFrame(f"a command of more than {largest} bytes")
        for each in found:
            if not 0 <= each.received < each.number < LARGEST:
                raise BadFrame(f"command {each.number} of a session that has received {each.received} answers")
            if len(each.session) > LONGEST:
                short(each.session)
        return found

    def answers(self, body: memoryview) -> list[AnswerRow[Answer]]:
        """A server's answers."""
        return decoded(self._answers, body)

    def read(self, body: memoryview, most: int = TURN) -> Read[Command]:
        """A client's questions, at most so many."""
        found = decoded(self._read, body)
        few(len(found.questions), most)
        return found

    def read_answered(self, body: memoryview) -> ReadAnswered[Answer]:
        """A server's answers to questions."""
        return decoded(self._read_answered, body)

    def news(self, body: memoryview) -> News[Any]:
        """News for a read model."""
        return decoded(self._news, body)


def runs(entries: Sequence[Entry]) -> list[tuple[int, list[object]]]:
    """The entries, each term said once."""
    if len(terms := {entry.term for entry in entries}) == 1:  # as almost always
        return [(terms.pop(), [entry.event for entry in entries])]
    found: list[tuple[int, list[object]]] = []
    term = -1
    for entry in entries:
        if entry.term != term:
            term = entry.term
            events: list[object] = []
            found.append((term, events))
        events.append(entry.event)
    return found


def row(said: Say[Answer]) -> tuple[str, int, int, bool, Answer | None] | tuple[str, int, int, bool, None, str]:
    """An answer as `AnswerRow` reads it."""
    answer = said.answer.said
    if type(answer) is Conflict:
        return said.session, said.number, said.answer.at, True, None, answer.reason
    return said.session, said.number, said.answer.at, False, answer


def asked(body: memoryview) -> Ask:
    """What a read model asks."""
    ask = decoded(ASK_DECODER, body)
    within(ask)
    short(ask.sender)
    return ask


def letters(body: memoryview) -> list[Letter]:
    """What another group says."""
    found = decoded(_LETTERS, body)
    for each in found:
        within(each)
        transfer = getattr(each, "transfer", "1")
        name: str = transfer if isinstance(transfer, str) else transfer.id
        if not (name.isascii() and name.isdecimal() and len(name) <= len(str(LARGEST))):
            raise BadFrame(f"{type(each).__name__} of the transfer {name[:40]!r}, expected a number")
    return found


ASK_DECODER: Final = msgspec.msgpack.Decoder(Ask)
WELCOME_DECODER: Final = msgspec.msgpack.Decoder(Welcome)
NOT_LEADER_DECODER: Final = msgspec.msgpack.Decoder(NotLeader)
GONE_DECODER: Final = msgspec.msgpack.Decoder(Gone)
REFUSAL_DECODER: Final = msgspec.msgpack.Decoder(Refusal)
ASK_SESSION_DECODER: Final = msgspec.msgpack.Decoder(AskSession)
SESSION_KNOWN_DECODER: Final = msgspec.msgpack.Decoder(SessionKnown)
STATUS_DECODER: Final = msgspec.msgpack.Decoder(Status)
