"""Steps a simulation beside the compiled spec: each of its steps must be a step of the spec, to exactly that state.

The simulation is the user's own: his code under faults, in virtual time. It tells each step as an action of the spec
with the states before and after, and the binding translates them. The spec is compiled without a bound, for the
servers of the schedule, so all that a run does is judged; its invariants and step properties are, too.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple, TypeVar

from tlastep.behaviour import Label
from tlastep.binding import OUTSIDE, Binding, Given, Objection, Opinion, Simulation, ToldStep
from tlastep.check.coverage import Coverage
from tlastep.check.models import Project
from tlastep.compile.compiled import compile_spec
from tlastep.engine import showing, step_judge
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.fast import collector_off
from tlastep.engine.showing import Showing
from tlastep.engine.snapshot import Snapshot
from tlastep.engine.step_judge import EVERYTHING, StepJudge
from tlastep.engine.translation import HiddenState
from tlastep.errors import EvaluationError, Place, UnusableInput
from tlastep.language.config import Config, Name, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.toolchain import sany

T = TypeVar("T")

LAYER: Final = "simulation"
PROFILE: Final = "mixed"
STEPS: Final = 500_000  # distinct steps that are told apart
LABELS: Final = 20_000  # labels that are kept translated


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


AROUND: Final = Label("a step of the world around it")


class Beside:
    """The spec of a binding, stepped along with runs of a simulation. Keep one: what it has learnt makes it faster.

    Without `properties` only the steps are judged by the spec, and the simulation judges the properties. Those that are
    `vacuous`, since the runs never do what they are about, are left out. `limit` is how much is remembered of each
    kind, for each model.
    """

    def __init__(
        self,
        project: Project,
        binding: Binding[Any],
        *,
        properties: bool = True,
        vacuous: tuple[str, ...] = (),
        limit: int | None = None,
    ) -> None:
        self._binding = binding
        self._vacuous = vacuous
        self._limit = limit
        self.properties = properties
        self._path = project.specs / f"{binding.module}.tla"
        self._models: dict[tuple[str, tuple[tuple[str, object], ...]], _Model] = {}

    def opinion(self, constants: Given, counts: dict[str, int], relation: str = "Next") -> Opinion:
        """Whoever judges the steps of one run, in the model with these constants and this next-state relation."""
        key = relation, tuple(sorted(constants.items()))
        if key not in self._models:
            config = _configured(self._binding, constants, relation, self._vacuous)
            self._models[key] = _Model(self._path, self._binding, config, self.properties, self._limit)
        return self._models[key].judge(counts)

    @property
    def held(self) -> int:
        """How much is remembered: values, verdicts, parts of states. It is bounded, however long one goes on."""
        return sum(model.held for model in self._models.values())

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


_read: Final = lru_cache(maxsize=8)(read_spec)
"""Of one spec several models may be compiled."""


def read_beforehand(project: Project, module: str) -> None:
    """Reads a spec. Processes that are forked from this one and step it beside something need not read it again."""
    _read(sany.parse(project.specs / f"{module}.tla"))


class _Model:
    """The spec under the constants of some schedules."""

    def __init__(self, path: Path, binding: Binding[Any], config: Config, properties: bool, limit: int | None) -> None:
        self._properties = properties
        spec = compile_spec(_read(sany.parse(path)), config)
        self.conjuncts = Conjuncts(spec)
        self.transitions: set[int] = set()
        """Hashes of the distinct steps, of so many as are remembered."""
        self._judge = StepJudge(spec, conjuncts=self.conjuncts, limit=limit or step_judge.REMEMBERED)
        self._showing = Showing(binding, self._judge.snapshots, limit=limit or showing.REMEMBERED)
        self._actions = {action.name: action for action in BoundModel(binding, config).actions}
        self._labels: dict[tuple[str, tuple[Any, ...]], Label] = {}

    def judge(self, counts: dict[str, int]) -> Opinion:
        """Judges one run, all of its steps."""
        run = _Run(self, self._judge, self._showing)

        def opinion(steps: Sequence[ToldStep]) -> Objection | None:
            found = run.judged(steps)
            for action, *_ in steps if found is None else steps[: found[0] + 1]:
                if action != OUTSIDE:
                    counts[action] = counts.get(action, 0) + 1
            return found

        return opinion

    @property
    def held(self) -> int:
        """How much is remembered."""
        return self._judge.held + self._showing.held

    def refused(self, before: Snapshot, label: Label, after: Snapshot) -> tuple[str, str] | None:
        """What the spec has against a step, if it is one of its own."""
        if label is AROUND:
            return None
        allowed = self._judge.after(before, label)
        if not allowed:
            return "refused", f"the spec has no step {label}"
        if after.values not in allowed:
            variables = ", ".join(self._judge.changed(allowed[0], after.values))
            return "difference", f"after {label} the code differs from the spec in {variables}"
        if len(self.transitions) < STEPS:
            self.transitions.add(hash((before.hash, label, after.hash)))
        return None

    def broken(self, before: Snapshot, label: Label, after: Snapshot, changed: int) -> tuple[str, str] | None:
        """What is false after a step that the spec allows, or of it."""
        broken = self._judge.broken(before, after, changed) if changed and self._properties else None
        return (broken.result, f"false after {label} ({broken.place})") if broken else None

    def label(self, action: str, arguments: tuple[Any, ...]) -> Label:
        """The label of a step that the simulation tells."""
        if action == OUTSIDE:
            return AROUND
        found = self._labels.get((action, arguments))
        if found is None:
            if len(self._labels) >= LABELS:
                self._labels.clear()
            found = self._labels[action, arguments] = self._actions[action].label(arguments)
        return found


class _Taken(NamedTuple):
    """A step in the spec's terms."""

    before: Snapshot
    label: Label
    after: Snapshot
    changed: int


