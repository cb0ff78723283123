"""Judges each step of a run by the invariants, and only by those that the step can have changed.

A property of one server is judged again when that server has changed, one of a message when it is new or a disk has
changed. What a property reads besides stands in `_everywhere`. A test compares this with judging everything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.invariants import INVARIANTS, STEP_PROPERTIES, Over
from quorumlog.simulation.steps import Found, Step, shown

Test: TypeAlias = Callable[..., bool]


def _over(*over: Over) -> tuple[tuple[str, Test], ...]:
    """The parts of invariants that are over just these."""
    return tuple((name, rule.test) for name, rules in INVARIANTS.items() for rule in rules if rule.over == over)


_OF_NONE: Final = _over()
_OF_SERVER: Final = _over("i")
_OF_PAIR: Final = _over("i", "j")
_OF_MESSAGE: Final = _over("m")
_OF_STEP: Final = tuple((name, rule.test, bool(rule.over)) for name, rule in STEP_PROPERTIES.items())


def judge_step(step: Step) -> None:
    """Raise `Found` if a property is false after a step, or of it."""
    before, after = step.before, step.after
    changed: tuple[ServerId, ...] = ()
    if before.replicas is not after.replicas:
        old, new = before.replicas, after.replicas
        changed = tuple([i for i in after.servers if old[i] is not new[i]])
    if changed or before.decided is not after.decided:
        _judge_servers(before, after, changed)
        for name, test, of_server in _OF_STEP:
            for bound in [(i,) for i in changed] if of_server else [()]:
                if not test(before, after, *bound):
                    raise _false("property", name, bound)
    if changed or before.network is not after.network:
        _judge_messages(before, after, changed)


def _judge_servers(before: Cluster, after: Cluster, changed: tuple[ServerId, ...]) -> None:
    everywhere = _everywhere(before, after, changed)
    touched = after.servers if everywhere else changed
    for name, test in _OF_SERVER:
        for i in touched:
            if not test(after, i):
                raise _false("invariant", name, (i,))
    pairs = _pairs(after.servers, changed)
    for name, test in _OF_PAIR:
        for i, j in pairs:
            if not test(after, i, j):
                raise _false("invariant", name, (i, j))
    for name, test in _OF_NONE if everywhere else ():
        if not test(after):
            raise _false("invariant", name, ())


@lru_cache(maxsize=1024)
def _pairs(servers: tuple[ServerId, ...], changed: tuple[ServerId, ...]) -> list[tuple[ServerId, ServerId]]:
    """All pairs of servers of which one has changed."""
    return [(i, j) for i, j in product(servers, repeat=2) if i in changed or j in changed]


def _everywhere(before: Cluster, after: Cluster, changed: tuple[ServerId, ...]) -> bool:
    """Whether something has changed that all properties read: what is decided, a term, a disk."""
    return before.decided is not after.decided or any(
        before.replicas[i].term != after.replicas[i].term or before.replicas[i].disk is not after.replicas[i].disk
        for i in changed
    )


def _judge_messages(before: Cluster, after: Cluster, changed: tuple[ServerId, ...]) -> None:
    written = any(before.replicas[i].disk is not after.replicas[i].disk for i in changed)
    for message in after.network if written else after.network - before.network:
        for name, test in _OF_MESSAGE:
            if not test(after, message):
                raise Found("invariant", name, f"is false of {shown(message)}")


def _false(kind: str, name: str, bound: tuple[ServerId, ...]) -> Found:
    return Found(kind, name, f"is false of {' and '.join(bound)}" if bound else "is false")


def judge_everything(step: Step) -> None:
    """The same, but every property is judged after every step: slow, and what `judge_step` is compared with."""
    for name, rules in INVARIANTS.items():
        if not all(rule(step.after) for rule in rules):
            raise Found("invariant", name, "is false")
    for name, rule in STEP_PROPERTIES.items():
        if not rule(step.before, step.after):
            raise Found("property", name, "is false")
