"""The demo's load, a part of it through what a router does for its clients: two routers, without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Final

from msgspec import to_builtins

from quorumlog.demo.workload import PATIENCE, Clients, History, Rests, Workload
from quorumlog.ledger.ledger import Received
from quorumlog.ledger.placement import Placement
from quorumlog.runtime.gateway import Gateway, Wanted
from quorumlog.runtime.session import Unanswered
from quorumlog.runtime.trouble import Trouble
from quorumlog.sharding.clients import Ended, Operation

ROUTED: Final = 0.5
"""The part of all operations that goes through a router."""


class RoutedWorkload(Workload):
    """Clients of which some ask a router, with a key or without, and the others the groups."""

    def __init__(
        self,
        gateways: Sequence[Gateway],
        dice: Random,
        clients: Clients,
        placement: Placement,
        history: History,
        accounts: tuple[str, ...],
        rests: Rests,
    ) -> None:
        super().__init__(clients, placement, history, accounts, rests)
        self.routed = 0
        """How many operations routers have answered."""
        self._gateways = gateways
        self._route = dice
        self._names = count(1)

    async def _tried(self, operation: Operation, keyed: bool) -> Ended:
        if self._route.random() >= ROUTED:
            return await super()._tried(operation, keyed)
        gateway = self._route.choice(self._gateways)
        key = f"{next(self._names)}" if keyed else None
        wanted = Wanted(operation.command, asyncio.get_running_loop().time() + PATIENCE, key)
        asks = gateway.question if operation.way == "index" else gateway.submit
        try:
            answer = (await asks(wanted, None)).answer
        except Trouble as trouble:
            raise Unanswered(str(trouble)) from trouble
        self.routed += 1
        return Ended("ok", to_builtins(answer) if isinstance(answer, Received) else answer)
