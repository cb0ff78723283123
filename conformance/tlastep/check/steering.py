"""What a walk does next: uniformly at random, or steered towards what has not been seen yet.

Uniform choice reaches little of a protocol in which ten steps must come one after another and any crash undoes them.
What steers: each episode has weights of its own for the actions (a swarm), with steps of the environment rarer; of the
steps of one action the one is preferred whose *edge* (action, variables that it changes, kinds of state before and
after) was seen least; and an episode begins where a kind of state was seen for the first time, as often as at a start.

A *kind* of state forgets which server is which, and all of a value but its shape: strings and truth values, whether a
number is 0, 1 or more, how long a sequence is, roughly, and who is ahead of whom.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Final, Protocol

from tlastep.behaviour import Label
from tlastep.check.walk import Pair, Place
from tlastep.engine.layout import Cluster
from tlastep.engine.stepper import Taken
from tlastep.values import Bool, Fn, ModelValue

EPISODE: Final = 80  # steps, at most
DEEPEST: Final = 400  # an episode begins no deeper than this
KEPT: Final = 20_000  # places where an episode may begin
MANY: Final = 2  # numbers and lengths beyond are alike
IDLE: Final = 0.1  # chance of a step that changes nothing, where its action has no other
LEFT_OUT: Final = 0.3  # chance that an episode does without an action
QUIET: Final = 0.5  # chance that an episode does without the environment and the action that was taken most
FROM_START: Final = 0.4  # chance that an episode begins at a start
TOURNAMENT: Final = 8  # beginnings that are compared
RARE: Final = 16.0  # how far the weight of an action may be changed by how often it was taken
REMEMBERED: Final = 1 << 14  # states whose kinds were looked at last
SWEEP: Final = 12  # accepted steps for one sweep, on the average


class Steering(Protocol):
    """Chooses where episodes begin and which steps they take."""

    kinds: set[Any]
    edges: Counter[Any]

    def begin(self) -> Place:
        """Where the next episode begins."""

    def choose(self, place: Place) -> Taken | None:
        """The next step within the bound, or None to end the episode."""

    def arrived(self, place: Place) -> bool:
        """Takes note of a step; whether everything should be offered in the new state."""


class Shapes:
    """The kinds of states, by what their clusters look like; each cluster value is looked at once."""

    def __init__(self, pair: Pair) -> None:
        self._layout = pair.stepper.layout
        self._memory: dict[tuple[int, int], int] = {}
        self._numbers: dict[str, int] = {}
        self._kinds: dict[int, Any] = {}
        self._ranked = [
            [components[key] for key in components]
            for components in self._layout.split.values()
            if all(type(each) is int for component in components.values() for each in component.values)
        ]

    def kind(self, state: int) -> Any:
        """The kind of a state. The states that a walk looks at now, it looks at several times."""
        found = self._kinds.get(state)
        if found is None:
            if len(self._kinds) >= REMEMBERED:
                self._kinds.clear()
            found = self._kinds[state] = self._kind(state)
        return found

    def _kind(self, state: int) -> Any:
        parts: dict[Any, list[int]] = {}
        for cluster in self._layout.clusters:
            code = state & cluster.field
            found = self._memory.get((cluster.bit, code))
            if found is None:
                found = self._memory[cluster.bit, code] = self._look(cluster, code)
            parts.setdefault(cluster.components[0].key, []).append(found)
        for components in self._ranked:
            values = [self._layout.value(component, state) for component in components]
            order = sorted(set(values), reverse=True)
            for component, value in zip(components, values, strict=True):
                parts[component.key].append(min(order.index(value), MANY))
        return tuple(sorted(map(tuple, parts.values())))

    def _look(self, cluster: Cluster, code: int) -> int:
        """A number for what a cluster's value looks like. Only its being the same or another one matters."""
        numbers = zip(cluster.components, cluster.tuples[code], strict=True)
        text = repr([shape(component.values[number], component.key) for component, number in numbers])
        return self._numbers.setdefault(text, len(self._numbers))


def shape(value: Any, own: Any = None) -> Any:
    """What is looked at of a value that belongs to the key `own`."""
    kind = type(value)
    if kind is Bool or kind is str:
        return str(value)
    if kind is int:
        return min(value, MANY)
    if kind is ModelValue:
        return "own" if value == own else "some"
    if kind is tuple:
        return min(len(value), MANY), shape(value[-1], own) if value else ()
    if kind is frozenset:
        return min(len(value), MANY), sorted({repr(shape(each, own)) for each in value})
    if kind is Fn:
        if all(type(key) is str for key in value.mapping):
            return sorted((key, repr(shape(each, own))) for key, each in value.mapping.items())
        return sorted({repr(shape(each, own)) for each in value.mapping.values()})
    return repr(value)


