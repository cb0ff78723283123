"""Servers of the runtime in virtual time: the same server and driver, with another clock, network and disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from quorumlog.core.consensus.effects import BLANK, Durable, Input, Store
from quorumlog.core.leader_output import Request, Say
from quorumlog.driver import Pace, Turn
from quorumlog.ports import Timer
from quorumlog.runtime.begun import Begun
from quorumlog.runtime.hosting import LEDGER, AnyHosted
from quorumlog.runtime.keeping import Encoded
from quorumlog.runtime.questions import ToClient
from quorumlog.runtime.server import Server
from quorumlog.runtime.steps import NodeInput, PeerMessage
from quorumlog.runtime.wire import Limits, NotLeader, Welcome
from quorumlog.simulation.agenda import MILLISECOND, Agenda

PACE: Final = Pace(election=(150, 300), heartbeat=50, turns=True)
LIMITS: Final = Limits(batch=8, outstanding=100, snapshot=0)
DELAY: Final = 1.0
WRITE: Final = 0.5
"""Milliseconds that a message takes, and a write."""


class VirtualServer:
    """One server with its ports; it is its own listener, network, disk and clock."""

    def __init__(
        self, world: VirtualServers, name: str, durable: Durable = BLANK, begun: Begun[Any, Any] | None = None
    ) -> None:
        self.up = True
        self.durable = durable
        self.steps: list[Any] = []
        """What it has taken, one input after another."""
        self.refusals: list[Any] = []
        """What it could not take."""
        self.kept: list[tuple[int, int, bytes]] = []
        """Its snapshots: of which index, the term there, the state."""
        self.answered: list[Say[Any]] = []
        self.told: list[ToClient] = []
        self._world = world
        self._dice = Random(f"{world.seed} {name}")
        self.server: Server[Any, Any, Any, Any, Any] = Server(
            name,
            "a",
            world.names,
            world.hosted,
            self,
            self,
            self,
            self,
            self._dice,
            PACE,
            world.limits,
            [self],
            begun=begun,
            keep=self._keep,
        )

    def _keep(self, index: int, term: int, encoded: Encoded | None) -> None:
        if encoded is not None:
            self.kept.append((index, term, encoded()))

    # -- ports ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._world.now()

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        return self._world.agenda.after(int(delay * MILLISECOND), lambda: self._world.enter(self, call))

    def draw(self, least: float, most: float) -> float:
        return self._dice.uniform(least, most)

    def send(self, message: PeerMessage) -> None:
        to: str | None = getattr(message, "to", None)
        for name in self._world.names if to is None else (to,):
            if name != self.server.identity:
                self._world.carry(self.server.identity, name, message)

    def read(self) -> Durable:
        return self.durable

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        def written() -> None:
            self.durable = stores[-1].durable
            then()

        self.after(self._world.write, written)

    def answer(self, to: int, answers: Sequence[Say[Any]]) -> None:
        self.answered += answers

    def tell(self, to: int, message: ToClient) -> bool:
        self.told.append(message)
        return True

    def everyone(self, message: NotLeader) -> None:
        self.told.append(message)

    def ready(self) -> None:
        self.told.append(Welcome(self.server.identity, True, None, 0))

    def stepped(self, before: Any, turn: Turn[Any, NodeInput[Any, Any] | Input]) -> None:
        self.steps.append(turn.taken)

    def refused(self, taken: NodeInput[Any, Any] | Input) -> None:
        self.refusals.append(taken)

    # -- what tests ask ------------------------------------------------------------------------------------------

    def ask(self, session: str, *commands: Any, first: int = 1) -> None:
        """A client's commands arrive, in one frame."""
        self.server.on_requests(1, [Request(session, n, 0, None, each) for n, each in enumerate(commands, first)])

    def crash(self) -> VirtualServer:
        """Stop, and start again with what the disk holds."""
        self.up = False
        again = VirtualServer(self._world, self.server.identity, self.durable)
        self._world.servers[self.server.identity] = again
        again.server.start()
        return again

    def count(self, kind: type) -> int:
        """How many inputs of this kind it has taken."""
        return sum(isinstance(each, kind) for each in self.steps)


class VirtualServers:
    """A group in virtual time. `cut` are the servers that nobody reaches, and that reach nobody."""

    def __init__(
        self,
        size: int = 3,
        seed: int = 1,
        write: float = WRITE,
        hosted: AnyHosted = LEDGER,
        limits: Limits = LIMITS,
    ) -> None:
        self.seed = seed
        self.hosted = hosted
        self.limits = limits
        self.write = write
        self.agenda = Agenda()
        self.names = tuple(f"a{number}" for number in range(1, size + 1))
        self.cut: set[str] = set()
        self.servers = {name: VirtualServer(self, name) for name in self.names}
        for each in self.servers.values():
            each.server.start()

    def carry(self, sender: str, to: str, message: Any) -> None:
        """A message is on its way, if there is one."""
        if not {sender, to} & self.cut:
            self.agenda.after(int(DELAY * MILLISECOND), lambda: self.arrive(sender, to, message))

    def arrive(self, sender: str, to: str, message: Any) -> None:
        """A message arrives."""
        if not {sender, to} & self.cut:
            server = self.servers[to]
            self.enter(server, lambda: server.server.on_peer(sender, message))

    def enter(self, server: VirtualServer, call: Callable[[], None]) -> None:
        """Something happens in a server."""
        if server.up:
            call()

    def now(self) -> float:
        """Milliseconds."""
        return self.agenda.now / MILLISECOND

    def run(self, milliseconds: float) -> None:
        """Let time pass."""
        self.agenda.run(self.agenda.now + int(milliseconds * MILLISECOND))

    def leader(self) -> VirtualServer:
        """The one that leads, and is reached; time passes until there is one."""
        for _ in range(200):
            found = [each for name, each in self.servers.items() if each.server.node.leads and name not in self.cut]
            if found:
                return found[-1]
            self.run(10)
        raise AssertionError("nobody leads")
