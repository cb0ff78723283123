"""What the fast engine explores: named steps and predicates that see a state through recording stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tlastep.behaviour import Label
from tlastep.errors import EvaluationError
from tlastep.predicates import Predicate, Quantified
from tlastep.values import Fn, Value, encode


class Action(NamedTuple):
    """A named action. `run(view, bound)` gives, for each way to take it, the variables' next values by name.

    A variable that is missing, or still the view's own stand-in, keeps its value.
    """

    name: str
    tlc_name: str
    quantified: tuple[Quantified, ...]
    run: Callable[[Any, tuple[Any, ...]], Iterable[Mapping[str, object]]]
    label: Callable[[tuple[Any, ...]], Label]


class Raised(Exception):
    """An action of the code raised something other than its refusal."""

    def __init__(self, label: Label, error: Exception) -> None:
        super().__init__(f"exception {type(error).__name__} in {label}: {error}")


class Impure(Exception):
    """The same action in the same state gave two results: the code depends on something that is not its state."""

    def __init__(self, label: Label) -> None:
        super().__init__(f"exception Impure in {label}: executed twice in one state, it read or did something else")


class Doubtful(Exception):
    """A conjunct has no value in a state. One that stands before it may be false there, and is what counts then."""

    def __init__(self, state: int) -> None:
        super().__init__(state)
        self.state = state


def shown(variable: str, value: Value, key: Value | None = None) -> Iterable[tuple[str, bytes, bytes]]:
    """A variable's value as parts: a function key by key, anything else whole, however it is stored."""
    if key is not None:
        yield variable, encode(key), encode(value)
    elif type(value) is Fn:
        for argument, result in value.mapping.items():
            yield variable, encode(argument), encode(result)
    else:
        yield variable, b"", encode(value)


class Machine(Protocol):
    """A compiled spec or bound code, seen variable by variable."""

    name: str
    pure: bool
    """Whether a step is known to depend on the state alone; if not, each is executed twice and compared."""
    objects: bool
    """Whether parts are objects of the code, which predicates read attribute by attribute."""
    variables: tuple[str, ...]
    actions: tuple[Action, ...]
    constraints: tuple[Predicate, ...]
    invariants: tuple[Predicate, ...]
    always_properties: tuple[Predicate, ...]
    initial_properties: tuple[Predicate, ...]
    step_properties: tuple[Predicate, ...]

    def initial(self) -> Sequence[tuple[Any, ...]]:
        """The initial states: the variables' values, in order; one for each way to find it."""

    def view(self, variables: Mapping[str, object]) -> Any:
        """An object with an attribute a variable, as actions and predicates expect it."""

    def observe(self, variable: str, key: Any, value: Any) -> Iterable[tuple[str, bytes, bytes]]:
        """What a part of the state shows of the spec's variables: (variable, encoded key, encoded value) each.

        `key` is None for a variable that is not split by its keys.
        """

    def located(self, error: EvaluationError) -> EvaluationError:
        """The error with its place in the spec or the code."""
