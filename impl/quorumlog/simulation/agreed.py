"""What worlds share in which consensus is taken for granted: how far a copy of the log is what has been decided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from quorumlog.core.consensus.effects import Refused


def common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many entries two logs have in common, from the first on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def check_complete(log: Sequence[object], decided: Sequence[object]) -> None:
    """Nobody comes to lead who lacks anything that was decided."""
    if common(log, decided) < len(decided):
        raise Refused("its log lacks what is decided")
