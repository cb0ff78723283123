"""From states of the code to packed states of the spec, part by part, so that comparing after each step is cheap.

What a part (one replica, say) shows of the spec's variables is found once for each of its values and remembered. A step
replaces few parts, so few are looked at. The steps themselves are executed as real code, every time: `CodeSteps`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeAlias

from tlastep.behaviour import Label
from tlastep.binding import S, is_map
from tlastep.engine.code_system import BoundModel, CodeAction
from tlastep.engine.layout import Cluster, Component
from tlastep.engine.stepper import Stepper
from tlastep.values import Fn, Value, to_value

Place: TypeAlias = tuple[str, Any]
"""A part and, where it is a map, one of its keys."""


class Shown(NamedTuple):
    """What one part shows: `code` are whole clusters, packed; the others are to be put together with other parts'."""

    code: int
    numbers: tuple[tuple[Component, int], ...]
    keyed: tuple[tuple[str, Value, Value], ...]


class HiddenState(Exception):
    """Two values of one part show the same, so the code has a state that the spec cannot tell."""

    def __init__(self, part: str, key: Any) -> None:
        super().__init__(f"two states of the code show the same and differ in {part}" + (f"[{key}]" if key else ""))


class Translation(Generic[S]):
    """Packs states of the code as a stepper packs those of the spec. It is to be made anew after `Repacked`."""

    def __init__(self, stepper: Stepper, model: BoundModel[S]) -> None:
        self._layout = stepper.layout
        self._binding = model.binding
        self._memory: dict[tuple[str, Any, Any], Shown] = {}
        self._latest: dict[tuple[str, Any], tuple[Any, Shown]] = {}
        """What was shown last of each part: most steps leave most parts the objects that they are."""
        self._seen: dict[tuple[str, Any, Shown], Any] = {}
        self._whole: dict[S, int] = {}
        self._by_whole: dict[int, S] = {}

    def pack(self, state: S) -> int:
        """The packed state of the spec that a state of the code shows. May raise `HiddenState` or `Resplit`."""
        if not self._binding.parts:
            return self._pack_whole(state)
        code = 0
        loose: list[Shown] = []
        for part in self._binding.parts:
            value = getattr(state, part)
            for key in value if is_map(value) else (None,):
                shown = self._shown(part, key, value if key is None else value[key])
                code += shown.code
                if shown.numbers or shown.keyed:
                    loose.append(shown)
        return code + self._put_together(loose) if loose else code

    def _pack_whole(self, state: S) -> int:
        found = self._whole.get(state)
        if found is None:
            values = self._binding.observed(state)
            found = self._layout.pack(tuple([values[name] for name in self._layout.variables]))
            if found in self._by_whole:
                raise HiddenState("state", None)
            self._whole[state] = found
            self._by_whole[found] = state
        return found

    def _shown(self, part: str, key: Any, value: Any) -> Shown:
        latest = self._latest.get((part, key))
        if latest is not None and latest[0] is value:
            return latest[1]
        place = (part, key, value)
        found = self._memory.get(place)
        if found is None:
            found = self._memory[place] = self._look(part, key, value)
            if (part, key, found) in self._seen:
                raise HiddenState(part, key)
            self._seen[part, key, found] = value
        self._latest[part, key] = value, found
        return found

    def _look(self, part: str, key: Any, value: Any) -> Shown:
        show = self._binding.require("observation of", self._binding.observe_parts, part)
        numbers: dict[Component, int] = {}
        keyed = []
        if key is None:
            for name, each in show(value).items():
                numbers.update(self._numbers(name, to_value(each)))
        else:
            spec_key, variables = show(key, value)
            for name, each in variables.items():
                component = self._layout.split.get(name, {}).get(spec_key)
                if component is None:
                    keyed.append((name, spec_key, to_value(each)))
                else:
                    numbers[component] = component.intern(to_value(each))
        code, loose = _clusters(numbers)
        return Shown(code, tuple(loose.items()), tuple(keyed))

    def _numbers(self, name: str, value: Value) -> dict[Component, int]:
        return {component: component.intern(each) for component, each in self._layout.parts(name, value)}

    def _put_together(self, loose: Iterable[Shown]) -> int:
        numbers: dict[Component, int] = {}
        pairs: dict[str, dict[Value, Value]] = {}
        for shown in loose:
            numbers.update(shown.numbers)
            for name, key, value in shown.keyed:
                pairs.setdefault(name, {})[key] = value
        for name, mapping in pairs.items():
            numbers.update(self._numbers(name, Fn(mapping)))
        code, missing = _clusters(numbers)
        assert not missing, "the binding shows only some keys of a variable"
        return code


def _clusters(numbers: dict[Component, int]) -> tuple[int, dict[Component, int]]:
    """The code of those clusters of which all components are given, and the components that are left."""
    clusters: dict[Cluster, None] = dict.fromkeys(component.cluster for component in numbers)
    code, left = 0, dict(numbers)
    for cluster in clusters:
        if all(component in numbers for component in cluster.components):
            code += cluster.intern(tuple([left.pop(component) for component in cluster.components]))
    return code, left


class CodeSteps(Generic[S]):
    """Takes the steps that labels of the spec name on the code: real code, executed anew each time."""

    def __init__(self, model: BoundModel[S]) -> None:
        self._binding = model.binding
        self._constants = model.constants
        self._actions: dict[str, CodeAction] = {action.name: action for action in model.actions}
        self._names = {name: model.binding.arguments(action.function) for name, action in self._actions.items()}
        self._labels: dict[str, tuple[Label, ...]] = {}
        self._latest: dict[str, tuple[S, dict[Value, Any]]] = {}
        self._spec: dict[tuple[str, Any], Value] = {}
        self._fixed: dict[str, dict[Value, Any]] = {}
        for name in {each for names in self._names.values() for each in names}:
            parameter = model.binding.parameters[name]
            if not parameter.of_state:
                self._fixed[name] = {parameter.spec(each): each for each in parameter.domain(self._constants)}

    def take(self, state: S, label: Label) -> S | None:
        """The next state, or None where the code refuses the action or has no such argument in this state."""
        names = self._names[label.action]
        bound = []
        for name, wanted in zip(names, label.arguments or (), strict=True):
            known = self._fixed.get(name) or self._among(name, state)
            if wanted not in known:
                return None
            bound.append(known[wanted])
        try:
            following: S = self._actions[label.action].function(state, *bound)
        except self._binding.refused:
            return None
        return following

    def labels(self, state: S, action: str) -> tuple[Label, ...]:
        """What the code offers of an action in a state: all its arguments. One object if they never differ."""
        found = self._labels.get(action)
        if found is None:
            chosen: list[tuple[Value, ...]] = [()]
            for name in self._names[action]:
                values = self._fixed.get(name) or self._among(name, state)
                chosen = [(*earlier, value) for earlier in chosen for value in values]
            found = tuple([Label(action, each) for each in chosen])
            if self._fixed.keys() >= set(self._names[action]):
                self._labels[action] = found
        return found

    def _among(self, name: str, state: S) -> dict[Value, Any]:
        """The arguments of that name in a state: many actions are offered in one state, one after another."""
        latest = self._latest.get(name)
        if latest is not None and latest[0] is state:
            return latest[1]
        parameter = self._binding.parameters[name]
        found: dict[Value, Any] = {}
        for each in parameter.domain(state):
            value = self._spec.get((name, each))
            if value is None:
                value = self._spec[name, each] = parameter.spec(each)
            found[value] = each
        self._latest[name] = state, found
        return found
