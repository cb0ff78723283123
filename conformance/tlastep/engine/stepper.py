"""One state after another of a machine, memoised: for walks, simulations and transcripts, which search nothing.

    stepper = Stepper(SpecMachine(load(spec, config)))
    state = stepper.initial()[0]
    (state,) = stepper.after(state, Label("Timeout", (model_value("a"),)))
    assert stepper.broken(state) is None

A state is one integer (`engine/layout.py`); what an action leads to and what a conjunct says is remembered by what it
read (`engine/entries.py`), and nothing else is: no state is kept, so a walk may be as long as one likes.

Such an integer means something to its own stepper only. If a variable that was a function over one domain turns out
to be none, all states are packed anew, and what was packed before means nothing any more: the call raises `Repacked`,
the stepper is ready again, and the caller begins its episode once more. This happens at most once a variable, and
never where the domains of functions are fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from tlastep.behaviour import Label
from tlastep.engine.checks import CheckGroup, StepCheck
from tlastep.engine.entries import Family, Inexact, Instance, Outcomes
from tlastep.engine.invariants import Invariants, Violation
from tlastep.engine.layout import Layout, Resplit
from tlastep.engine.machine import Machine
from tlastep.engine.memo import Memo
from tlastep.engine.system import Broken
from tlastep.values import Fn, Value

T = TypeVar("T")

REMEMBERED: Final = 1 << 16  # states that were judged last


class Taken(NamedTuple):
    """A step that the machine can take."""

    label: Label
    following: int


class Offer(NamedTuple):
    """An action with its arguments, and the states that it leads to: none where it is refused."""

    label: Label
    following: tuple[int, ...]


class Repacked(Exception):
    """A variable is packed otherwise from now on; states that were given out before mean nothing any more."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable)
        self.variable = variable


