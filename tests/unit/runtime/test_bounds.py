"""What a leader holds for others is bounded in bytes, and it refuses nothing that may take effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.unit.runtime.virtual_servers import LIMITS, VirtualServer, VirtualServers

from quorumlog import Cluster
from quorumlog.core.consensus.messages import AppendRequest, Entry
from quorumlog.core.leader_output import Executed, Request
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime import wire
from quorumlog.runtime.admission import Kept
from quorumlog.runtime.client import Client
from quorumlog.runtime.hosting import LEDGER_CODEC, Hosted
from quorumlog.runtime.questions import Questions
from quorumlog.runtime.wire import BadFrame, Codec, Limits, Read, SessionKnown, Welcome

FULL: Final = SessionKnown("s", 0, 0, full=True)


def asked(server: VirtualServer, session: str, size: int, number: int = 1) -> None:
    """A client's command arrives in a frame of so many bytes."""
    server.server.on_requests(1, [Request(session, number, 0, None, Deposit("x", 1))], size)


def told(server: VirtualServer, kind: type) -> list[Any]:
    """What clients were told of this kind."""
    return [each for each in server.told if isinstance(each, kind)]


def test_what_is_not_decided_is_bounded_in_bytes() -> None:
    """Two commands of 40 bytes are no more than may be held, and a third one is, until they are decided."""
    group = VirtualServers(limits=replace(LIMITS, undecided=100))
    leader = group.leader()
    group.run(300)
    full = []
    for session in ("s", "t", "u"):
        asked(leader, session, 40)
        full.append(leader.server.is_full)
    group.run(0)  # they are in the log now
    assert leader.server.load.waiting == 0
    full.append(leader.server.is_full)
    group.run(20)
    full.append(leader.server.is_full)
    assert full == [False, False, True, True, False]
    assert (leader.server.load.bytes, len(told(leader, Welcome))) == (0, 1 + 0)


def test_a_leader_that_is_cut_off_holds_no_more_and_forgets_it_when_it_is_deposed() -> None:
    group = VirtualServers(limits=replace(LIMITS, undecided=100))
    leader = group.leader()
    group.run(300)
    group.cut.add(leader.server.identity)
    for session in ("s", "t", "u"):
        asked(leader, session, 40)
        group.run(5)
    assert (leader.server.is_full, leader.server.load.undecided) == (True, 120)
    group.run(1_000)
    assert (leader.server.is_full, leader.server.load.bytes) == (False, 0)


class Stutter:
    """An application that makes much of little."""

    def start(self) -> int:
        return 0

    def decide(self, state: int, command: int, randomness: None) -> tuple[str, ...]:
        return ("x" * command,)

    def evolve(self, state: int, event: str) -> int:
        return state + 1

    def answer(self, state: int, events: tuple[str, ...]) -> int:
        return state


STUTTER: Final[Hosted[int, int, str, int, None]] = Hosted(
    Stutter(), Codec(int, str, int), lambda _: None, lambda state, _: state
)


def test_what_commands_become_counts_as_well() -> None:
    group = VirtualServers(hosted=STUTTER, limits=replace(LIMITS, undecided=10_000))
    leader = group.leader()
    group.run(300)
    leader.server.on_requests(1, [Request("s", 1, 0, None, 9_000)], 10)
    group.run(0)
    assert 9_010 <= leader.server.load.undecided < 9_100
    leader.server.on_requests(1, [Request("s", 2, 0, None, 9_000)], 10)
    group.run(0.7)  # the first one is written, and on its way
    assert leader.server.is_full
    group.run(30)
    assert (leader.server.is_full, leader.server.load.bytes) == (False, 0)


