"""Breadth-first search over packed states, a level at a time and in bulk.

It explores the same states as `engine/search.py` and counts as TLC counts; what a state leads to is composed from
memoised entries (`engine/entries.py`), so most of the work is adding integers and building sets of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import mul
from typing import Final, NamedTuple

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.engine.checks import checks_of
from tlastep.engine.digest import PRIME, mixed, verdict_hash
from tlastep.engine.entries import Entry, Family, Outcomes, Regroup
from tlastep.engine.invariants import CheckGroup, Invariants, Violation
from tlastep.engine.layout import Layout
from tlastep.engine.machine import Doubtful, Impure, Machine, Raised
from tlastep.engine.system import Broken
from tlastep.values import Fn, Value

CHUNK: Final = 1 << 14  # states expanded at once: large enough to amortise, small enough for the caches


@dataclass
class Moves:
    """The next states of a group's entries that differ in the same clusters: how the packed state changes, by key."""

    inside: dict[int, tuple[int, ...]]
    outside: dict[int, tuple[int, ...]]
    version: int = 0
    affected: list[CheckGroup] = field(default_factory=list)


class Counts(NamedTuple):
    """What is left of an entry once its moves are known: most entries share theirs with many others."""

    generated: int
    transitions: int
    boundary: int
    refusals: int
    actions: tuple[tuple[str, int], ...]


@dataclass
class Group:
    """Families that touch the same clusters, and the entries found so far."""

    families: list[Family]
    clusters: int
    bits: int
    entries: dict[int, Counts] = field(default_factory=dict)
    hashes: dict[int, int] = field(default_factory=dict)
    moves: dict[int, Moves] = field(default_factory=dict)
    used: Counter[int] = field(default_factory=Counter)
    shared: dict[Counts, Counts] = field(default_factory=dict)
    deltas: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)

    def add(self, key: int, entry: Entry) -> None:
        """Takes in a new entry. There may be a million of them, so no more is kept than is used."""
        for changed in entry.inside.keys() | entry.outside.keys():
            if changed not in self.moves:
                self.moves[changed] = Moves(dict.fromkeys(self.entries, ()), dict.fromkeys(self.entries, ()))
        for changed, moves in self.moves.items():
            moves.inside[key] = self._share(entry.inside.get(changed, []))
            moves.outside[key] = self._share(entry.outside.get(changed, []))
        self.hashes[key] = entry.hash
        actions = tuple(sorted(entry.actions.items()))
        counts = Counts(entry.generated, entry.transitions, entry.boundary, entry.refusals, actions)
        self.entries[key] = self.shared.setdefault(counts, counts)

    def _share(self, deltas: list[int]) -> tuple[int, ...]:
        """The deltas as a tuple that keys with the same ones have in common."""
        found = tuple(deltas)
        return self.deltas.setdefault(found, found)


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


