"""Bindings: which of your functions is which action, and what of your state is which variable.

    replication = Binding("Replication", parts=("replicas", "network"), refused=Refused)
    replication.parameter("i", domain=lambda constants: names(constants["Server"]), spec=model_value)

    @replication.start("Init")
    def init(constants): return Cluster.of(names(constants["Server"]))

    @replication.action
    def Timeout(cluster, i): return cluster.timeout(i)

    @replication.observe_each("replicas")
    def of_replica(server, replica): return model_value(server), {"term": replica.term, "role": replica.role}

A binding translates and never decides. States are immutable; an action returns the next one, or raises `refused`
where it can't be taken. A state of *parts* (attributes, replaced by a method `change(**parts)`) is explored much
faster; a state without parts is taken as a whole, and `observe` shows it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from tlastep.errors import UnusableInput
from tlastep.recorded import Recording
from tlastep.values import Fn, Value, to_value

S = TypeVar("S", bound=Hashable)
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
V = TypeVar("V")

REMEMBERED: Final = 20_000
"""How many objects a translation remembers."""

Constants: TypeAlias = Mapping[str, Value]
"""The constants of a model by name, as its configuration gives them; for `Derive <- Fixed` the name `Fixed`."""


class Refused(Exception):
    """Raised by an action that can't be taken, unless the binding names an exception of its own."""


@dataclass(frozen=True)
class Parameter:
    """What an action's parameter ranges over, and how a value of it is written in the spec."""

    domain: Callable[..., Iterable[Any]]
    of_state: bool
    spec: Callable[[Any], Value]


@dataclass(frozen=True)
class Property:
    """One part of a property of the code: `test(state, ...)` or `test(state, next, ...)` for all values of `over`."""

    over: tuple[str, ...]
    test: Callable[..., bool]


class SimulatedFinding(Protocol):
    """What a simulation has found: its kind (`spec` if it came from the opinion), its name, what is wrong, where."""

    @property
    def kind(self) -> str:
        """The kind of the finding."""

    @property
    def name(self) -> str:
        """The property, or what else is wrong."""

    @property
    def step(self) -> int:
        """After how many steps."""

    def text(self) -> str:
        """All of it in a line."""


class SimulatedRun(Protocol):
    """What came of one run of a simulation."""

    @property
    def steps(self) -> int:
        """How many steps it took."""

    @property
    def finding(self) -> SimulatedFinding | None:
        """What was found, if anything: it ended the run."""


ToldStep: TypeAlias = tuple[str, tuple[Any, ...], Any, Any]
"""A step of a run: an action of the spec, its arguments, and the states before and after."""

OUTSIDE: Final = "outside"
"""What such a step is called if another spec judges it: the world around this one has changed, here are the states.

Only the properties are judged of it. Several of them in a row may be told as one.
"""

Given: TypeAlias = Mapping[str, "str | Fn | tuple[Value, ...] | frozenset[Value]"]
"""The constants of a model: as a configuration writes them, or values where no configuration can."""

Objection: TypeAlias = tuple[int, str, str]
"""The first of the steps with which something is wrong, counted from 0, and what: in a word or two, and in a line."""

Opinion: TypeAlias = Callable[[Sequence[ToldStep]], Objection | None]
"""Asked once of all steps of a run: with which of them something is wrong, if anything is."""


@dataclass(frozen=True)
class Simulation:
    """Runs of the code in a simulation of the user's own, which tells every step in the spec's actions.

    `schedule(seed, servers, profile)` makes a schedule, and `text` prints it. `run(schedule, opinion, judges)` runs it
    and asks for an opinion on its steps; if that `judges` the properties, too, the run need not. `constants` gives the
    model in which its steps are steps of the spec, as a configuration writes them, and `relation` its NEXT.
    """

    schedule: Callable[[int, int, str], Any]
    text: Callable[[Any], str]
    run: Callable[[Any, Opinion, bool], SimulatedRun]
    constants: Callable[[Any], Given]
    relation: Callable[[Any], str] = lambda _: "Next"


