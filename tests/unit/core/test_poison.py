"""A command at which the application raises fails alone, with a reason; everybody agrees that nothing has happened."""

from __future__ import annotations

from typing import Any, Final

import pytest

from quorumlog.core.event_sourcing import LONGEST
from quorumlog.core.leader_output import Append, Asked, Conflict, Executed, Folding, LeaderOutput, Request, Say


class Touchy:
    """Keeps what it is told, and raises where a command, or the event that it has become, says so."""

    def start(self) -> tuple[str, ...]:
        return ()

    def decide(self, state: tuple[str, ...], command: str, randomness: int) -> tuple[str, ...]:
        if command == "decide":
            raise KeyError(command)
        return tuple(command.split())

    def evolve(self, state: tuple[str, ...], event: str) -> tuple[str, ...]:
        if event == "evolve":
            raise ZeroDivisionError(event)
        return (*state, event)

    def answer(self, state: tuple[str, ...], events: tuple[str, ...]) -> int:
        if "answer" in events:
            raise ValueError("\ud800" * (2 * LONGEST))
        return len(state)


def told(state: tuple[str, ...], events: tuple[str, ...]) -> tuple[str, ...]:
    """A message for each event; it raises, too."""
    if "tell" in events:
        raise RuntimeError("no message")
    return events


RULES: Final[LeaderOutput[tuple[str, ...], str, str, int, int, str]] = LeaderOutput(Touchy(), told)
POISON: Final = {
    "decide": "KeyError: 'decide'",
    "a evolve": "ZeroDivisionError: evolve",
    "a answer": "ValueError: " + "?" * (LONGEST - 12),
    "a tell": "RuntimeError: no message",
}


def in_the_middle(command: str) -> None:
    """Three sessions ask at once, and the second one's command is poison."""
    asked: list[Asked[str, int]] = [
        (name, Request(name, 1, 0, None, each), 0) for name, each in zip("pqr", ("x", command, "y z"), strict=True)
    ]
    leading, (append,) = RULES.on_requests(RULES.lead(RULES.begin(), ()), asked)
    assert isinstance(append, Append)
    nothing = Conflict(POISON[command])
    assert [each.events for each in append.entries if isinstance(each, Executed)] == [("x",), nothing, ("y", "z")]
    after, said = RULES.commit(leading, append.entries)
    assert [(each.to, each.answer.said) for each in said] == [("p", 1), ("q", nothing), ("r", 3)]
    assert (after.table.state, after.table.events, after.table.made) == (("x", "y", "z"), 3, 3)
    follower, _ = RULES.commit(RULES.begin(), append.entries)
    assert follower.table == after.table
    _, again = RULES.on_requests(after, asked[1:2])
    assert again == (Say("q", "q", 1, said[1].answer),)


@pytest.mark.parametrize("command", POISON)
def test_the_others_take_effect(command: str) -> None:
    in_the_middle(command)


def test_what_was_half_folded_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    add = Folding.add

    def half(folding: Folding[Any, Any, Any, Any], entry: Any) -> Any:
        before = folding.state
        for event in entry.events if isinstance(entry.events, tuple) else ():
            folding.state = folding.evolve(folding.state, event)
        folding.state = before
        return add(folding, entry)

    monkeypatch.setattr(Folding, "add", half)
    with pytest.raises(AssertionError):
        in_the_middle("a evolve")


def test_an_application_that_was_not_heard_out_is_not_asked() -> None:
    """Who expects another number of events is told so, whatever the command."""
    asked = ("p", Request("p", 1, 0, 7, "decide"), 0)
    _, (append,) = RULES.on_requests(RULES.lead(RULES.begin(), ()), [asked])
    assert append == Append((Executed("p", 1, 0, Conflict()),))
