"""Why a line of a recording is rejected: the conjuncts that are false, what differs, and the nearest step allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from tlastep.behaviour import Label
from tlastep.check.explain import false_conjuncts
from tlastep.check.recording_files import Recorded
from tlastep.compile.compiled import CompiledSpec, Step
from tlastep.engine.follower import Differs
from tlastep.engine.spec_system import SpecSystem
from tlastep.errors import EvaluationError
from tlastep.long_sequences import Long, plain
from tlastep.values import Fn, Value, show

TRIED: Final = 300  # bindings of each action among which the nearest step is looked for
WIDE: Final = 300  # characters of a value that are printed
MANY: Final = 5  # differences that are told of the nearest step


class Difference(NamedTuple):
    """A part of the next state: what the spec has there, and what is recorded."""

    what: str
    expected: str
    recorded: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, recorded {self.recorded}"


@dataclass
class Rejection:
    """A line that is no step of the spec, and why. `conjuncts` are places in the spec."""

    path: Path
    line: int
    action: str
    reason: str
    conjuncts: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    nearest: str = ""
    circular: bool = False

    def fields(self) -> dict[str, object]:
        """What is printed of it as JSON."""
        return {
            "file": str(self.path),
            "line": self.line,
            "action": self.action,
            "reason": self.reason,
            "conjuncts": list(self.conjuncts),
            "differences": [each._asdict() for each in self.differences],
            "nearest": self.nearest,
        }

    def text(self) -> list[str]:
        """Lines for people."""
        found = [f"{self.path}:{self.line}: {self.action}", f"  {self.reason}"]
        found += [f"  false: {place}" for place in self.conjuncts]
        found += [f"  {difference}" for difference in self.differences]
        return found + ([f"  nearest: {self.nearest}"] if self.nearest else [])


def why_rejected(
    spec: CompiledSpec,
    before: tuple[Value, ...],
    label: Label,
    differs: Differs,
    recorded: Recorded,
    index: int,
) -> Rejection:
    """The rejection of a line, which tells a step with this label to a state where the spec does not lead."""
    after, allowed, error = differs
    system = SpecSystem(spec)
    found = Rejection(recorded.path, recorded.place(index), shown_label(label), reason="")
    found.conjuncts = tuple(_false(system, before, label, after))
    if allowed:
        nearest = min(allowed, key=lambda each: len(list(differences(spec.variables, each, after))))
        found.differences = tuple(differences(spec.variables, nearest, after))
        found.reason = f"the spec has this step, and it leads elsewhere: {_variables(found.differences)}"
        told = "; ".join(f"{each.what} is {each.expected}" for each in found.differences[:MANY])
        found.nearest = f"{found.action}, after which {told}"
        return found
    found.reason = f"the spec has no value for this step: {error}" if error else _refused(spec, label)
    found.nearest = _nearest(system, before, label, after)
    return found


def _refused(spec: CompiledSpec, label: Label) -> str:
    if label.action not in {step.action for step in spec.steps}:
        return f"the spec has no action {label.action}"
    return "the spec does not allow this step here"


def _variables(found: Iterable[Difference]) -> str:
    return ", ".join(dict.fromkeys(each.what.partition("[")[0].partition(".")[0] for each in found))


# -- conjuncts ---------------------------------------------------------------------------------------------------


def _false(system: SpecSystem, state: tuple[Value, ...], label: Label, following: tuple[Value, ...]) -> Iterator[str]:
    for step in system.spec.steps:
        if step.action == label.action:
            bound = _bound(step, label)
            if bound is not None:
                yield from false_conjuncts(system, step, bound, state, following)
                yield from _outside(system, step, bound, state)


def _bound(step: Step, label: Label) -> tuple[Value, ...] | None:
    """How the variables of an action are bound where it has this label, if they are its arguments and no more."""
    names, arguments = [binder.name for binder in step.code.binders], step.code.arguments or ()
    if label.arguments is None or sorted(arguments) != sorted(names):
        return None
    return tuple([label.arguments[arguments.index(name)] for name in names])


def _outside(system: SpecSystem, step: Step, bound: tuple[Value, ...], state: tuple[Value, ...]) -> Iterator[str]:
    """The arguments that are not in the domain of the action's variables."""
    view = system.view(state)
    place = step.code.body.place
    for index, variable in enumerate(step.quantified):
        domain = variable.domain(view, *bound[:index])
        if bound[index] not in domain:
            yield f"{place.file}.tla:{place.line}:{place.column} ({variable.name} is not there to be taken)"
            return


# -- differences -------------------------------------------------------------------------------------------------


