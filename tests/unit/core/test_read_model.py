"""Read models as a runtime uses them: a projection of one's own, a queue that grows, and a session with its token."""

from __future__ import annotations

from typing import Final

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.read_model import (
    KnownSince,
    News,
    Queue,
    ReadModel,
    Source,
    Token,
    UnknownSince,
    after_read,
    after_write,
    on_ask,
    on_news,
    push,
    query,
    rebuild,
    replay,
    request,
    start,
    switch,
)
from quorumlog.persistent.frozen_map import FrozenMap

LOG: Final = ("a", "b", "c")
NOBODY: Final = Source(FrozenMap({}))
TOKEN: Final[Token] = FrozenMap({"east": 0, "west": 0})


class Spelt:
    """A projection that spells the events."""

    def start(self) -> str:
        return ""

    def evolve(self, state: str, event: str) -> str:
        return state + event


def reader(subscribes: bool = False) -> ReadModel[str, str]:
    return start("r", "n", ("east", "west"), Spelt(), subscribes)


def queue(committed: int, batch: int = 10, node: str = "n") -> Queue[str]:
    return Queue(node, "east", LOG, committed, batch)


def asked(model: ReadModel[str, str], committed: int, now: int, batch: int = 10) -> ReadModel[str, str]:
    """The read model after a question and its reply."""
    _, news = on_ask(NOBODY, queue(committed, batch), request(model, "east", now))
    return on_news(model, Spelt(), news)


def test_only_what_is_committed_is_told() -> None:
    model = asked(reader(), committed=2, now=5)
    assert model.copy["east"] == ("a", "b")
    assert query(model, "east", 0, now=5, patience=3).state == "ab"
    assert query(model, "west", 0, now=5, patience=3).state == ""


def test_a_batch_is_cut_and_the_next_question_goes_on() -> None:
    model = asked(reader(), committed=3, now=5, batch=2)
    assert model.since["east"] == 0  # it was told that there is more
    model = asked(model, committed=3, now=6, batch=2)
    assert (model.copy["east"], model.since["east"]) == (LOG, 6)


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("until", range(4))
def test_news_is_taken_exactly_where_it_fits(after: int, until: int) -> None:
    """The events before the cursor are known, those behind a gap of no use."""
    model = asked(reader(), committed=1, now=1)
    told = on_news(model, Spelt(), News("n", "r", "east", after, LOG[after:until], until, 0))
    expected = LOG[: max(1, until)] if after <= 1 else LOG[:1]
    assert (told.copy["east"], told.state["east"]) == (expected, "".join(expected))


def test_a_subscriber_is_sent_each_event_once() -> None:
    model = reader(subscribes=True)
    source, _ = on_ask(NOBODY, queue(0), request(model, "east", 1))
    source, first = push(source, queue(1), "r")
    source, second = push(source, queue(3), "r")
    assert (first.events, second.events) == (("a",), ("b", "c"))
    with pytest.raises(Refused):
        push(source, queue(3), "r")
    assert on_news(model, Spelt(), second) == model  # the first was lost
    assert asked(model, committed=3, now=2).copy["east"] == LOG


def test_a_token_makes_one_wait_for_what_one_has_written_and_read() -> None:
    behind, ahead = asked(reader(), committed=1, now=1), asked(reader(), committed=2, now=1)
    written = after_write(TOKEN, "east", 2)
    read = after_read(TOKEN, "east", query(ahead, "east", TOKEN["east"], now=1, patience=1).position)
    for token in (written, read):
        with pytest.raises(Refused, match="2 is needed"):
            query(behind, "east", token["east"], now=1, patience=1)
        assert query(behind, "west", token["west"], now=1, patience=1).position == 0
    assert after_read(written, "east", 1) == written


def test_who_is_cut_off_says_since_when() -> None:
    model = asked(reader(), committed=1, now=5)
    assert query(model, "east", 0, now=7, patience=2).freshness == KnownSince(5)
    assert query(model, "east", 0, now=8, patience=2).freshness == UnknownSince(5)
    assert query(model, "west", 0, now=5, patience=2).freshness == UnknownSince(0)


def test_a_new_source_has_told_nothing_yet() -> None:
    model = switch(asked(reader(), committed=2, now=5), "m")
    answer = query(model, "east", 2, now=5, patience=9)
    assert (answer.state, answer.freshness) == ("ab", UnknownSince(0))
    with pytest.raises(Refused):
        switch(model, "m")


def test_a_projection_is_rebuilt_from_the_copy_and_answers_at_its_end() -> None:
    model = rebuild(asked(reader(), committed=2, now=1), Spelt(), "east")
    model = asked(model, committed=3, now=2)
    for _ in LOG:
        with pytest.raises(Refused, match="rebuilt"):
            query(model, "east", 0, now=2, patience=1)
        model = replay(model, Spelt(), "east")
    assert query(model, "east", 3, now=2, patience=1).state == "abc"
    with pytest.raises(Refused):
        replay(model, Spelt(), "east")
