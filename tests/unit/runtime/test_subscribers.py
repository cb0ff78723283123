"""A read model that does not take what it is sent is sent nothing more, until it asks; and no message is too large."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Final

import pytest
from tests.unit.persistent.mutated import mutated

from quorumlog.core.read_model import Ask, News, Queue
from quorumlog.runtime import subscribers, wire
from quorumlog.runtime.messages import Gone
from quorumlog.runtime.subscribers import FEW, PUSHED, Subscribers

SLOW: Final = 1
QUICK: Final = 2


class Told:
    """Clients, of whom one never reads: it is told once that too much waits."""

    def __init__(self) -> None:
        self.news: dict[int, list[Any]] = {SLOW: [], QUICK: []}

    def tell(self, to: int, message: Any) -> bool:
        """Whether it may be told more."""
        self.news[to].append(message)
        return to == QUICK


def told_of_many(messages: int) -> dict[int, list[Any]]:
    """What both are told of so many messages, each decided after the one before."""
    clients, events = Told(), ["e"] * messages
    decided = [0]

    def queue() -> Queue[Any]:
        return Queue("a1", "a", tuple(events), decided[0], 1)

    told = Subscribers(clients, queue, lambda: Gone("a1", "a", 0))  # type: ignore[arg-type]
    for by in (SLOW, QUICK):
        told.on_ask(by, Ask(f"r{by}", "a1", "a", 0, 1, True))
    for each in range(1, messages + 1):
        decided[0] = each
        told.committed()
    return clients.news


def test_who_does_not_read_is_sent_one_message_more() -> None:
    news = told_of_many(10 * PUSHED)
    assert [each.after for each in news[SLOW]] == [0, 0]
    assert [each.after for each in news[QUICK]] == [0, *range(10 * PUSHED)]
    assert all(isinstance(each, News) for each in news[QUICK])


def test_one_that_is_sent_all_the_same_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subscribers, "_drop", lambda *_: None)
    assert len(told_of_many(10 * PUSHED)[SLOW]) > 10 * PUSHED


# -- how much is told at once ------------------------------------------------------------------------------------------

BATCH: Final = 1024


def copied(module: Any, sizes: list[int]) -> list[int]:
    """How many entries of these sizes there are in each message to a copy that asks until it has all."""
    clients, events = Told(), tuple("e" * size for size in sizes)
    told = module.Subscribers(clients, lambda: Queue("a1", "a", events, len(events), BATCH), lambda: Gone("a1", "a", 0))
    known: list[Any] = []
    while len(known) < len(events):
        told.on_ask(QUICK, Ask("r", "a1", "a", len(known), 1, False))
        known += clients.news[QUICK][-1].events
        assert len(clients.news[QUICK]) <= len(events)
    assert tuple(known) == events
    return [len(each.events) for each in clients.news[QUICK]]


def check(module: Any) -> None:
    """Messages are as large as they may be, and few entries go into one whatever their size."""
    small = copied(module, [100] * 20_000)
    assert max(small) == BATCH
    assert small[:3] == [FEW, 2 * FEW, 4 * FEW]
    for sizes in ([20_000] * 1_000, [10] * 5_000 + [30_000] * 500 + [10] * 20_000, [1 << 20] * 40, [50_000] * 100):
        found, begins = copied(module, sizes), 0
        for number, end in zip(found, accumulate(found), strict=True):
            encoded = len(wire.ENCODER.encode(tuple("e" * size for size in sizes[begins:end])))
            assert encoded <= wire.BODY or number <= FEW
            begins = end
        assert max(found) >= {20_000: 26, 10: BATCH}.get(sizes[0], FEW)
        assert sizes[-1] != 10 or found[-2] == BATCH


def test_messages_are_not_too_large() -> None:
    check(subscribers)


@pytest.mark.parametrize(
    ("find", "instead"),
    [
        ("size <= wire.BODY or number == FEW", "True"),
        ("self._most = 2 * number", "pass"),
        ("max(number * wire.BODY // size, FEW)", "FEW // 2"),
        ("            if number < FEW:", "            if number <= 4 * FEW:"),
        ("self._most = FEW", "self._most = 1024"),
    ],
)
def test_messages_that_are_larger_or_smaller_would_be_noticed(find: str, instead: str) -> None:
    with pytest.raises(AssertionError):
        check(mutated(subscribers, find, instead))
