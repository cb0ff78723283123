"""Whoever talks nonsense to a server loses the connection, and nobody else notices."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from msgspec.structs import replace

from quorumlog import Cluster
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.core.consistent_read import Question, Reply
from quorumlog.core.leader_output import Acknowledged, Executed, Request
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime import admission, wire
from quorumlog.runtime.admission import OF_A_PEER, STRANGERS
from quorumlog.runtime.config import LIMITS
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import Hello, PeerMessage, frame, framed

CLIENT: Final = frame(wire.HELLO, Hello("a"))
PEER: Final = frame(wire.HELLO, Hello("a", "a2"))
UNKNOWN: Final = frame(wire.HELLO, Hello("a", "x9"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One machine would do, but a leader has peers that may lie to it."""
    with Cluster(size=2) as started:
        yield started


@pytest.fixture
def check(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """Whether the group still answers a client that was there before, and a new one."""
    with cluster.client() as before:
        assert before.ask(Deposit("x", 1), timeout=20) is True

        def still_answers() -> None:
            held = before.read(Balance("x"), timeout=20)
            assert before.ask(Deposit("x", 1), timeout=20) is True
            with cluster.client() as new:
                assert new.read(Balance("x"), timeout=20) == held + 1

        yield still_answers


def talk(cluster: Cluster, said: bytes, to: str = "a1") -> bytes:
    """Say this to a server, and hear what it says until it closes the connection."""
    heard = b""
    with socket.create_connection(cluster.servers[to], timeout=10) as connection:
        connection.sendall(said)
        while piece := connection.recv(1 << 16):
            heard += piece
    return heard


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\xff" * 100,
        b"\x00\x00\x00\x00\x01\x01",
        framed(wire.REQUESTS, b"\x90"),
        framed(wire.HELLO, b"\xc1"),
        framed(wire.HELLO, bytes(5000)),
        framed(99, b"\x90"),
        UNKNOWN,
        frame(wire.HELLO, Hello("another group")),
        CLIENT + framed(99, b"\x90"),
        CLIENT + framed(wire.REQUESTS, b"\xc1"),
        CLIENT + frame(wire.REQUESTS, [["s", 1, 0, None, {"f": "deposit", "account": "x", "amount": -1}]]),
        CLIENT + frame(wire.REQUESTS, [Request("s", 1, 0, None, Deposit("x" * 40_000, 1))]),
        CLIENT + frame(wire.READ, [1, [{"f": "nothing"}]]),
        CLIENT + frame(wire.ASK, "what?"),
        CLIENT + frame(wire.HELLO, Hello("a")),
        CLIENT + b"\x7f\xff\xff\xff\x01\x20",
        CLIENT + LEDGER_CODEC.to_peer(VoteRequest("a2", 99, 0, 0)),
        PEER + framed(wire.APPEND, b"\xc1"),
        PEER + framed(wire.REQUESTS, b"\x90"),
        PEER + LEDGER_CODEC.to_peer(VoteRequest("a2", -1, 0, 0)),
        PEER + frame(wire.LETTERS, []),
    ],
)
def test_nonsense_ends_that_connection_and_no_other(said: bytes, cluster: Cluster, check: Callable[[], None]) -> None:
    lines = len(cluster.said)
    talk(cluster, said)
    check()
    assert len(cluster.said) == lines + 1
    assert cluster.said[-1].startswith("a connection was closed: ")


def test_why_a_connection_is_refused_is_said(cluster: Cluster) -> None:
    assert b"x9 is no peer of a1" in talk(cluster, UNKNOWN)
    assert b"this is a server of group a" in talk(cluster, frame(wire.HELLO, Hello("b")))


@pytest.mark.parametrize(
    "lie",
    [
        lambda term: VoteReply("a3", "a1", term),
        lambda term: VoteReply("a2", "a1", term + 7),
        lambda term: AppendReply("a2", "a1", term, True, 1 << 40),
        lambda term: AppendReply("a2", "a1", term + 3, True, 1),
        lambda term: AppendReply("x9", "a1", term, True, 1),
        lambda term: AppendReply("a2", "a2", term, True, 1),
        lambda term: AppendRequest("a2", "a1", term, 1 << 40, term, (), 1 << 40),
        lambda term: AppendRequest("a3", "a1", term, 0, 0, (Entry(1, Acknowledged(77)),), 0),
        lambda term: AppendRequest("a2", "a1", term, 0, 0, (Entry(1, Executed("s", 5, 9, ())),), 1 << 40),
        lambda term: Question("a3", term, 1),
        lambda term: Reply("a2", "a2", term, 1),
    ],
)
def test_a_lying_peer_brings_no_server_down(
    lie: Callable[[int], PeerMessage], cluster: Cluster, check: Callable[[], None]
) -> None:
    """It says what nobody says who follows the protocol, to the leader and to the other one."""
    for server, status in cluster.status().items():
        peer = "a2" if server == "a1" else "a1"
        message: Any = lie(status.term)
        named = {"a1": server, "a2": peer}
        parts = {
            field: named.get(getattr(message, field), "x9") for field in ("sender", "to") if hasattr(message, field)
        }
        changed = type(message)(**{**fields(message), **parts})
        with socket.create_connection(cluster.servers[server], timeout=10) as connection:
            connection.sendall(frame(wire.HELLO, Hello("a", peer)) + LEDGER_CODEC.to_peer(changed))
    check()


