"""Breadth-first search over packed states, a level at a time and in bulk.

It explores the same states as `engine/search.py` and counts as TLC counts; what a state leads to is composed from
memoised entries (`engine/entries.py`), so most of the work is adding integers and building sets of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import mul
from typing import Final

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.engine.checks import checks_of
from tlastep.engine.digest import PRIME, mixed, verdict_hash
from tlastep.engine.entries import Family, Outcomes, Regroup
from tlastep.engine.groups import Group, Kind, Part
from tlastep.engine.invariants import Invariants, Violation
from tlastep.engine.layout import Layout
from tlastep.engine.machine import Doubtful, Impure, Machine, Raised
from tlastep.engine.system import Broken
from tlastep.engine.visited import Visited
from tlastep.values import Fn, Value

CHUNK: Final = 1 << 14  # states expanded at once: large enough to amortise, small enough for the caches


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
        self._visited = Visited()
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
                self._visited.add({state})
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
            pairs = list(zip(chunk, map(group.rows.__getitem__, group_keys), strict=True))
            for index, kind in enumerate(group.kinds):
                next_states = {state + delta for state, row in pairs for delta in row[index]}
                if kind.inside:
                    next_states = self._visited.unseen(next_states)
                    found |= next_states
                self._check(group, kind, next_states)
        self._visited.add(found)
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
        bits = self.layout.field(group.clusters)
        keys = [state & bits for state in chunk]
        missing = set(keys) - group.rows.keys()
        if missing:
            representatives = {key: state for key, state in zip(keys, chunk, strict=True) if key in missing}
            for key in sorted(missing):
                self._find(group, key, representatives[key])
        return keys

    def _find(self, group: Group, key: int, state: int) -> None:
        """Finds what follows in a group from a state."""
        try:
            parts = group.parts(self.outcomes, state)
            broken = [each for part in parts for each in (*part.broken, *self._judge(group, part, state))]
        except (Raised, Impure) as error:
            raise Violation(Broken(str(error)), state) from error
        except Doubtful as doubt:
            self.invariants.settle(doubt.state, state)
            raise
        for delta, finding in broken:
            self.invariants.settle(state + delta, state)
            raise Violation(finding, state + delta, state)
        group.add(key, parts, hashing=self._digest)

    def _judge(self, group: Group, part: Part, state: int) -> Iterator[tuple[int, Broken]]:
        """What the next states break of those conjuncts that read no more than the group touches."""
        for number, deltas in part.moves:
            for judged in self._checks(group, group.kinds[number]).judged:
                for delta in deltas:
                    for finding in self.outcomes.judge(judged, state + delta):
                        yield delta, finding

    def _check(self, group: Group, kind: Kind, states: set[int]) -> None:
        """Judges what a step of this kind may have affected, and was not judged already."""
        while not self.invariants.check(self._checks(group, kind).affected, states):
            pass

    def _checks(self, group: Group, kind: Kind) -> Kind:
        """The kind, with the conjuncts that a step of it may affect, as they are grouped now."""
        if kind.version != self.invariants.version:
            kind.version = self.invariants.version
            kind.affected = self.invariants.affected(kind.changed, group.clusters)
            kind.judged = self.invariants.within(kind.changed, group.clusters)
        return kind

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
                known = Group(families, mask)
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
        """Adds to the totals what was counted in a group."""
        totals = self._totals
        for counts, times in group.settle():
            totals.generated += counts.generated * times
            totals.transitions += counts.transitions * times
            totals.boundary += counts.boundary * times
            totals.refusals += counts.refusals * times
            for action, number in counts.actions:
                totals.actions[action] += number * times

    def _count(self, chunk: list[int], keys: list[list[int]]) -> None:
        for group, group_keys in zip(self._groups, keys, strict=True):
            group.use(group_keys)
        if self._digest:
            sums = map(mul, map(mixed, self.state_hashes(chunk)), self._step_sums(keys, len(chunk)))
            self._totals.digest = (self._totals.digest + sum(sums)) % PRIME
        if self._deadlock:
            self._check_deadlock(chunk, keys)

    def _check_deadlock(self, chunk: list[int], keys: list[list[int]]) -> None:
        stuck = set(chunk)
        for group, group_keys in zip(self._groups, keys, strict=True):
            counts, idle = group.counts, group.idle()
            stuck -= {state for state, key in zip(chunk, group_keys, strict=True) if counts[key] not in idle}
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
            hashes, bits = self.outcomes.cluster_hashes(cluster), cluster.field
            sums = [so_far + hashes[state & bits] for so_far, state in zip(sums, states, strict=True)]
        return sums

    def profile(self, level: list[int]) -> dict[int, tuple[int, int]]:
        """For each state of an expanded level: its hash → (sum of its steps' hashes, state)."""
        keys = [self._fill(group, level) for group in self._groups]
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

    def steps(self, state: int) -> dict[tuple[Label, int], int]:
        """The distinct steps from a state: label and hash of the next state → next state."""
        (known,) = self.state_hashes([state])
        found = {}
        for family in self.outcomes.families:
            for instance in self.outcomes.instances(family, state):
                for outcome in self.outcomes.outcomes(family, instance, state):
                    delta, change, _ = self.outcomes.follow(state, outcome)
                    found[instance.label, known + change] = state + delta
        return found

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
