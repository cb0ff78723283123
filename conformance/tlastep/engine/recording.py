"""Stand-ins for the variables of a state that record which components are read, and what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from tlastep.engine.layout import Component, Layout
from tlastep.language.operations import Operand, Unread, apply, domain, fail, freeze, members, replaced, updated
from tlastep.values import Fn, Value, show


class Reader(Protocol):
    """Where stand-ins get the values from."""

    def read(self, component: Component) -> Any:
        """The value of a component; the read is recorded."""

    def part(self, component: Component) -> Any:
        """The value of a component, or a stand-in for it that is read attribute by attribute."""

    def read_member(self, component: Component, item: Any) -> bool:
        """Whether the component, a set, has the member; only that much is recorded."""

    def read_attribute(self, component: Component, name: str) -> Any:
        """One attribute of the component, an object of the code; only that much is recorded."""


class Membership(NamedTuple):
    """What is read by asking a set for one member."""

    component: Component
    item: Any

    def of(self, value: Any) -> bool:
        """What is read of a value."""
        found: bool = self.item in value
        return found


class Attribute(NamedTuple):
    """What is read by asking an object of the code for one attribute."""

    component: Component
    name: str

    def of(self, value: Any) -> Any:
        """What is read of a value."""
        return getattr(value, self.name)


Probe: TypeAlias = Component | Membership | Attribute
"""What can be read of a state: a component, whether it has a member, or one of its attributes."""


class FunctionRef(Unread):
    """A variable that is a function, read and written key by key. Code may use it as an immutable map."""

    __slots__ = ("components", "name", "reader", "written")

    def __init__(
        self, reader: Reader, name: str, components: Mapping[Any, Component], written: Mapping[Any, Any]
    ) -> None:
        self.reader = reader
        self.name = name
        self.components = components
        self.written = written

    def __getitem__(self, key: Any) -> Any:
        if key in self.written:
            return self.written[key]
        return self.reader.part(self.components[key])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __contains__(self, key: object) -> bool:
        return key in self.components

    def keys(self) -> Any:
        """The keys; they never change."""
        return self.components.keys()

    def values(self) -> list[Any]:
        """All values; each is read."""
        return [self[key] for key in self.components]

    def items(self) -> list[tuple[Any, Any]]:
        """All pairs; each value is read."""
        return [(key, self[key]) for key in self.components]

    def set(self, key: Any, value: Any) -> FunctionRef:
        """This map with one value replaced."""
        return FunctionRef(self.reader, self.name, self.components, {**self.written, key: value})

    def force(self) -> Value:
        return Fn({key: self[key] for key in self.components})

    def apply(self, argument: Value) -> Value:
        if argument not in self.components:
            raise fail(f"{show(argument)} is not in the domain of {self.name}")
        value: Value = self[argument]
        return value

    def domain(self) -> Value:
        return frozenset(self.components)

    def updated(self, path: tuple[Operand, ...], new: Callable[[Value], Operand]) -> Operand:
        key, rest = freeze(path[0]), path[1:]
        if key not in self.components:
            return self
        old = self[key]
        return self.set(key, freeze(updated(old, rest, new) if rest else new(old)))

    def replaced(self, path: tuple[Operand, ...], value: Operand) -> Operand:
        key, rest = freeze(path[0]), path[1:]
        if key not in self.components:
            return self
        return self.set(key, freeze(replaced(self[key], rest, value) if rest else value))

    def joined(self, other: Operand) -> Operand:
        raise fail(f"{self.name} is not a set")

    def without(self, other: Operand) -> Operand:
        raise fail(f"{self.name} is not a set")


class WholeRef(Unread):
    """A variable that is read as a whole. If it is a set, what is added and removed is noted without reading it."""

    __slots__ = ("added", "component", "name", "reader", "removed")

    def __init__(
        self,
        reader: Reader,
        name: str,
        component: Component,
        added: frozenset[Any] = frozenset(),
        removed: frozenset[Any] = frozenset(),
    ) -> None:
        self.reader = reader
        self.name = name
        self.component = component
        self.added = added
        self.removed = removed

    @property
    def changed(self) -> bool:
        """Whether anything was added or removed."""
        return bool(self.added or self.removed)

    def force(self) -> Value:
        value: Value = self.reader.read(self.component)
        if not self.changed:
            return value
        assert isinstance(value, frozenset)
        return (value - self.removed) | self.added

    def contains(self, item: Any) -> bool:
        if item in self.added or item in self.removed:
            return item in self.added
        return self.reader.read_member(self.component, item)

    def apply(self, argument: Value) -> Value:
        return apply(self.force(), argument)

    def domain(self) -> Value:
        return domain(self.force())

    def updated(self, path: tuple[Operand, ...], new: Callable[[Value], Operand]) -> Operand:
        return updated(self.force(), path, new)

    def replaced(self, path: tuple[Operand, ...], value: Operand) -> Operand:
        return replaced(self.force(), path, value)

    def joined(self, other: Operand) -> Operand:
        items = frozenset(members(other))
        return WholeRef(self.reader, self.name, self.component, self.added | items, self.removed - items)

    def without(self, other: Operand) -> Operand:
        items = frozenset(members(other))
        return WholeRef(self.reader, self.name, self.component, self.added - items, self.removed | items)

    # What code does with a set: the same, in Python's own words.

    def __or__(self, items: frozenset[Any]) -> Operand:
        return self.joined(items)

    def __sub__(self, items: frozenset[Any]) -> Operand:
        return self.without(items)

    def __contains__(self, item: Any) -> bool:
        return self.contains(item)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.force())  # type: ignore[arg-type]  # likewise

    def __len__(self) -> int:
        return len(self.force())  # type: ignore[arg-type]  # likewise


class ObjectRef:
    """An object of the code, read attribute by attribute. Only predicates see it; actions get the object itself."""

    __slots__ = ("_component", "_reader")

    def __init__(self, reader: Reader, component: Component) -> None:
        self._reader = reader
        self._component = component

    def __getattr__(self, name: str) -> Any:
        return self._reader.read_attribute(self._component, name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ObjectRef):
            other = other._reader.read(other._component)
        return bool(self._reader.read(self._component) == other)

    def __hash__(self) -> int:
        return hash(self._reader.read(self._component))


class Outside(Exception):
    """A component was read of which only some clusters of a state were given."""

    def __init__(self, component: Component) -> None:
        super().__init__(component.variable)
        self.cluster = component.cluster


class Recorder:
    """Hands out the components of one packed state after another and notes which were read, in order."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._state = 0
        self._given = -1
        self._by_attribute = False
        self.reads: dict[Probe, None] = {}
        self.note: Callable[[Probe], None] | None = None
        self.stand_ins: dict[str, Unread] = {
            name: FunctionRef(self, name, layout.split[name], {})
            if name in layout.split
            else WholeRef(self, name, layout.whole[name])
            for name in layout.variables
        }

    def start(self, state: int, given: int = -1, *, by_attribute: bool = False) -> None:
        """From here on reads are of this state, of which only the clusters `given` (a bit set) may be read.

        With `by_attribute`, objects among the parts are read attribute by attribute.
        """
        self._state = state
        self._given = given
        self._by_attribute = by_attribute
        self.reads = {}

    def part(self, component: Component) -> Any:
        # The kind of a part is that of its first value: asking the present one would be a read of its own.
        if self._by_attribute and type(component.values[0]).__module__ != "builtins":
            return ObjectRef(self, component)
        return self.read(component)

    def read_attribute(self, component: Component, name: str) -> Any:
        if not component.cluster.bit & self._given:
            raise Outside(component)
        value = getattr(self._layout.value(component, self._state), name)
        if callable(value):
            return getattr(self.read(component), name)
        if component not in self.reads:
            probe = Attribute(component, name)
            self.reads[probe] = None
            if self.note:
                self.note(probe)
        return value

    def read(self, component: Component) -> Any:
        if not component.cluster.bit & self._given:
            raise Outside(component)
        self.reads[component] = None
        if self.note:
            self.note(component)
        return self._layout.value(component, self._state)

    def read_member(self, component: Component, item: Any) -> bool:
        if not component.cluster.bit & self._given:
            raise Outside(component)
        if component not in self.reads:
            self.reads[Membership(component, item)] = None
            if self.note:
                self.note(Membership(component, item))
        found: bool = item in self._layout.value(component, self._state)
        return found


class Later(NamedTuple):
    """What is read of the next state."""

    probe: Probe


class PairRecorder:
    """Hands out the components of a step's two states, and notes the reads of both in one list."""

    def __init__(self, layout: Layout) -> None:
        self.now = Recorder(layout)
        self.later = Recorder(layout)
        self.reads: dict[Probe | Later, None] = {}
        self.now.note = self._note
        self.later.note = self._note_later

    def start(self, state: int, following: int, *, by_attribute: bool) -> None:
        """From here on reads are of this step."""
        self.now.start(state, by_attribute=by_attribute)
        self.later.start(following, by_attribute=by_attribute)
        self.reads = {}

    def _note(self, probe: Probe) -> None:
        self.reads[probe] = None

    def _note_later(self, probe: Probe) -> None:
        self.reads[Later(probe)] = None
