"""How a state becomes one integer: its parts are interned when first seen, and their numbers are packed.

A *component* is one key of a variable that is a function (the term of server a), or a whole variable. Components with
the same key over the same domain (all of server a) form a *cluster*. A state is the sum of its clusters' codes. Each
cluster has bits of its own, and is given the next free one whenever it runs out of codes: what was packed before stays
as it is, since there the new bit is zero, and no state is longer than it must be (up to 60 bits take 32 bytes).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from tlastep.values import Fn


class Resplit(Exception):
    """A variable turned out not to be a function over one domain: start again."""

    def __init__(self, whole: str) -> None:
        super().__init__(whole)
        self.whole = whole


class Component:
    """One part of the state and the values that it has had so far."""

    __slots__ = ("cluster", "ids", "index", "key", "place", "position", "values", "variable")

    def __init__(self, index: int, variable: str, key: Any) -> None:
        self.index = index
        self.variable = variable
        self.key = key
        self.ids: dict[Any, int] = {}
        self.values: list[Any] = []
        self.cluster: Cluster
        self.position = 0
        self.place = 0

    def intern(self, value: Any) -> int:
        """The number of a value."""
        number = self.ids.get(value)
        if number is None:
            number = self.ids[value] = len(self.values)
            self.values.append(value)
        return number


class Cluster:
    """Components that change together. `field` has its bits of a packed state; `tuples` goes from codes to numbers."""

    __slots__ = ("_free", "_places", "bit", "codes", "components", "field", "tuples")

    def __init__(self, bit: int, components: Sequence[Component], free: Iterator[int]) -> None:
        self.bit = 1 << bit
        self.components = tuple(components)
        self.field = 0
        self.codes: dict[tuple[int, ...], int] = {}
        self.tuples: dict[int, tuple[int, ...]] = {}
        self._places: list[int] = []
        self._free = free
        for position, component in enumerate(components):
            component.cluster = self
            component.position = position

    def intern(self, parts: tuple[int, ...]) -> int:
        """The code of a combination of component numbers."""
        code = self.codes.get(parts)
        if code is None:
            code = self.codes[parts] = self._new_code()
            self.tuples[code] = parts
        return code

    def _new_code(self) -> int:
        number = len(self.tuples)
        if number >> len(self._places):
            place = next(self._free)
            self._places.append(place)
            self.field |= 1 << place
        return sum((number >> index & 1) << place for index, place in enumerate(self._places))


class Layout:
    """The components and clusters of a machine, found from its initial states."""

    def __init__(
        self, variables: Sequence[str], states: Sequence[tuple[Any, ...]], whole: frozenset[str] = frozenset()
    ) -> None:
        self.variables = tuple(variables)
        self.components: list[Component] = []
        self.split: dict[str, dict[Any, Component]] = {}
        self.whole: dict[str, Component] = {}
        shapes: dict[frozenset[Any], dict[Any, list[Component]]] = {}
        for position, name in enumerate(variables):
            domain = _common_domain([state[position] for state in states]) if name not in whole else None
            if domain is None:
                self.whole[name] = self._component(name, None)
            else:
                keys = sorted(domain, key=repr)
                self.split[name] = {key: self._component(name, key) for key in keys}
                by_key = shapes.setdefault(domain, {key: [] for key in keys})
                for key in keys:
                    by_key[key].append(self.split[name][key])
        self._fields: dict[int, int] = {}
        free = self._free_places()
        groups = [parts for by_key in shapes.values() for parts in by_key.values()]
        groups += [[component] for component in self.whole.values()]
        self.clusters = [Cluster(bit, parts, free) for bit, parts in enumerate(groups)]
        for place, component in enumerate(each for cluster in self.clusters for each in cluster.components):
            component.place = place

    def _free_places(self) -> Iterator[int]:
        """Bits that no cluster has. Each that is given away widens a field."""
        for place in count():
            self._fields.clear()
            yield place

    def _component(self, variable: str, key: Any) -> Component:
        component = Component(len(self.components), variable, key)
        self.components.append(component)
        return component

    def pack(self, state: tuple[Any, ...]) -> int:
        """The integer of a state given as values."""
        numbers: dict[int, int] = {}
        for name, value in zip(self.variables, state, strict=True):
            for component, part in self.parts(name, value):
                numbers[component.index] = component.intern(part)
        return sum(
            cluster.intern(tuple([numbers[component.index] for component in cluster.components]))
            for cluster in self.clusters
        )

    def parts(self, name: str, value: Any) -> list[tuple[Component, Any]]:
        """The components that a variable's value gives, with their parts of it."""
        if name in self.whole:
            return [(self.whole[name], value)]
        components = self.split[name]
        mapping = mapping_of(value)
        if mapping is None or mapping.keys() != components.keys():
            raise Resplit(name)
        return [(component, mapping[key]) for key, component in components.items()]

    def unpack(self, state: int) -> dict[str, Any]:
        """The values of all variables; those of split variables as plain dicts by key."""
        found: dict[str, Any] = {name: self.value(component, state) for name, component in self.whole.items()}
        for name, components in self.split.items():
            found[name] = {key: self.value(component, state) for key, component in components.items()}
        return {name: found[name] for name in self.variables}

    def numbers(self, state: int) -> list[int]:
        """The numbers of all components in a state, each at its `place`."""
        found: list[int] = []
        for cluster in self.clusters:
            found += cluster.tuples[state & cluster.field]
        return found

    @staticmethod
    def value(component: Component, state: int) -> Any:
        """The value of one component in a state."""
        cluster = component.cluster
        return component.values[cluster.tuples[state & cluster.field][component.position]]

    def field(self, clusters: int) -> int:
        """The bits of a packed state that belong, by now, to a set of clusters, given as a bit set."""
        found = self._fields.get(clusters)
        if found is None:
            found = sum(cluster.field for cluster in self.clusters if cluster.bit & clusters)
            self._fields[clusters] = found
        return found


def mapping_of(value: Any) -> Any:
    """The dict inside a function value: of the spec's, or of an immutable map of the code's (it has `set`)."""
    if type(value) is Fn:
        return value.mapping
    if hasattr(value, "items") and hasattr(value, "set"):
        return dict(value.items())
    return None


def _common_domain(values: Sequence[Any]) -> frozenset[Any] | None:
    """The domain that all these functions share, or None."""
    domains = set()
    for value in values:
        mapping = mapping_of(value)
        if mapping is None:
            return None
        domains.add(frozenset(mapping.keys()))
    return domains.pop() if len(domains) == 1 else None
