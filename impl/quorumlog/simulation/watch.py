"""Judges each step of a run by the invariants, and only by those that the step can have changed.

A property of one server is judged again when that server has changed, one of a message when it is new or a disk has
changed. What a property reads besides stands in `_everywhere`. A test compares this with judging everything.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.invariants import INVARIANTS, STEP_PROPERTIES, Over, Rule
from quorumlog.simulation.steps import Found, Step, shown

_RULES: Final = tuple((name, rule) for name, rules in INVARIANTS.items() for rule in rules)
_OVER: Final[dict[tuple[Over, ...], tuple[tuple[str, Rule], ...]]] = {
    over: tuple(pair for pair in _RULES if pair[1].over == over) for over in sorted({rule.over for _, rule in _RULES})
}


def judge_step(step: Step) -> None:
    """Raise `Found` if a property is false after a step, or of it."""
    before, after = step.before, step.after
    moved = before.replicas is not after.replicas
    changed = [i for i in after.servers if moved and before.replicas[i] is not after.replicas[i]]
    if changed or before.decided is not after.decided:
        _judge_servers(before, after, changed)
        for name, rule in STEP_PROPERTIES.items():
            for bound in [()] if not rule.over else [(i,) for i in changed]:
                _require("property", name, rule.test(before, after, *bound), bound)
    _judge_messages(before, after, changed)


def _judge_servers(before: Cluster, after: Cluster, changed: list[ServerId]) -> None:
    everywhere = _everywhere(before, after, changed)
    touched = after.servers if everywhere else changed
    for name, rule in _OVER["i",]:
        for i in touched:
            _require("invariant", name, rule.test(after, i), (i,))
    for name, rule in _OVER["i", "j"]:
        for i, j in product(after.servers, repeat=2):
            if i in changed or j in changed:
                _require("invariant", name, rule.test(after, i, j), (i, j))
    if everywhere:
        for name, rule in _OVER[()]:
            _require("invariant", name, rule.test(after), ())


def _everywhere(before: Cluster, after: Cluster, changed: list[ServerId]) -> bool:
    """Whether something has changed that all properties read: what is decided, a term, a disk."""
    return before.decided is not after.decided or any(
        before.replicas[i].term != after.replicas[i].term or before.replicas[i].disk is not after.replicas[i].disk
        for i in changed
    )


def _judge_messages(before: Cluster, after: Cluster, changed: list[ServerId]) -> None:
    if before.network is after.network and not changed:
        return
    written = any(before.replicas[i].disk is not after.replicas[i].disk for i in changed)
    for message in after.network if written else after.network - before.network:
        for name, rule in _OVER["m",]:
            if not rule.test(after, message):
                raise Found("invariant", name, f"is false of {shown(message)}")


def _require(kind: str, name: str, holds: bool, bound: tuple[ServerId, ...]) -> None:
    if not holds:
        raise Found(kind, name, f"is false of {' and '.join(bound)}" if bound else "is false")


def judge_everything(step: Step) -> None:
    """The same, but every property is judged after every step: slow, and what `judge_step` is compared with."""
    for name, rules in INVARIANTS.items():
        if not all(rule(step.after) for rule in rules):
            raise Found("invariant", name, "is false")
    for name, rule in STEP_PROPERTIES.items():
        if not rule(step.before, step.after):
            raise Found("property", name, "is false")
