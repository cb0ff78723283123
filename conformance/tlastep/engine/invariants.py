"""Invariants on packed states, checked no more often than what they read can differ.

Conjuncts that read the same clusters form a group; states that agree on these clusters are one to it. A conjunct that
a step cannot have affected held before and holds still. One that reads only what a group of actions touches is judged
when an entry of that group is made (`engine/entries.py`), once for all states that share the entry.
"""

from __future__ import annotations

from collections.abc import Iterable

from tlastep.engine.checks import Check, CheckGroup, checks_of
from tlastep.engine.entries import Inexact, Outcomes
from tlastep.engine.recording import Outside
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError


class Violation(Exception):
    """A property is broken in the state `last`, reached from `state` (or initial)."""

    def __init__(self, broken: Broken, last: int, state: int | None = None) -> None:
        super().__init__(broken.result)
        self.broken = broken
        self.last = last
        self.state = state


class Invariants:
    """All conjuncts of all invariants, and the idle side of the properties of steps."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        machine = outcomes.machine
        named = [("invariant", each) for each in machine.invariants]
        named += [("property", each) for each in machine.always_properties]
        self.checks: list[tuple[str, Check]] = [(kind, check) for kind, each in named for check in checks_of(each)]
        self.checks += [("idle", check.idle) for check in outcomes.steps]
        self.version = 0
        """Grows whenever a conjunct turns out to read more than was known."""
        self.groups: list[CheckGroup] = []
        self.regroup()

    def regroup(self) -> None:
        """Sorts the conjuncts by what they are known to read now."""
        self.version += 1
        by_clusters: dict[int, list[tuple[str, Check]]] = {}
        for kind, check in self.checks:
            by_clusters.setdefault(check.memo.touched, []).append((kind, check))
        old = {group.clusters: group for group in self.groups}
        all_clusters = len(self._outcomes.layout.clusters)
        self.groups = []
        for clusters, checks in sorted(by_clusters.items()):
            known = old.get(clusters)
            if known is None or known.checks != checks:
                # Where everything is read, remembering it would double the set of visited states.
                passed: set[int] | None = set() if clusters.bit_count() < all_clusters else None
                known = CheckGroup(checks, clusters, passed)
            self.groups.append(known)

    def affected(self, changed: int, judged: int) -> list[CheckGroup]:
        """The groups that a change of these clusters affects, less those that read only the clusters `judged`."""
        return [group for group in self.groups if group.clusters & changed and group.clusters & ~judged]

    def within(self, changed: int, judged: int) -> list[CheckGroup]:
        """The groups that a change of these clusters affects, and that read only the clusters `judged`."""
        return [group for group in self.groups if group.clusters & changed and not group.clusters & ~judged]

    def check_all(self, states: Iterable[int]) -> None:
        """Judges all conjuncts on these states."""
        while not self.check(self.groups, states):
            pass

    def check(self, groups: Iterable[CheckGroup], states: Iterable[int]) -> bool:
        """Judges these groups on these states. False if one had to read more: then the groups are others now."""
        if not states:
            return True
        for group in groups:
            if not self._check(group, states):
                self.regroup()
                return False
        return True

    def _check(self, group: CheckGroup, states: Iterable[int]) -> bool:
        bits, passed = self._outcomes.layout.field(group.clusters), group.passed
        # Only the group's clusters are looked at, so states that agree on them are one.
        keys = {state & bits for state in states}
        if passed is not None:
            keys -= passed
        for kind, check in group.checks:
            find = check.memo.find
            try:
                for key in keys:
                    if not find(key) and not self._outcomes.holds(check, key, group.clusters):
                        self._is_false(kind, check, next(each for each in states if each & bits == key))
            except Outside as read:
                check.memo.touch(read.cluster)
                return False
            except EvaluationError:
                self.settle(next(each for each in states if each & bits == key))
                raise
        if passed is not None:
            passed |= keys
        return True

    def settle(self, state: int, before: int | None = None) -> None:
        """Judges one state in which something is wrong: as in TLC, the first conjunct that is false decides."""
        for kind, check in self.checks:
            if kind != "idle" and not self._outcomes.holds(check, state):
                raise Violation(check.broken(kind), state, before)

    def _is_false(self, kind: str, check: Check, state: int) -> None:
        if kind == "idle":
            raise Inexact(next(index for index, each in enumerate(self._outcomes.steps) if each.idle is check))
        self.settle(state)
        raise AssertionError(f"{check.predicate.name} is false of a part of a state, and true of the whole")
