"""A search for an order of operations on one value: the value changes only when an answer that is due needs it.

It goes from return to return. What looks and can have its answer is done as soon as it can be. The answer that is due
next must then come from a change: of those that do the same the one that must return first is tried, and one that
nobody has heard of only if there is none of these, and only where something that can come next looks at what it leaves.

*A write that nobody will look at*, but those who can do so now, comes right before another write together with them:
there it disturbs nobody, and wherever an order had it, it can be left out. With that, values that are written once
leave no choice at all (Gibbons and Korach show that such a register is decided in polynomial time), however many
clients write at once.

With many operations that nobody has heard of, a search that finds no order tries all subsets of them. So first each of
them may happen *as often as one likes*. If there is no order even so, there is none. If there is, and it uses none
twice, it is one. Only otherwise the search is made again, keeping count.

A compare-and-set that failed needs any value but one, and so a write that nobody looks at may be of use after all.
Where such a search takes long, it is asked first whether there is an order without all that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import le
from typing import Final, NamedTuple

from tlastep.errors import EvaluationError
from tlastep.history.cell import NOTHING, Cell, Felt
from tlastep.history.format import Operation
from tlastep.history.found import NEVER, Found, GaveUp, Path, Patience, order, returned
from tlastep.history.models import Model
from tlastep.history.sequential import SequentialObject, States
from tlastep.values import Value

SHORT: Final = 1_000
SHORT_EACH: Final = 4
"""Steps of a search, and of each operation, after which it is asked whether there is an order without the refusals."""
FAR: Final = 1 << 20  # of a change that leads to nothing that is due


class Told(NamedTuple):
    """Operations, in the order of their invocations, and what they do to the value that is `initial` at first.

    `felt` says it of all of them, as answers show it that are given up to a line. `shown` says of two such lines by
    which one is known what is said, for the first one, of all that begins before the second one.
    """

    operations: Sequence[Operation]
    initial: Value
    felt: Callable[[int], Sequence[Felt]]
    shown: Callable[[int, int], int] = lambda last, line: line


def search(model: Model, sequential: SequentialObject, told: Told, stop: Callable[[], bool]) -> Found:
    """The verdict on these operations. Raises `GaveUp` once `stop` says so, unless it knows that there is no order."""
    prefixes = _Prefixes(told, Patience(stop))
    whole = prefixes.up_to(NEVER - 1)
    found = Found(whole.order) if whole.is_found else _earliest(prefixes, told.operations, whole)
    _check(model, sequential, found.order)
    return found


def _earliest(prefixes: _Prefixes, operations: Sequence[Operation], whole: _Outcome) -> Found:
    """The earliest answer that no order reaches, where a search for an order of all has found none."""
    ordered, bad, best = max(whole.reached - 1, 0), whole.bad, whole.order
    tried, is_beside = whole, False
    try:
        while returns := sorted(line for each in operations if ordered < (line := returned(each)) < bad):
            # Mostly the earliest answer without an order is the one at which they all failed, also if more is known of
            # them by answers after it: there is none up to this one, and there is one of all before it. If that is
            # wrong, it may be the one to which no order got.
            if tried.is_found:
                last, is_beside = returns[len(returns) // 2], False
            elif ordered < tried.beyond < bad:
                last, is_beside = tried.beyond, False
            else:
                is_beside = not is_beside
                last = returns[-1] if is_beside else returns[0]
            tried = prefixes.up_to(last)
            if tried.is_found:
                ordered, best = last, tried.order
            else:
                bad = tried.bad
                if tried.reached - 1 > ordered:
                    ordered, best = tried.reached - 1, tried.order
    except GaveUp:
        line, path = prefixes.furthest
        return Found(order(path), bad, line - 1) if line - 1 > ordered else Found(best, bad, ordered)
    return Found(best, bad, bad - 1)


class _Prefixes:
    """Searches for orders of what returned up to a line."""

    def __init__(self, told: Told, patience: Patience) -> None:
        self._told = told
        self._patience = patience
        self.furthest: tuple[int, Path] = (0, None)
        """Of the last search, also of one that was stopped: up to before which line it got, and how."""

    def up_to(self, last: int) -> _Outcome:
        """Puts what returned up to a line into order; what else was invoked by then need not happen."""
        found = self._up_to(last)
        return found if found.is_found else replace(found, bad=min(last, self._told.shown(last, found.beyond)))

    def _up_to(self, last: int) -> _Outcome:
        begun = [each for each in self._told.felt(last) if each[0].line <= last]
        closed = [each for each in begun if returned(each[0]) <= last]
        free = [each for each in begun if returned(each[0]) > last]
        cell = Cell(self._told.initial, closed, free)
        impossible = cell.first_impossible()
        self.furthest = 0, None
        if impossible != NEVER:
            return _Outcome((), is_found=False, reached=0, beyond=impossible)
        often = _Search(cell, self._patience, counts=False)
        found = self._run(often, SHORT + SHORT_EACH * len(closed))
        if found is None:
            less = Cell(self._told.initial, [each for each in closed if each[1].refuses is None], free)
            found = _Search(less, self._patience, counts=False).run(NEVER)
            if found is not None and not found.is_found:
                reached, path = often.furthest
                return replace(found, order=order(path), reached=reached)
            found = self._run(often, NEVER)
        if found is None or (found.is_found and found.repeats):
            found = self._run(_Search(cell, self._patience, counts=True), NEVER)
        assert found is not None, "it has gone to the end"
        return found

    def _run(self, search: _Search, steps: int) -> _Outcome | None:
        try:
            return search.run(steps)
        finally:
            self.furthest = search.furthest


def _check(model: Model, sequential: SequentialObject, operations: Sequence[Operation]) -> None:
    """Raises an error unless the object of the TLA+ text does all this in this order, and each within its time."""
    states, state, begun = States(sequential), 0, 0
    for operation in operations:
        state, begun = states.after(state, model.request(operation)), max(begun, operation.line)
        if state < 0 or begun > returned(operation):
            raise EvaluationError(f"no such order: {operation} of line {operation.line} can't be here", model.name)


@dataclass(frozen=True)
class _Outcome:
    """An order of all operations, open ones as far as they are used; or how far orders got, and where they all end.

    There is an order of all that returned before line `reached`. What begins before line `beyond` has no order up to
    there, if it does what is said of it, and so there is none of all that returned up to line `bad`.
    `repeats`: an open operation stands in it more than once.
    """

    order: tuple[Operation, ...]
    is_found: bool
    reached: int = NEVER
    beyond: int = NEVER
    bad: int = NEVER
    repeats: bool = False


class _Node(NamedTuple):
    """All before a place are invoked, in the order of invocations; those `waiting` are not done, by their returns."""

    place: int
    waiting: tuple[int, ...]
    value: int
    used: tuple[int, ...]  # how many open operations of each sort
    repeats: bool  # one of them happened again, or too early
    path: Path


class _Move(NamedTuple):
    """A change that may come next: a closed operation, or an open one of a sort. The least `far` is tried first."""

    far: int
    number: int
    is_open: bool


class _Search:
    """`counts`: whether an open operation can happen only once."""

    def __init__(self, cell: Cell, patience: Patience, *, counts: bool) -> None:
        self._cell = cell
        self._patience = patience
        self._counts = counts
        self._seen: dict[tuple[int, tuple[int, ...], int], list[tuple[int, ...]]] = {}
        self._beyond = 0
        self.furthest: tuple[int, Path] = (0, None)
        first = _Node(0, (), 0, (0,) * len(cell.sorts), repeats=False, path=None)
        self._stack = [iter([self._settled(first)])]

    def run(self, steps: int) -> _Outcome | None:
        """Searches on, depth first; None if that was not the end."""
        stack = self._stack
        for _ in range(steps):
            if not stack:
                reached, path = self.furthest
                return _Outcome(order(path), is_found=False, reached=reached, beyond=self._beyond)
            self._patience.step()
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            elif not node.waiting:
                return _Outcome(order(node.path), is_found=True, repeats=node.repeats)
            elif self._is_new(node):
                due = self._cell.returns[node.waiting[0]]
                self._beyond = max(self._beyond, due)
                if due > self.furthest[0] and not node.repeats:
                    self.furthest = due, node.path
                stack.append(self._following(node))
        return None

    def _is_new(self, node: _Node) -> bool:
        """Whether nothing that was reached before could do all that this node can."""
        used = node.used if self._counts else ()
        reached = self._seen.setdefault((node.place, node.waiting, node.value), [])
        if any(all(map(le, before, used)) for before in reached):
            return False
        reached.append(used)
        return True

    def _sees(self, number: int, value: int) -> bool:
        """Whether an operation only looks, and has its answer at this value."""
        cell = self._cell
        if cell.leaves[number] != NOTHING:
            return False
        return cell.needs[number] == value if cell.refuses[number] == NOTHING else cell.refuses[number] != value

    def _settled(self, node: _Node) -> _Node:
        """The node after whatever can look at the value, and with all that has begun when the next one returns."""
        cell, left, place, path = self._cell, [], node.place, node.path
        for number in node.waiting:
            if self._sees(number, node.value):
                path = path, cell.operations[number]
            else:
                left.append(number)
        due = cell.returns[left[0]] if left else NEVER
        while place < len(cell.begun) and cell.lines[place] < due:
            number = cell.begun[place]
            if self._sees(number, node.value):
                path = path, cell.operations[number]
            else:
                left.append(number)
                due = min(due, cell.returns[number])
            place += 1
        return node._replace(place=place, waiting=tuple(sorted(left)), path=path)

    def _following(self, node: _Node) -> Iterator[_Node]:
        free = [number for number in node.waiting if self._is_out_of_the_way(node, number)]
        sure = [number for number in free if not self._cell.is_evaded(number, node.place, node.waiting)]
        for move in self._moves(node, set(sure)):
            plain = (self._cell.sorts[move.number].needs if move.is_open else self._cell.needs[move.number]) == NOTHING
            for before in (free, sure) if plain and len(free) > len(sure) else (sure if plain else [],):
                following = self._moved(node, move, before)
                if following is not None:
                    yield following

    def _is_out_of_the_way(self, node: _Node, number: int) -> bool:
        """Whether nothing but what can look at once will need the value that a write leaves."""
        cell = self._cell
        value = cell.leaves[number]
        if value == NOTHING or cell.needs[number] != NOTHING or cell.is_looked_at(number, node.place):
            return False
        return not any(cell.needs[other] == value and cell.leaves[other] != NOTHING for other in node.waiting)

    def _moves(self, node: _Node, sure: set[int]) -> list[_Move]:
        """The changes that may come next, most promising first."""
        cell, due = self._cell, node.waiting[0]
        wanted = {cell.needs[number] for number in node.waiting} - {NOTHING}
        open_ones = self._open_now(node)
        ways = {(cell.needs[each], cell.leaves[each]) for each in node.waiting if cell.leaves[each] != NOTHING}
        ways |= {(cell.sorts[index].needs, cell.sorts[index].leaves) for index in open_ones}
        far = _distances(cell.needs[due], ways)
        evades = cell.refuses[due] != NOTHING
        tried: set[tuple[int, int]] = set()
        moves = []
        for number in node.waiting:
            way = cell.needs[number], cell.leaves[number]
            if way[1] == NOTHING or way in tried:
                continue
            tried.add(way)
            is_due = number == due or evades or way[1] == cell.needs[due]
            if way[0] in (NOTHING, node.value) and (is_due or number not in sure):
                moves.append(_Move(-1 if number == due else 4 * far.get(way[1], FAR), number, is_open=False))
        looked_at = wanted | {cell.sorts[index].needs for index in open_ones}
        refused = any(cell.refuses[number] == node.value for number in node.waiting)
        for index in open_ones:
            way = cell.sorts[index].needs, cell.sorts[index].leaves
            if way not in tried and way[0] in (NOTHING, node.value) and (refused or way[1] in looked_at):
                again = not cell.is_free(index, cell.returns[due], node.used)
                moves.append(_Move(4 * far.get(way[1], FAR) + 1 + again, index, is_open=True))
        moves.sort(key=lambda each: each.far)
        return moves

    def _open_now(self, node: _Node) -> list[int]:
        """The sorts of open operations of which one can happen now, and leave something else."""
        cell = self._cell
        due, used = cell.returns[node.waiting[0]], node.used if self._counts else None
        return [
            index
            for index, sort in enumerate(cell.sorts)
            if sort.leaves != node.value and cell.is_free(index, due, used)
        ]

    def _moved(self, node: _Node, move: _Move, before: Sequence[int]) -> _Node | None:
        """The node after a change, with those writes before it; None if something can't have its value any more."""
        cell, path = self._cell, node.path
        waiting = [number for number in node.waiting if move.is_open or number != move.number]
        for number in before:
            if move.is_open or number != move.number:
                path = path, cell.operations[number]
                waiting.remove(number)
                for other in [each for each in waiting if self._sees(each, cell.leaves[number])]:
                    path = path, cell.operations[other]
                    waiting.remove(other)
        after = self._used(node, move) if move.is_open else node._replace(value=cell.leaves[move.number])
        lost = self._lost(node.value, after, waiting)
        if lost:
            self._beyond = max(self._beyond, lost)
            return None
        if move.is_open:
            members = cell.sorts[move.number].members
            operation = members[min(node.used[move.number], len(members) - 1)]
        else:
            operation = cell.operations[move.number]
        return self._settled(after._replace(waiting=tuple(waiting), path=(path, operation)))

    def _used(self, node: _Node, move: _Move) -> _Node:
        """The node with one more open operation used, and its value."""
        sort, used = self._cell.sorts[move.number], node.used
        again = not self._cell.is_free(move.number, self._cell.returns[node.waiting[0]], used)
        used = (*used[: move.number], used[move.number] + 1, *used[move.number + 1 :])
        return node._replace(value=sort.leaves, used=used, repeats=node.repeats or again)

    def _lost(self, left: int, after: _Node, waiting: Sequence[int]) -> int:
        """The line of an answer that needs a value that was left, and that nothing leaves again; 0 if there is none."""
        cell = self._cell
        if left == after.value or any(cell.leaves[number] == left for number in waiting):
            return 0
        needing = [number for number in (*waiting, cell.next_needing(left, after.place)) if number >= 0]
        lines = [cell.returns[number] for number in needing if cell.needs[number] == left]
        line = min(lines, default=0)
        used = after.used if self._counts else None
        return 0 if not line or cell.is_left(left, line, after.place, used) else line


def _distances(wanted: int, ways: set[tuple[int, int]]) -> dict[int, int]:
    """How many of these changes, each from a value (or any) to another, lead from a value to the one that is wanted."""
    found, newest, far = {wanted: 0}, {wanted}, 0
    while newest:
        far += 1
        newest = {needs for needs, leaves in ways if leaves in newest and needs != NOTHING} - found.keys()
        found.update(dict.fromkeys(newest, far))
    return found
