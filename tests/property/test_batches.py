"""Batches are for speed only: a gate that takes requests in batches is one that took them one after another."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.persistent.mutated import mutated

from quorumlog.core import leader_output
from quorumlog.simulation.small_applications import Exchanging

Step: TypeAlias = tuple[str, Any]

REQUESTS: Final = st.tuples(
    st.sampled_from("pq"),  # by which proxy
    st.sampled_from("st"),  # of which session
    st.integers(-1, 2),  # how far beyond the last command of the session
    st.integers(0, 3),  # how many answers have arrived
    st.one_of(st.none(), st.integers(0, 6)),  # how many events are expected
    st.sampled_from(("deposit", "withdraw", "exchange")),
    st.sampled_from((2, 3)),
)
STEPS: Final = st.one_of(
    st.tuples(st.just("ask"), st.lists(REQUESTS, min_size=1, max_size=8)),
    st.tuples(st.just("ask"), st.lists(REQUESTS, min_size=1, max_size=8)),
    st.tuples(st.just("commit"), st.integers(0, 6)),
    st.tuples(st.just("acknowledge"), st.integers(1, 3)),
    st.tuples(st.just("depose"), st.booleans()),
)


def telling(state: int, events: tuple[str, ...]) -> tuple[str, ...]:
    """Exchanges are told to the world outside."""
    return tuple(event for event in events if event.startswith("exchanged"))


class Three:
    """One gate that takes batches, one that does not, and a follower, which is told what is decided entry by entry."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.rules = module.LeaderOutput(Exchanging(), telling)
        self.batched = self.single = self.rules.lead(self.rules.begin(), ())
        self.follower = self.rules.begin()
        self.log: list[Any] = []
        self.applied = 0

    def take(self, step: Step) -> None:
        """All take a step, and say the same."""
        kind, what = step
        getattr(self, kind)(what)
        assert self.batched.table == self.single.table == self.follower.table
        assert self.batched.draft == self.single.draft == self.rules.fold(self.rules.empty(), self.log)
        assert self.batched.waiting == self.single.waiting
        assert self.batched.applied == self.single.applied == self.applied

    def ask(self, asked: list[tuple[str, str, int, int, int | None, str, int]]) -> None:
        """Requests arrive. Their numbers are near those that the sessions have reached."""
        batch = []
        for by, session, beyond, received, expected, command, drawn in asked:
            number = max(1, self.single.draft.session(session).last + beyond)
            request = self.module.Request(session, number, received, expected, command)
            batch.append((by, request, drawn))
        said: list[Any] = []
        written: list[Any] = []
        for each in batch:
            self.single, effects = self.rules.on_request(self.single, *each)
            said += [effect for effect in effects if isinstance(effect, self.module.Say)]
            appends = [effect for effect in effects if isinstance(effect, self.module.Append)]
            written += [entry for append in appends for entry in append.entries]
        self.batched, effects = self.rules.on_requests(self.batched, batch)
        assert effects == (*said, *([self.module.Append(tuple(written))] if written else ()))
        self.log += written

    def commit(self, count: int) -> None:
        """Some more entries are decided, wherever batches end."""
        entries = tuple(self.log[self.applied : self.applied + count])
        self.batched, said = self.rules.commit(self.batched, entries)
        self.single, other = self.rules.commit(self.single, entries)
        assert said == other
        for entry in entries:
            self.follower, nothing = self.rules.commit(self.follower, (entry,))
            assert nothing == ()
        self.applied += len(entries)

    def acknowledge(self, number: int) -> None:
        """The outside has received a message."""
        self.batched, effects = self.rules.on_acknowledgement(self.batched, number)
        self.single, others = self.rules.on_acknowledgement(self.single, number)
        assert effects == others
        self.log += [entry for effect in effects for entry in effect.entries]

    def depose(self, keeps: bool) -> None:
        """The leader is deposed and leads again, with all of its log or with what is decided."""
        if not keeps:
            del self.log[self.applied :]
        rest = self.log[self.applied :]
        self.batched = self.rules.lead(self.rules.step_down(self.batched), rest)
        self.single = self.rules.lead(self.rules.step_down(self.single), rest)


def held(module: Any, examples: int) -> None:
    """Programs that Hypothesis makes."""

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=(Phase.generate,))
    @given(st.lists(STEPS, max_size=20))
    def test(program: list[Step]) -> None:
        three = Three(module)
        for step in program:
            three.take(step)

    test()


def test_batches_are_requests_one_after_another() -> None:
    held(leader_output, 300)


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("if each.end <= applied]", "if each.end <= applied + 1]"),
        ("if each.end <= applied]", "]"),
        ("entries[known.end - gate.applied :])", "entries)"),
        ("Draft(before.end + len(written), draft.table())", "Draft(before.end + 1, draft.table())"),
        ("        return before.grown(added) if added else before", "        return before"),
        ("(waits.get(named) or gate.waiting.get(named) or NOBODY)", "(gate.waiting.get(named) or NOBODY)"),
        ("state, self.events + len(events)", "state, self.before.events + len(events)"),
    ],
)
def test_batches_that_are_not_are_found(find: str, replace: str) -> None:
    with pytest.raises((AssertionError, ExceptionGroup)):
        held(mutated(leader_output, find, replace), 300)
