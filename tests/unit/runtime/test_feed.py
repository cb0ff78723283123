"""The copy of a group's events: whatever order news comes in, users see one numbered list of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorumlog.core.leader_output import CONFLICT, Executed
from quorumlog.core.read_model import News
from quorumlog.ledger.events import Asked, Declined, Deposited, Transferred
from quorumlog.runtime import feed as feeds
from quorumlog.runtime import wire
from quorumlog.runtime.feed import Event, Feed
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.read_model import ReadModel
from quorumlog.runtime.session import Unanswered
from quorumlog.runtime.slices import LARGEST, Slices
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import BadFrame, Gone

NOBODY: Final = cast(Connection, None)
"""A feed that has not reached anybody takes what comes from there."""
HOUR: Final = 3600.0
SERVERS: Final = {"a1": ("127.0.0.1", 1), "a2": ("127.0.0.1", 1)}

EVENTS: Final = st.one_of(
    st.builds(Deposited, st.sampled_from("xyz"), st.integers(1, 9)), st.builds(Asked, st.just("q")), st.just(Declined())
)
ENTRIES: Final = st.lists(st.lists(EVENTS, max_size=3).map(tuple) | st.just(CONFLICT), max_size=8)
SLICES: Final = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12)


class Whole(Slices):
    """All of a message at once, however long it takes: nobody is there to be told to wait with the next one."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now, first=LARGEST)

    def folded(self, count: int, took: float) -> None:
        """It is as quick as ever."""


def executed(written: list[Any]) -> tuple[Executed[Any], ...]:
    """Entries with these events, of one session."""
    return tuple(Executed("s", number, 0, events) for number, events in enumerate(written, 1))


def told(feed: Feed, sender: str, after: int, entries: tuple[Any, ...], end: int, time: int = 0) -> None:
    """A server tells of entries."""
    news = News(sender, feed.model.name, "a", after, entries, end, time)
    feed.took(NOBODY, wire.NEWS, memoryview(wire.ENCODER.encode(news)))


def with_feed(story: Callable[[Feed], None]) -> None:
    """Run a story about a feed whose servers are not there."""

    async def run() -> None:
        feed = Feed("a", SERVERS, LEDGER)
        feed._slices = Whole(feed._loop.time)
        story(feed)
        await feed.close()

    asyncio.run(run())


def check(written: list[Any], slices: list[tuple[int, int]], after: int, limit: int) -> None:
    """Tell a feed slices of these entries, as they come, then all; what it shows is the flat list."""
    entries = executed(written)
    flat = [(each.number, event) for each in entries if isinstance(each.events, tuple) for event in each.events]
    expected = [Event(position, "s", *pair) for position, pair in enumerate(flat, 1)]

    def story(feed: Feed) -> None:
        for start, size in slices:
            told(feed, "a1", start, entries[start : start + size], len(entries))
        known = feed.projection.events
        assert feed.events(0, 100) == expected[:known]
        told(feed, "a2", 0, entries, len(entries))
        assert feed.projection.events == len(expected)
        assert feed.events(after, limit) == expected[after : after + limit]
        assert set(feed.projection.accounts) == {e.account for _, e in flat if isinstance(e, Deposited)}

    with_feed(story)


@given(written=ENTRIES, slices=SLICES, after=st.integers(0, 20), limit=st.integers(1, 9))
def test_events_are_one_numbered_list(written: list[Any], slices: list[Any], after: int, limit: int) -> None:
    check(written, slices, after, limit)


