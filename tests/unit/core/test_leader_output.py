"""The gate of a leader with an application of one's own: what it says, appends, and keeps to itself."""

from __future__ import annotations

import pytest

from quorumlog.core.client import Client, Proxy
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import (
    CONFLICT,
    Acknowledged,
    Answered,
    Append,
    Executed,
    LeaderOutput,
    Request,
    Say,
    no_messages,
)


class Adding:
    """A sum; a command says how often the random number is added, each time as an event of its own."""

    def start(self) -> int:
        return 0

    def evolve(self, state: int, event: int) -> int:
        return state + event

    def decide(self, state: int, command: int, randomness: int) -> tuple[int, ...]:
        return (randomness,) * command

    def answer(self, state: int, events: tuple[int, ...]) -> str:
        return f"{len(events)} events make {state}"


def told(state: int, events: tuple[int, ...]) -> tuple[str, ...]:
    """Two messages for a command with events, none for one without."""
    return (f"now {state}", f"by {sum(events)}") if events else ()


ADDING: LeaderOutput[int, int, int, str, int, str] = LeaderOutput(Adding(), told)
QUIET: LeaderOutput[int, int, int, str, int, object] = LeaderOutput(Adding(), no_messages)


def request(number: int, command: int = 1, received: int = 0, expected: int | None = None) -> Request[int]:
    """A request of the one session."""
    return Request("s", number, received, expected, command)


def test_a_command_becomes_several_events_in_one_entry_and_is_answered_when_that_is_decided() -> None:
    leading = ADDING.lead(ADDING.begin(), ())
    asked, (append,) = ADDING.on_request(leading, "p", request(1, command=2), 5)
    assert append == Append((Executed("s", 1, 0, (5, 5)),))
    assert asked.table == leading.table
    after, said = ADDING.commit(asked, (Executed("s", 1, 0, (5, 5)),))
    assert said == (Say("p", "s", 1, Answered(2, "2 events make 10")),)
    assert (after.table, dict(after.waiting)) == (asked.draft, {})


def test_a_command_without_events_is_executed_once_all_the_same() -> None:
    leading = ADDING.lead(ADDING.begin(), ())
    asked, (append,) = ADDING.on_request(leading, "p", request(1, command=0), 5)
    again, nothing = ADDING.on_request(asked, "q", request(1, command=0), 7)
    assert isinstance(append, Append)
    assert nothing == ()
    assert dict(again.waiting) == {("s", 1): {"p", "q"}}


def test_another_leader_gives_the_answer_that_the_first_one_decided() -> None:
    entry = Executed("s", 1, 0, (5,))
    follower, said = QUIET.commit(QUIET.begin(), (entry,))
    assert said == ()
    leading = QUIET.lead(follower, ())
    _, (answer,) = QUIET.on_request(leading, "p", request(1), 7)
    assert answer == Say("p", "s", 1, Answered(1, "1 events make 5"))


def test_a_forgotten_command_is_met_with_silence() -> None:
    entries = (Executed("s", 1, 0, (5,)), Executed("s", 2, 1, (5,)))
    gate, _ = QUIET.commit(QUIET.begin(), entries)
    leading = QUIET.lead(gate, ())
    assert QUIET.on_request(leading, "p", request(1), 7) == (leading, ())


def test_who_expected_another_state_is_told_so_by_whomever_he_asks() -> None:
    leading = QUIET.lead(QUIET.begin(), ())
    asked, (append,) = QUIET.on_request(leading, "p", request(1, expected=3), 5)
    assert append == Append((Executed("s", 1, 0, CONFLICT),))
    _, (said,) = QUIET.commit(asked, (Executed("s", 1, 0, CONFLICT),))
    assert said.answer == Answered(0, CONFLICT)


def test_messages_to_the_outside_wait_for_each_other() -> None:
    gate, _ = ADDING.commit(ADDING.begin(), (Executed("s", 1, 0, (5,)),))
    with pytest.raises(Refused):
        ADDING.emit(gate)
    leading = ADDING.lead(gate, ())
    assert ADDING.emit(leading).message.content == "now 5"
    noted, (append,) = ADDING.on_acknowledgement(leading, 1)
    assert append == Append((Acknowledged(1),))
    assert ADDING.emit(noted).message.number == 1
    assert ADDING.on_acknowledgement(noted, 1) == (noted, ())
    after, _ = ADDING.commit(noted, (Acknowledged(1),))
    assert ADDING.emit(after).message.content == "by 5"


def test_a_deposed_leader_forgets_what_is_not_decided() -> None:
    leading = QUIET.lead(QUIET.begin(), ())
    asked, _ = QUIET.on_request(leading, "p", request(1), 5)
    assert QUIET.step_down(asked) == QUIET.begin()
    with pytest.raises(Refused):
        QUIET.step_down(QUIET.begin())


def test_a_client_says_what_it_has_received_without_a_gap() -> None:
    client: Client[str] = Client("s", (Answered(1, "a"), None, Answered(3, "c")))
    _, asked = client.send(4, None, "x")
    assert asked.received == client.received == 1
    with pytest.raises(Refused):
        client.send(1, None, "x")
    with pytest.raises(Refused):
        client.send(5, None, "x")


def test_a_proxy_hands_on_only_what_it_was_asked_for() -> None:
    proxy = Proxy(2).forward("s", 1)
    assert proxy.hand_on(Say(2, "s", 1, Answered(1, "a"))).open == frozenset()
    with pytest.raises(Refused):
        proxy.hand_on(Say(1, "s", 1, Answered(1, "a")))
    with pytest.raises(Refused):
        proxy.hand_on(Say(2, "s", 2, Answered(1, "a")))
