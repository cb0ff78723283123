"""A long behaviour of ReplicatedTwoPhaseCommit in pieces: each knows some operations, and goes on where the last ended.

The spec keeps every operation and every letter for ever, and a step takes longer the more there are. So from time to
time it begins under other constants, in the state that it has come to without the transfers that are closed everywhere
and without what has been answered, or never will be. Letters about those transfers may come and be said again, as they
were; nothing may follow from them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, cast

from quorumlog_bindings.recorded_transfers import Operations
from tlastep.recorded import ANEW, At, Told, Update
from tlastep.values import Fn, Value, function

SIZE: Final = 90
"""Operations that a piece knows when it begins, beside those that are not over."""
IDLE: Final = Fn({"state": "idle", "value": 0})
OPEN: Final = Fn({"state": "open", "value": 0})


class Known:
    """Which operations the spec knows now. `answers` are those to which an answer is recorded that was not told yet."""

    def __init__(self, operations: Operations, answers: set[str], size: int) -> None:
        self._ahead = {group: deque(names) for group, names in operations.ahead.items()}
        self._left = dict.fromkeys(self._ahead, 0)
        self._size = max(size // max(len(self._ahead), 1), 1)
        self._answers = answers
        self._numbers = {part.name: number for number, each in operations.transfers.items() for part in each.parts}
        self._group = {name: group for group, own in operations.ahead.items() for names in own for name in names}
        self.names: dict[str, None] = {}
        self.executed: set[str] = set()
        self.said: set[Value] = set()
        """Letters about transfers that are forgotten."""
        self._take()

    def _take(self) -> None:
        """Of each group, what its next entries bring."""
        for group, ahead in self._ahead.items():
            while ahead and self._left[group] < self._size:
                for name in ahead.popleft():
                    self.names[name] = None
                    self._left[group] += 1

    def execute(self, name: str) -> None:
        """This operation is not waited for any more."""
        self.executed.add(name)
        self._left[self._group[name]] -= 1

    def answered(self, name: str) -> None:
        """Its answer has been told."""
        self._answers.discard(name)

    def go_on(self, at: At, over: int) -> Told:
        """Other operations, and the state as they know it. The first `over` transfers are closed everywhere."""
        self.names = dict.fromkeys([name for name in self.names if self._is_needed(name, over)])
        self._take()
        known = self.names
        part: Any = at.part
        network: frozenset[Value] = part("network", None)
        kept = frozenset([each for each in network if cast(Fn, each).mapping["transfer"] in known])
        self.said |= network - kept
        op, possible = part("op", None).mapping, part("possible", None).mapping
        shards: Mapping[Value, Any] = part("shard", None).mapping
        updates: list[Update] = [
            ("decision", None, _of(part("decision", None), known)),
            *((name, None, frozenset([each for each in part(name, None) if each[0] in known])) for name in HEARD),
            ("network", None, kept),
            ("op", None, Fn({name: op.get(name, IDLE) for name in known})),
            ("possible", None, Fn({name: possible.get(name, frozenset()) for name in known})),
            ("shard", None, Fn({name: _shard(shard.mapping, known) for name, shard in shards.items()})),
            *((name, None, part(name, None)) for name in AS_THEY_ARE),
        ]
        return Told(ANEW, (), updates)

    def _is_needed(self, name: str, over: int) -> bool:
        """Whether something of an operation is still to be told."""
        number = self._numbers.get(name, 0)
        return number > over or name not in self.executed or name in self._answers


HEARD: Final = ("votes", "acks")
AS_THEY_ARE: Final = ("coordinatorSuffix", "coordinatorTails", "ledger", "suffix", "tails", "again")


def _shard(state: Mapping[Value, Any], known: Collection[Value]) -> Value:
    done = {key: found for key, found in _pairs(state["done"]) if cast("tuple[Value, ...]", key)[0] in known}
    return Fn({**state, "stage": _of(state["stage"], known), "done": function(done)})


def _of(whole: Any, known: Collection[Value]) -> Value:
    """A function on transfers, of those that are known."""
    return function({key: value for key, value in _pairs(whole) if key in known})


def _pairs(whole: Any) -> Iterable[tuple[Value, Value]]:
    return cast("Iterable[tuple[Value, Value]]", whole.mapping.items() if isinstance(whole, Fn) else ())