class Stepper:
    """Steps a machine from one packed state to the next, and judges states and steps."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.variables = machine.variables
        self.actions = tuple(dict.fromkeys(action.name for action in machine.actions))
        self._starts = machine.initial()
        self._whole: frozenset[str] = frozenset()
        self._begin()

    def _begin(self) -> None:
        """Packs states as they must be packed by what is known now; all memory is empty."""
        while True:
            self.layout = Layout(self.variables, self._starts, self._whole)
            self.outcomes = Outcomes(self.machine, self.layout, hashing=False)
            self._invariants = Invariants(self.outcomes)
            self._families: dict[str, list[Family]] = {name: [] for name in self.actions}
            for family in self.outcomes.families:
                self._families[family.action.name].append(family)
            self._labels: dict[str, tuple[Label, ...]] = {}
            self._sound: set[int] = set()
            self._concerned: dict[int, tuple[int, list[CheckGroup]]] = {}
            self._lives: dict[int, tuple[tuple[Instance, ...], tuple[Instance, ...]]] = {}
            try:
                self._initial = tuple(dict.fromkeys(map(self.layout.pack, self._starts)))
            except Resplit as change:
                self._whole |= {change.whole}
                continue
            return

    def _guarded(self, task: Callable[[], T]) -> T:
        try:
            return task()
        except Resplit as change:
            self._whole |= {change.whole}
            self._begin()
            raise Repacked(change.whole) from change

    # -- states ----------------------------------------------------------------------------------------------

    def initial(self) -> tuple[int, ...]:
        """The initial states, each once."""
        return self._initial

    def pack(self, values: Mapping[str, Value]) -> int:
        """A state given as the values of the spec's variables."""
        state = tuple([values[name] for name in self.variables])
        return self._guarded(lambda: self.layout.pack(state))

    def assignment(self, state: int) -> dict[str, Value]:
        """The values of the variables in a state."""
        values = self.layout.unpack(state)
        return {name: Fn(value) if name in self.layout.split else value for name, value in values.items()}

    def changed(self, state: int, following: int) -> tuple[str, ...]:
        """The variables in which two states differ."""
        found: dict[str, None] = {}
        different = state ^ following
        for cluster in self.layout.clusters:
            if different & cluster.field:
                one, other = cluster.tuples[state & cluster.field], cluster.tuples[following & cluster.field]
                for component, mine, theirs in zip(cluster.components, one, other, strict=True):
                    if mine != theirs:
                        found[component.variable] = None
        return tuple(found)

    # -- steps -----------------------------------------------------------------------------------------------

    def offers(self, state: int, action: str | None = None, *, ever: bool = False) -> list[Offer]:
        """Every action (or one) with all its arguments in this state, refused or not, those beyond the bound too.

        With `ever`, those are left out that are refused whatever the state is: a message of another type, say.
        """
        families = self.outcomes.families if action is None else self._families.get(action, [])
        return self._guarded(
            lambda: [
                Offer(instance.label, self._following(family, instance, state))
                for family in families
                for instance in (self._live(family, state) if ever else self.outcomes.instances(family, state))
            ]
        )

    def steps(self, state: int, action: str | None = None) -> list[Taken]:
        """The steps from a state (or those of one action), those that leave the bound included; each once."""
        return self._guarded(lambda: [Taken(label, each) for label, each, _ in self._moves(state, action)])

    def steps_within(self, state: int, action: str | None = None) -> list[Taken]:
        """Those of the steps that lead from a state that satisfies the constraints to another such."""
        return self._guarded(
            lambda: [
                Taken(label, each)
                for label, each, changed in self._moves(state, action)
                if self._stays_within(each, changed)
            ]
        )

    def labels(self, state: int, action: str) -> tuple[Label, ...]:
        """An action with all its arguments in this state, refused or not: one object if they never differ."""
        found = self._labels.get(action)
        if found is None:
            families, instances = self._families.get(action, []), self.outcomes.instances
            found = self._guarded(
                lambda: tuple([each.label for family in families for each in instances(family, state)])
            )
            if not any(family.rest for family in families):
                self._labels[action] = found
        return found

    def _moves(self, state: int, action: str | None) -> Iterator[tuple[Label, int, int]]:
        """The steps, each once, with the clusters that they change."""
        follow = self.outcomes.follow
        for family in self.outcomes.families if action is None else self._families.get(action, ()):
            for instance in self._live(family, state):
                outcomes = instance.memo.find(state)
                if outcomes is None:
                    outcomes = self.outcomes.outcomes(family, instance, state)
                seen: set[int] = set()
                for outcome in outcomes:
                    delta, _, changed = follow(state, outcome)
                    if delta not in seen:
                        seen.add(delta)
                        yield instance.label, state + delta, changed

    def _live(self, family: Family, state: int) -> tuple[Instance, ...]:
        """The instances of a family in this state that some state may take: all but those refused without a look."""
        instances = self.outcomes.instances(family, state)
        if not family.rest:
            return instances
        known = self._lives.get(id(instances))
        if known is None or known[0] is not instances:
            live = tuple([each for each in instances if each.memo.touched or self._may_be_taken(family, each, state)])
            known = self._lives[id(instances)] = (instances, live)
        return known[1]

    def _may_be_taken(self, family: Family, instance: Instance, state: int) -> bool:
        """Whether some state may take an instance that has read nothing of any so far."""
        return bool(self.outcomes.outcomes(family, instance, state) or instance.memo.touched)

    def after(self, state: int, label: Label) -> tuple[int, ...]:
        """The states that the action with these arguments leads to: none where it is refused, or not offered."""
        return self._guarded(lambda: self._after(state, label))

    def _after(self, state: int, label: Label) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for family in self._families.get(label.action, ()):
            for instance in self.outcomes.instances(family, state):
                if instance.label == label:
                    found.update(dict.fromkeys(self._following(family, instance, state)))
        return tuple(found)

    def _following(self, family: Family, instance: Instance, state: int) -> tuple[int, ...]:
        outcomes = self.outcomes.outcomes(family, instance, state)
        if not outcomes:
            return ()
        if len(outcomes) == 1:
            return (state + self.outcomes.follow(state, outcomes[0])[0],)
        return tuple(dict.fromkeys(state + self.outcomes.follow(state, each)[0] for each in outcomes))

    # -- judgements ------------------------------------------------------------------------------------------

    def within(self, state: int) -> bool:
        """Whether the state satisfies the constraints."""
        return all(self.outcomes.holds(check, state) for check in self.outcomes.constraints)

    def stays_within(self, state: int, following: int) -> bool:
        """Whether a step from a state that satisfies the constraints leads to another such."""
        return self._stays_within(following, self._changed_clusters(state, following))

    def _stays_within(self, following: int, changed: int) -> bool:
        for check in self.outcomes.constraints:
            touched = check.memo.touched
            if (touched & changed or not touched) and not self.outcomes.holds(check, following):
                return False
        return True

    def _changed_clusters(self, state: int, following: int) -> int:
        changed, different = 0, state ^ following
        for cluster in self.layout.clusters:
            if different & cluster.field:
                changed |= cluster.bit
        return changed

    def broken(self, state: int, before: int | None = None) -> Broken | None:
        """The first invariant that is false in the state. `before` is one in which none was, if it was come from there.

        What is not about anything that differs between the two is not judged again.
        """
        if state in self._sound:
            return None
        changed = self._changed_clusters(before, state) if before in self._sound and before is not None else None
        while True:
            try:
                self._check(state, changed)
            except Violation as violation:
                return violation.broken
            except Inexact as change:
                self._judge_always(self.outcomes.steps[change.index])
                continue
            self._remember(state)
            return None

    def _check(self, state: int, changed: int | None) -> None:
        if changed is None:
            self._invariants.check_all([state])
            return
        while not self._invariants.check(self._affected(changed), (state,)):
            pass

    def _affected(self, changed: int) -> list[CheckGroup]:
        """The conjuncts that a change of these clusters may make false, as they are grouped now."""
        version, found = self._concerned.get(changed, (0, []))
        if version != self._invariants.version:
            version, found = self._invariants.version, self._invariants.affected(changed, 0)
            self._concerned[changed] = version, found
        return found

    def _remember(self, state: int) -> None:
        """Keeps the states that were judged last, so that asking twice costs nothing."""
        if len(self._sound) >= REMEMBERED:
            self._sound.clear()
        self._sound.add(state)

    def broken_step(self, state: int, following: int) -> Broken | None:
        """The first property of steps that is false of this one. `state` must have been found sound by `broken`."""
        changed = self._changed_clusters(state, following)
        for check in self.outcomes.steps:
            concerned = check.touched & changed or check.exact or not check.touched
            if concerned and not self.outcomes.step_holds(check, state, following):
                return check.broken("property")
        return None

    def _judge_always(self, check: StepCheck) -> None:
        """A property of steps that is false where nothing happens has to be judged on every step."""
        check.exact = True
        check.idle.test = lambda *_: True
        check.idle.memo = Memo()
        self._invariants.regroup()
