"""Random walks past the bound: spec and code step by step through states that are too many to be explored.

    walked = walk(pair, steps=20_000, seed=1)

Only steps that both sides take are counted; what one side refuses and the other does not is a finding, and so is a
state that differs or breaks an invariant. A walk that finds something is shrunk to a short script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Final

from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check.bindings import binding_of
from tlastep.check.coverage import Coverage, covered
from tlastep.check.explore import load
from tlastep.check.models import Model, Project
from tlastep.check.steering import EPISODE, Steered, Steering, Uniform
from tlastep.check.verdict import Finding
from tlastep.check.walk import Found, Pair, Place, Script
from tlastep.compile.compiled import CompiledSpec, compile_spec
from tlastep.engine.checks import checks_of
from tlastep.engine.code_system import BoundModel
from tlastep.engine.conjuncts import Conjuncts
from tlastep.engine.fast import collector_off
from tlastep.engine.stepper import Repacked
from tlastep.errors import Place as TextPlace
from tlastep.language.config import Name, read_config
from tlastep.language.xml_reader import read_spec
from tlastep.predicates import Predicate
from tlastep.toolchain import sany

EACH: Final = 100  # times that each action is to be taken in it
REFUSED: Final = 4  # accepted steps for each that the spec refuses and that the code is offered

Seen = Callable[[str, int], None]


@dataclass
class Walked:
    """What a walk did and found.

    `steps` were accepted by both sides, `offered` are all that the code was asked for; `states` are distinct, `outside`
    those of them beyond what other models explore to the end; `transitions` are distinct steps, and `beyond` those of
    them that begin in such a state; `edges` and `kinds` are what steering tells apart.
    What was found is in `problem`, in short; the other two are there if it was shrunk.
    """

    model: str
    steered: bool
    seed: int
    steps: int = 0
    offered: int = 0
    refusals: int = 0
    episodes: int = 0
    states: int = 0
    outside: int = 0
    transitions: int = 0
    beyond: int = 0
    deepest: int = 0
    kinds: int = 0
    edges: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    finding: Finding | None = None
    script: Script | None = None
    problem: tuple[str, str] | None = None
    coverage: Coverage | None = None

    @property
    def result(self) -> str:
        """`ok`, or the kind of what was found and its summary."""
        return "ok" if self.problem is None else ": ".join(self.problem)

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        names = ("model", "steered", "seed", "steps", "offered", "refusals", "episodes", "states", "outside", "deepest")
        shown: dict[str, object] = {name: getattr(self, name) for name in names}
        shown |= {"kinds": self.kinds, "edges": self.edges, "actions": dict(self.actions), "result": self.result}
        return {**shown, "largest": dict(self.largest), "seconds": round(self.seconds, 3)}


def shortcomings(model: Model, walked: Walked) -> list[str]:
    """Why a walk shows too little, although it found nothing: each reason in words."""
    found = [] if walked.steps >= model.steps else [f"{walked.steps} steps, fewer than {model.steps}"]
    found += [f"{action} only {count} times" for action, count in walked.actions.items() if count < EACH]
    if model.explored and 2 * walked.outside < walked.states:
        found.append(f"only {walked.outside} of {walked.states} states are beyond what is explored")
    for variable, least in model.reaches:
        if walked.largest.get(variable, 0) < least:
            found.append(f"{variable} reaches {walked.largest.get(variable, 0)}, expected {least}")
    return found


@dataclass(frozen=True)
class Prepared:
    """A model for walks: its spec compiled, and the predicate true of what other models explore, if it has one."""

    model: Model
    spec: CompiledSpec
    explored: tuple[Predicate, ...] = ()

    def pair(self, project: Project, binding: Binding[Any], *, conjuncts: Conjuncts | None = None) -> Pair:
        """Spec and code, ready to walk. Raises `Found` if they do not even begin alike."""
        bound = BoundModel(binding, read_config(project.config(self.model)))
        return Pair(self.spec, bound, conjuncts=conjuncts)


def prepare(project: Project, model: Model) -> Prepared:
    """Compiles a model for walks."""
    spec = load(project.spec(model), project.config(model))
    if not model.explored:
        return Prepared(model, spec)
    config = read_config(project.config(model))
    name = Name(model.explored, TextPlace(str(project.list)))
    bare = replace(config, constraints=[name], invariants=[], properties=[])
    other = compile_spec(read_spec(sany.parse(project.spec(model))), bare)
    return Prepared(model, spec, other.constraints)


def walk_model(project: Project, model: Model, *, steps: int, seed: int, steered: bool = True) -> Walked:
    """Walks through a model of the project with its own binding."""
    ready = prepare(project, model)
    conjuncts = Conjuncts(ready.spec)
    try:
        pair = ready.pair(project, binding_of(project, model.module), conjuncts=conjuncts)
    except Found as found:
        return Walked(model.name, steered, seed, problem=(found.kind, found.summary))
    with collector_off():
        walked = walk(pair, steps=steps, seed=seed, name=model.name, steered=steered, explored=ready.explored)
    counts = walked.actions, conjuncts, walked.transitions, walked.beyond
    walked.coverage = covered("machine", model.name, model.module, *counts)
    return walked


def walk(
    pair: Pair,
    *,
    steps: int,
    seed: int,
    name: str = "",
    steered: bool = True,
    explored: tuple[Predicate, ...] = (),
    shrinking: bool = True,
) -> Walked:
    """Walks until so many steps were accepted, or until something is found. The same seed gives the same walk."""
    while True:
        walked = Walked(name, steered, seed)
        start = perf_counter()
        try:
            _Walk(pair, walked, explored).run(steps)
        except Repacked:
            pair.begin()
            continue
        except Found as found:
            least = pair.shrink(found) if shrinking else found
            walked.problem, walked.script = (least.kind, least.summary), least.script
            walked.finding = pair.finding(least) if shrinking else None
        walked.seconds = perf_counter() - start
        return walked


class _Walk:
    """One walk in progress."""

    def __init__(self, pair: Pair, walked: Walked, explored: tuple[Predicate, ...]) -> None:
        self.pair = pair
        self.walked = walked
        # What a check remembers is about packed states, and these mean something to one stepper only.
        self.explored = [check for each in explored for check in checks_of(each)]
        choices = (Steered if walked.steered else Uniform)(pair, walked.seed)
        self.steering: Steering = choices
        self.source = choices.source
        self.states: dict[int, bool] = {}  # whether each is outside
        self.transitions: set[tuple[int, Label, int]] = set()
        self.actions: Counter[str] = Counter(dict.fromkeys(pair.stepper.actions, 0))

    def run(self, steps: int) -> None:
        """Episode after episode."""
        try:
            for start in self.pair.starts:
                self.pair.judge(start)
                self._visit(start.state)
            while self.walked.steps < steps:
                self.walked.episodes += 1
                self._episode(steps)
        finally:
            self._sum_up()

    def _episode(self, steps: int) -> None:
        place = self.steering.begin()
        for _ in range(EPISODE):
            if self.walked.steps >= steps:
                return
            chosen = self.steering.choose(place)
            if chosen is None:
                return
            self.walked.offered += 1
            following = self.pair.take(place, chosen.label)
            assert following is not None, "the spec takes the step"
            self.transitions.add((place.state, chosen.label, following.state))
            self._accept(following, chosen.label.action)
            if self.source.randrange(REFUSED) == 0:
                self._offer_refused(following)
            place = following

    def _accept(self, place: Place, action: str) -> None:
        self.walked.steps += 1
        self.actions[action] += 1
        self.pair.judge(place)
        self._visit(place.state)
        self.walked.deepest = max(self.walked.deepest, place.depth)
        if self.steering.arrived(place):
            self.walked.offered += self.pair.sweep(place)

    def _visit(self, state: int) -> None:
        if state not in self.states:
            holds = self.pair.stepper.outcomes.holds
            self.states[state] = bool(self.explored) and not all(holds(check, state) for check in self.explored)

    def _offer_refused(self, place: Place) -> None:
        """Offers the code one step that the spec refuses here."""
        action = self.source.choice(self.pair.stepper.actions)
        refused = [offer.label for offer in self.pair.stepper.offers(place.state, action) if not offer.following]
        if refused:
            label = self.source.choice(refused)
            self.walked.offered += 1
            self.walked.refusals += 1
            self.pair.take(place, label, ())

    def _sum_up(self) -> None:
        self.walked.states, self.walked.outside = len(self.states), sum(self.states.values())
        self.walked.transitions = len(self.transitions)
        self.walked.beyond = sum(self.states[state] for state, _, _ in self.transitions)
        self.walked.actions = dict(self.actions)
        self.walked.kinds, self.walked.edges = len(self.steering.kinds), len(self.steering.edges)
        self.walked.largest = self._largest()

    def _largest(self) -> dict[str, int]:
        """The largest number in each variable that holds numbers, or longest sequence, in the states visited."""
        found: dict[str, int] = {}
        for cluster in self.pair.stepper.layout.clusters:
            # What was only looked at as a possible next state is packed, too, and does not count.
            for code in {state & cluster.field for state in self.states}:
                for component, number in zip(cluster.components, cluster.tuples[code], strict=True):
                    value = component.values[number]
                    size = value if type(value) is int else len(value) if type(value) is tuple else None
                    if size is not None:
                        found[component.variable] = max(size, found.get(component.variable, 0))
        return found
