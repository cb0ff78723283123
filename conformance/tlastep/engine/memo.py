"""Results remembered by exactly what they were computed from: a decision tree over the parts of the state read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from tlastep.engine.layout import Component
from tlastep.engine.recording import Later, Membership, Probe

R = TypeVar("R")


class _Node:
    """Asks for one part of the state. What is read first is the same in all states, and so on down the tree."""

    __slots__ = ("branches", "component", "item", "probe")

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.component = probe.component if isinstance(probe, Membership) else probe
        self.item = probe.item if isinstance(probe, Membership) else None
        self.branches: dict[Any, Any] = {}

    def branch(self, state: int) -> Any:
        """Which branch the state belongs to."""
        component = self.component
        cluster = component.cluster
        number = cluster.tuples[(state >> cluster.shift) & cluster.low][component.position]
        if self.item is None:
            return number
        return self.item in component.values[number]


class Memo(Generic[R]):
    """Results by the parts of the state that they depend on. A result must not be None."""

    __slots__ = ("_root", "touched")

    def __init__(self) -> None:
        self._root: Any = None
        self.touched = 0
        """The clusters that any result depends on, as a bit set."""

    def find(self, state: int) -> R | None:
        """The result for a state that agrees, on what was read, with one that was seen before."""
        node = self._root
        while type(node) is _Node:
            component = node.component
            cluster = component.cluster
            number = cluster.tuples[(state >> cluster.shift) & cluster.low][component.position]
            if node.item is None:
                node = node.branches.get(number)
            else:
                node = node.branches.get(node.item in component.values[number])
        found: R | None = node
        return found

    def keep(self, state: int, reads: Iterable[Probe], result: R) -> None:
        """Remembers the result, computed in this state from these parts, named in the order of reading."""
        place: Any = None
        branch: Any = None
        node = self._root
        for probe in reads:
            if node is None:
                node = _Node(probe)
                if place is None:
                    self._root = node
                else:
                    place.branches[branch] = node
            if node.probe != probe:
                raise AssertionError(f"read {probe} where {node.probe} was read before: not a function of the state")
            self.touched |= node.component.cluster.bit
            place, branch = node, node.branch(state)
            node = node.branches.get(branch)
        if place is None:
            self._root = result
        else:
            place.branches[branch] = result


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
            node = inner.branches.get(inner.branch(following if later else state))
        found: bool | None = node
        return found

    def keep(self, state: int, following: int, reads: Iterable[Probe | Later], verdict: bool) -> None:
        """Remembers the verdict on a step."""
        place: dict[Any, Any] = {}
        root = place
        branch: Any = "root"
        root[branch] = self._root
        for probe in reads:
            if place[branch] is None:
                later = isinstance(probe, Later)
                place[branch] = (later, _Node(probe.probe if isinstance(probe, Later) else probe))
            later, node = place[branch]
            self.touched |= node.component.cluster.bit
            place, branch = node.branches, node.branch(following if later else state)
            place.setdefault(branch, None)
        place[branch] = verdict
        self._root = root["root"]


def clusters_of(components: Iterable[Component]) -> int:
    """The clusters of these components, as a bit set."""
    found = 0
    for component in components:
        found |= component.cluster.bit
    return found
