"""A search for an order that knows why it failed, for models whose state is a number of amounts.

It is the search of `checker.py` with another way back. Where nothing leads on, it is because of some amounts: those of
the operation that must return first, and those of whatever might have helped it. If an operation that was done on the
way there touches none of these, another one in its place makes no difference, and the search goes back beyond it
(*conflict-directed backjumping*). For the same reason only operations are tried that touch an amount for which the
search has failed, the one that must return first before all others. And what changes nothing is done as soon as it can
be: whatever happens later may as well happen after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tlastep.history.amounts import Amounts, AmountsAhead, Known, Names
from tlastep.history.format import Operation
from tlastep.history.found import Found, Path, Patience, Point, order
from tlastep.history.models import CountingModel, Request
from tlastep.history.sequence import NEVER, Window, returned
from tlastep.history.sequential import SequentialObject, States


def search(
    model: CountingModel,
    sequential: SequentialObject,
    operations: Sequence[Known],
    stop: Callable[[], bool],
) -> Found:
    """The verdict on operations, in the order of their invocations. Raises `GaveUp` once `stop` says so."""
    patience = Patience(stop)

    def up_to(last: int) -> Outcome:
        """Puts what returned up to a line into order; what else was invoked by then need not happen."""
        begun = [(operation, amounts) for operation, amounts in operations if operation.line <= last]
        closed = [each for each in begun if returned(each[0]) <= last]
        free = [each for each in begun if returned(each[0]) > last]
        return _Search(model, sequential, closed, free, patience).run()

    whole = up_to(NEVER - 1)
    if whole.is_found:
        return Found(whole.order)
    good, bad = whole, whole.beyond
    returns = sorted(line for each, _ in operations if whole.reached <= (line := returned(each)) < whole.beyond)
    while returns:
        middle = len(returns) // 2
        tried = up_to(returns[middle])
        if tried.is_found:
            good, returns = tried, returns[middle + 1 :]
        else:
            bad, returns = returns[middle], returns[:middle]
    return Found(good.order, bad)


class Outcome(NamedTuple):
    """An order of all operations, open ones as far as they are used; or how far orders got, and where they all end.

    There is an order of all that returned before line `reached`, and none of all that returned up to line `beyond`.
    """

    order: tuple[Operation, ...]
    is_found: bool
    reached: int = NEVER
    beyond: int = NEVER


class _Node(NamedTuple):
    base: int
    done: int  # of the closed operations from `base` on, a bit each
    used: tuple[int, ...]  # how many of each kind of open operation
    state: int


@dataclass(slots=True)
class _Frame:
    """A node that is being explored: what may come next and was not tried, and the amounts for which the rest failed.

    `touched` are the amounts of the operation that led here.
    """

    node: _Node
    path: Path
    touched: Names
    closed: list[int]
    open: list[int]
    reason: Names = frozenset()


@dataclass
class _Kind:
    """Open operations that ask for the same, in the order in which they begin."""

    request: Request
    amounts: Amounts
    members: list[Operation] = field(default_factory=list)


class _Search:
    """One search. The closed operations have to happen, the open ones need not."""

    def __init__(
        self,
        model: CountingModel,
        sequential: SequentialObject,
        closed: Sequence[Known],
        free: Sequence[Known],
        patience: Patience,
    ) -> None:
        self._model = model
        self._patience = patience
        self._closed = [operation for operation, _ in closed]
        self._window = Window(self._closed)
        self._requests = [model.request(each) for each in self._closed]
        self._looks = [model.only_looks(each) for each in self._closed]
        self._names = [amounts.names for _, amounts in closed]
        self._kinds = self._kinds_of(free)
        self._ahead = AmountsAhead(closed, [(kind.members, kind.amounts) for kind in self._kinds])
        self._states = States(sequential)
        self._failed: dict[_Node, Names] = {}
        self._furthest: tuple[int, Path] = (-1, None)
        self._beyond = -1

    def _kinds_of(self, operations: Sequence[Known]) -> list[_Kind]:
        kinds: dict[Request, _Kind] = {}
        for operation, amounts in operations:
            if not self._model.only_looks(operation):
                request = self._model.request(operation)
                kinds.setdefault(request, _Kind(request, amounts)).members.append(operation)
        return list(kinds.values())

    def run(self) -> Outcome:
        """Searches to the end, depth first. Raises `GaveUp` when it is to stop."""
        start = self._looked(_Node(0, 0, (0,) * len(self._kinds), 0), None)
        stack = [self._frame(*start, frozenset())]
        while stack:
            self._patience.step()
            frame = stack[-1]
            if frame.node.base == len(self._closed):
                return Outcome(order(frame.path), is_found=True)
            step = self._next(frame)
            if step is None:
                reason, touched = frame.reason, frame.touched
                self._failed[frame.node] = reason
                stack.pop()
            else:
                node, path, touched = step
                reason = self._lost(node, touched)
                if not reason:
                    stack.append(self._frame(node, path, touched))
                    continue
            self._back(stack, reason, touched)
        reached, path = self._furthest
        return Outcome(order(path), is_found=False, reached=reached, beyond=max(reached, self._beyond))

    def _back(self, stack: list[_Frame], reason: Names, touched: Names) -> None:
        """Goes back to what touches an amount for which the search has failed."""
        while stack and reason.isdisjoint(touched):
            frame = stack.pop()
            self._failed[frame.node] = reason
            touched = frame.touched
        if stack:
            stack[-1].reason |= reason

    def _lost(self, node: _Node, touched: Names) -> Names:
        """The amounts for which nothing leads on from here, as far as that is known."""
        failed = self._failed.get(node)
        if failed is not None:
            return failed
        state = self._states[node.state]
        missed = self._ahead.missed(Point(*node[:3]), touched, lambda name: self._model.amount(state, name))
        if missed is None:
            return frozenset()
        name, line = missed
        self._beyond = max(self._beyond, line)
        return frozenset({name})

    def _frame(self, node: _Node, path: Path, touched: Names) -> _Frame:
        closed, first = self._window.candidates(node.base, node.done)
        if first > self._furthest[0]:
            self._furthest = first, path
        free = [
            number
            for number, kind in enumerate(self._kinds)
            if node.used[number] < len(kind.members) and kind.members[node.used[number]].line < first
        ]
        return _Frame(node, path, touched, closed, free)

    def _next(self, frame: _Frame) -> tuple[_Node, Path, Names] | None:
        """What follows a node and was not tried. Whatever can't happen adds its amounts to the reasons."""
        while (index := self._next_closed(frame)) is not None:
            state = self._states.after(frame.node.state, self._requests[index])
            if state >= 0:
                return *self._looked(*self._closed_done(frame.node, frame.path, index, state)), self._names[index]
            frame.reason |= self._names[index]
        number = self._next_open(frame)
        if number is None:
            return None
        kind = self._kinds[number]
        state = self._states.after(frame.node.state, kind.request)
        if state >= 0:
            return *self._looked(*self._open_used(frame.node, frame.path, number, state)), kind.amounts.names
        frame.reason |= kind.amounts.names
        return self._next(frame)

    def _next_closed(self, frame: _Frame) -> int | None:
        """The next one that is to be tried: the one that must return first, and then what touches a reason."""
        for place, index in enumerate(frame.closed):
            if not frame.reason or not frame.reason.isdisjoint(self._names[index]):
                del frame.closed[place]
                return index
        return None

    def _next_open(self, frame: _Frame) -> int | None:
        for place, number in enumerate(frame.open):
            if not frame.reason.isdisjoint(self._kinds[number].amounts.names):
                del frame.open[place]
                return number
        return None

    def _looked(self, node: _Node, path: Path) -> tuple[_Node, Path]:
        """The node after whatever changes nothing and can happen here."""
        again = True
        while again:
            again = False
            for index in self._window.candidates(node.base, node.done)[0]:
                if self._looks[index] and self._states.after(node.state, self._requests[index]) == node.state:
                    node, path = self._closed_done(node, path, index, node.state)
                    again = True
        return node, path

    def _closed_done(self, node: _Node, path: Path, index: int, state: int) -> tuple[_Node, Path]:
        done = node.done | 1 << (index - node.base)
        passed = ((done + 1) & ~done).bit_length() - 1  # how many of the first are done
        return _Node(node.base + passed, done >> passed, node.used, state), (path, self._closed[index])

    def _open_used(self, node: _Node, path: Path, number: int, state: int) -> tuple[_Node, Path]:
        count = node.used[number]
        used = (*node.used[:number], count + 1, *node.used[number + 1 :])
        return node._replace(used=used, state=state), (path, self._kinds[number].members[count])
