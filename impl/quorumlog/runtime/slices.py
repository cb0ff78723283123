"""How much a gate is told in one turn of the loop: few entries of a slow application, many of a quick one.

What is decided is folded into the application's state, and until that is done in a turn nobody hears of the server. A
server that has been away has much to fold, and would be given up meanwhile. So it folds a slice a turn.

A follower acknowledges before it folds, for its leader waits for its acknowledgement and nobody for its state. If it
has little to fold it lets that wait for longer, since many entries at once cost less than one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from quorumlog.core.consensus.effects import Sync
from quorumlog.core.consensus.messages import AppendRequest
from quorumlog.core.consensus.state import LEADER
from quorumlog.node import ALL, Node

SPELL: Final = 10.0
"""Milliseconds of a turn in which entries may be folded; the last slice may take it beyond that."""
FIRST: Final = 1
"""Entries of the first slice: nobody knows how long one takes."""
LARGEST: Final = 4096
FEW: Final = 256
"""Entries that a follower lets wait although it has acknowledged: fewer than these."""
LATER: Final = 20.0
"""Milliseconds after which it does."""


class Slices:
    """Measures how long entries take, and says how many may be folded next. `now` is the server's clock.

    A follower folds `few` entries or more when it has acknowledged, and fewer later; with 0, all at once.
    """

    def __init__(self, now: Callable[[], float], first: int = FIRST, few: int = FEW) -> None:
        self.most = first
        """How many entries a slice has."""
        self._now = now
        self._few = few
        self._spent = 0.0
        """Milliseconds in which entries were folded in this turn."""

    def allowed(self, node: Node[Any, Any, Any], taken: object) -> int:
        """How many entries may be folded in a step that is about something else: none while a leader waits for it."""
        is_awaited = type(taken) is AppendRequest or (type(taken) is Sync and node.replica.role != LEADER)
        return 0 if self._spent >= SPELL or (is_awaited and self._few) else self.most

    def pause(self, node: Node[Any, Any, Any], taken: object) -> float:
        """Milliseconds until a node has to fold what no step has folded, now that it has taken this one."""
        replica = node.replica
        is_much = type(taken) is Sync and replica.commit_index - node.seen >= self._few
        return 0.0 if is_much or replica.role == LEADER else LATER

    def new_turn(self) -> None:
        """Others have had their turn."""
        self._spent = 0.0

    def begun(self) -> float:
        """A step begins in which something may be folded."""
        return self._now()

    def over(self, begun: float, before: Node[Any, Any, Any], after: Node[Any, Any, Any]) -> None:
        """It is over. A leader has folded nothing: it did that when it appended."""
        if before.gate.leads or (after.seen == before.seen and not after.gate.leads):
            return
        count = after.seen - before.seen + (len(after.replica.log) - after.seen if after.gate.leads else 0)
        self.folded(count, self._now() - begun)

    def folded(self, count: int, took: float) -> None:
        """So many entries were folded, in so many milliseconds."""
        self._spent += took
        if took > SPELL:
            self.most = max(1, int(min(self.most, count) * SPELL / took))
        elif count >= self.most and took < SPELL / 2:
            self.most = min(self.most * 2, max(LARGEST, self.most))


def all_at_once() -> Slices:
    """Everything is folded in the step that tells of it."""
    return Slices(lambda: 0.0, ALL, few=0)
