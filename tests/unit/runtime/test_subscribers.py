"""A read model that does not take what it is sent is sent nothing more, until it asks; others do not notice."""

from __future__ import annotations

from typing import Any, Final

import pytest

from quorumlog.core.read_model import Ask, News, Queue
from quorumlog.runtime.messages import Gone
from quorumlog.runtime.subscribers import PUSHED, Subscribers

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

    subscribers = Subscribers(clients, queue, lambda: Gone("a1", "a", 0))  # type: ignore[arg-type]
    for by in (SLOW, QUICK):
        subscribers.on_ask(by, Ask(f"r{by}", "a1", "a", 0, 1, True))
    for each in range(1, messages + 1):
        decided[0] = each
        subscribers.committed()
    return clients.news


def test_who_does_not_read_is_sent_one_message_more() -> None:
    news = told_of_many(10 * PUSHED)
    assert [each.after for each in news[SLOW]] == [0, 0]
    assert [each.after for each in news[QUICK]] == [0, *range(10 * PUSHED)]
    assert all(isinstance(each, News) for each in news[QUICK])


def test_one_that_is_sent_all_the_same_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subscribers, "_drop", lambda *_: None)
    assert len(told_of_many(10 * PUSHED)[SLOW]) > 10 * PUSHED
