"""Formulas about all places of long sequences, which remember how far they were found true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlastep.language.operations import fail
from tlastep.long_sequences import Long, LongSequences, Trunk, common


class AllPlaces:
    """`\\A k \\in 1 .. high : body(k)`, where all that changes of the body is in `parts`: values and long sequences.

    What the body says at a place k that reads nothing behind k stays true as long as the sequences agree up to there.
    """

    def __init__(self, long: LongSequences) -> None:
        self._long = long

    def __call__(
        self, known: dict[Any, int], low: Any, high: Any, body: Callable[[int], bool], parts: tuple[Any, ...]
    ) -> bool:
        """Whether it is true. `known` is what this formula has learnt."""
        if type(low) is not int or type(high) is not int:
            raise fail("expected numbers")
        key: tuple[Any, ...]
        if len(parts) == 2:
            one, other = parts
            key = one.trunk if type(one) is Long else one, other.trunk if type(other) is Long else other
        else:
            key = tuple([part.trunk if type(part) is Long else part for part in parts])
        found = known.get(key) if low == 1 else None
        if found is None:
            if low != 1 or not any(type(part) is Trunk for part in key):
                return all(body(place) for place in range(low, high + 1))
            found = known[key] = self._inherited(known, key)
        return found >= high or self._beyond(found, high, body, known, key)

    def _beyond(self, found: int, high: int, body: Callable[[int], bool], known: dict[Any, int], key: Any) -> bool:
        """Whether it is true at the places behind those where it was found true."""
        long, far = self._long, found
        for place in range(found + 1, high + 1):
            long.highest = 0
            if not body(place):
                return False
            if long.highest <= place and far == place - 1:
                far = place
        known[key] = far
        return True

    def each(self, known: dict[Any, int], high: Any, body: Callable[[int], bool], parts: tuple[Any, ...]) -> bool:
        """The same from place 1 on, of a body that says of place k nothing of what is behind k, whatever it is."""
        if len(parts) == 2:
            one, other = parts
            key: Any = one.trunk if type(one) is Long else one, other.trunk if type(other) is Long else other
        else:
            key = tuple([part.trunk if type(part) is Long else part for part in parts])
        found = known.get(key)
        if found is None:
            if type(high) is not int or not any(type(part) is Trunk for part in key):
                return self(known, 1, high, body, parts)
            found = known[key] = self._inherited(known, key)
        if found < high:
            for place in range(found + 1, high + 1):
                if not body(place):
                    return False
            known[key] = high
        return True

    @staticmethod
    def _inherited(known: Mapping[Any, int], key: tuple[Any, ...]) -> int:
        """What is known of sequences that these have a beginning in common with."""
        best = 0
        for other, reach in known.items():
            for one, its in zip(key, other, strict=True):
                if type(one) is Trunk and type(its) is Trunk:
                    reach = min(reach, common(one, its))
                elif type(one) is not type(its) or one != its:
                    reach = 0
            best = max(best, reach)
        return best
