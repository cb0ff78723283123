"""The fast engine: breadth-first search over packed states, level by level, in bulk.

It explores the same states as `engine/search.py` and counts as TLC counts; what a state leads to is composed from
memoised entries (`engine/entries.py`), so most of the work is adding integers and building sets of them.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import mul
from time import perf_counter
from typing import Any, Final

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.engine.digest import PRIME, mixed, verdict_hash
from tlastep.engine.entries import Check, Entry, Family, Outcomes, Regroup
from tlastep.engine.layout import Layout, Resplit
from tlastep.engine.machine import Impure, Machine, Raised
from tlastep.engine.recording import Outside
from tlastep.engine.search import Exploration, Progress
from tlastep.engine.system import Broken
from tlastep.values import Fn, Value

CHUNK: Final = 1 << 14  # states expanded at once: large enough to amortise, small enough for the caches


@dataclass
class Group:
    """Families that touch the same clusters, and the entries found so far."""

    families: list[Family]
    clusters: int
    bits: int
    entries: dict[int, Entry] = field(default_factory=dict)
    inside: dict[int, tuple[int, ...]] = field(default_factory=dict)
    outside: dict[int, tuple[int, ...]] = field(default_factory=dict)
    hashes: dict[int, int] = field(default_factory=dict)

    def clear(self) -> None:
        """Forgets all entries."""
        for known in (self.entries, self.inside, self.outside, self.hashes):
            known.clear()


@dataclass
class _CheckGroup:
    """Invariant conjuncts that read the same clusters, and the values of these for which they hold."""

    checks: list[tuple[str, Check]]
    clusters: int
    bits: int
    passed: set[int] | None


@dataclass
class Totals:
    """What was counted. `transitions` are distinct (state, label, next state); `boundary` of them leave the bound."""

    distinct: int = 0
    generated: int = 0
    transitions: int = 0
    boundary: int = 0
    refusals: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    digest: int = 0


class Violation(Exception):
    """A property is broken in the state `last`, reached from `state` (or initial)."""

    def __init__(self, broken: Broken, last: int, state: int | None = None) -> None:
        super().__init__(broken.result)
        self.broken = broken
        self.last = last
        self.state = state


class Explorer:
    """Explores a machine one level at a time."""

    def __init__(self, machine: Machine, layout: Layout, *, deadlock: bool = False, digest: bool = False) -> None:
        self.machine = machine
        self.layout = layout
        self.outcomes = Outcomes(machine, layout, hashing=digest)
        self.totals = Totals()
        self.levels: list[list[int]] = []
        self._digest = digest
        self._deadlock = deadlock
        self._visited: set[int] = set()
        self._groups: list[Group] = []
        self._checks = self._all_checks()
        self._check_groups: list[_CheckGroup] = []
        self._verdict = verdict_hash({check.predicate.name for _, check in self._checks}) if digest else 0
        self._regroup_checks()

    # -- levels ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Takes in the initial states."""
        level: list[int] = []
        for values in self.machine.initial():
            state = self.layout.pack(values)
            self.totals.generated += 1
            if state in self._visited:
                continue
            self._check_initial(state)
            self._check_states([state])
            if all(self.outcomes.holds(check, state) for check in self.outcomes.constraints):
                self._visited.add(state)
                level.append(state)
        self.totals.distinct = len(self._visited)
        self.levels.append(level)

    def advance(self) -> bool:
        """Expands the last level. False when nothing new was found."""
        found: list[int] = []
        level = self.levels[-1]
        for start in range(0, len(level), CHUNK):
            found += self._expand(level[start : start + CHUNK])
        self.totals.distinct = len(self._visited)
        if found:
            self.levels.append(found)
        return bool(found)

    def _expand(self, chunk: list[int]) -> list[int]:
        while True:
            try:
                keys = [self._fill(group, chunk) for group in self._groups]
                break
            except Regroup:
                self._regroup()
        if not self._groups:
            self._regroup()
            return self._expand(chunk)
        candidates: set[int] = set()
        outside: set[int] = set()
        for group, group_keys in zip(self._groups, keys, strict=True):
            inside = group.inside
            candidates.update(
                [state + delta for state, key in zip(chunk, group_keys, strict=True) for delta in inside[key]]
            )
            out = group.outside
            outside.update([state + delta for state, key in zip(chunk, group_keys, strict=True) for delta in out[key]])
        self._count(chunk, keys)
        candidates -= self._visited
        self._check_states(candidates)
        self._check_states(outside)
        self._visited |= candidates
        return list(candidates)

    def _fill(self, group: Group, chunk: list[int]) -> list[int]:
        """The chunk's keys in a group, with an entry made for each that is new."""
        bits = group.bits
        keys = [state & bits for state in chunk]
        entries = group.entries
        missing = {key: state for key, state in zip(keys, chunk, strict=True) if key not in entries}
        for key, state in missing.items():
            try:
                entry = self.outcomes.entry(group.families, group.clusters, state)
            except (Raised, Impure) as error:
                raise Violation(Broken(str(error)), state) from error
            group.inside[key] = entry.inside
            group.outside[key] = entry.outside
            group.hashes[key] = entry.hash
            entries[key] = entry
            for delta, broken in entry.broken:
                raise Violation(broken, state + delta, state)
        return keys

    def _count(self, chunk: list[int], keys: list[list[int]]) -> None:
        totals = self.totals
        moves = [0] * len(chunk) if self._deadlock else []
        for group, group_keys in zip(self._groups, keys, strict=True):
            for key, count in Counter(group_keys).items():
                entry = group.entries[key]
                totals.generated += entry.generated * count
                totals.transitions += entry.transitions * count
                totals.boundary += len(set(entry.outside)) * count
                totals.refusals += entry.refusals * count
                for action, number in entry.actions.items():
                    totals.actions[action] += number * count
            if self._deadlock:
                moves = [so_far + group.entries[key].generated for so_far, key in zip(moves, group_keys, strict=True)]
        if self._digest:
            hashes = self.state_hashes(chunk)
            sums = self._step_sums(keys, len(chunk))
            totals.digest = (totals.digest + sum(map(mul, map(mixed, hashes), sums))) % PRIME
        for state, moved in zip(chunk, moves, strict=False):
            if not moved:
                raise Violation(Broken("deadlock"), state)

    def _step_sums(self, keys: list[list[int]], count: int) -> list[int]:
        sums = [self._verdict] * count
        for group, group_keys in zip(self._groups, keys, strict=True):
            hashes = group.hashes
            sums = [so_far + hashes[key] for so_far, key in zip(sums, group_keys, strict=True)]
        return sums

    def state_hashes(self, states: list[int]) -> list[int]:
        """The hashes of states, as sums over their parts."""
        sums = [0] * len(states)
        for cluster in self.layout.clusters:
            hashes, shift, low = self.outcomes.cluster_hashes(cluster), cluster.shift, cluster.low
            sums = [so_far + hashes[(state >> shift) & low] for so_far, state in zip(sums, states, strict=True)]
        return sums

    def profile(self, level: list[int]) -> dict[int, tuple[int, int]]:
        """For each state of an expanded level: its hash → (sum of its steps' hashes, state)."""
        keys = [[state & group.bits for state in level] for group in self._groups]
        sums = self._step_sums(keys, len(level))
        return {
            key: (steps % PRIME, state) for key, steps, state in zip(self.state_hashes(level), sums, level, strict=True)
        }

    # -- groups ----------------------------------------------------------------------------------------------

    def _regroup(self) -> None:
        """Families go to the smallest known set of clusters that covers what they touch."""
        masks = sorted({family.touched for family in self.outcomes.families}, key=lambda bits: -bits.bit_count())
        largest: list[int] = []
        for mask in masks:
            if not any(mask | other == other for other in largest):
                largest.append(mask)
        old = {group.clusters: group for group in self._groups}
        groups = []
        for mask in largest:
            families = [each for each in self.outcomes.families if self._home(each, largest) == mask]
            known = old.get(mask)
            if known is None or known.families != families:
                known = Group(families, mask, self.layout.field(mask))
            groups.append(known)
        self._groups = groups

    @staticmethod
    def _home(family: Family, masks: list[int]) -> int:
        return next(mask for mask in masks if family.touched | mask == mask)

    # -- invariants ------------------------------------------------------------------------------------------

    def _all_checks(self) -> list[tuple[str, Check]]:
        named = [("invariant", each) for each in self.machine.invariants]
        named += [("property", each) for each in self.machine.always_properties]
        checks = [(kind, check) for kind, each in named for check in self.outcomes.checks(each)]
        return checks + [("idle", check.idle) for check in self.outcomes.steps]

    def _regroup_checks(self) -> None:
        by_clusters: dict[int, list[tuple[str, Check]]] = {}
        for kind, check in self._checks:
            by_clusters.setdefault(check.memo.touched, []).append((kind, check))
        old = {group.clusters: group for group in self._check_groups}
        all_clusters = len(self.layout.clusters)
        self._check_groups = []
        for clusters, checks in sorted(by_clusters.items()):
            known = old.get(clusters)
            if known is None or known.checks != checks:
                # Where everything is read, remembering it would double the set of visited states.
                passed: set[int] | None = set() if clusters.bit_count() < all_clusters else None
                known = _CheckGroup(checks, clusters, self.layout.field(clusters), passed)
            self._check_groups.append(known)

    def _check_states(self, states: Iterable[int]) -> None:
        while not self._checked(states):
            self._regroup_checks()

    def _checked(self, states: Iterable[int]) -> bool:
        """Checks all invariants on these states. False if one read more than it did before: then check again."""
        for group in self._check_groups:
            bits, passed = group.bits, group.passed
            # Only the group's clusters are looked at, so states that agree on them are one.
            keys = {state & bits for state in states}
            if passed is not None:
                keys -= passed
            if not keys:
                continue
            for kind, check in group.checks:
                find = check.memo.find
                try:
                    for key in keys:
                        if not find(key) and not self.outcomes.holds(check, key, group.clusters):
                            self._is_false(kind, check, next(each for each in states if each & bits == key))
                except Outside as read:
                    check.memo.touched |= read.cluster.bit
                    return False
            if passed is not None:
                passed |= keys
        return True

    def _is_false(self, kind: str, check: Check, state: int) -> None:
        if kind != "idle":
            raise Violation(check.broken(kind), state)
        (steps,) = [each for each in self.outcomes.steps if each.idle is check]
        if not steps.exact:
            steps.exact = True
            for group in self._groups:
                group.clear()

    def _check_initial(self, state: int) -> None:
        for predicate in self.machine.initial_properties:
            for check in self.outcomes.checks(predicate):
                if not self.outcomes.holds(check, state):
                    raise Violation(check.broken("property"), state)

    # -- behaviours ------------------------------------------------------------------------------------------

    def labelled(self, state: int) -> Iterator[tuple[Label, int]]:
        """The steps from a state, with their labels."""
        for family in self.outcomes.families:
            for instance in self.outcomes.instances(family, state):
                for outcome in self.outcomes.outcomes(family, instance, state):
                    yield instance.label, state + self.outcomes.follow(state, outcome)[0]

    def path_to(self, last: int, before: int | None = None) -> list[tuple[Label | None, int]]:
        """A shortest path from an initial state; `before` is the state before the last one, if it is known."""
        path: list[tuple[Label | None, int]] = []
        target = last
        known = next((depth for depth, level in enumerate(self.levels) if target in level), len(self.levels))
        # A state that is known may be led to from deeper levels, too: only those above it are on a shortest path.
        for level in reversed(self.levels if before is not None else self.levels[:known]):
            step = self._step_to(target, level if before is None else [before])
            before = None
            if step is not None:
                path.append((step[0], target))
                target = step[1]
        return [(None, target), *reversed(path)]

    def _step_to(self, target: int, states: Iterable[int]) -> tuple[Label, int] | None:
        for state in states:
            for label, following in self.labelled(state):
                if following == target:
                    return label, state
        return None

    def behaviour(self, violation: Violation) -> Behaviour:
        """The behaviour that ends in a violation."""
        path = self.path_to(violation.last, violation.state)
        return Behaviour(tuple(Step(label, self.assignment(state)) for label, state in path))

    def assignment(self, state: int) -> dict[str, Value]:
        """A packed state as values by variable."""
        values = self.layout.unpack(state)
        return {name: Fn(value) if name in self.layout.split else value for name, value in values.items()}