def test_entries_that_count_as_events_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: each entry counts as one event."""
    monkeypatch.setattr(feeds, "events_of", lambda entry: (entry.events,) if entry.events else ())
    monkeypatch.setattr(feeds.Projecting, "evolve", lambda _, state, __: state)
    with pytest.raises(AssertionError):
        check([(Declined(), Declined()), CONFLICT], [], 0, 9)


def test_its_age_is_known_from_the_present_source_only() -> None:
    def story(feed: Feed) -> None:
        assert feed.staleness() == (False, None)
        told(feed, "a2", 0, (), 0, 900)
        assert feed.staleness() == (False, None)
        told(feed, "a1", 0, (), 0, 900)
        known, age = feed.staleness()
        assert known
        assert age is not None
        assert age >= 0

    with_feed(story)


def test_its_age_counts_from_the_question_and_anew_with_another_server() -> None:
    """What the answer says was true when the question came, and the other server may know less."""

    def story(feed: Feed) -> None:
        told(feed, "a1", 0, (), 0, feed._now() - 400)
        known, age = feed.staleness()
        assert known
        assert age is not None
        assert age >= 400
        feed._elsewhere()
        assert feed.staleness() == (False, None)

    with_feed(story)


def test_news_for_others_and_nonsense_are_refused() -> None:
    def story(feed: Feed) -> None:
        news = News("a1", "somebody", "a", 0, executed([(Declined(),)]), 1, 0)
        for kind, body in ((wire.NEWS, wire.ENCODER.encode(news)), (wire.NEWS, b"\xc1"), (wire.ANSWERS, b"")):
            with pytest.raises(BadFrame):
                feed.took(NOBODY, kind, memoryview(body))
        assert feed.events(0, 9) == []

    with_feed(story)


def test_what_all_servers_have_dropped_cannot_be_copied() -> None:
    """One after another says so; events that come meanwhile begin it anew."""

    def gone(feed: Feed) -> None:
        gone = Gone(feed.model.source, "a", 7)
        feed.took(NOBODY, wire.GONE, memoryview(wire.ENCODER.encode(gone)))

    def story(feed: Feed) -> None:
        gone(feed)
        assert feed.model.source == "a2"
        told(feed, "a2", 0, executed([(Declined(),)]), 2)
        gone(feed)
        assert feed.failure is None
        gone(feed)
        assert str(feed.failure) == "all servers of group a have dropped the first 7 entries"

    with_feed(story)


def test_whoever_waits_is_told_that_it_is_closed() -> None:
    """And does not wait until its own time is over; what follows the events ends."""

    async def run() -> tuple[bool, bool, list[Event]]:
        model = ReadModel("a", SERVERS, LEDGER.codec, LEDGER.application)
        waits = [asyncio.create_task(each) for each in (model.more(0, HOUR), unanswered(model.current(HOUR)))]
        follows = asyncio.create_task(all_of(model.follow()))
        await asyncio.sleep(0)
        await model.close()
        async with asyncio.timeout(HOUR / 1000):
            more, told = await asyncio.gather(*waits)
            return more, told, await follows

    assert asyncio.run(run()) == (False, True, [])


async def unanswered(waits: Awaitable[object]) -> bool:
    """Whether there is no answer."""
    try:
        await waits
    except Unanswered:
        return True
    return False


async def all_of(events: AsyncIterator[Event]) -> list[Event]:
    """All that there are until the end."""
    return [each async for each in events]


def test_accounts_are_those_between_which_money_moves() -> None:
    assert feeds.accounts_of(Transferred("ann", "bob", 3)) == ["ann", "bob"]
    assert feeds.accounts_of(Asked("ann")) == []


# -- much news, and little time ----------------------------------------------------------------------------------------


class Silent:
    """A connection on which nothing is said, and that may be paused."""

    def __init__(self) -> None:
        self.is_paused = False
        self.is_writable = self.is_open = True

    def pause(self) -> None:
        """Nothing is read."""
        self.is_paused = True

    def resume(self) -> None:
        """Something is."""
        self.is_paused = False

    def send(self, _: bytes) -> None:
        """Nobody hears it."""

    def close(self) -> None:
        """It is over."""


def most_in_a_turn(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many entries a copy folds in one turn of its loop, of 300 in one message, if each takes a millisecond."""
    folded = [0]
    turns: list[int] = []
    evolve = feeds.Projecting.evolve

    def slow(self: Any, state: Any, event: Any) -> Any:
        folded[0] += 1
        time.sleep(0.001)
        return evolve(self, state, event)

    monkeypatch.setattr(feeds.Projecting, "evolve", slow)

    async def run() -> None:
        feed = Feed("a", SERVERS, LEDGER)
        connection = Silent()
        feed._connection = cast(Connection, connection)
        entries = executed([(Deposited("x", 1),)] * 300)
        news = News("a1", feed.model.name, "a", 0, entries, 300, 900)
        turns.append(0)
        feed.took(feed._connection, wire.NEWS, memoryview(wire.ENCODER.encode(news)))
        while feed.position < 300:
            assert connection.is_paused
            assert not feed.staleness()[0]
            turns.append(folded[0])
            await asyncio.sleep(0)
        turns.append(folded[0])
        assert not connection.is_paused
        assert feed.staleness()[0]
        assert feed.events(0, 1000) == [Event(n, "s", n, Deposited("x", 1)) for n in range(1, 301)]
        await feed.close()

    asyncio.run(run())
    return max(after - before for before, after in pairwise(turns))


def test_what_comes_in_one_message_is_folded_in_many_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert most_in_a_turn(monkeypatch) <= 2 * feeds.FIRST


def test_folding_a_whole_message_in_one_turn_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "FIRST", 1 << 40)
    with pytest.raises(AssertionError):
        assert most_in_a_turn(monkeypatch) <= 32
