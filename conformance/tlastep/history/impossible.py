"""What no order explains, seen without a search: an answer that asks for more or less than an amount can ever be.

When an operation happens, all that returned before it began has happened, and what it overlaps has happened or has not;
so has what nobody has heard the answer of. That leaves each amount a least and a most. They are far apart where much is
open, so mostly this says nothing. But where it says something a search may take for ever, for it tries all orders of
what is open before it knows that there is none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from tlastep.history.amounts import Bounds, Known, Name
from tlastep.history.found import NEVER, returned


def first_impossible(operations: Sequence[Known]) -> int:
    """The line of the earliest answer that no order explains, as far as that is seen here; `NEVER` if none is."""
    changes: dict[Name, list[tuple[int, int, Bounds]]] = defaultdict(list)
    for operation, amounts in operations:
        ends = operation.line, returned(operation)
        for name in amounts.adds.keys() | amounts.unknown.keys():
            added = amounts.adds.get(name, 0)
            changes[name].append((*ends, amounts.unknown.get(name, (added, added))))
    sums = {name: _Sums(some) for name, some in changes.items()}
    nothing = _Sums(())
    first = NEVER
    for operation, amounts in operations:
        line = returned(operation)
        if line >= first:
            continue
        for need in amounts.needs:
            added = amounts.adds.get(need.name, 0)
            least, most = sums.get(need.name, nothing).between(operation.line, line, added)
            if need.least > most or least > need.most:
                first = line
    return first


class _Sums:
    """What operations add to one amount, by the lines in which they begin and return."""

    def __init__(self, changes: Iterable[tuple[int, int, Bounds]]) -> None:
        known = list(changes)
        begun = sorted((begins, *bounds) for begins, _, bounds in known)
        ended = sorted((returns, least) for _, returns, (least, _) in known if returns != NEVER)
        self._begins = [line for line, *_ in begun]
        self._lowers = _sums(min(0, least) for _, least, _ in begun)
        self._raises = _sums(max(0, most) for _, _, most in begun)
        self._returns = [line for line, _ in ended]
        self._all = _sums(added for _, added in ended)
        self._lowered = _sums(min(0, added) for _, added in ended)
        self._raised = _sums(max(0, added) for _, added in ended)

    def between(self, begins: int, returns: int, own: int) -> Bounds:
        """The least and the most when an operation happens that begins and returns in these lines, and adds `own`."""
        certain = bisect_left(self._returns, begins)
        possible = bisect_left(self._begins, returns)
        least = self._all[certain] + self._lowers[possible] - self._lowered[certain] - min(0, own)
        most = self._all[certain] + self._raises[possible] - self._raised[certain] - max(0, own)
        return least, most


def _sums(numbers: Iterable[float]) -> list[float]:
    """The sums of the first so many numbers."""
    return list(accumulate(numbers, initial=0))
