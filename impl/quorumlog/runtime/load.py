"""How many bytes a leader holds of what is not decided: requests that wait for a turn, and what became of others."""

from __future__ import annotations

from collections import deque


class Load:
    """Bytes of requests, as they came, and of the events that they became, where an application's are measured.

    Numbers of requests are limited as well. They alone would allow gigabytes: as many requests as may be outstanding,
    each as large as one may be.
    """

    def __init__(self) -> None:
        self.waiting = 0
        """Of the requests that wait for the end of the turn."""
        self.undecided = 0
        """Of those that are in the log, and what they became."""
        self._events = 0
        self._batches: deque[tuple[int, int]] = deque()

    @property
    def bytes(self) -> int:
        """All that is held."""
        return self.waiting + self.undecided

    def asked(self, size: int) -> None:
        """Requests have come, in a frame of this size."""
        self.waiting += size

    def measured(self, size: int) -> None:
        """A command that is being taken becomes events of this size."""
        self._events += size

    def taken(self, last: int) -> None:
        """What has waited is in the log, which ends at index `last`."""
        size = self.waiting + self._events
        self.waiting = self._events = 0
        if size:
            self.undecided += size
            self._batches.append((last, size))

    def decided(self, index: int) -> None:
        """Entries up to this index are decided."""
        while self._batches and self._batches[0][0] <= index:
            self.undecided -= self._batches.popleft()[1]

    def lost(self) -> None:
        """The server leads no more: those who wait ask somebody else, and what is in the log is another's care."""
        self.waiting = self.undecided = self._events = 0
        self._batches.clear()
