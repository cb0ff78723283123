"""Majorities: any two of them share a server, and everything rests on that."""

from __future__ import annotations

from collections.abc import Iterable, Set

from quorumlog.core.consensus.messages import ServerId


def majority(size: int) -> int:
    """How many servers out of `size` are a quorum."""
    return size // 2 + 1


def is_quorum(servers: Set[ServerId], members: tuple[ServerId, ...]) -> bool:
    """Whether these servers are a quorum of the members."""
    return len(servers) >= majority(len(members))


def reached(indexes: Iterable[int], size: int) -> int:
    """The highest index that a quorum of `size` servers has reached, given what each of them has reached."""
    return sorted(indexes, reverse=True)[majority(size) - 1]
