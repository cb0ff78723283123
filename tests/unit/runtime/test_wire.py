"""Frames and messages: what was written is read, and whatever else arrives is one error, of that connection alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from time import process_time
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import CONFLICT, Acknowledged, Answered, Conflict, Executed, Request, Say
from quorumlog.core.read_model import Ask
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Prepare, Vote
from quorumlog.core.two_phase_commit.messages import Transfer as Moved
from quorumlog.ledger.commands import Balance, Command, Deposit, Transfer
from quorumlog.ledger.events import Deposited, Event, Exchanged
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.ledger.ledger import Answer, Received
from quorumlog.pre_vote import PreVoteReply, PreVoteRequest
from quorumlog.runtime import frames, wire
from quorumlog.runtime.hosting import Hosted
from quorumlog.runtime.messages import Held, Limits
from quorumlog.runtime.wire import BadFrame, Codec, FrameReader, PeerMessage, frame, framed

CODEC: Final[Codec[Command, Event, Answer]] = Codec(Command, Event, Answer)
LARGEST: Final = 1 << 16

numbers = st.integers(0, wire.LARGEST - 1)
names = st.sampled_from(["a1", "a2", "a3"])
events = st.builds(Deposited, st.text(max_size=5), st.integers(1, 9)) | st.builds(
    Exchanged, names, names, st.integers(1, 9), st.integers(0, 9)
)
conflicts = st.just(CONFLICT) | st.builds(Conflict, st.text(max_size=5))
written = (
    st.builds(Executed[Event], names, numbers, numbers, st.lists(events, max_size=3).map(tuple) | conflicts)
    | st.builds(Acknowledged, numbers)
    | st.none()
)
entries = st.lists(st.builds(Entry, st.integers(1, 3), written), max_size=6).map(
    lambda found: tuple(sorted(found, key=lambda entry: entry.term))
)
peer_messages = st.one_of(
    st.builds(VoteRequest, names, numbers, numbers, numbers),
    st.builds(VoteReply, names, names, numbers),
    st.builds(AppendRequest, names, names, st.just(3), numbers, numbers, entries, numbers),
    st.builds(AppendReply, names, names, numbers, st.booleans(), numbers),
    st.builds(PreVoteRequest, names, numbers, numbers, numbers, numbers),
    st.builds(PreVoteReply, names, names, numbers),
    st.builds(Question, names, numbers, numbers),
    st.builds(Reply, names, names, numbers, numbers),
    st.builds(Held, names, numbers),
)


def read(data: bytes, largest: int = LARGEST) -> list[tuple[int, bytes]]:
    """The frames in these bytes."""
    return [(kind, bytes(body)) for kind, body in FrameReader(largest).feed(data)]


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The bytes, cut at these places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        yield data[start:end]


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=50)), max_size=5), st.lists(st.integers(0, 400)))
def test_frames_are_cut_alike_however_they_arrive(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(framed(kind, body) for kind, body in sent)
    reader = FrameReader(LARGEST)
    found = [(kind, bytes(body)) for piece in pieces(data, cuts) for kind, body in reader.feed(piece)]
    assert found == sent


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((LARGEST + 1).to_bytes(4, "big") + b"\x01\x02", "at most"),
        ((0).to_bytes(4, "big") + b"\x01\x02", "at least 2"),
        ((5).to_bytes(4, "big") + b"\x07\x02abc", "version 7"),
        (b"GET / HTTP/1.1\r\n\r\n", "at most"),
    ],
)
def test_a_frame_that_cannot_be_one_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        read(data)


def test_a_frame_is_refused_before_it_has_arrived() -> None:
    """Nobody is made to keep what will be thrown away."""
    with pytest.raises(BadFrame):
        read((1 << 31).to_bytes(4, "big") + b"\x01\x02")


def test_a_frame_that_comes_in_many_pieces_is_not_copied_at_each() -> None:
    """It costs a client little to send a byte at a time, and must not cost the server a frame at a time."""
    body = bytes(range(256)) * 8192
    whole = framed(3, body)
    reader = FrameReader(len(whole))
    began = process_time()
    assert list(reader.feed(whole[:-2000])) == []
    assert [each for place in range(2000, 1, -1) for each in reader.feed(whole[-place : 1 - place])] == []
    spent = process_time() - began
    ((kind, found),) = reader.feed(whole[-1:] + framed(4, b"")[:5])
    assert (kind, bytes(found)) == (3, body)
    assert [kind for kind, _ in reader.feed(framed(4, b"")[5:])] == [4]
    assert spent < 0.2


def test_what_is_not_complete_waits() -> None:
    whole = framed(3, b"abcdef")
    assert [read(whole[:length]) for length in range(len(whole))] == [[]] * len(whole)
    assert read(whole) == [(3, b"abcdef")]


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    with suppress(BadFrame):
        read(data)


# -- between servers -------------------------------------------------------------------------------------------


@given(peer_messages)
def test_what_a_peer_says_arrives(message: PeerMessage) -> None:
    ((kind, body),) = read(CODEC.to_peer(message))
    assert CODEC.from_peer(kind, memoryview(body)) == message


@given(st.integers(0, 255), st.binary(max_size=100))
def test_any_bytes_are_a_message_or_refused(kind: int, body: bytes) -> None:
    readers: list[Any] = [
        lambda view: CODEC.from_peer(kind, view),
        lambda view: CODEC.requests(view, LARGEST),
        CODEC.answers,
        CODEC.read,
        CODEC.read_answered,
        CODEC.news,
        wire.hello,
    ]
    for reader in readers:
        with suppress(BadFrame):
            reader(memoryview(body))


@given(peer_messages, st.data())
def test_a_message_with_a_wrong_byte_is_a_message_or_refused(message: PeerMessage, data: st.DataObject) -> None:
    body = bytearray(CODEC.to_peer(message)[frames.HEAD :])
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    for kind in (wire.APPEND, *wire.PEER_KINDS.values()):
        with suppress(BadFrame):
            CODEC.from_peer(kind, memoryview(body))


@given(peer_messages, st.data())
def test_a_truncated_message_is_refused(message: PeerMessage, data: st.DataObject) -> None:
    encoded = CODEC.to_peer(message)
    body = encoded[frames.HEAD :]
    length = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(BadFrame):
        CODEC.from_peer(encoded[frames.HEAD - 1], memoryview(body[:length]))


@pytest.mark.parametrize(
    "message",
    [
        VoteRequest("a1", -1, 0, 0),
        AppendReply("a1", "a2", 1, True, 1 << 60),
        AppendRequest("a1", "a2", 1, -5, 0, (), 0),
        AppendRequest("a1", "a2", 1, 0, 0, (Entry(2, None),), 0),
        AppendRequest("a1", "a2", 1, 0, 0, (Entry(0, None),), 0),
        AppendRequest("a1", "a2", 3, 0, 0, (Entry(2, None), Entry(1, None)), 0),
    ],
)
def test_numbers_that_cannot_be_are_refused(message: PeerMessage) -> None:
    encoded = Codec[Command, Event, Answer](Command, Event, Answer).to_peer(message)
    with pytest.raises(BadFrame):
        CODEC.from_peer(encoded[frames.HEAD - 1], memoryview(encoded)[frames.HEAD :])


@pytest.mark.parametrize("kind", [0, wire.REQUESTS, wire.HELLO, 255])
def test_a_peer_says_nothing_of_another_kind(kind: int) -> None:
    with pytest.raises(BadFrame, match=f"kind {kind}"):
        CODEC.from_peer(kind, memoryview(b"\xc0"))


# -- blocks ------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 4), entries), max_size=30))
def test_a_block_is_what_was_put_into_it_whatever_is_remembered(slices: list[tuple[int, tuple[Entry, ...]]]) -> None:
    codec: Codec[Command, Event, Answer] = Codec(Command, Event, Answer)
    for after, found in slices:
        block = codec.block(after, found)
        assert codec.block(after, found) == block
        assert codec.entries(block) == found


def test_the_bytes_for_the_disk_are_those_that_the_leader_sent() -> None:
    """A follower does not encode what it has just decoded, and the second peer gets the bytes of the first."""
    sent = tuple(Entry(2, Executed("s", number, 0, (Deposited("x", 1),))) for number in range(1, 9))
    codec: Codec[Command, Event, Answer] = Codec(Command, Event, Answer)
    first = codec.to_peer(AppendRequest("a1", "a2", 2, 5, 1, sent, 3))
    assert codec.block(5, sent) is codec.block(5, sent)
    ((kind, body),) = read(first)
    follower: Codec[Command, Event, Answer] = Codec(Command, Event, Answer)
    taken = follower.from_peer(kind, memoryview(body))
    assert isinstance(taken, AppendRequest)
    assert follower.block(5, taken.entries) == codec.block(5, sent)
    assert follower.block(5, taken.entries) is follower.block(5, taken.entries)


def test_as_many_of_the_longest_entries_as_a_slice_may_hold_fit_a_frame() -> None:
    """One that did not would close the link, and be sent again, for ever."""
    limits = Limits(batch=8, peer_frame=8 * 10_000)
    codec: Codec[str, str, None] = Codec(str, str, None)
    longest = ("x" * (limits.events - 4),)
    codec.check(longest, limits.events)
    with pytest.raises(ValueError, match="expected at most 7952"):
        codec.check(("x" * (limits.events - 3),), limits.events)
    last = wire.LARGEST - 1
    entries = tuple([Entry(last - 8 + n, Executed("\U0001f600" * wire.LONGEST, last, last, longest)) for n in range(8)])
    sent = codec.to_peer(AppendRequest("a" * 256, "b" * 256, last, last, last, entries, last))
    assert 8 * limits.events < len(sent) <= limits.peer_frame


class Long:
    """What it decides is ten times as long as the command."""

    def start(self) -> int:
        return 0

    def decide(self, state: int, command: str, randomness: None) -> tuple[str, ...]:
        return (command * 10,)

    def evolve(self, state: int, event: str) -> int:
        return state + 1

    def answer(self, state: int, events: tuple[str, ...]) -> int:
        return state


def test_an_application_decides_no_longer_events_than_a_server_hands_on() -> None:
    codec: Codec[str, str, int] = Codec(str, str, int)
    hosted: Hosted[int, str, str, int, None] = Hosted(Long(), codec, lambda dice: None, lambda state, question: state)
    decide = hosted.service(1000).rules.application.decide
    assert decide(0, "x" * 99, None) == ("x" * 990,)
    with pytest.raises(ValueError, match="events of 1004 bytes, expected at most 1000"):
        decide(0, "x" * 100, None)


# -- between clients and servers ---------------------------------------------------------------------------------


def test_requests_and_answers_arrive() -> None:
    asked = [Request[Command]("s", 1, 0, None, Deposit("x", 1)), Request[Command]("s", 2, 1, 7, Transfer("x", "y", 1))]
    body = memoryview(wire.ENCODER.encode(asked))
    assert CODEC.requests(body, LARGEST) == asked
    said: list[Say[Answer]] = [
        Say(1, "s", 1, Answered(4, True)),
        Say(1, "s", 2, Answered(4, CONFLICT)),
        Say(1, "s", 2, Answered(4, Conflict("why"))),
        Say(1, "s", 3, Answered(5, Received(3))),
    ]
    rows = CODEC.answers(memoryview(wire.ENCODER.encode([wire.row(each) for each in said])))
    assert [(each.session, each.number, each.answered()) for each in rows] == [
        (each.session, each.number, each.answer) for each in said
    ]


@pytest.mark.parametrize(
    "request_",
    [
        Request[Command]("s", 0, 0, None, Deposit("x", 1)),
        Request[Command]("s", 3, 3, None, Deposit("x", 1)),
        Request[Command]("s", 3, -1, None, Deposit("x", 1)),
        Request[Command]("s" * 200, 1, 0, None, Deposit("x", 1)),
        ["s", 1, 0, None, {"f": "deposit", "account": "x", "amount": -1}],
        ["s", 1, 0, None, {"f": "steal", "account": "x", "amount": 1}],
    ],
)
def test_a_request_that_cannot_be_is_refused(request_: object) -> None:
    with pytest.raises(BadFrame):
        CODEC.requests(memoryview(wire.ENCODER.encode([request_])), 100)


def test_the_name_of_a_session_is_short_for_servers_remember_it() -> None:
    for length, expected in ((wire.LONGEST, nullcontext()), (wire.LONGEST + 1, pytest.raises(BadFrame, match="name"))):
        asked = [Request[Command]("s" * length, 1, 0, None, Balance("x"))]
        with expected:
            assert CODEC.requests(memoryview(wire.ENCODER.encode(asked)), 4096) == asked


@pytest.mark.parametrize("ask", [Ask("r" * 257, "a1", "a", 0, 1, True), Ask("r", "a1", "a", -1, 1, True)])
def test_a_read_model_that_cannot_be_is_refused(ask: Ask) -> None:
    good = Ask("r", "a1", "a", 0, 1, True)
    assert wire.asked(memoryview(wire.ENCODER.encode(good))) == good
    with pytest.raises(BadFrame):
        wire.asked(memoryview(wire.ENCODER.encode(ask)))


@pytest.mark.parametrize("name", ["", "x", "-1", "1_0", "\u0663", "9" * 5000])
def test_a_letter_names_its_transfer_by_a_number(name: str) -> None:
    """Whoever takes it looks at the number, and would end the server over one that is none."""
    good: list[Letter] = [Vote("1", "p", "yes"), Over("p", 3), Prepare(Moved("2", "x", "y", 1, "p", "q"), "p")]
    assert wire.letters(memoryview(wire.ENCODER.encode(good))) == good
    bad: list[Letter] = [Acknowledgement(name, "p"), Prepare(Moved(name, "x", "y", 1, "p", "q"), "p")]
    for each in bad:
        with pytest.raises(BadFrame, match="expected a number"):
            wire.letters(memoryview(wire.ENCODER.encode([each])))


def test_a_frame_with_many_small_commands_may_be_longer_than_one_command() -> None:
    asked = [Request[Command]("s", number, 0, None, Balance("x")) for number in range(1, 50)]
    assert CODEC.requests(memoryview(wire.ENCODER.encode(asked)), 100) == asked


def test_every_kind_is_one_thing() -> None:
    kinds = [wire.HELLO, wire.APPEND, *wire.PEER_KINDS.values(), *wire.CLIENT_KINDS.values()]
    kinds += [wire.REQUESTS, wire.ANSWERS, wire.READ, wire.ASK_STATUS, wire.ASK, wire.REFUSAL]
    assert len(set(kinds)) == len(kinds)
    assert frame(3, None)[4:6] == bytes((frames.VERSION, 3))