def differences(variables: Sequence[str], expected: Sequence[Value], recorded: Sequence[Value]) -> Iterator[Difference]:
    """Where two states differ, as deep as they can be told apart."""
    for name, its, ours in zip(variables, expected, recorded, strict=True):
        if its != ours:
            yield from _different(name, its, ours)


def _different(what: str, expected: Any, recorded: Any) -> Iterator[Difference]:
    if type(expected) is Fn and type(recorded) is Fn and expected.mapping.keys() == recorded.mapping.keys():
        for key, value in expected.mapping.items():
            if value != recorded.mapping[key]:
                path = f"{what}.{key}" if isinstance(key, str) else f"{what}[{show(key)}]"
                yield from _different(path, value, recorded.mapping[key])
    elif isinstance(expected, (tuple, Long)) and isinstance(recorded, (tuple, Long)):
        yield _sequences(what, expected, recorded)
    elif isinstance(expected, frozenset) and isinstance(recorded, frozenset):
        yield Difference(what, _beside(expected, recorded), _beside(recorded, expected))
    else:
        yield Difference(what, shown(expected), shown(recorded))


def _sequences(what: str, expected: tuple[Value, ...] | Long, recorded: tuple[Value, ...] | Long) -> Difference:
    """Two sequences from the first place on where they differ."""
    its, ours = tuple(expected), tuple(recorded)
    same = next((k for k, (one, other) in enumerate(zip(its, ours, strict=False)) if one != other), None)
    start = min(len(its), len(ours)) if same is None else same
    place = f"{what} from place {start + 1}" if start else what
    return Difference(place, f"{shown(its[start:])} ({len(its)} in all)", f"{shown(ours[start:])} ({len(ours)} in all)")


def _beside(these: frozenset[Value], those: frozenset[Value]) -> str:
    """The members that only one of two sets has, in words."""
    own = these - those
    return f"with {', '.join(sorted(map(shown, own)))}" if own else f"nothing more ({len(these)} in all)"


def shown(value: Any) -> str:
    """A value as text of a bearable width."""
    if isinstance(value, (tuple, Long)) and len(value) > MANY * 2:
        return f"{show(plain(tuple(value)[:MANY]))[:-2]}, ... >> of {len(value)}"
    text = show(plain(value))
    return text if len(text) <= WIDE else f"{text[:WIDE]}..."


def shown_label(label: Label) -> str:
    """An action with its arguments."""
    return f"{label.action}({', '.join(map(shown, label.arguments or ()))})"


# -- the nearest step ----------------------------------------------------------------------------------------------


def _nearest(system: SpecSystem, state: tuple[Value, ...], label: Label, after: tuple[Value, ...]) -> str:
    """The step from this state that comes nearest to what is recorded, in words. One of the same action is nearer."""
    best: tuple[float, str, tuple[Value, ...]] | None = None
    for other, following in _steps(system, state, label):
        far = len(list(differences(system.variables, following, after)))
        distance = far + (0 if other.action == label.action else 0.5)
        if best is None or distance < best[0]:
            best = distance, shown_label(other), following
    if best is None:
        return ""
    found = list(differences(system.variables, best[2], after))
    told = "; ".join(f"{each.what} is {each.expected}, not {each.recorded}" for each in found[:MANY])
    return f"{best[1]}" + (f", after which {told}" if told else ", which leads to the same state")


def _steps(system: SpecSystem, state: tuple[Value, ...], label: Label) -> Iterator[tuple[Label, tuple[Value, ...]]]:
    """Steps that may be near: those of the same node, as far as arguments tell."""
    node = label.arguments[0] if label.arguments else None
    view = system.view(state)
    for step in system.spec.steps:
        for bound in islice(_choices(step, view, label.arguments or ()), TRIED):
            other = Label(step.action, step.arguments(*bound))
            if node is None or not other.arguments or other.arguments[0] == node:
                try:
                    for following in system.steps_of(step, state, bound):
                        yield other, following
                except EvaluationError:
                    continue


def _choices(step: Step, view: Any, wanted: Sequence[Value]) -> Iterator[tuple[Value, ...]]:
    """Bindings of an action's variables; where a domain holds an argument that was recorded, that one comes first."""
    quantified = step.quantified

    def extend(bound: tuple[Value, ...]) -> Iterator[tuple[Value, ...]]:
        if len(bound) == len(quantified):
            yield bound
            return
        domain = quantified[len(bound)].domain(view, *bound)
        own = [value for value in wanted if value in domain]
        for value in dict.fromkeys([*own, *islice(iter(domain), TRIED)]):
            yield from extend((*bound, value))

    return extend(())
