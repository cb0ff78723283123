"""What follows from a part of the state: the memoised outcomes of actions, composed for groups of actions.

An *instance* is an action with its arguments; its outcomes are remembered by what it read. A *family* is an action
with the arguments that come from constant sets; which instances it has may depend on the state. Families that touch
the same clusters form a group, and an *entry* is all that follows in one group from one value of those clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tlastep.behaviour import Label
from tlastep.engine.checks import Check, CheckGroup, StepCheck, checks_of
from tlastep.engine.digest import PRIME, REFUSED, label_hash, part_hash, step_hash
from tlastep.engine.layout import Cluster, Component, Layout
from tlastep.engine.machine import Action, Doubtful, Impure, Machine
from tlastep.engine.memo import Memo, NotAFunction, clusters_of
from tlastep.engine.recording import FunctionRef, Outside, PairRecorder, Recorder, WholeRef
from tlastep.engine.system import Broken
from tlastep.errors import EvaluationError
from tlastep.language.operations import Deferred, freeze
from tlastep.predicates import bindings


class Outcome(NamedTuple):
    """One way to take an action: components with new values, and sets with members added and removed."""

    writes: tuple[tuple[Component, int], ...]
    sets: tuple[tuple[Component, frozenset[Any], frozenset[Any]], ...]


class Instance:
    """An action with all its arguments."""

    __slots__ = ("_hashes", "bound", "label", "memo")

    def __init__(self, action: Action, bound: tuple[Any, ...]) -> None:
        self.bound = bound
        self.label: Label = action.label(bound)
        self.memo: Memo[tuple[Outcome, ...]] = Memo()
        self._hashes: tuple[int, int] | None = None

    @property
    def hashes(self) -> tuple[int, int]:
        """The hash of the label, and that of its being refused. Whoever makes no digest needs neither."""
        if self._hashes is None:
            label = label_hash(self.label)
            self._hashes = label, step_hash(label, REFUSED)
        return self._hashes


class Family:
    """An action with the arguments that never change."""

    def __init__(self, action: Action, prefix: tuple[Any, ...]) -> None:
        self.action = action
        self.prefix = prefix
        self.rest = action.quantified[len(prefix) :]
        self.domain: Memo[tuple[Instance, ...]] = Memo()
        self.instances: dict[tuple[Any, ...], Instance] = {}
        self.touched = 0

    def instance(self, bound: tuple[Any, ...]) -> Instance:
        """The instance with these arguments."""
        found = self.instances.get(bound)
        if found is None:
            found = self.instances[bound] = Instance(self.action, bound)
        return found


@dataclass
class Entry:
    """All that follows in one group of actions from one value of the clusters that they touch.

    `inside` and `outside` are how the packed state changes, by the clusters that differ (a bit set), one for each
    distinct step; `broken` are findings, each with the change that leads to it.
    """

    inside: dict[int, list[int]]
    outside: dict[int, list[int]]
    generated: int = 0
    transitions: int = 0
    boundary: int = 0
    refusals: int = 0
    hash: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, Broken]] = field(default_factory=list)


class Inexact(Exception):
    """A property of steps is false of a step in which nothing happens, so it has to be judged on every step."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Regroup(Exception):
    """An action turned out to touch clusters outside its group."""


ALL: Final = -1


