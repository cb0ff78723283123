"""The event queue as read models see it: the committed entries that gates wrote, by their position.

They stand in the log, with the no-ops of new leaders between them, which have no position. So the places of the no-ops
are all that has to be remembered, and entries are looked at, wherever the log has them, when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from quorumlog.core.consensus.effects import Committed
from quorumlog.core.consensus.log import Log
from quorumlog.node import written


class EventQueue:
    """How long the queue is, and where the log has other entries: their indexes, from 1."""

    def __init__(self, length: int = 0, others: Sequence[int] = ()) -> None:
        self.length = length
        self.others = list(others)

    def committed(self, news: Committed) -> None:
        """These entries are decided; those of a restarted server that are known already change nothing."""
        known = self.length + len(self.others)
        entries = news.entries[max(0, known - news.after) :]
        others = [place for place, entry in enumerate(entries, max(known, news.after) + 1) if entry.event is None]
        self.others += others
        self.length += len(entries) - len(others)

    def at(self, index: int) -> EventQueue:
        """The queue as it was when so many entries of the log were decided."""
        others = self.others[: bisect_right(self.others, index)]
        return EventQueue(index - len(others), others)

    def place(self, position: int) -> int:
        """Behind how many entries of the log the event after this position stands."""
        for index in self.others:
            if index > position + 1:
                break
            position += 1
        return position

    def between(self, log: Log, after: int, end: int) -> tuple[Any, ...]:
        """The events after one position, up to another one."""
        end = min(end, self.length)
        if after >= end:
            return ()
        last = self.place(end - 1) + 1
        return written(log[self.place(after) : last])


class Events:
    """What stands for a tuple of all committed events where only slices of it are taken."""

    def __init__(self, queue: EventQueue, log: Log) -> None:
        self._queue = queue
        self._log = log

    def __getitem__(self, places: slice) -> tuple[Any, ...]:
        return self._queue.between(self._log, places.start, places.stop)