def test_what_waits_for_a_slow_disk_is_bounded_in_bytes() -> None:
    group = VirtualServers()
    leader = group.leader()
    group.run(300)
    group.write = 10_000
    other = next(each for each in group.servers.values() if each is not leader)
    replica, name = other.server.node.replica, leader.server.identity
    entry = Entry(replica.term, Executed("s", 1, 0, ()))
    news = AppendRequest(name, other.server.identity, replica.term, 1, 1, (entry,), 1)
    other.server.on_peer(name, news)
    group.run(1)
    assert other.server.driver.turn is not None
    for _ in range(10):
        other.server.on_peer(name, news, LIMITS.peer_buffer // 4)
    assert len(other.server.driver.waiting) == 4


# -- there is no room for a session --------------------------------------------------------------------------------


def refused_elsewhere() -> VirtualServer:
    """A leader that was deposed and does not know, and is full, is asked what its successor has executed."""
    group = VirtualServers(seed=2, limits=replace(LIMITS, sessions=1))
    leader = group.leader()
    group.run(300)
    group.cut.add(leader.server.identity)
    asked(leader, "q", 10)
    group.run(0)
    successor = group.leader()
    asked(successor, "s", 10)
    group.run(20)
    assert [each.session for each in successor.answered] == ["s"]
    assert leader.server.node.leads
    asked(leader, "s", 10)
    group.run(20)
    return leader


def test_a_command_that_another_leader_has_executed_is_never_refused() -> None:
    assert told(refused_elsewhere(), SessionKnown) == []


def test_a_command_for_which_there_is_no_room_is_refused_once_that_is_certain() -> None:
    group = VirtualServers(limits=replace(LIMITS, sessions=1))
    leader = group.leader()
    group.run(300)
    asked(leader, "q", 10)
    group.run(20)
    asked(leader, "s", 10)
    assert told(leader, SessionKnown) == []
    group.run(20)
    assert told(leader, SessionKnown) == [FULL]
    assert len(leader.server.node.replica.log) == 2


def test_nothing_is_refused_for_what_is_not_decided() -> None:
    """A later leader may have room where this one has none."""
    group = VirtualServers(limits=replace(LIMITS, sessions=1))
    leader = group.leader()
    group.run(300)
    group.cut.update(each for each in group.servers if each != leader.server.identity)
    asked(leader, "q", 10)
    group.run(1)
    asked(leader, "s", 10)
    group.run(20)
    assert told(leader, SessionKnown) == []


def at_once(questions: Questions[Any, Any, Any], by: int, sessions: frozenset[str]) -> Any:
    """A mutant: whoever thinks that it leads refuses."""
    for each in sessions:
        questions._clients.tell(by, SessionKnown(each, 0, 0, full=True))
    return WHOLE(questions, by, frozenset())


WHOLE: Final[Callable[[Questions[Any, Any, Any], int, frozenset[str]], Any]] = Questions.ask_for_room


def test_whoever_refuses_at_once_refuses_what_was_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Questions, "ask_for_room", at_once)
    assert told(refused_elsewhere(), SessionKnown) == [FULL]


# -- answers that nobody says to have ------------------------------------------------------------------------------


def kept(server: VirtualServer) -> int:
    """How many answers there are."""
    sessions = server.server.node.gate.table.sessions
    return sum(len(sessions[name].kept) for name in sessions)


def hoarding(group: VirtualServers) -> VirtualServer:
    """A leader whose clients ask a thousand times, in sessions and by keys, and never say what they have received."""
    leader = group.leader()
    for number in range(1, 501):
        asked(leader, "s", 10, number)
        asked(leader, f"key {number}", 10)
        group.run(3)
    return leader


def test_there_are_only_so_many_answers_and_whoever_lets_some_go_goes_on() -> None:
    group = VirtualServers(limits=replace(LIMITS, answers=100))
    leader = hoarding(group)
    assert (kept(leader), leader.server.kept.number) == (100, 100)
    last = leader.server.node.gate.table.session("s").last
    leader.answered.clear()
    asked(leader, "s", 10, last)
    asked(leader, "s", 10, last + 1)
    asked(leader, "new", 10)
    group.run(20)
    assert [(each.session, each.number) for each in leader.answered] == [("s", last)]
    request = Request("s", last + 1, last, None, Deposit("x", 1))
    leader.server.on_requests(1, [request], 10)
    group.run(20)
    assert kept(leader) == leader.server.kept.number == 100 - last + 1
    asked(leader, "new", 10)
    group.run(20)
    assert leader.answered[-1].session == "new"
    assert told(leader, SessionKnown) == []


