"""Steps a simulation beside the compiled spec: each of its steps must be a step of the spec, to exactly that state.

The simulation is the user's own: his code under faults, in virtual time. It tells each step as an action of the spec
with the states before and after, and the binding translates them. The spec is compiled without a bound, for the
servers of the schedule, so all that a run does is judged; its invariants and step properties are, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from tlastep.behaviour import Label
from tlastep.binding import Binding, Simulation
from tlastep.check.coverage import Coverage
from tlastep.check.models import Project
from tlastep.compile.compiled import compile_spec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.spec_machine import SpecMachine
from tlastep.engine.stepper import Stepper
from tlastep.engine.translation import HiddenState, Translation
from tlastep.errors import UnusableInput
from tlastep.language.config import Config, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany

LAYER: Final = "simulation"
PROFILE: Final = "mixed"
REMEMBERED: Final = 200_000  # labels that are kept translated


@dataclass
class Simulated:
    """What runs beside the spec came to. `finding` is one line, `schedule` what to run again."""

    module: str
    schedules: int = 0
    steps: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    finding: str = ""
    kind: str = ""
    name: str = ""
    schedule: str = ""
    seed: int = 0
    seconds: float = 0.0
    coverage: Coverage | None = None

    @property
    def result(self) -> str:
        """`ok`, or what was found."""
        return "ok" if not self.finding else f"{self.kind} {self.name}"

    def fields(self) -> dict[str, object]:
        """What is printed of it as JSON."""
        return {
            "module": self.module,
            "schedules": self.schedules,
            "steps": self.steps,
            "actions": self.actions,
            "result": self.result,
            "finding": self.finding,
            "seed": self.seed,
            "schedule": self.schedule,
            "seconds": round(self.seconds, 3),
        }


class Beside:
    """The spec of a binding, stepped along with runs of a simulation. Keep one: what it has learnt makes it faster.

    Without `properties` only the steps are judged by the spec; the simulation judges the properties in any case.
    """

    def __init__(self, project: Project, binding: Binding[Any], *, properties: bool = True) -> None:
        self._binding = binding
        self._properties = properties
        self._path = project.specs / f"{binding.module}.tla"
        self._models: dict[tuple[tuple[str, str], ...], _Model] = {}

    def opinion(self, constants: Mapping[str, str], counts: dict[str, int]) -> Callable[..., tuple[str, str] | None]:
        """Whoever judges the steps of one run, in the model with these constants."""
        key = tuple(sorted(constants.items()))
        if key not in self._models:
            self._models[key] = _Model(self._path, self._binding, constants, self._properties)
        return self._models[key].judge(counts)

    def reached(self, found: Simulated) -> Coverage:
        """What all runs so far reached of the spec, under whatever constants they had."""
        models = list(self._models.values())
        conjuncts = {place for model in models for place in model.conjuncts.reached}
        every = {place for model in models for place in model.conjuncts.all}
        return Coverage(
            layer=LAYER,
            model=f"{found.module} from {found.schedules} schedules",
            module=found.module,
            actions=dict(sorted(found.actions.items())),
            conjuncts=tuple(sorted(conjuncts)),
            all_conjuncts=tuple(sorted(every)),
            transitions=sum(len(model.transitions) for model in models),
        )


class _Model:
    """The spec under the constants of some schedules."""

    def __init__(self, path: Path, binding: Binding[Any], constants: Mapping[str, str], properties: bool) -> None:
        config = _configured(binding, constants)
        self._properties = properties
        self._bound = BoundModel(binding, config)
        spec = compile_spec(read_spec(sany.parse(path)), config)
        self.conjuncts = Conjuncts(spec)
        self.transitions: set[tuple[int, Label, int]] = set()
        self._stepper = Stepper(SpecMachine(spec, conjuncts=self.conjuncts))
        self._translation = Translation(self._stepper, self._bound)
        self._actions = {action.name: action for action in self._bound.actions}
        self._labels: dict[tuple[str, tuple[Any, ...]], Label] = {}

    def judge(self, counts: dict[str, int]) -> Callable[..., tuple[str, str] | None]:
        """Judges one run, step by step."""
        state: int | None = None
        known: Any = None

        def opinion(action: str, arguments: tuple[Any, ...], before: Any, after: Any) -> tuple[str, str] | None:
            nonlocal state, known
            counts[action] = counts.get(action, 0) + 1
            try:
                if state is None or before is not known:
                    begun = self._translation.pack(before)
                    if state not in (None, begun):
                        return "between steps", f"something changed before {action}, which is no step of the spec"
                    state = begun
                following = state if after is before else self._translation.pack(after)
            except HiddenState as error:
                return "hidden state", str(error)
            label = self._label(action, arguments)
            self.transitions.add((state, label, following))
            said = self._judged(state, label, following)
            state, known = following, after
            return said

        return opinion

    def _judged(self, state: int, label: Label, following: int) -> tuple[str, str] | None:
        stepper = self._stepper
        allowed = stepper.after(state, label)
        if not allowed:
            return "refused", f"the spec has no step {label}"
        if following not in allowed:
            variables = ", ".join(stepper.changed(allowed[0], following))
            return "difference", f"after {label} the code differs from the spec in {variables}"
        if following == state or not self._properties:
            return None
        broken = stepper.broken(following) or stepper.broken_step(state, following)
        return (broken.result, f"false after {label} ({broken.place})") if broken else None

    def _label(self, action: str, arguments: tuple[Any, ...]) -> Label:
        found = self._labels.get((action, arguments))
        if found is None:
            if len(self._labels) > REMEMBERED:
                self._labels.clear()
            found = self._labels[action, arguments] = self._actions[action].label(arguments)
        return found


def _configured(binding: Binding[Any], constants: Mapping[str, str]) -> Config:
    """A model without a bound, and with everything that the binding calls a property."""
    lines = ["INIT Init", "NEXT Next", "CONSTANTS", *(f"    {name} = {value}" for name, value in constants.items())]
    lines += [f"INVARIANT {name}" for name in binding.invariants]
    lines += [f"PROPERTY {name}" for name in binding.step_properties]
    with tempfile.TemporaryDirectory(prefix="tlastep-") as own:
        path = Path(own) / f"{binding.module}.cfg"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return read_config(path)


def simulation_of(binding: Binding[Any]) -> Simulation:
    """The simulation that a binding names."""
    if binding.simulation is None:
        raise UnusableInput("names no simulation", f"binding of {binding.module}")
    return binding.simulation


def simulate_beside(
    project: Project,
    binding: Binding[Any],
    *,
    schedules: int = 300,
    seed: int = 0,
    servers: int = 3,
    profile: str = PROFILE,
    seconds: float | None = None,
    beside: Beside | None = None,
) -> Simulated:
    """Runs so many schedules beside the spec (or as many as the seconds allow), up to the first finding."""
    simulation = simulation_of(binding)
    spec = beside or Beside(project, binding)
    begun = perf_counter()
    found = Simulated(binding.module)
    for each in range(seed, seed + schedules):
        schedule = simulation.schedule(each, servers, profile)
        done = simulation.run(schedule, spec.opinion(simulation.constants(schedule), found.actions))
        found.schedules += 1
        found.steps += done.steps
        if done.finding is not None:
            found.kind, found.name, found.finding = done.finding.kind, done.finding.name, done.finding.text()
            found.seed, found.schedule = each, simulation.text(schedule)
            break
        if seconds is not None and perf_counter() - begun > seconds:
            break
    found.seconds = perf_counter() - begun
    found.coverage = spec.reached(found)
    return found
