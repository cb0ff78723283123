"""A checker of our own: a search for an order in which the sequential object of a TLA+ text gives all the answers.

It is Wing and Gong's search: whatever began before the earliest return that is still to come may be the next. What
was reached once (the same operations done, the same state) is not explored again, and of two orders that differ only
in operations that may as well change places, one is explored: a *sleeping* operation has been tried already, and
stays out until something happens that makes a difference to it. An operation without answer is used only where the
others need it; among equal ones the earliest, and if fewer of them led nowhere, more of them are not tried.

Where the model knows how values come about (`ahead.py`), points from which no order gets to the end are kept for last,
and explored only as far as they may show that orders get further than was known. Where the state is a number of
amounts, another search knows its way better (`directed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import le
from typing import Final, NamedTuple, TypeAlias

from tlastep.history import directed, lazily
from tlastep.history.ahead import Ahead
from tlastep.history.format import Operation
from tlastep.history.found import NEVER, Found, Path, Patience, Point, order, returned
from tlastep.history.models import CountingModel, Model, Request
from tlastep.history.pieces import Pieces
from tlastep.history.sequence import Window, apart, judged
from tlastep.history.sequential import SequentialObject, States

RARE: Final = 20  # how many closed operations a search would rather do than use one more open one

UNSEEN: Final = 1 << 62  # instead of the number of a state: of any whose value nobody will see


class _Node(NamedTuple):
    """A point of the search: which operations are done, relative to `base`, and what may not come next."""

    base: int
    done: int
    asleep: int
    used: tuple[int, ...]  # how many of each kind of open operation
    kinds_asleep: int
    state: int
    path: Path
    reaches: int = NEVER  # a line beyond which no order gets that goes on from here


_Reached: TypeAlias = tuple[int, int, tuple[int, ...]]
"""Of a node that was explored: asleep, kinds asleep, used."""


@dataclass
class _Kind:
    """Open operations of one class, in the order in which they begin."""

    number: int
    members: list[Operation] = field(default_factory=list)


class _Classes:
    """Numbers for what is asked and answered: operations that agree in both do the same, and are told apart by time."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._numbers: dict[Request, int] = {}
        self._examples: list[Operation] = []
        self._swaps: dict[tuple[int, int], bool] = {}
        self._lost: dict[tuple[int, int], bool] = {}
        self.requests: list[Request] = []
        self.looks: list[bool] = []

    def number(self, operation: Operation) -> int:
        """The number of an operation's class."""
        request = self._model.request(operation)
        found = self._numbers.setdefault(request, len(self.requests))
        if found == len(self.requests):
            self.requests.append(request)
            self._examples.append(operation)
            self.looks.append(self._model.only_looks(operation))
        return found

    def leaves(self, number: int) -> bool:
        """Whether the value after an operation of this class does not depend on the one before."""
        return self._model.leaves(self._examples[number]) is not None

    def swaps(self, first: int, second: int) -> bool:
        """As the model says of two operations of these classes."""
        found = self._swaps.get((first, second))
        if found is None:
            found = self._model.swaps(self._examples[first], self._examples[second])
            self._swaps[first, second] = found
        return found

    def is_lost(self, first: int, second: int) -> bool:
        """As the model says of two operations of these classes."""
        found = self._lost.get((first, second))
        if found is None:
            found = self._model.is_lost(self._examples[first], self._examples[second])
            self._lost[first, second] = found
        return found


def search(model: Model, operations: Sequence[Operation], stop: Callable[[], bool] = lambda: False) -> list[Found]:
    """The verdict on each part of a history. Raises `GaveUp` once `stop` says so."""
    known = judged(model, operations)
    sequential = SequentialObject(model.spec, model.constants(known))
    return [_searched(model, sequential, part, stop) for part in apart(model, known)]


