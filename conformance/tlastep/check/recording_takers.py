"""How often each message is still to be taken: after the last time it is lost, and need not be kept any longer.

Of half an hour these are millions, so of each message there is its hash, and how often that is still to come. Where two
messages have one hash, a message may be kept longer than it is needed, which does no harm: to lose it is allowed, and
never necessary.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from tlastep.check.recording_lines import Lines
from tlastep.recorded import Key, Translation

Wanted: TypeAlias = tuple["array[int]", int]
"""How often a message is still to be taken: the number at a place."""

TOGETHER: Final = 64  # hashes in one drawer, more or less


def taken(wanted: Wanted) -> bool:
    """Somebody takes a message. Whether nobody does any more."""
    left, place = wanted
    left[place] -= 1
    return not left[place]


class Takers:
    """The hashes of all messages that are taken, each as often as it is."""

    def __init__(self, hashes: Iterable[Iterable[int]], count: int) -> None:
        """`count` says how many there are, more or less."""
        self._mask = (1 << max(count // TOGETHER, 1).bit_length()) - 1
        drawers = [array("q") for _ in range(self._mask + 1)]
        for some in hashes:
            for each in some:
                drawers[each & self._mask].append(each)
        self._known: list[array[int]] = []
        self._left: list[array[int]] = []
        while drawers:
            self._put(sorted(drawers.pop()))
        self._known.reverse()
        self._left.reverse()

    def _put(self, hashes: list[int]) -> None:
        known, left = array("q"), array("L")
        for each in hashes:
            if known and known[-1] == each:
                left[-1] += 1
            else:
                known.append(each)
                left.append(1)
        self._known.append(known)
        self._left.append(left)

    def wanted(self, key: Key) -> Wanted | None:
        """How often the message is still to be taken; None if nobody takes it any more."""
        name = hash(key)
        drawer = name & self._mask
        known = self._known[drawer]
        place = bisect_left(known, name)
        if place == len(known) or known[place] != name:
            return None
        left = self._left[drawer]
        return (left, place) if left[place] else None


def takers_of(recordings: Sequence[Lines[Any]], translation: Translation[Any]) -> Takers:
    """Who takes the messages of some recordings, as their surveys say, or as is seen now."""
    needs = translation.needs
    hashes: list[Sequence[int]] = [
        array("q", [hash(key) for key in map(needs, lines) if key is not None])
        if lines.survey is None
        else lines.survey.takes
        for lines in recordings
    ]
    besides = [keys for own in translation.besides.values() for keys in own.values()]
    hashes.append(array("q", [hash(key) for keys in besides for key in keys]))
    return Takers(hashes, sum(map(len, hashes)))