class _Run:
    """One run: where it is, on both sides."""

    def __init__(self, model: _Model, judge: StepJudge, shown: Showing[Any]) -> None:
        self._model = model
        self._judge = judge
        self._showing = shown
        self._code: Any = None
        self._state: Snapshot | None = None
        self._changed = False
        """Whether any step has changed anything; before that, of no state it is known that the properties hold."""

    def judged(self, steps: Sequence[ToldStep]) -> Objection | None:
        """What is wrong with the first step with which something is, in a run or in its next part.

        First all are translated, then all are looked for in the spec, then all properties are judged: code that does
        one thing at a time is faster. What comes first in the run is found first all the same.
        """
        taken: list[_Taken] = []
        found = _first(steps, lambda step: self._translate(step, taken))
        refused = _first(taken, lambda step: self._model.refused(step.before, step.label, step.after))
        if refused is not None:
            found = refused
            del taken[refused[0] :]
        return _first(taken, lambda step: self._model.broken(*step)) or found

    def _translate(self, step: ToldStep, taken: list[_Taken]) -> tuple[str, str] | None:
        action, arguments, before, after = step
        try:
            if self._state is None:
                self._begin(before)
            elif before is not self._code and self._follow(before):
                return "between steps", f"something changed before {action}, which is no step of the spec"
            state = self._state
            assert state is not None
            changed = self._follow(after)
        except HiddenState as error:
            return "hidden state", str(error)
        following = self._state
        assert following is not None
        if changed and not self._changed:
            changed, self._changed = EVERYTHING, True
        taken.append(_Taken(state, self._model.label(action, arguments), following, changed))
        return None

    def _begin(self, code: Any) -> Snapshot:
        values, looks = self._showing.whole(code)
        self._code, self._state = code, self._judge.begin(values)
        self._showing.tell_apart(looks, self._state)
        return self._state

    def _follow(self, code: Any) -> int:
        """Goes to a state of the code. What has changed in the spec's, as a bit set of components."""
        before = self._state
        assert before is not None
        if code is self._code:
            return 0
        updates, looks = self._showing.updates(self._code, code)
        followed = self._judge.following(before, updates)
        if followed is None:
            # Packed otherwise from now on, so that nothing is known of what is where.
            return EVERYTHING if self._begin(code).values != before.values else 0
        self._code, (self._state, changed) = code, followed
        self._showing.tell_apart(looks, self._state)
        return changed


def _first(steps: Sequence[T], says: Callable[[T], tuple[str, str] | None]) -> Objection | None:
    """The first step of which something is said; a formula that has no value is something, too."""
    for number, step in enumerate(steps):
        try:
            said = says(step)
        except EvaluationError as error:
            said = "error", str(error)
        if said is not None:
            return number, *said
    return None


def _configured(binding: Binding[Any], constants: Given, relation: str, vacuous: tuple[str, ...]) -> Config:
    """A model without a bound, and with everything that the binding calls a property, unless it is vacuous."""
    written = [f"    {name} = {value}" for name, value in constants.items() if isinstance(value, str)]
    lines = ["INIT Init", f"NEXT {relation}", "CONSTANTS", *written]
    lines += [f"INVARIANT {name}" for name in binding.invariants if name not in vacuous]
    lines += [f"PROPERTY {name}" for name in binding.step_properties if name not in vacuous]
    with tempfile.TemporaryDirectory(prefix="tlastep-") as own:
        path = Path(own) / f"{binding.module}.cfg"
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        config = read_config(path)
    place = Place(str(path), 1, 1)
    config.constants.update({Name(n, place): value for n, value in constants.items() if not isinstance(value, str)})
    return config


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
    with collector_off():
        for each in range(seed, seed + schedules):
            schedule = simulation.schedule(each, servers, profile)
            relation = simulation.relation(schedule)
            opinion = spec.opinion(simulation.constants(schedule), found.actions, relation)
            done = simulation.run(schedule, opinion, spec.properties)
            found.schedules += 1
            found.steps += done.steps
            if done.finding is not None:
                found.kind, found.name, found.finding = done.finding.kind, done.finding.name, done.finding.text()
                found.seed, found.schedule = each, simulation.text(schedule)
                break
            if seconds is not None and perf_counter() - begun > seconds:
                break
            gc.collect(0)  # the world of this run; what is remembered need not be looked through each time
    found.seconds = perf_counter() - begun
    found.coverage = spec.reached(found)
    return found