class Explorer:
    """Explores a machine one level at a time."""

    def __init__(
        self,
        machine: Machine,
        layout: Layout,
        *,
        deadlock: bool = False,
        digest: bool = False,
        exact: frozenset[int] = frozenset(),
    ) -> None:
        self.machine = machine
        self.layout = layout
        self.outcomes = Outcomes(machine, layout, hashing=digest, exact=exact)
        self.invariants = Invariants(self.outcomes)
        self.levels: list[list[int]] = []
        self._totals = Totals()
        self._digest = digest
        self._deadlock = deadlock
        self._visited: set[int] = set()
        self._groups: list[Group] = []
        names = {check.predicate.name for _, check in self.invariants.checks}
        self._verdict = verdict_hash(names) if digest else 0

    # -- levels ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Takes in the initial states."""
        level: list[int] = []
        self.levels.append(level)
        for values in self.machine.initial():
            state = self.layout.pack(values)
            self._totals.generated += 1
            if state in self._visited:
                continue
            self._check_initial(state)
            self.invariants.check_all([state])
            if all(self.outcomes.holds(check, state) for check in self.outcomes.constraints):
                self._visited.add(state)
                level.append(state)

    def _check_initial(self, state: int) -> None:
        for predicate in self.machine.initial_properties:
            for check in checks_of(predicate):
                if not self.outcomes.holds(check, state):
                    raise Violation(check.broken("property"), state)

    def advance(self) -> bool:
        """Expands the last level. False when nothing new was found."""
        found: list[int] = []
        level = self.levels[-1]
        for start in range(0, len(level), CHUNK):
            found += self._expand(level[start : start + CHUNK])
        if found:
            self.levels.append(found)
        return bool(found)

    def _expand(self, chunk: list[int]) -> list[int]:
        keys = self._keys(chunk)
        found: set[int] = set()
        for group, group_keys in zip(self._groups, keys, strict=True):
            pairs = list(zip(chunk, group_keys, strict=True))
            for changed, moves in group.moves.items():
                inside, outside = moves.inside, moves.outside
                new = {state + delta for state, key in pairs for delta in inside[key]} - self._visited
                self._check(group, changed, moves, new)
                self._check(group, changed, moves, {state + delta for state, key in pairs for delta in outside[key]})
                found |= new
        self._visited |= found
        self._count(chunk, keys)
        return list(found)

    def _keys(self, chunk: list[int]) -> list[list[int]]:
        """The chunk's keys in each group; all their entries exist now."""
        while True:
            try:
                if not self._groups:
                    self._regroup()
                return [self._fill(group, chunk) for group in self._groups]
            except Regroup:
                self._regroup()
                self.invariants.regroup()

    def _fill(self, group: Group, chunk: list[int]) -> list[int]:
        bits = group.bits
        keys = [state & bits for state in chunk]
        missing = set(keys) - group.entries.keys()
        if missing:
            representatives = dict(zip(keys, chunk, strict=True))
            judged = self.invariants.within(group.clusters)
            for key in sorted(missing):
                state = representatives[key]
                try:
                    entry = self.outcomes.entry(group.families, group.clusters, state, judged)
                except (Raised, Impure) as error:
                    raise Violation(Broken(str(error)), state) from error
                except Doubtful as doubt:
                    self.invariants.settle(doubt.state, state)
                    raise
                for delta, broken in entry.broken:
                    self.invariants.settle(state + delta, state)
                    raise Violation(broken, state + delta, state)
                group.add(key, entry)
        return keys

    def _check(self, group: Group, changed: int, moves: Moves, states: set[int]) -> None:
        """Judges what a step of this kind may have affected, and its entry has not judged already."""
        while True:
            if moves.version != self.invariants.version:
                moves.version = self.invariants.version
                moves.affected = self.invariants.affected(changed, group.clusters)
            if self.invariants.check(moves.affected, states):
                return

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
            families = [each for each in self.outcomes.families if _home(each, largest) == mask]
            known = old.get(mask)
            if known is None or known.families != families:
                known = Group(families, mask, self.layout.field(mask))
            groups.append(known)
        for group in self._groups:
            if all(group is not each for each in groups):
                self._settle(group)
        self._groups = groups

    # -- counts ----------------------------------------------------------------------------------------------

    @property
    def totals(self) -> Totals:
        """What was counted so far."""
        for group in self._groups:
            self._settle(group)
        self._totals.distinct = len(self._visited)
        return self._totals

    @property
    def distinct(self) -> int:
        """The number of distinct states so far."""
        return len(self._visited)

    @property
    def digest(self) -> int:
        """The digest of all states expanded so far."""
        return self._totals.digest

    def _settle(self, group: Group) -> None:
        """Adds to the totals how often each entry was used."""
        totals = self._totals
        for key, count in group.used.items():
            counts = group.entries[key]
            totals.generated += counts.generated * count
            totals.transitions += counts.transitions * count
            totals.boundary += counts.boundary * count
            totals.refusals += counts.refusals * count
            for action, number in counts.actions:
                totals.actions[action] += number * count
        group.used.clear()

    def _count(self, chunk: list[int], keys: list[list[int]]) -> None:
        for group, group_keys in zip(self._groups, keys, strict=True):
            group.used.update(group_keys)
        if self._digest:
            sums = map(mul, map(mixed, self.state_hashes(chunk)), self._step_sums(keys, len(chunk)))
            self._totals.digest = (self._totals.digest + sum(sums)) % PRIME
        if self._deadlock:
            self._check_deadlock(chunk, keys)

    def _check_deadlock(self, chunk: list[int], keys: list[list[int]]) -> None:
        stuck = set(chunk)
        for group, group_keys in zip(self._groups, keys, strict=True):
            entries = group.entries
            stuck -= {state for state, key in zip(chunk, group_keys, strict=True) if entries[key].generated}
        for state in stuck:
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


def _home(family: Family, masks: list[int]) -> int:
    return next(mask for mask in masks if family.touched | mask == mask)