def _searched(
    model: Model, sequential: SequentialObject, operations: Sequence[Operation], stop: Callable[[], bool]
) -> Found:
    if isinstance(model, CountingModel):
        known = [(each, amounts) for each in operations if (amounts := model.amounts(each)) is not None]
        if len(known) == len(operations):
            return directed.search(model, sequential, known, stop)
    felt = [(each, effect) for each in operations if (effect := model.effect(each)) is not None]
    (initial, *others) = sequential.initial
    if len(felt) == len(operations):
        return lazily.search(model, sequential, lazily.Told(operations, initial, lambda last: felt), stop)
    if isinstance(initial, str) and not others:
        pieces = Pieces(model, initial, operations, Patience(stop))
        if pieces.is_clear:
            told = lazily.Told(operations, pieces.initial, pieces.felt, pieces.shown)
            return lazily.search(model, sequential, told, stop)
    return _Search(model, sequential, operations, stop).run()


class _Search:
    def __init__(
        self, model: Model, sequential: SequentialObject, operations: Sequence[Operation], stop: Callable[[], bool]
    ) -> None:
        self._patience = Patience(stop)
        self._classes = _Classes(model)
        self._closed = [each for each in operations if returned(each) != NEVER]
        self._class = [self._classes.number(each) for each in self._closed]
        self._window = Window(self._closed)
        self._kinds = self._open_kinds([each for each in operations if returned(each) == NEVER])
        self._ahead = Ahead(model, self._closed, [each.members for each in self._kinds]) if model.one_value else None
        self._states = States(sequential)
        self._seen: dict[tuple[int, int, int], list[_Reached]] = {}
        self._waiting: list[tuple[int, int, _Node]] = []
        self._late: list[tuple[int, int, _Node]] = []
        self._limit = NEVER
        self._count = 0
        self._furthest = -1
        self._furthest_path: Path = None

    def _open_kinds(self, operations: Sequence[Operation]) -> list[_Kind]:
        kinds: dict[int, _Kind] = {}
        for operation in operations:
            number = self._classes.number(operation)
            kinds.setdefault(number, _Kind(number)).members.append(operation)
        return list(kinds.values())

    def run(self) -> Found:
        """Searches to the end: depth first as far as no open operation is used, and then where that promises most."""
        if not self._closed:
            return Found(())
        stack = [self._following(_Node(0, 0, 0, (0,) * len(self._kinds), 0, 0, None))]
        while stack:
            self._patience.step()
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                if not stack:
                    stack.extend(self._later())
            elif node.base == len(self._closed):
                return Found(order(node.path))
            elif self._is_new(node := self._looked_ahead(node)):
                stack.extend(self._at_once(node))
        return Found(order(self._furthest_path), self._furthest, self._furthest - 1)

    def _looked_ahead(self, node: _Node) -> _Node:
        """The node, with what can be seen of how far orders get that go on from here."""
        if self._ahead is None:
            return node
        value = None if node.state == UNSEEN else self._states[node.state][0]
        reaches, is_unseen = self._ahead.look(Point(node.base, node.done, node.used), value)
        return node._replace(reaches=min(reaches, node.reaches), state=UNSEEN if is_unseen else node.state)

    def _at_once(self, node: _Node) -> Iterator[Iterator[_Node]]:
        """What follows a node; nothing if others are first, or if it is too late for it."""
        if node.reaches >= self._limit:
            yield self._following(node)
        elif node.reaches > self._furthest:
            self._count += 1
            heappush(self._late, (-node.reaches, -self._count, node))

    def _later(self) -> Iterator[Iterator[_Node]]:
        """What follows the next node that was kept for later, if one may lead to anything."""
        if self._waiting:
            yield self._open_done(heappop(self._waiting)[2])
        elif self._late and self._late[0][2].reaches > self._furthest:
            node = heappop(self._late)[2]
            self._limit = node.reaches
            yield self._following(node)

    def _is_new(self, node: _Node) -> bool:
        """Whether nothing that was reached before could do all that this node can."""
        reached = self._seen.setdefault((node.base, node.done, node.state), [])
        for asleep, kinds_asleep, used in reached:
            if not (asleep & ~node.asleep or kinds_asleep & ~node.kinds_asleep) and all(map(le, used, node.used)):
                return False
        reached.append((node.asleep, node.kinds_asleep, node.used))
        return True

    def _following(self, node: _Node) -> Iterator[_Node]:
        candidates, first = self._window.candidates(node.base, node.done)
        if first > self._furthest:
            self._furthest, self._furthest_path = first, node.path
        asleep, able = node.asleep, []
        for index in candidates:
            bit = 1 << (index - node.base)
            if not asleep & bit:
                state = self._state_after(node.state, self._class[index])
                if state == node.state and self._classes.looks[self._class[index]]:
                    # It never changes anything, so whatever happens later may as well happen after it.
                    still = self._still_asleep(self._class[index], node, candidates, asleep, node.kinds_asleep)
                    yield self._closed_done(node, index, state, *still)
                    return
                able.append((index, bit, state))
        for index, bit, state in able:
            if state >= 0:
                still = self._still_asleep(self._class[index], node, candidates, asleep, node.kinds_asleep)
                yield self._closed_done(node, index, state, *still)
            asleep |= bit
        if self._kinds:
            self._wait(node._replace(asleep=asleep))

    def _wait(self, node: _Node) -> None:
        """Keeps a node for later, when open operations are to be used: first where few of them explain much."""
        self._count += 1
        heappush(self._waiting, ((sum(node.used) + 1) * RARE - node.base, -self._count, node))

    def _open_done(self, node: _Node) -> Iterator[_Node]:
        """The nodes after an operation without answer."""
        candidates, first = self._window.candidates(node.base, node.done)
        kinds_asleep = node.kinds_asleep
        free = [
            number
            for number, kind in enumerate(self._kinds)
            if node.used[number] < len(kind.members) and kind.members[node.used[number]].line < first
        ]
        for number in free:
            bit = 1 << number
            kind = self._kinds[number]
            if kinds_asleep & bit or not self._matters(kind, candidates, free):
                continue
            state = self._state_after(node.state, kind.number)
            if state >= 0 and state != node.state:
                still, kinds_still = self._still_asleep(kind.number, node, candidates, node.asleep, kinds_asleep)
                for index in candidates:
                    if self._classes.is_lost(kind.number, self._class[index]):
                        still |= 1 << (index - node.base)
                for other in free:
                    if self._classes.is_lost(kind.number, self._kinds[other].number):
                        kinds_still |= 1 << other
                used = (*node.used[:number], node.used[number] + 1, *node.used[number + 1 :])
                path = (node.path, kind.members[node.used[number]])
                yield _Node(node.base, node.done, still, used, kinds_still, state, path, node.reaches)
            kinds_asleep |= bit

    def _matters(self, kind: _Kind, candidates: list[int], free: list[int]) -> bool:
        """Whether anything that may come next could tell that an operation of this kind has happened."""
        swaps = self._classes.swaps
        return any(not swaps(kind.number, self._class[index]) for index in candidates) or any(
            not swaps(kind.number, self._kinds[other].number) for other in free
        )

    def _still_asleep(
        self, number: int, node: _Node, candidates: list[int], asleep: int, kinds_asleep: int
    ) -> tuple[int, int]:
        """What stays asleep when an operation of this class happens: all to which it makes no difference."""
        swaps = self._classes.swaps
        still = 0
        if asleep:
            for index in candidates:
                bit = 1 << (index - node.base)
                if asleep & bit and swaps(number, self._class[index]):
                    still |= bit
        kinds_still = 0
        if kinds_asleep:
            for other, kind in enumerate(self._kinds):
                if kinds_asleep >> other & 1 and swaps(number, kind.number):
                    kinds_still |= 1 << other
        return still, kinds_still

    def _closed_done(self, node: _Node, index: int, state: int, asleep: int, kinds_asleep: int) -> _Node:
        base, done = node.base, node.done | 1 << (index - node.base)
        passed = ((done + 1) & ~done).bit_length() - 1  # how many of the first are done
        path, done, asleep = (node.path, self._closed[index]), done >> passed, asleep >> passed
        return _Node(base + passed, done, asleep, node.used, kinds_asleep, state, path, node.reaches)

    def _state_after(self, state: int, number: int) -> int:
        """The state after an operation, or -1 if it can't give this answer there."""
        if state == UNSEEN and not self._classes.leaves(number):
            return -1 if self._classes.looks[number] else UNSEEN
        return self._states.after(0 if state == UNSEEN else state, self._classes.requests[number])
