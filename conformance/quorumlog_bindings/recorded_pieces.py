"""A long behaviour of ShardedLedger in pieces: each knows a few hundred operations, and goes on where the last ended.

The spec keeps all operations for ever, and a step takes longer the more there are. But what has been answered, and
transfers of which all is over, no later step asks for: its entries are not decided again, and its answer stays. So from
time to time the spec begins under other constants, in the state that it has come to without all of that. Transfers are
counted from the first that is not over everywhere. Two things are then for the translation to see to: that nothing is
executed that was forgotten, and that what is said of it again is what was said before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from tlastep.recorded import ANEW, At, Contradiction, Told, Update
from tlastep.values import Fn, Value, function

SIZE: Final = 150
"""Operations that a piece knows when it begins, beside those that are not over: with fewer of them, more pieces have to
be compiled, and with more each step takes longer."""
IDLE: Final = Fn({"state": "idle", "said": "nothing", "n": 0})
OPEN: Final = Fn({"state": "open", "said": "nothing", "n": 0})


class Pieces:
    """Which operations the spec knows now, and after how many transfers it counts them."""

    def __init__(self, commands: Mapping[Value, Fn], groups: Sequence[str], size: int) -> None:
        self._ahead = {group: deque(op for op in commands if str(op).split(" ")[0] == group) for group in groups}
        self._size = max(size // max(len(groups), 1), 1)
        self.known: dict[Value, None] = {}
        self.before = 0
        self.true: dict[Value, object] = {}
        """How what was said of each operation is named: it was found right."""
        self._take(())

    def said_again(self, op: Value, name: object) -> None:
        """A client is told once more of what the spec has forgotten. Raises `Contradiction` if it is something else."""
        if op not in self.true:
            raise Contradiction(f"answers {op}, of which nothing has become yet")
        if name != self.true[op]:
            raise Contradiction(f"answers {op} with {name}, and it was answered with {self.true[op]} before")

    def _take(self, idle: Iterable[Value]) -> None:
        """Of each group, the operations that are executed next; some of them are known already."""
        waiting = Counter(str(op).split(" ")[0] for op in idle)
        for group, ahead in self._ahead.items():
            for _ in range(min(self._size - waiting[group], len(ahead))):
                self.known[ahead.popleft()] = None

    def go_on(self, at: At) -> Told:
        """Other operations, and the state as they know it."""
        shards: Mapping[Value, Any] = at.part("shard", None).mapping
        over = min([at.part("over", None), *(shard.mapping["over"] for shard in shards.values())])
        transfers: tuple[Any, ...] = tuple(at.part("transfer", None))[over:]
        states: Mapping[Value, Value] = at.part("op", None).mapping
        left = [op for op, state in states.items() if state in (IDLE, OPEN)]
        possible: Mapping[Value, Value] = at.part("possible", None).mapping
        self.known = dict.fromkeys([*left, *(transfer.mapping["op"] for transfer in transfers)])
        self._take([op for op in left if states[op] == IDLE])
        self.before += over
        updates: list[Update] = [
            ("transfer", None, cast(Value, transfers)),
            *((name, None, _later(at.part(name, None), over)) for name in ("decisions", "ending")),
            ("over", None, at.part("over", None) - over),
            ("shard", None, Fn({name: _shard(shard.mapping, over, self.known) for name, shard in shards.items()})),
            ("op", None, Fn({op: states.get(op, IDLE) for op in self.known})),
            ("possible", None, Fn({op: possible.get(op, frozenset()) for op in self.known})),
            *((name, None, at.part(name, None)) for name in ("suffix", "again", "ledger")),
        ]
        return Told(ANEW, (), updates)


def _shard(state: Mapping[Value, Any], over: int, known: Collection[Value]) -> Value:
    """What a shard knows, without what is forgotten."""
    said = {key: value for key, value in _pairs(state["said"]) if cast("tuple[Value, ...]", key)[0] in known}
    found: dict[Value, Any] = dict(state)
    found["stage"], found["doubt"] = _later(state["stage"], over), _later(state["doubt"], over)
    found["over"], found["said"] = state["over"] - over, function(said)
    return Fn(found)


def _later(of: Any, over: int) -> Value:
    """A function on the numbers of transfers, of those that are behind the first so many."""
    return function({cast(int, key) - over: value for key, value in _pairs(of) if cast(int, key) > over})


def _pairs(of: Any) -> Iterable[tuple[Value, Value]]:
    return cast("Iterator[tuple[Value, Value]]", of.mapping.items() if isinstance(of, Fn) else enumerate(of, start=1))
