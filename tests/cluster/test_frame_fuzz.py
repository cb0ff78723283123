"""Whatever comes to the port of a server, as a client's or in a peer's name: no server ends, and clients are answered.

Whoever lies in a peer's name may keep a group from deciding, or worse (`docs/operating.md`); no process ends of it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quorumlog import Cluster
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import Conflict, Executed
from quorumlog.core.read_model import Ask
from quorumlog.ledger.commands import Deposit
from quorumlog.ledger.events import Deposited
from quorumlog.pre_vote import PreVoteReply, PreVoteRequest
from quorumlog.runtime import server, steps, wire
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.messages import Held
from quorumlog.runtime.wire import AskSession, Hello, frame, framed

MANY: Final = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CLIENT: Final = frame(wire.HELLO, Hello("a"))
SERVERS: Final = ("a1", "a2", "a3")

# -- what is said ------------------------------------------------------------------------------------------------------

TEXTS: Final = st.sampled_from([*SERVERS, "a", "b", "", "x" * 300, "f", "deposit", "x"]) | st.text(max_size=5)
NUMBERS: Final = st.integers(-2, 9) | st.sampled_from([2**31, 2**40, 2**53, 2**63, 2**64 - 1, -(2**63)])
LEAVES: Final = TEXTS | NUMBERS | st.none() | st.booleans() | st.floats() | st.binary(max_size=9)
VALUES: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
KNOWN: Final = st.sampled_from([wire.HELLO, wire.APPEND, wire.LETTERS, *wire.PEER_KINDS.values()])
OF_CLIENTS: Final = st.sampled_from([wire.REQUESTS, wire.READ, wire.ASK, wire.ASK_STATUS, wire.ASK_SESSION])
BODIES: Final = VALUES.map(msgspec.msgpack.encode) | st.binary(max_size=60)
FRAMES: Final = st.builds(framed, KNOWN | OF_CLIENTS | st.integers(0, 255), BODIES) | st.binary(max_size=40)
WRITTEN: Final = st.fixed_dictionaries({"f": TEXTS, "account": TEXTS, "amount": NUMBERS | st.floats()})
COMMANDS: Final = st.builds(Deposit, TEXTS, st.integers(1, 2**40)) | WRITTEN | VALUES
REQUESTS: Final = st.lists(st.tuples(TEXTS, NUMBERS, NUMBERS, st.none() | NUMBERS, COMMANDS), max_size=5)
ASKS: Final = st.builds(Ask, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, st.booleans())
MEANT: Final = (
    REQUESTS.map(lambda rows: frame(wire.REQUESTS, rows))
    | st.tuples(NUMBERS, st.lists(COMMANDS, max_size=4)).map(lambda read: frame(wire.READ, read))
    | ASKS.map(lambda ask: frame(wire.ASK, ask))
    | st.builds(AskSession, TEXTS).map(lambda ask: frame(wire.ASK_SESSION, ask))
)

PLACES: Final = st.integers(0, 12) | st.sampled_from([2**20, 2**40])
"""No term is near the greatest that there is: after such a lie nobody could be elected any more."""
NAMES: Final = st.sampled_from([*SERVERS, "a9"])
EXECUTED: Final = st.builds(
    Executed, st.sampled_from(["s", "t"]), PLACES, PLACES, st.just((Deposited("x", 1),)) | st.just(Conflict())
)
ENTRIES: Final = st.lists(st.builds(Entry, PLACES, st.none() | EXECUTED), max_size=4).map(tuple)
LIES: Final[st.SearchStrategy[Any]] = (
    st.builds(VoteRequest, NAMES, PLACES, PLACES, PLACES)
    | st.builds(VoteReply, NAMES, NAMES, PLACES)
    | st.builds(AppendReply, NAMES, NAMES, PLACES, st.booleans(), PLACES)
    | st.builds(AppendRequest, NAMES, NAMES, PLACES, PLACES, PLACES, ENTRIES, PLACES)
    | st.builds(Question, NAMES, PLACES, PLACES)
    | st.builds(Reply, NAMES, NAMES, PLACES, PLACES)
    | st.from_type(PreVoteRequest)
    | st.from_type(PreVoteReply)
    | st.builds(Held, NAMES, PLACES)
)


def say(cluster: Cluster, to: str, said: bytes) -> None:
    """Say this to a server, and go when it has heard it, or has closed the connection."""
    with suppress(ConnectionError), socket.create_connection(cluster.servers[to], timeout=10) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A group of three."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def honest(cluster: Cluster) -> Iterator[Any]:
    """A client that was there before."""
    with cluster.client() as client:
        assert client.ask(Deposit("honest", 1), timeout=20) is True
        yield client


def ended(cluster: Cluster) -> list[str]:
    """What servers have said that have ended; those that run have answered since."""
    assert len(cluster.status()) == len(SERVERS)
    return [line for line in cluster.said if " stops: " in line]


@MANY
@given(to=st.sampled_from(SERVERS), first=st.sampled_from([b"", CLIENT]), said=st.lists(FRAMES | MEANT, max_size=4))
def test_a_client_that_says_anything_is_noticed_by_nobody(
    cluster: Cluster, honest: Any, to: str, first: bytes, said: list[bytes]
) -> None:
    say(cluster, to, first + b"".join(said))
    assert ended(cluster) == []
    assert honest.ask(Deposit("honest", 1), timeout=20) is True


@MANY
@given(to=st.sampled_from(SERVERS), by=st.sampled_from(SERVERS), said=st.lists(FRAMES, min_size=1, max_size=4))
def test_frames_that_are_none_in_the_name_of_a_peer_are_noticed_by_nobody(
    cluster: Cluster, honest: Any, to: str, by: str, said: list[bytes]
) -> None:
    say(cluster, to, frame(wire.HELLO, Hello("a", by)) + b"".join(said))
    assert ended(cluster) == []
    assert honest.ask(Deposit("honest", 1), timeout=20) is True


def lied_to() -> Cluster:
    """A group that is told lies in the names of its servers. Raises `AssertionError` if one of them ends."""
    with Cluster() as running, running.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True

        @MANY
        @given(by=st.sampled_from(SERVERS), to=st.sampled_from(SERVERS), lies=st.lists(LIES, min_size=1, max_size=6))
        def lie(by: str, to: str, lies: list[Any]) -> None:
            said = frame(wire.HELLO, Hello("a", by))
            for each in lies:
                with suppress(OverflowError):
                    said += LEDGER_CODEC.to_peer(each)
            say(running, to, said)
            assert ended(running) == []

        lie()
        return running


def test_who_lies_in_the_name_of_a_peer_ends_no_server() -> None:
    lied_to()


def test_a_server_that_believes_anything_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "guarded", lambda _, step, whole, taken: step(whole, taken))
    monkeypatch.setattr(server, "is_strange", lambda *_: False)
    with pytest.raises(AssertionError, match="stops"):
        lied_to()