def test_another_leader_counts_what_it_finds() -> None:
    group = VirtualServers(limits=replace(LIMITS, answers=100))
    group.cut.add(hoarding(group).server.identity)
    again = group.leader()
    asked(again, "new", 10)  # it finds out with the first command
    asked(again, "s", 10, again.server.node.gate.table.session("s").last + 1)
    group.run(20)
    asked(again, "newer", 10)
    group.run(20)
    assert 100 <= kept(again) == again.server.kept.number <= 102
    assert "newer" not in again.server.node.gate.table.sessions


def test_without_a_limit_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant."""
    monkeypatch.setattr(Kept, "without", lambda kept, gate, requests: requests)
    assert kept(hoarding(VirtualServers(limits=replace(LIMITS, answers=100)))) == 1_000


def test_counting_costs_nothing_as_long_as_there_are_few() -> None:
    """The bound is counted once it is reached, and seldom then."""
    group = VirtualServers(limits=replace(LIMITS, answers=100))
    leader = group.leader()
    for number in range(1, 500):
        leader.server.on_requests(1, [Request("s", number, number - 1, None, Deposit("x", 1))], 10)
        group.run(3)
    assert kept(leader) == 1
    assert 1 <= leader.server.kept.number < 100


# -- a turn is short -----------------------------------------------------------------------------------------------


def test_a_turn_takes_so_many_requests_and_no_more_are_read() -> None:
    group = VirtualServers(limits=replace(LIMITS, turn=10))
    leader = group.leader()
    group.run(300)
    full = []
    for number in range(1, 11):
        asked(leader, "s", 10, number)
        full.append(leader.server.is_full)
    group.run(0)
    full.append(leader.server.is_full)
    assert full == [False] * 9 + [True, False]
    assert len(told(leader, Welcome)) == 1


def test_all_clients_are_paused_when_it_is_full_and_asked_again() -> None:
    """Else each of them would be heard once more in the same turn."""
    with Cluster(size=1, limits=replace(Limits(), turn=3)) as cluster, ExitStack() as open_:
        clients = [open_.enter_context(cluster.client()) for _ in range(8)]
        for each in clients:
            assert each.ask(Deposit("x", 1), timeout=20) is True
        node = cluster._nodes["a1"]

        async def flooded() -> tuple[int, int]:
            by = next(iter(node._clients))
            for number in range(3):
                node.took(by, wire.REQUESTS, memoryview(encoded("flood", number + 1)))
            return len(node._paused), len(node._clients)

        found, there = cluster._background.wait(flooded())
        assert found == there == 8
        for each in clients:
            assert each.ask(Deposit("x", 1), timeout=20) is True
        assert clients[0].read(Balance("x"), timeout=20) == 19


def encoded(session: str, number: int) -> bytes:
    """A client's command, as it comes."""
    return wire.ENCODER.encode([Request(session, number, 0, None, Deposit("x", 1))])


@pytest.mark.parametrize("number", [5, 6])
def test_a_frame_holds_no_more_than_a_turn(number: int) -> None:
    requests = wire.ENCODER.encode([Request("s", each, 0, None, Deposit("x", 1)) for each in range(1, number + 1)])
    questions = wire.ENCODER.encode(Read(1, (Balance("x"),) * number))
    few = nullcontext() if number == 5 else pytest.raises(BadFrame, match="6 requests in one frame, expected at most 5")
    with few:
        assert len(LEDGER_CODEC.requests(memoryview(requests), 1000, 5)) == 5
    with few:
        assert len(LEDGER_CODEC.read(memoryview(questions), 5).questions) == 5


def test_a_client_that_asks_much_at_once_asks_in_several_frames() -> None:
    with Cluster(size=1) as cluster:

        async def asked() -> list[Any]:
            client = Client("a", cluster.servers, LEDGER_CODEC)
            try:
                answers = [client.submit(Deposit("x", 1)) for _ in range(5_000)]
                questions = [client.question(Balance("y")) for _ in range(9_000)]
                return await asyncio.wait_for(asyncio.gather(*answers, *questions), 60)
            finally:
                await client.close()

        assert cluster._background.wait(asked()) == [True] * 5_000 + [0] * 9_000
