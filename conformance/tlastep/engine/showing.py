"""What changes of the spec's variables from one state of the code to the next: only parts that changed are looked at.

A step of the code replaces few of its parts, and parts that are the same object show the same. Two values of a part
that differ and show the same are a state that the spec cannot tell (`HiddenState`); that is noticed among the values
that are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple

from tlastep.binding import Binding, S, is_map
from tlastep.engine.snapshot import Snapshot, Snapshots, Update
from tlastep.engine.translation import HiddenState, Place
from tlastep.values import Value, to_value

REMEMBERED: Final = 20_000  # values of parts


class Look(NamedTuple):
    """A part (and a key of it) that was looked at, its value, and the variables that it shows, at which key."""

    place: Place
    value: Any
    spec_key: Value | None
    variables: Mapping[str, object]


class Showing(Generic[S]):
    """Shows states of the code, one after another."""

    def __init__(self, binding: Binding[S], snapshots: Snapshots, *, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._binding = binding
        self._snapshots = snapshots
        self._in_parts = bool(binding.parts) and binding.observe_state is None
        shows = binding.observe_parts
        self._parts = [
            (part, binding.require("observation of", shows, part)) for part in binding.parts
        ] * self._in_parts
        self._seen: dict[tuple[Place, Any], Any] = {}
        self._shown: dict[Place, Look] = {}
        self._numbers: dict[Place, Callable[[list[int]], Any]] = {}
        self._components = snapshots.components

    @property
    def held(self) -> int:
        """How many values of parts are remembered."""
        return len(self._seen)

    def whole(self, state: S) -> tuple[dict[str, Value], list[Look]]:
        """All variables that a state shows."""
        values = self._binding.observed(state)
        self._shown.clear()
        if not self._in_parts:
            return values, [Look(("state", None), state, None, values)]
        looks: list[Look] = []
        for part, show in self._parts:
            value = getattr(state, part)
            if is_map(value):
                looks += [Look((part, key), each, *show(key, each)) for key, each in value.items()]
            else:
                looks.append(Look((part, None), value, None, show(value)))
        return values, looks

    def updates(self, before: S, after: S) -> tuple[list[Update], list[Look]]:
        """What a state shows, but for the parts that it shares with the one before."""
        updates: list[Update] = []
        looks: list[Look] = []
        if self._in_parts:
            for part, show in self._parts:
                old, new = getattr(before, part), getattr(after, part)
                if old is not new and not self._look(part, show, old, new, updates, looks):
                    break
            else:
                return updates, looks
        values, looks = self.whole(after)
        return [(name, None, value) for name, value in values.items()], looks

    def _look(
        self, part: str, show: Callable[..., Any], old: Any, new: Any, updates: list[Update], looks: list[Look]
    ) -> bool:
        """Looks at a part, or at those of its keys that have changed. False if a key has come or gone."""
        if not is_map(new):
            self._add(Look((part, None), new, None, show(new)), old, updates, looks)
            return True
        known = dict(old.items())
        if len(known) != len(new):
            return False
        for key, value in new.items():
            before = known.get(key)
            if before is None:
                return False
            if before is not value:
                self._add(Look((part, key), value, *show(key, value)), before, updates, looks)
        return True

    def _add(self, look: Look, old: Any, updates: list[Update], looks: list[Look]) -> None:
        """Takes down what a part shows, but for what it has just shown: the very same object."""
        known = self._shown.get(look.place)
        shown = known.variables if known is not None and known.value is old else {}
        for name, value in look.variables.items():
            if name not in shown or shown[name] is not value:
                updates.append((name, look.spec_key, to_value(value)))
        looks.append(look)
        self._shown[look.place] = look

    def tell_apart(self, looks: list[Look], shown: Snapshot) -> None:
        """Raises `HiddenState` if a value of a part shows what another one has shown before."""
        if self._components is not self._snapshots.components:
            self._components = self._snapshots.components
            self._numbers.clear()
            self._seen.clear()
        for look in looks:
            place = look.place
            numbers = self._numbers.get(place) or self._numbers_of(look)
            key, value = (place, numbers(shown.numbers)), look.value
            known = self._seen.get(key)
            if known is None:
                if len(self._seen) >= self._limit:
                    self._seen.clear()
                self._seen[key] = value
            elif known is not value and known != value:
                raise HiddenState(*place)

    def _numbers_of(self, look: Look) -> Callable[[list[int]], Any]:
        """Takes what a part shows out of the numbers of a state."""
        places = [place for name in look.variables for place in self._snapshots.places(name, look.spec_key)]
        found = self._numbers[look.place] = itemgetter(*places) if places else _nothing
        return found


def _nothing(numbers: list[int]) -> tuple[int, ...]:
    return ()