class _Choices:
    """What both ways of choosing share."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self.source = random.Random(seed)
        self.kinds: set[Any] = set()
        self.edges: Counter[Any] = Counter()
        self._shapes = Shapes(pair)

    def enabled(self, place: Place, action: str | None = None) -> list[Taken]:
        """The steps within the bound, in the order in which TLC would enumerate them."""
        return self.pair.stepper.steps_within(place.state, action)


class Uniform(_Choices):
    """All steps are alike, and episodes begin at the starts."""

    def begin(self) -> Place:
        return self.source.choice(self.pair.starts)

    def choose(self, place: Place) -> Taken | None:
        steps = self.enabled(place)
        return self.source.choice(steps) if steps else None

    def arrived(self, place: Place) -> bool:
        self.kinds.add(self._shapes.kind(place.state))
        return False


class Steered(_Choices):
    """Weights of an episode, edges seen least, and beginnings where something was new."""

    def __init__(self, pair: Pair, seed: int) -> None:
        super().__init__(pair, seed)
        self._environment = frozenset(pair.model.binding.environment)
        self._weights: dict[str, float] = {}
        self._curious = 0.5
        self._kept: list[list[Any]] = []  # pairs: how often an episode began here, the place
        self._taken = dict.fromkeys(pair.stepper.actions, 0)
        self._swept = 0
        self._steps = 0

    def begin(self) -> Place:
        self._new_weights()
        if not self._kept or self.source.random() < FROM_START:
            return self.source.choice(self.pair.starts)
        chosen = min((self.source.choice(self._kept) for _ in range(TOURNAMENT)), key=self._interest)
        chosen[0] += 1
        place: Place = chosen[1]
        return place

    def _interest(self, kept: list[Any]) -> tuple[int, int]:
        """How little there is to be expected of a beginning: least where none was, after a step that is rare."""
        label = kept[1].label
        return kept[0], self._taken[label.action] if label is not None else 0

    def _new_weights(self) -> None:
        self._curious = self.source.choice((0.0, 0.3, 0.6, 0.9))
        for action in self.pair.stepper.actions:
            weight = 2.0 ** self.source.uniform(-6, 0)
            if action in self._environment:
                weight *= self.source.choice((0.0, 0.05, 0.3))
            self._weights[action] = weight if self.source.random() >= LEFT_OUT else 0.0
        if self.source.random() < QUIET:
            most = max(self._taken, key=lambda action: self._taken[action])
            self._weights |= dict.fromkeys([most, *sorted(self._environment)], 0.0)

    def choose(self, place: Place) -> Taken | None:
        actions = [each for each in self.pair.stepper.actions if self._weights[each]]
        while actions:
            weights = [self._weights[each] * self._rarity(each) for each in actions]
            action = self.source.choices(actions, weights)[0]
            steps = self.enabled(place, action)
            moving = [each for each in steps if each.following != place.state]
            if moving:
                return self._step(place, moving)
            if steps and self.source.random() < IDLE:
                return self.source.choice(steps)
            actions.remove(action)
        return None

    def _rarity(self, action: str) -> float:
        """How much less often than others the action was taken. What is seldom possible is taken when it is."""
        mean = (self._steps + 1) / len(self._taken)
        most = 1.0 if action in self._environment else RARE  # crashes and losses undo what was built up
        return min(max((mean + 1) / (self._taken[action] + 1), 1 / RARE), most) ** 2

    def _step(self, place: Place, steps: list[Taken]) -> Taken:
        if len(steps) == 1 or self.source.random() >= self._curious:
            return self.source.choice(steps)
        if len(steps) > 8:
            steps = self.source.sample(steps, 8)
        seen = [(self.edges[self._edge(place.state, each.label, each.following)], each) for each in steps]
        least = min(count for count, _ in seen)
        return self.source.choice([each for count, each in seen if count == least])

    def _edge(self, state: int, label: Label, following: int) -> Any:
        changed = self.pair.stepper.changed(state, following)
        return label.action, changed, self._shapes.kind(following)

    def arrived(self, place: Place) -> bool:
        self._steps += 1
        kind = self._shapes.kind(place.state)
        before, label = place.before, place.label
        if before is not None and label is not None:
            self._taken[label.action] += 1
            self.edges[self._edge(before.state, label, place.state)] += 1
        new = kind not in self.kinds
        if new:
            self.kinds.add(kind)
            if place.depth < DEEPEST:
                self._keep(place)
        if new and self._swept * SWEEP <= self._steps:
            self._swept += 1
            return True
        return False

    def _keep(self, place: Place) -> None:
        if len(self._kept) < KEPT:
            self._kept.append([0, place])
        else:
            self._kept[self.source.randrange(KEPT)] = [0, place]