def explore_fast(machine: Machine, *, deadlock: bool = False, on_progress: Progress | None = None) -> Exploration:
    """Explores all states within the bound, as `search.explore` does, only faster."""
    start = perf_counter()
    result, place, behaviour = "ok", "", None
    with collector_off():
        explorer, violation = run(machine, deadlock=deadlock, on_progress=on_progress)
        if violation is not None:
            result, place = violation.broken
            behaviour = explorer.behaviour(violation)
    totals = explorer.totals
    seconds = perf_counter() - start
    depth = len([level for level in explorer.levels if level])
    return Exploration(result, totals.distinct, totals.generated, depth, seconds, place, behaviour)


def run(
    machine: Machine,
    *,
    deadlock: bool = False,
    digest: bool = False,
    on_progress: Progress | None = None,
    after_level: Callable[[Explorer], Any] | None = None,
) -> tuple[Explorer, Violation | None]:
    """Runs a search to its end or to the first violation; starts again where the layout did not fit."""
    whole: frozenset[str] = frozenset()
    extra = 0
    states = machine.initial()
    while True:
        explorer = Explorer(machine, Layout(machine.variables, states, whole, extra), deadlock=deadlock, digest=digest)
        try:
            explorer.start()
            while explorer.advance():
                if on_progress:
                    on_progress(explorer.totals.generated, explorer.totals.distinct, len(explorer.levels[-1]))
                if after_level:
                    after_level(explorer)
            return explorer, None
        except Violation as violation:
            return explorer, violation
        except Resplit as change:
            whole |= {change.whole} if change.whole else set()
            extra += 6 if change.wider else 0


@contextmanager
def collector_off() -> Iterator[None]:
    """Millions of long-lived integers make the garbage collector slow and find it nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
