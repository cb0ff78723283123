"""Clients that ask for money to move, and the history of what they were told, as `tlastep linearizable` reads it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, TypeAlias

import msgspec

from quorumlog.core.leader_output import Request
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.placement import Placement
from quorumlog.runtime.client import Client
from quorumlog.runtime.session import Unanswered
from quorumlog.sharding.clients import Doing, Ended, How, Operation, Way

Clients: TypeAlias = Mapping[str, Client[Any, Any, Any]]
Rests: TypeAlias = Callable[[float], Awaitable[None]]
"""How a client rests for so many seconds, or for longer."""
PATIENCE: Final = 15.0
"""Seconds after which a client gives an operation up, and nobody knows what came of it."""
RETRY: Final = 0.02
TRIES: Final = 40
"""How often an operation that has met a transfer in doubt, so that nothing happened, is tried anew."""
MIX: Final = {"deposit": 4, "withdraw": 3, "transfer": 10, "exchange": 3, "balance": 7, "total": 1}
AMOUNTS: Final = (1, 40)
KEYED: Final = 0.5
"""The part of all operations that have a key of their own."""


class Lasted(msgspec.Struct, frozen=True):
    """An operation that was answered, by the clock of the history, in nanoseconds."""

    begun: int
    ended: int
    how: How


class History:
    """The lines of a history, written as they happen. Its clock begins with it; `nanoseconds` is what that reads."""

    def __init__(self, file: Path, nanoseconds: Callable[[], int] = time.monotonic_ns) -> None:
        self.file = file
        self.operations: list[Lasted] = []
        self.outcomes: Counter[How] = Counter()
        self._nanoseconds = nanoseconds
        self._begun = nanoseconds()
        self._lines = file.open("wb")
        self._processes = 0

    def clock(self) -> int:
        """Nanoseconds since the history has begun."""
        return self._nanoseconds() - self._begun

    def process(self) -> int:
        """A process that nobody was before."""
        self._processes += 1
        return self._processes

    def line(self, process: int, type_: str, f: str, value: Any) -> int:
        """Write a line, and answer its time."""
        now = self.clock()
        told = {"process": process, "type": type_, "f": f, "value": value, "time": now}
        self._lines.write(msgspec.json.encode(told) + b"\n")
        return now

    def __enter__(self) -> History:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._lines.close()


class Workload:
    """Clients of a ledger on shards, each doing one thing after another until it is told to stop."""

    def __init__(
        self,
        clients: Clients,
        placement: Placement,
        history: History,
        accounts: tuple[str, ...],
        rests: Rests = asyncio.sleep,
    ) -> None:
        self._rests = rests
        self._clients = clients
        self.placement = placement
        self._history = history
        self._accounts = accounts
        self._going = True
        self._keys = count(1)

    async def run(self, workers: int, seed: int, rest: float, keyed: float = KEYED) -> None:
        """So many clients at once, each resting for so many seconds, on average, between two operations.

        `keyed` is the part of the operations that have a key of their own.
        """
        dice = Random(seed)
        each = [self._work(Random(dice.random()), rest, keyed) for _ in range(workers)]
        await asyncio.gather(*each)

    def stop(self) -> None:
        """Nothing new is asked for."""
        self._going = False

    async def _work(self, dice: Random, rest: float, keyed: float) -> None:
        process = self._history.process()
        while self._going:
            command, way = self._drawn(dice)
            if not await self.perform(process, command, way, keyed=dice.random() < keyed):
                process = self._history.process()
            await self._rests(dice.uniform(0, 2 * rest))

    def _drawn(self, dice: Random) -> tuple[Command, Way]:
        (what,) = dice.choices(list(MIX), list(MIX.values()))
        one, other = dice.sample(self._accounts, 2)
        amount = dice.randint(*AMOUNTS)
        way: Way = "index" if dice.random() < 0.5 else "log"
        match what:
            case "deposit":
                return Deposit(one, amount), "log"
            case "withdraw":
                return Withdraw(one, amount), "log"
            case "transfer":
                return Transfer(one, other, amount), "log"
            case "exchange":
                return Exchange(one, other, amount), "log"
            case "balance":
                return Balance(one), way
            case _:
                return Total(), way

    async def perform(self, process: int, command: Command, way: Way = "log", *, keyed: bool = False) -> bool:
        """One operation, from its first line to its last. Whether the process may go on: not if nobody has answered.

        With a key, what it asks for has a session of its own, as what comes through a router; else all share one.
        """
        operation = Operation("", command, way)
        begun = self._history.line(process, "invoke", operation.f, operation.argument)
        ended = await self._ended(operation, keyed)
        now = self._history.line(process, ended.how, operation.f, ended.value)
        self._history.operations.append(Lasted(begun, now, ended.how))
        self._history.outcomes[ended.how] += 1
        return ended.how != "info"

    async def _ended(self, operation: Operation, keyed: bool) -> Ended:
        until = asyncio.get_running_loop().time() + PATIENCE
        for _ in range(TRIES):
            try:
                async with asyncio.timeout_at(until):
                    ended = await self._tried(operation, keyed)
            except (TimeoutError, Unanswered):
                return Ended("info")
            if ended.how != "fail":
                return ended
            await asyncio.sleep(RETRY)
        return Ended("fail")

    async def _tried(self, operation: Operation, keyed: bool) -> Ended:
        after: Doing | Ended = Doing(operation, self.placement)
        while isinstance(after, Doing):
            groups = after.asks()
            answers = await asyncio.gather(*(self._ask(each, operation, keyed) for each in groups))
            for group, said in zip(groups, answers, strict=True):
                after = after.hear(group, said) if isinstance(after, Doing) else after
        return after

    async def _ask(self, group: str, operation: Operation, keyed: bool) -> Any:
        client = self._clients[group]
        if operation.way == "index":
            return await client.read(operation.command)
        if not keyed:
            return await client.ask(operation.command)
        request = Request(f"key-{next(self._keys)}", 1, 0, None, operation.command)
        try:
            return (await asyncio.shield(client.forward(request))).said
        finally:
            client.forget(request.session, request.number)
