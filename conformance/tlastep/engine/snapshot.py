"""States as plain values for judging one step after another: what has changed from one to the next is known.

A state is cut into *components*, as in `engine/layout.py`: one key of a variable that is a function, or a whole
variable. Each value of a component has a number that no other value of that variable ever has, so states that agree
on numbers agree on values. Values that were forgotten get a new number when they come again: agreement may be
missed then, and is never made up. So memory is bounded, however long one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from operator import attrgetter
from typing import Any, Final, TypeAlias

from tlastep.compile.runtime import attribute, state_class
from tlastep.language.operations import apply
from tlastep.values import Fn, Value

BITS: Final = 48
_LOW: Final = (1 << BITS) - 1

Update: TypeAlias = tuple[str, Value | None, Value]
"""A variable, a key or None, and the value of the variable, or of its function at this key."""


class Snapshot:
    """A state: `view` as generated code reads it, and the numbers of its components."""

    __slots__ = ("numbers", "total", "values", "view")

    def __init__(self, view: Any, values: tuple[Value, ...], numbers: list[int], total: int) -> None:
        self.view = view
        self.values = values
        self.numbers = numbers
        self.total = total

    @property
    def hash(self) -> int:
        """Equal for equal states, also where their values were forgotten in between."""
        return self.total & _LOW


class Reshaped(Exception):
    """A variable is no longer a function over one domain: it is one component from now on."""


class Snapshots:
    """Makes the states of one spec. `components` says what the numbers of a state belong to, in their order."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        self.variables = variables
        self.components: list[tuple[str, Value | None]] = []
        self.held = 0
        """How many values are remembered."""
        self._view = _maker(state_class("View", variables), variables)
        self._position = {name: position for position, name in enumerate(variables)}
        self._values: Any = attrgetter(*variables) if len(variables) > 1 else None
        self._numbers: dict[str, dict[Value, int]] = {name: {} for name in variables}
        self._counted = count(1)
        self._places: dict[str, dict[Value | None, int]] = {}
        self._slots: dict[tuple[str, Value | None], tuple[int, int, dict[Value, int]]] = {}
        self._whole: set[str] = set()

    def values(self, view: Any) -> tuple[Value, ...]:
        """The values of all variables in a view."""
        found: tuple[Value, ...] = self._values(view) if self._values else (getattr(view, self.variables[0]),)
        return found

    def forget(self) -> None:
        """Forgets all values. The states that there are remain what they are."""
        for numbers in self._numbers.values():
            numbers.clear()
        self.held = 0

    def take_whole(self, variable: str) -> None:
        """The variable is one component from the next state on that is begun."""
        self._whole.add(variable)

    # -- components ------------------------------------------------------------------------------------------

    def is_split(self, variable: str) -> bool:
        """Whether a variable has a component for each key of its domain."""
        return None not in self._places[variable]

    def has(self, variable: str, key: Value) -> bool:
        """Whether there is a component for this key of a variable."""
        return key in self._places[variable]

    def places(self, variable: str, key: Value | None = None) -> list[int]:
        """Where the numbers of a variable stand, or the one of a key of it, if it has such a component."""
        places = self._places[variable]
        return [places[key]] if key in places else list(places.values())

    def _cut(self, assignment: Mapping[str, Value]) -> None:
        """The components that a state wants; those that there are, if they fit."""
        shape = [(name, key) for name in self.variables for key in self._keys(name, assignment[name])]
        if shape != self.components:
            self.components = shape
            self._places = {name: {} for name in self.variables}
            for place, (name, key) in enumerate(shape):
                self._places[name][key] = place
            self._slots = {
                (name, key): (self._position[name], place, self._numbers[name])
                for place, (name, key) in enumerate(shape)
            }

    def _keys(self, name: str, value: Value) -> list[Value | None]:
        if type(value) is not Fn or name in self._whole:
            return [None]
        known = self._places.get(name, {})
        # In the order in which the keys were met first: two functions that are equal need not name them in one.
        return list(known if known.keys() == value.mapping.keys() else value.mapping)

    # -- states ----------------------------------------------------------------------------------------------

    def begin(self, assignment: Mapping[str, Value]) -> Snapshot:
        """A state by itself. If the components do not fit it, they are others from now on."""
        self._cut(assignment)
        values = tuple([assignment[name] for name in self.variables])
        parts = [(name, assignment[name], key) for name, key in self.components]
        numbers = [self._number(name, value if key is None else apply(value, key)) for name, value, key in parts]
        total = sum(number * (2 * place + 1) for place, number in enumerate(numbers))
        return Snapshot(self._view(*values), values, numbers, total)

    def following(self, before: Snapshot, updates: Sequence[Update]) -> tuple[Snapshot, int]:
        """The state with these values in place of its own, and the components that have changed, as a bit set.

        Raises `Reshaped` if a variable is no function over its domain any more; then `begin` is to be called.
        """
        values: list[Any] = []
        numbers, total, mask = before.numbers, before.total, 0
        slots = self._slots
        for name, key, new in updates if self._fit(updates) else self._by_component(updates):
            position, place, known_numbers = slots[name, key]
            known: Any = values[position] if mask else before.values[position]
            old = known if key is None else known.mapping[key]
            if old is new or old == new:
                continue
            if not mask:
                values, numbers = list(before.values), numbers.copy()
            values[position] = new if key is None else Fn({**known.mapping, key: new})
            number = known_numbers.get(new) or self._number(name, new)
            total += (number - numbers[place]) * (2 * place + 1)
            numbers[place] = number
            mask |= 1 << place
        if not mask:
            return before, 0
        return Snapshot(self._view(*values), tuple(values), numbers, total), mask

    def _fit(self, updates: Sequence[Update]) -> bool:
        return all((name, key) in self._slots for name, key, _ in updates)

    def _by_component(self, updates: Iterable[Update]) -> Iterable[Update]:
        """The updates component by component: a function that is given as a whole is taken apart."""
        for update in updates:
            name, key, value = update
            places = self._places[name]
            if key in places:
                yield update
            elif key is None and type(value) is Fn and value.mapping.keys() == places.keys():
                yield from [(name, each, part) for each, part in value.mapping.items()]
            else:
                self._whole.add(name)
                raise Reshaped(name)

    def _number(self, name: str, value: Value) -> int:
        numbers = self._numbers[name]
        found = numbers.get(value)
        if found is None:
            self.held += 1
            found = numbers[value] = next(self._counted) << BITS | hash((name, value)) & _LOW
        return found


def _maker(view: Any, variables: Sequence[str]) -> Callable[..., Any]:
    """A function that makes a view of the values of the variables: one call, for a state is made at every step."""
    names = [f"value{position}" for position in range(len(variables))]
    lines = [f"def make({', '.join(names)}):", "    view = View()"]
    lines += [f"    view.{attribute(name)} = {value}" for name, value in zip(variables, names, strict=True)]
    namespace = {"View": view}
    exec("\n".join([*lines, "    return view"]), namespace)
    return namespace["make"]  # type: ignore[no-any-return]  # made just above
