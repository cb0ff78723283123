"""The waist of the toolkit: what can be explored, whether it is a compiled spec, bound code or a dumped graph."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from tlastep.behaviour import Label
from tlastep.values import Value

S = TypeVar("S", bound=Hashable)


class Broken(NamedTuple):
    """A property that does not hold, in the words of `explore`, and where it stands in the spec."""

    result: str
    place: str = ""


class System(Protocol[S]):
    """A state machine with its bound and its properties. States are immutable and compared by value."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables that `observe` gives."""

    def initial(self) -> Iterable[S]:
        """The initial states, one for each way to find it."""

    def steps(self, state: S) -> Iterable[tuple[Label, S]]:
        """The steps from a state, one for each way to take it, those that leave the bound included."""

    def in_bound(self, state: S) -> bool:
        """Whether the state satisfies the constraints: else it is generated but not explored."""

    def in_bound_step(self, state: S, following: S) -> bool:
        """Whether the step satisfies the action constraints."""

    def check_initial(self, state: S) -> Broken | None:
        """A property of initial states that this one breaks."""

    def check_state(self, state: S) -> Broken | None:
        """An invariant that the state breaks."""

    def check_step(self, state: S, following: S) -> Broken | None:
        """A property of steps that this one breaks."""

    def observe(self, state: S) -> Mapping[str, Value]:
        """The state as values of the spec's variables."""