class Outcomes:
    """Evaluates actions and predicates of a machine on packed states."""

    def __init__(self, machine: Machine, layout: Layout, *, hashing: bool, exact: frozenset[int] = frozenset()) -> None:
        self.machine = machine
        self.layout = layout
        self.hashing = hashing
        self.recorder = Recorder(layout)
        self.view = machine.view(self.recorder.stand_ins)
        self.families = [
            Family(action, prefix) for action in machine.actions for prefix in self._constant_prefixes(action)
        ]
        self.calls = 0
        self._latest: tuple[int, list[int]] | None = None
        self._part_hashes: dict[Component, list[int]] = {component: [] for component in layout.components}
        self._cluster_hashes: dict[Cluster, dict[int, int]] = {cluster: {} for cluster in layout.clusters}
        self._changed_sets: dict[tuple[Component, frozenset[Any], frozenset[Any], int], int] = {}
        self.constraints = [check for each in machine.constraints for check in checks_of(each)]
        self.steps = [
            StepCheck(each, check.part, check.bound) for each in machine.step_properties for check in checks_of(each)
        ]
        for index in exact:
            self.steps[index].exact = True
            self.steps[index].idle.test = lambda *_: True
        self._pair = PairRecorder(layout)
        self._pair_views = machine.view(self._pair.now.stand_ins), machine.view(self._pair.later.stand_ins)

    def _constant_prefixes(self, action: Action) -> Iterator[tuple[Any, ...]]:
        constant = []
        for variable in action.quantified:
            if not variable.constant:
                break
            constant.append(variable)
        return bindings(tuple(constant), None)

    # -- predicates ------------------------------------------------------------------------------------------

    def holds(self, check: Check, state: int, given: int = -1) -> bool:
        """Whether a conjunct is true of a state, of which the clusters `given` are known. May raise `Outside`."""
        found = check.memo.find(state)
        if found is None:
            self.recorder.start(state, given, by_attribute=self.machine.objects)
            try:
                found = bool(check.test(self.view, *check.bound))
            except EvaluationError as error:
                raise EvaluationError(error.message, error.place or check.part.place) from error
            check.memo.keep(state, self.recorder.reads, found)
        return found

    # -- actions ---------------------------------------------------------------------------------------------

    def instances(self, family: Family, state: int) -> tuple[Instance, ...]:
        """The instances that a family has in a state."""
        if not family.rest:
            return (family.instance(family.prefix),)
        found = family.domain.find(state)
        if found is None:
            self.recorder.start(state)
            bound = [family.prefix]
            for variable in family.rest:
                bound = [(*each, value) for each in bound for value in variable.domain(self.view, *each)]
            found = tuple([family.instance(each) for each in bound])
            family.domain.keep(state, self.recorder.reads, found)
            family.touched |= family.domain.touched
        return found

    def outcomes(self, family: Family, instance: Instance, state: int) -> tuple[Outcome, ...]:
        """What an instance leads to from a state: nothing where it is refused."""
        found = instance.memo.find(state)
        if found is None:
            found = self._execute(family.action, instance, state)
            if not self.machine.pure:
                reads = list(self.recorder.reads)
                if self._execute(family.action, instance, state) != found or list(self.recorder.reads) != reads:
                    raise Impure(instance.label)
            try:
                instance.memo.keep(state, self.recorder.reads, found)
            except NotAFunction as error:
                if self.machine.pure:
                    raise
                raise Impure(instance.label) from error
            family.touched |= instance.memo.touched
            for outcome in found:
                written = [each[0] for each in outcome.writes] + [each[0] for each in outcome.sets]
                family.touched |= clusters_of(written)
        return found

    def _execute(self, action: Action, instance: Instance, state: int) -> tuple[Outcome, ...]:
        self.calls += 1
        self.recorder.start(state)
        try:
            return tuple([self._outcome(each) for each in action.run(self.view, instance.bound)])
        except EvaluationError as error:
            raise self.machine.located(error) from error

    def _outcome(self, following: Any) -> Outcome:
        writes: list[tuple[Component, int]] = []
        sets: list[tuple[Component, frozenset[Any], frozenset[Any]]] = []
        for name, value in following.items():
            stand_in = self.recorder.stand_ins[name]
            if value is stand_in:
                continue
            if isinstance(value, FunctionRef) and value.name == name and value.reader is self.recorder:
                writes += [
                    (value.components[key], value.components[key].intern(new)) for key, new in value.written.items()
                ]
            elif isinstance(value, WholeRef) and value.name == name and value.reader is self.recorder:
                sets.append((value.component, value.added, value.removed))
            else:
                plain = freeze(value) if isinstance(value, Deferred) else value
                writes += [(component, component.intern(part)) for component, part in self.layout.parts(name, plain)]
        return Outcome(tuple(writes), tuple(sets))

    def follow(self, state: int, outcome: Outcome) -> tuple[int, int, int]:
        """How the packed state and its hash change, and which clusters do, as a bit set."""
        changed: dict[Cluster, list[int]] = {}
        for component, number in outcome.writes:
            cluster = component.cluster
            parts = changed.get(cluster)
            if parts is None:
                parts = changed[cluster] = list(cluster.tuples[state & cluster.field])
            parts[component.position] = number
        for component, added, removed in outcome.sets:
            cluster = component.cluster
            old = cluster.tuples[state & cluster.field][component.position]
            parts = changed.setdefault(cluster, list(cluster.tuples[state & cluster.field]))
            parts[component.position] = self._changed_set(component, added, removed, old)
        delta = change = touched = 0
        for cluster, parts in changed.items():
            old = state & cluster.field
            new = cluster.intern(tuple(parts))
            if new != old:
                touched |= cluster.bit
                delta += new - old
                if self.hashing:
                    change += self.cluster_hash(cluster, new) - self.cluster_hash(cluster, old)
        return delta, change, touched

    def _changed_set(self, component: Component, added: frozenset[Any], removed: frozenset[Any], old: int) -> int:
        key = (component, added, removed, old)
        found = self._changed_sets.get(key)
        if found is None:
            found = self._changed_sets[key] = component.intern((component.values[old] - removed) | added)
        return found

    # -- entries ---------------------------------------------------------------------------------------------

    def entry(self, families: list[Family], clusters: int, state: int) -> Entry:
        """All that follows from a state in a group that may touch these clusters. Raises `Regroup` if it needs more."""
        entry = Entry({}, {})
        numbers = self._numbers(state)
        for family in families:
            for instance in self.instances(family, state):
                outcomes = instance.memo.look(numbers)
                if outcomes is None:
                    outcomes = self.outcomes(family, instance, state)
                if outcomes:
                    self._add_all(entry, family, instance, state, outcomes)
                else:
                    entry.refusals += 1
                    if self.hashing:
                        entry.hash += instance.hashes[1]
            if family.touched & ~clusters:
                raise Regroup
        entry.hash %= PRIME
        return entry

    def _numbers(self, state: int) -> list[int]:
        """The numbers of a state's components. One state is asked about piece after piece."""
        if self._latest is None or self._latest[0] != state:
            self._latest = state, self.layout.numbers(state)
        return self._latest[1]

    def _add_all(
        self, entry: Entry, family: Family, instance: Instance, state: int, outcomes: tuple[Outcome, ...]
    ) -> None:
        """Takes in the distinct steps among these outcomes."""
        entry.generated += len(outcomes)
        seen: set[int] = set()
        for outcome in outcomes:
            delta, change, changed = self.follow(state, outcome)
            if delta in seen:
                continue
            seen.add(delta)
            self._add(entry, family, state, delta, changed)
            if self.hashing:
                entry.hash += step_hash(instance.hashes[0], change)
        entry.actions[instance.label.action] += len(seen)

    def _add(self, entry: Entry, family: Family, state: int, delta: int, changed: int) -> None:
        within = self._within(family, state + delta, changed)
        (entry.inside if within else entry.outside).setdefault(changed, []).append(delta)
        entry.transitions += 1
        entry.boundary += not within
        if changed and (finding := self._broken_step(family, state, delta, changed)):
            entry.broken.append((delta, finding))

    def judge(self, group: CheckGroup, state: int) -> list[Broken]:
        """What a state breaks of a group of conjuncts. Raises `Regroup` if one of them reads more than was known."""
        key = state & self.layout.field(group.clusters)
        if group.passed is not None and key in group.passed:
            return []
        broken = []
        for kind, check in group.checks:
            # Only the group's own clusters may be read: its key does not tell apart states that differ elsewhere.
            if not self._judge(check, state, group.clusters):
                if kind == "idle":
                    raise Inexact(next(index for index, each in enumerate(self.steps) if each.idle is check))
                broken.append(check.broken(kind))
        if group.passed is not None and not broken:
            group.passed.add(key)
        return broken

    def _judge(self, check: Check, state: int, clusters: int) -> bool:
        try:
            return self.holds(check, state, clusters)
        except Outside as read:
            check.memo.touch(read.cluster)
            raise Regroup from read
        except EvaluationError as error:
            raise Doubtful(state) from error

    def _within(self, family: Family, following: int, touched: int) -> bool:
        """Whether a next state is within the bound. What a step leaves alone was within it before."""
        within = True
        for check in self.constraints:
            if check.memo.touched & touched or not check.memo.touched:
                within = within and self.holds(check, following)
                family.touched |= check.memo.touched
        return within

    def _broken_step(self, family: Family, state: int, delta: int, changed: int) -> Broken | None:
        for check in self.steps:
            if check.touched & changed or check.exact or not check.touched:
                holds = self.step_holds(check, state, state + delta)
                family.touched |= check.steps.touched
                if not holds:
                    return check.broken("property")
        return None

    def step_holds(self, check: StepCheck, state: int, following: int) -> bool:
        """Whether a conjunct of a property of steps is true of a step."""
        found = check.steps.find(state, following)
        if found is None:
            self._pair.start(state, following, by_attribute=self.machine.objects)
            try:
                found = bool(check.part.test(*self._pair_views, *check.bound))
            except EvaluationError as error:
                raise EvaluationError(error.message, error.place or check.part.place) from error
            check.steps.keep(state, following, self._pair.reads, found)
        return found

    # -- hashes ----------------------------------------------------------------------------------------------

    def cluster_hash(self, cluster: Cluster, code: int) -> int:
        """The sum of the hashes of a cluster's parts."""
        hashes = self._cluster_hashes[cluster]
        found = hashes.get(code)
        if found is None:
            parts = zip(cluster.components, cluster.tuples[code], strict=True)
            found = hashes[code] = sum(self._part_hash(component, part) for component, part in parts)
        return found

    def cluster_hashes(self, cluster: Cluster) -> dict[int, int]:
        """The hashes of all values that a cluster has had, by their codes."""
        hashes = self._cluster_hashes[cluster]
        if len(hashes) < len(cluster.tuples):
            for code in cluster.tuples.keys() - hashes.keys():
                self.cluster_hash(cluster, code)
        return hashes

    def _part_hash(self, component: Component, number: int) -> int:
        hashes = self._part_hashes[component]
        while len(hashes) <= number:
            observed = self.machine.observe(component.variable, component.key, component.values[len(hashes)])
            hashes.append(sum(part_hash(*each) for each in observed))
        return hashes[number]
