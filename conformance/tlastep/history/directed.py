"""A search for an order that knows why it failed, for models whose state is a number of amounts.

It is the search of `checker.py` with another way back. Where nothing leads on, it is because of some amounts: those
that kept the operation from happening that must return first, and those that kept whatever might have helped it. If an
operation that was done on the way there touches none of these, another one in its place makes no difference, and the
search goes back beyond it (*conflict-directed backjumping*). For the same reason only operations are tried that touch
an amount for which the search has failed, the one that must return first before all others. And what changes nothing
is done as soon as it can be: whatever happens later may as well happen after it.

Why that loses nothing: a search that failed for some amounts has shown that the operations have no order in which only
these amounts have to be right, from any state that agrees in them. What does not touch them can as well happen later.

First the lines between which each operation happens are narrowed (`narrow.py`). What is known by that to be before
another one stays before it, like what returned before the other one began: the argument above holds for any order that
only some operations have among them. So what keeps an operation back touches a reason, too, and is tried.

An operation that nobody has heard the answer of has mostly happened soon, if it has happened at all. With dozens of
them anything can be explained by some that began long ago, and turns out to be wrong much later. So several searches
take turns: some that let an open operation happen only shortly after it began, and one that lets it happen at any time.
Whichever finds an order is right, and only the last one can say that there is none.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tlastep.history.alone import Alone
from tlastep.history.amounts import Known, Name, Names
from tlastep.history.format import Operation
from tlastep.history.found import NEVER, Found, GaveUp, Path, Patience, order, returned
from tlastep.history.impossible import first_impossible
from tlastep.history.models import CountingModel, Request
from tlastep.history.narrow import Narrowed
from tlastep.history.objects import Asked, Objects, arranged
from tlastep.history.sequence import Window
from tlastep.history.sequential import SequentialObject

REACHES: Final = (4, 32)  # how far open operations reach, in usual lengths of an operation
TURN: Final = 1_000  # steps of a search, and some for each operation, before another one goes on


def search(
    model: CountingModel,
    sequential: SequentialObject,
    operations: Sequence[Known],
    stop: Callable[[], bool],
) -> Found:
    """The verdict on operations, in the order of their invocations.

    Raises `GaveUp` once `stop` says so, unless it is known by then that there is no order.
    """
    objects = Objects(model, sequential, operations)
    patience = Patience(stop)
    searches: list[_Search] = []
    bad, ordered, ahead = first_impossible(operations), 0, 1
    best: tuple[Operation, ...] = ()
    last = bad - 1
    try:
        while True:
            tried = _up_to(last, objects, searches, patience)
            if tried.is_found:
                ordered, best, ahead = last, tried.order, 2 * ahead
            else:
                bad = tried.beyond
                if tried.reached > ordered:
                    ordered, best = tried.reached - 1, tried.order
            returns = sorted(line for each, _ in operations if ordered < (line := returned(each)) < bad)
            if not returns:
                return Found(best, *(() if bad == NEVER else (bad, bad - 1)))
            # The earliest answer without an order is mostly soon after the last one that was reached.
            last = returns[min(ahead - 1, len(returns) // 2)] if searches else returns[-1]
    except GaveUp:
        if bad == NEVER:
            raise
        line, path = max((each.furthest for each in searches), key=lambda each: each[0], default=(0, None))
        return Found(order(path), bad, line - 1) if line - 1 > ordered else Found(best, bad, ordered)


def _up_to(last: int, objects: Objects, searches: list[_Search], patience: Patience) -> Outcome:
    """Puts what returned up to a line into order; what else was invoked by then need not happen.

    No searches are left if it is seen without them that there is no order.
    """
    searches.clear()
    lines = [(each, returned(each.operation)) for each in objects.known if each.operation.line <= last]
    begun = [(each, line if line <= last else NEVER) for each, line in lines if line <= last or not each.looks]
    narrowed = Narrowed([each.known for each, _ in begun], [line for _, line in begun], patience)
    if narrowed.impossible != NEVER:
        return Outcome((), is_found=False, reached=0, beyond=narrowed.impossible)
    closed, free = arranged([each for each, _ in begun], narrowed)
    for reach in _reaches(closed, free):
        searches.append(_Search(objects, closed, free, reach, patience))
    found = _by_turns(searches, TURN + len(closed))
    return found._replace(beyond=max((line for _, line in begun if line != NEVER), default=0))


class Outcome(NamedTuple):
    """An order of all operations, open ones as far as they are used; or how far orders got, and where they all end.

    There is an order of all that returned before line `reached`, and none of all that returned up to line `beyond`.
    """

    order: tuple[Operation, ...]
    is_found: bool
    reached: int = NEVER
    beyond: int = NEVER


def _reaches(closed: Sequence[Asked], free: Sequence[Asked]) -> list[int]:
    """For how many lines after its beginning an open operation may happen, in one search after another."""
    lengths = sorted(returned(each.known[0]) - each.known[0].line for each in closed)
    if not free or not lengths:
        return [NEVER]
    usual = lengths[len(lengths) // 2]
    longest = max(returned(each.known[0]) for each in closed) - free[0].known[0].line
    return [*(usual * reach for reach in REACHES if usual * reach < longest), NEVER]


def _by_turns(searches: Iterable[_Search], steps: int) -> Outcome:
    """What one of them finds, or what the one says that lets open operations happen at any time."""
    while True:
        left = []
        for each in searches:
            outcome = each.turn(steps)
            if outcome is None:
                left.append(each)
            elif outcome.is_found or each.reach == NEVER:
                return outcome
        searches = left


class _Node(NamedTuple):
    base: int
    done: int  # of the closed operations from `base` on, a bit each
    used: int  # of the open operations, a bit each
    state: int


@dataclass(slots=True)
class _Frame:
    """A node that is being explored: what may come next and was not tried, and the amounts for which the rest failed.

    `first` is the line of the earliest answer to come. `touched` are the amounts of the operation that led here. The
    open operations are listed when they are wanted.
    """

    node: _Node
    path: Path
    first: int
    touched: Names
    closed: list[int]
    open: list[int] | None = None
    reason: Names = frozenset()


class _Touching(NamedTuple):
    """What touches some amounts: a bit each of the closed operations, and of the open ones."""

    names: tuple[Name, ...]
    closed: int
    open: int
    keys: set[tuple[object, ...]]


class _Failures:
    """From where a search has failed, and for which amounts.

    It fails as well from everywhere else where these amounts are the same, and what touches them has been done or has
    not: the rest makes no difference to them.
    """

    def __init__(self, objects: Objects, closed: Sequence[Asked], free: Sequence[Asked]) -> None:
        self._objects = objects
        self._closed = closed
        self._open = free
        self._found: dict[Names, _Touching] = {}

    def add(self, node: _Node, reason: Names) -> None:
        """A node from which nothing leads on, and the amounts for which that is so."""
        touching = self._found.get(reason)
        if touching is None:
            names = tuple(sorted(reason, key=str))
            closed, free = (_mask(some, reason) for some in (self._closed, self._open))
            touching = self._found[reason] = _Touching(names, closed, free, set())
        touching.keys.add(self._key(node, touching))

    def known(self, node: _Node, touched: Names) -> Names:
        """The amounts for which it is known that nothing leads on from a node, where they have just been touched."""
        for reason, touching in self._found.items():
            if not reason.isdisjoint(touched) and self._key(node, touching) in touching.keys:
                return reason
        return frozenset()

    def _key(self, node: _Node, touching: _Touching) -> tuple[object, ...]:
        closed = touching.closed >> node.base
        left = closed & ~node.done
        first = (left & -left).bit_length()  # of what touches them and is still to be done
        done = (closed & node.done) >> first
        part = self._objects.part(node.state, touching.names)
        return (node.base + first if left else 0, done, node.used & touching.open, *part)


class _Search:
    """One search. The closed operations have to happen; the open ones happen within `reach` lines, or not at all."""

    def __init__(
        self, objects: Objects, closed: Sequence[Asked], free: Sequence[Asked], reach: int, patience: Patience
    ) -> None:
        self._objects = objects
        self._patience = patience
        self._closed = closed
        self._open = free
        self._open_at = [each.known[0].line for each in free]
        self._equal_before = _equal_before(free)
        self.reach = reach
        self._window = Window([each.known[0] for each in closed])
        some = [each.known for each in closed], [each.known for each in free]
        self._alone = {
            name: Alone(name, *some, self._equal_before, reach, patience)
            for name in sorted({name for each in closed for name in each.needed} - objects.joined, key=str)
        }
        self._failed = _Failures(objects, closed, free)
        self._stack = [self._frame(_Node(0, 0, 0, 0), None, frozenset())]
        self.furthest = self._stack[0].first, self._stack[0].path

    def turn(self, steps: int) -> Outcome | None:
        """Searches on, depth first; None if that was not the end. Raises `GaveUp` when it is to stop."""
        for _ in range(steps):
            if not self._stack:
                reached, path = self.furthest
                return Outcome(order(path), is_found=False, reached=reached)
            frame = self._stack[-1]
            if frame.node.base == len(self._closed):
                return Outcome(order(frame.path), is_found=True)
            self._patience.step()
            self._step(frame)
        return None

    def _step(self, frame: _Frame) -> None:
        following = self._next(frame)
        if following is None:
            self._failed.add(frame.node, frame.reason)
            self._stack.pop()
            self._back(frame.reason, frame.touched)
        elif reason := self._failed.known(following.node, following.touched) or self._lost(following):
            self._back(reason, following.touched)
        else:
            if following.first > self.furthest[0]:
                self.furthest = following.first, following.path
            self._stack.append(following)

    def _back(self, reason: Names, touched: Names) -> None:
        """Goes back to what touches an amount for which the search has failed."""
        while self._stack and reason.isdisjoint(touched):
            frame = self._stack.pop()
            self._failed.add(frame.node, reason)
            touched = frame.touched
        if self._stack:
            self._stack[-1].reason |= reason

    def _lost(self, frame: _Frame) -> Names:
        """The amounts for which nothing leads on from here, as far as that is known."""
        node = frame.node
        for name, alone in self._alone.items():
            if name in frame.touched:
                least, most = self._objects.bounds(node.state, name)
                if least == most and alone.fails(alone.here(node.base, node.done, node.used, least)):
                    return frozenset({name})
        return frozenset()

    def _next(self, frame: _Frame) -> _Frame | None:
        """What follows a node and was not tried. Whatever can't happen adds what it needs to the reasons."""
        while True:
            while (index := self._next_closed(frame)) is not None:
                asked = self._closed[index]
                if blocking := self._blocking(frame.node, asked):
                    frame.reason |= blocking
                    continue
                state = self._objects.after(frame.node.state, asked)
                if state >= 0:
                    node = self._closed_done(frame.node, index, state)
                    return self._frame(node, (frame.path, asked.operation), asked.names)
                frame.reason |= asked.needed
            if (index := self._next_open(frame)) is None:
                return None
            asked = self._open[index]
            state = self._objects.after(frame.node.state, asked)
            if state >= 0:
                node = frame.node._replace(used=frame.node.used | 1 << index, state=state)
                return self._frame(node, (frame.path, asked.operation), asked.names)
            frame.reason |= asked.needed  # and closed ones that touch the new reason are tried first

    def _blocking(self, node: _Node, asked: Asked) -> Names:
        """The amounts that it shares with something that must happen before it and has not; none if nothing must.

        What must happen first touches a reason then, and so it is tried as well.
        """
        for other in asked.before:
            if other >= node.base and not node.done >> (other - node.base) & 1:
                return asked.names & self._closed[other].names
        return frozenset()

    def _next_closed(self, frame: _Frame) -> int | None:
        """The next one that is to be tried: the one that must return first, and then what touches a reason."""
        for place, index in enumerate(frame.closed):
            if not frame.reason or not frame.reason.isdisjoint(self._closed[index].names):
                del frame.closed[place]
                return index
        return None

    def _next_open(self, frame: _Frame) -> int | None:
        if frame.open is None:
            frame.open = self._open_now(frame)
        for place, index in enumerate(frame.open):
            if not frame.reason.isdisjoint(self._open[index].names):
                del frame.open[place]
                return index
        return None

    def _open_now(self, frame: _Frame) -> list[int]:
        """The open operations that may happen now, the one that began last before the others; of equal ones one."""
        begin, end = bisect_left(self._open_at, frame.first - self.reach), bisect_left(self._open_at, frame.first)
        used = frame.node.used
        return [
            index
            for index in range(end - 1, begin - 1, -1)
            if not used >> index & 1 and ((before := self._equal_before[index]) < begin or used >> before & 1)
        ]

    def _frame(self, node: _Node, path: Path, touched: Names) -> _Frame:
        """The node after whatever changes nothing and can happen here."""
        while True:
            candidates, first = self._window.candidates(node.base, node.done)
            looked = [index for index in candidates if self._closed[index].looks]
            looked = [index for index in looked if not self._blocking(node, self._closed[index])]
            same = [index for index in looked if self._objects.after(node.state, self._closed[index]) == node.state]
            if not same:
                return _Frame(node, path, first, touched, candidates)
            for index in same:
                path = path, self._closed[index].operation
                node = self._closed_done(node, index, node.state)

    def _closed_done(self, node: _Node, index: int, state: int) -> _Node:
        done = node.done | 1 << (index - node.base)
        passed = ((done + 1) & ~done).bit_length() - 1  # how many of the first are done
        return _Node(node.base + passed, done >> passed, node.used, state)


def _mask(operations: Sequence[Asked], names: Names) -> int:
    """A bit for each operation that touches one of the amounts."""
    bits = bytearray(len(operations) // 8 + 1)
    for index, each in enumerate(operations):
        if not names.isdisjoint(each.names):
            bits[index >> 3] |= 1 << (index & 7)
    return int.from_bytes(bits, "little")


def _equal_before(free: Sequence[Asked]) -> list[int]:
    """Of each open operation the one before it that asks for the same, or -1."""
    last: dict[Request, int] = {}
    found = []
    for index, each in enumerate(free):
        found.append(last.get(each.request, -1))
        last[each.request] = index
    return found