def test_who_would_replace_what_is_decided_loses_the_connection(cluster: Cluster, check: Callable[[], None]) -> None:
    check()
    term = max(status.term for status in cluster.status().values())
    lie = AppendRequest("a2", "a1", term + 1, 0, 0, (Entry(term, Executed("liar", 1, 0, ())),) * 99, 0)
    talk(cluster, PEER + LEDGER_CODEC.to_peer(lie))
    check()
    says = "a connection was closed: a2 hands on other entries than those that are decided"
    assert cluster.said[-1] == says


def test_lies_are_counted(cluster: Cluster) -> None:
    before = {server: status.bad for server, status in cluster.status().items()}
    later = frame(wire.HELLO, Hello("a", "a2")) + LEDGER_CODEC.to_peer(AppendReply("a2", "a1", 1 << 40, True, 1))
    with socket.create_connection(cluster.servers["a1"], timeout=10) as connection:
        connection.sendall(later)
        while cluster.status()["a1"].bad == before["a1"]:
            pass
    assert cluster.status()["a2"].bad == before["a2"]


def fields(message: Any) -> dict[str, Any]:
    """The fields of a message."""
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_there_is_room_for_so_many_clients_and_for_peers_all_the_same() -> None:
    """Who says nothing holds no place for long, and who comes too late loses nothing but its connection."""
    limits = replace(LIMITS, connections=2)
    with Cluster(size=2, limits=limits) as cluster, cluster.client() as first:
        assert first.ask(Deposit("x", 1), timeout=20) is True
        address = cluster.servers[str(first.leader)]
        with ExitStack() as open_:

            def connected(said: bytes = b"") -> socket.socket:
                made = open_.enter_context(socket.create_connection(address, timeout=10))
                made.sendall(said)
                return made

            silent = [connected() for _ in range(STRANGERS)]
            second = connected(CLIENT)
            assert second.recv(1)
            assert silent[0].recv(1) == b""
            assert connected(CLIENT).recv(1) == b""
            assert cluster.said[-1] == "a connection was closed: there are 2 clients already"
            peer = frame(wire.HELLO, Hello("a", "a2" if first.leader == "a1" else "a1"))
            peers = [connected(peer) for _ in range(OF_A_PEER + 1)]
            assert peers[0].recv(1) == b""
            assert first.ask(Deposit("x", 1), timeout=20) is True
        with cluster.client() as another:
            assert another.read(Balance("x"), timeout=20) == 2


def test_a_server_that_has_no_room_for_a_connection_goes_on() -> None:
    """A loop tells of it as of an error of its own, with the socket that listens."""
    with Cluster(size=1) as cluster, cluster.client() as client:
        server = cluster._nodes["a1"]
        context = {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many open files")}
        server.unhandled(cluster._background.loop, {**context, "socket": "which listens"})
        assert client.ask(Deposit("x", 1), timeout=20) is True
        assert not server.failure.done()


def test_of_requests_that_come_faster_than_turns_no_more_than_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends them is not heard until they are decided, and then is."""
    paused: list[int] = []
    whole = Connection.pause

    def pause(connection: Connection) -> None:
        paused.append(1)
        whole(connection)

    monkeypatch.setattr(Connection, "pause", pause)
    with Cluster(size=1, limits=replace(LIMITS, undecided=200)) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        assert not paused
        for _ in range(5):
            assert client.ask(Deposit("x" * 200, 1), timeout=20) is True
        assert len(paused) == 5


def test_strangers_fill_no_disk_with_lines() -> None:
    lines: list[str] = []
    now = [0.0]
    strangers = admission.Quiet(lines.append, lambda: now[0])
    for each in range(1_000):
        strangers.say(f"line {each}")
    assert lines == [f"line {each}" for each in range(admission.MOST)]
    now[0] += admission.MINUTE
    strangers.say("a late line")
    assert lines[admission.MOST :] == [f"{1_000 - admission.MOST} more such lines were left out", "a late line"]
    now[0] += admission.MINUTE
    strangers.say("another")
    assert lines[admission.MOST + 2 :] == ["another"]


def test_whoever_connects_in_vain_is_told_of_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST", 3)
    with Cluster(size=1) as cluster:
        for _ in range(5):
            talk(cluster, b"\xff" * 100)
        assert len(cluster.said) == 3
