"""Verdicts: what a check found, as values. A finding is not an error of the program; it is its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tlastep.behaviour import Behaviour, Label
from tlastep.values import Value


@dataclass(frozen=True)
class Finding:
    """A difference between spec and code, or a property that is broken.

    `behaviour` is a shortest one, and ends in the state from which the last step `label` was taken or refused.
    """

    kind: str
    summary: str
    behaviour: Behaviour
    label: Label | None = None
    spec_next: Mapping[str, Value] | None = None
    code_next: Mapping[str, Value] | None = None
    conjuncts: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[str, ...]:
        """The variables in which the next states of spec and code differ."""
        if self.spec_next is None or self.code_next is None:
            return ()
        return tuple(name for name in self.spec_next if self.spec_next[name] != self.code_next.get(name))


@dataclass(frozen=True)
class Lockstep:
    """The result of stepping a spec and its code together through one model."""

    model: str
    spec_states: int
    code_states: int
    spec_transitions: int
    code_transitions: int
    boundary: int
    refusals: int
    digest: str
    seconds: float
    depth: int = 0
    generated: int = 0
    actions: Mapping[str, int] = field(default_factory=dict)
    code_calls: int = 0
    finding: Finding | None = None

    @property
    def result(self) -> str:
        """`ok`, or the kind of the finding and its summary."""
        return "ok" if self.finding is None else f"{self.finding.kind}: {self.finding.summary}"
