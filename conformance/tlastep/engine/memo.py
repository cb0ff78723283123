"""Results remembered by exactly what they were computed from: a decision tree over the parts of the state read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from tlastep.engine.layout import Cluster, Component
from tlastep.engine.recording import Later, Probe

R = TypeVar("R")


class _Node:
    """Asks for one part of the state. What is read first is the same in all states, and so on down the tree.

    `branches` goes by the component's number. Where less than the component is read (one attribute, say), numbers that
    show the same lead to the same place: `by_value` has the branch for each thing shown.
    """

    __slots__ = ("branches", "by_value", "component", "probe")

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.component = probe if isinstance(probe, Component) else probe.component
        self.branches: dict[int, Any] = {}
        self.by_value: dict[Any, Any] | None = None if isinstance(probe, Component) else {}

    def child(self, number: int) -> Any:
        """What follows for a component's number that was not met here before, or None."""
        if self.by_value is None:
            return None
        assert not isinstance(self.probe, Component)
        found = self.by_value.get(self.probe.of(self.component.values[number]))
        if found is not None:
            self.branches[number] = found
        return found

    def number(self, state: int) -> int:
        """The number of the component in a state."""
        cluster = self.component.cluster
        return cluster.tuples[state & cluster.field][self.component.position]

    def attach(self, state: int, child: Any) -> None:
        """Puts a child at the branch that the state belongs to."""
        number = self.number(state)
        self.branches[number] = child
        if self.by_value is not None:
            assert not isinstance(self.probe, Component)
            self.by_value[self.probe.of(self.component.values[number])] = child

    def follow(self, state: int) -> Any:
        """What follows in a state, or None."""
        number = self.number(state)
        found = self.branches.get(number)
        return self.child(number) if found is None else found


class NotAFunction(AssertionError):
    """In two states that agree on all that was read, something else was read next: not a function of the state."""


class Memo(Generic[R]):
    """Results by the parts of the state that they depend on. A result must not be None."""

    __slots__ = ("_by_code", "_only", "_root", "touched")

    def __init__(self) -> None:
        self._root: Any = None
        self._only: Cluster | None = None  # the cluster that all results depend on, if it is one
        self._by_code: dict[int, R] = {}
        self.touched = 0
        """The clusters that any result depends on, as a bit set."""

    def find(self, state: int) -> R | None:
        """The result for a state that agrees, on what was read, with one that was seen before."""
        only = self._only
        if only is None:
            return self._descend(state)
        code = state & only.field
        found = self._by_code.get(code)
        if found is None:
            found = self._descend(state)
            if found is not None:
                self._by_code[code] = found
        return found

    def _descend(self, state: int) -> R | None:
        node = self._root
        while type(node) is _Node:
            component = node.component
            cluster = component.cluster
            number = cluster.tuples[state & cluster.field][component.position]
            child = node.branches.get(number)
            node = node.child(number) if child is None else child
        found: R | None = node
        return found

    def look(self, numbers: list[int]) -> R | None:
        """The same for a state given as the numbers of its components: sooner where many results are looked for."""
        node = self._root
        while type(node) is _Node:
            number = numbers[node.component.place]
            child = node.branches.get(number)
            node = node.child(number) if child is None else child
        found: R | None = node
        return found

    def keep(self, state: int, reads: Iterable[Probe], result: R) -> None:
        """Remembers the result, computed in this state from these parts, named in the order of reading."""
        place: _Node | None = None
        node = self._root
        for probe in reads:
            if node is None:
                node = _Node(probe)
                self._attach(place, state, node)
            if node.probe != probe:
                raise NotAFunction(f"read {probe} where {node.probe} was read before")
            self.touch(node.component.cluster)
            place, node = node, node.follow(state)
        self._attach(place, state, result)

    def touch(self, cluster: Cluster) -> None:
        """Takes note that results may depend on the cluster."""
        if self.touched | cluster.bit != self.touched:
            self._only = None if self.touched else cluster
            self._by_code.clear()
            self.touched |= cluster.bit

    def _attach(self, place: _Node | None, state: int, child: Any) -> None:
        if place is None:
            self._root = child
        else:
            place.attach(state, child)


class PairMemo:
    """Verdicts on steps by the parts of their two states that they depend on."""

    __slots__ = ("_root", "touched")

    def __init__(self) -> None:
        self._root: Any = None
        self.touched = 0

    def find(self, state: int, following: int) -> bool | None:
        """The verdict on a step that agrees, on what was read, with one that was seen before."""
        node = self._root
        while type(node) is tuple:
            later, inner = node
            node = inner.follow(following if later else state)
        found: bool | None = node
        return found

    def keep(self, state: int, following: int, reads: Iterable[Probe | Later], verdict: bool) -> None:
        """Remembers the verdict on a step."""
        place: tuple[bool, _Node] | None = None
        pair = self._root
        for probe in reads:
            if pair is None:
                later = isinstance(probe, Later)
                pair = (later, _Node(probe.probe if isinstance(probe, Later) else probe))
                self._attach(place, state, following, pair)
            later, node = pair
            self.touched |= node.component.cluster.bit
            place, pair = pair, node.follow(following if later else state)
        self._attach(place, state, following, verdict)

    def _attach(self, place: tuple[bool, _Node] | None, state: int, following: int, child: Any) -> None:
        if place is None:
            self._root = child
        else:
            later, node = place
            node.attach(following if later else state, child)


def clusters_of(components: Iterable[Component]) -> int:
    """The clusters of these components, as a bit set."""
    found = 0
    for component in components:
        found |= component.cluster.bit
    return found