class Binding(Generic[S]):
    """The correspondence between one spec and one class.

    `refused`: the exceptions by which an action says that it can't be taken.
    `ghosts`: variables that the binding computes from effects, for refinement; they are listed in certificates.
    `unverified`: effects of the code that have no variable in the spec, in words, listed in certificates.
    `environment`: actions that are steps of the world (network, crash) and are counted apart.
    """

    def __init__(
        self,
        module: str,
        *,
        parts: tuple[str, ...] = (),
        refused: type[Exception] | tuple[type[Exception], ...] = Refused,
        ghosts: tuple[str, ...] = (),
        unverified: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
    ) -> None:
        self.module = module
        self.parts = parts
        self.refused = refused
        self.ghosts = ghosts
        self.unverified = unverified
        self.environment = environment
        self.parameters: dict[str, Parameter] = {}
        self.actions: dict[str, Callable[..., S]] = {}
        self.added: dict[str, dict[str, Callable[..., S]]] = {}
        self.starts: dict[str, Callable[[Constants], S | Iterable[S]]] = {}
        self.bounds: dict[str, Callable[[Constants], Iterable[Property]]] = {}
        self.invariants: dict[str, list[Property]] = {}
        self.step_properties: dict[str, list[Property]] = {}
        self.initial_properties: dict[str, list[Property]] = {}
        self.observe_parts: dict[str, Callable[..., Any]] = {}
        self.observe_state: Callable[[S], Mapping[str, object]] | None = None
        self.simulation: Simulation | None = None
        self.recording: Recording[Any] | None = None

    # -- what a binding declares -----------------------------------------------------------------------------

    def parameter(
        self,
        *names: str,
        domain: Callable[[Constants], Iterable[Any]] | None = None,
        among: Callable[[S], Iterable[Any]] | None = None,
        spec: Callable[[Any], Value] = to_value,
    ) -> None:
        """What parameters of these names range over: a `domain` of the constants, or what is `among` the state."""
        chosen = domain or among
        if chosen is None or (domain and among):
            raise UnusableInput(f"parameter {', '.join(names)} needs either `domain` or `among`", self.module)
        for name in names:
            self.parameters[name] = Parameter(chosen, among is not None, spec)

    def action(self, function: F) -> F:
        """The function of the same name takes that action of the spec."""
        self.actions[function.__name__] = function
        return function

    def action_of(self, relation: str) -> Callable[[F], F]:
        """The same for an action that only the next-state relation of this name has (the NEXT of a model).

        So a design that is wrong can be modelled beside the right one, and its counterexample replayed.
        """

        def add(function: F) -> F:
            self.added.setdefault(relation, {})[function.__name__] = function
            return function

        return add

    def start(self, name: str) -> Callable[[F], F]:
        """The function makes the initial state (or states) that the spec calls `name` (INIT or SPECIFICATION)."""
        return self._named(self.starts, name)

    def bound(self, name: str) -> Callable[[F], F]:
        """The function gives, for the model's constants, the parts of the constraint `name`."""
        return self._named(self.bounds, name)

    def invariant(self, name: str, *over: str) -> Callable[[F], F]:
        """The function is (a part of) the invariant `name`, for all values of the parameters `over`."""
        return self._part_of(self.invariants, name, over)

    def step_property(self, name: str, *over: str) -> Callable[[F], F]:
        """The function of two states is (a part of) the step property `name`."""
        return self._part_of(self.step_properties, name, over)

    def initial_property(self, name: str, *over: str) -> Callable[[F], F]:
        """The function is what the property `name` says of initial states."""
        return self._part_of(self.initial_properties, name, over)

    def observe(self, function: F) -> F:
        """The function shows a whole state as the spec's variables."""
        self.observe_state = function
        return function

    def observe_each(self, part: str) -> Callable[[F], F]:
        """The function shows one key and value of a part: `(key in the spec, {variable: value})`."""
        return self._named(self.observe_parts, part)

    def observe_part(self, part: str) -> Callable[[F], F]:
        """The function shows a part as variables: `{variable: value}`."""
        return self._named(self.observe_parts, part)

    @staticmethod
    def _named(registry: dict[str, Any], name: str) -> Callable[[F], F]:
        def add(function: F) -> F:
            registry[name] = function
            return function

        return add

    @staticmethod
    def _part_of(registry: dict[str, list[Property]], name: str, over: tuple[str, ...]) -> Callable[[F], F]:
        def add(function: F) -> F:
            registry.setdefault(name, []).append(Property(over, function))
            return function

        return add

    # -- what others ask it ----------------------------------------------------------------------------------

    def actions_of(self, relation: str) -> dict[str, Callable[..., S]]:
        """The actions of a model by name: those of all models, and those that only this next-state relation has."""
        return {**self.actions, **self.added.get(relation, {})}

    def arguments(self, function: Callable[..., S]) -> tuple[str, ...]:
        """The names of an action's parameters, after the state."""
        names = tuple(inspect.signature(function).parameters)[1:]
        for name in names:
            if name not in self.parameters:
                said = f"parameter {name} of {function.__name__} has no domain"
                raise UnusableInput(said, f"binding of {self.module}")
        return names

    def observed(self, state: S) -> dict[str, Value]:
        """All variables that the binding shows, as TLA+ values."""
        if self.observe_state is not None:
            return {name: to_value(value) for name, value in self.observe_state(state).items()}
        found: dict[str, Value] = {}
        pairs: dict[str, dict[Value, Value]] = {}
        for part in self.parts:
            value = getattr(state, part)
            if not is_map(value):
                found.update({name: to_value(each) for name, each in self.observe_parts[part](value).items()})
                continue
            for key in value:
                shown, variables = self.observe_parts[part](key, value[key])
                for name, each in variables.items():
                    pairs.setdefault(name, {})[shown] = to_value(each)
        found.update({name: Fn(mapping) for name, mapping in pairs.items()})
        return found

    def require(self, what: str, registry: Mapping[str, F], name: str) -> F:
        """An entry of a registry, or one clear line that says what is missing."""
        if name not in registry:
            known = ", ".join(sorted(registry)) or "none"
            raise UnusableInput(f"has no {what} {name} (it has: {known})", f"binding of {self.module}")
        return registry[name]


_symbols: list[bool] = []
"""Not empty while values may be symbols of a solver, which mean nothing later on and must not be remembered."""


@contextmanager
def nothing_remembered() -> Iterator[None]:
    """Nothing is remembered of translations meanwhile, and nothing that was is used."""
    _symbols.append(True)
    try:
        yield
    finally:
        _symbols.pop()


def remembered(translate: Callable[[T], V]) -> Callable[[T], V]:
    """A translation of immutable objects that is made once for each object, as long as it is among the last few.

    Objects are known by identity, so that nothing is hashed or compared: a log that a step leaves alone is the same.
    """
    known: dict[int, tuple[T, V]] = {}

    @wraps(translate)
    def translated(value: T) -> V:
        if _symbols:
            return translate(value)
        found = known.get(id(value))
        if found is not None and found[0] is value:
            return found[1]
        if len(known) >= REMEMBERED:
            known.clear()
        result = translate(value)
        known[id(value)] = (value, result)
        return result

    return translated


def is_map(value: object) -> bool:
    """Whether a part is an immutable map, taken key by key: it has `keys` and `set`, or is iterated over with `set`."""
    return hasattr(value, "set") and hasattr(value, "items")
