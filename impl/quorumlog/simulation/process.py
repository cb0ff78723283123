"""One server in the simulation: a driver that pauses, crashes and is started again, on a clock that drifts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Never, Protocol

from quorumlog.core.consensus.effects import Committed, Durable, Input, Store
from quorumlog.core.consensus.messages import MESSAGES, Message, ServerId
from quorumlog.core.consensus.replica import Replica, restart
from quorumlog.driver import BareDriver, BareSteps, BareTurn, Driver, Listener, Pace
from quorumlog.ports import Network, Ports, Timer
from quorumlog.pre_vote import PreVote
from quorumlog.simulation.agenda import MILLISECOND, Agenda
from quorumlog.simulation.disk import SimulatedDisk


class Watcher(Protocol):
    """Whoever hears what servers do: the world."""

    def stepped(self, server: ServerId, before: Replica, turn: BareTurn) -> None:
        """A server has taken a step, and its effects have been carried out."""

    def refused(self, server: ServerId, taken: Input) -> None:
        """A server cannot take an input."""

    def committed(self, server: ServerId, news: Committed) -> None:
        """A server says that entries are decided."""

    def crashed(self, server: ServerId, turn: BareTurn | None, forgotten: list[Message]) -> None:
        """A server has stopped. The turn is one whose write had reached the disk before anybody was told."""

    def restarted(self, server: ServerId, replica: Replica) -> None:
        """A server has started again."""


class Scribe(Listener[Replica, Never], Protocol):
    """Whoever writes down what a server does: a recorder."""

    def started(self, whole: Replica) -> None:
        """The server begins, or begins again, with what its disk holds."""

    def beside(self, other: Listener[Replica, Never]) -> Listener[Replica, Never]:
        """A listener that writes down, and then tells another one."""
        ...


class Process:
    """A server's process and its clock. It implements the driver's ports."""

    def __init__(
        self,
        replica: Replica,
        agenda: Agenda,
        disk: SimulatedDisk,
        network: Network[Message],
        pace: Pace,
        watcher: Watcher,
        dice: Random,
        rate: float,
        scribe: Scribe | None = None,
        ask: Callable[[PreVote], None] | None = None,
    ) -> None:
        self.identity = replica.identity
        self.disk = disk
        self.up = True
        self._agenda = agenda
        self._watcher = watcher
        self._pace = pace
        self._dice = dice
        self._rate = rate
        self._life = 0
        self._pauses = 0
        self._deferred: list[Callable[[], None]] = []
        self._ask = ask
        self._inbox: list[Message | PreVote] = []
        self._ports: Ports[Message, Never] = Ports(self, network, self, self)
        self._scribe = scribe
        self._listener: Listener[Replica, Never] = self if scribe is None else scribe.beside(self)
        self.driver: BareDriver = Driver(replica, BareSteps(), self._ports, pace, self._listener, ask)
        if scribe is not None:
            scribe.started(replica)
        disk.trapped = self.crash_for

    # -- ports and listener of the driver --------------------------------------------------------------------

    def now(self) -> float:
        return self._agenda.now / (self._rate * MILLISECOND)

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        life = self._life

        def ring() -> None:
            if life == self._life:
                if self._pauses:
                    self._deferred.append(call)
                else:
                    call()

        return self._agenda.after(int(delay * self._rate * MILLISECOND), ring)

    def draw(self, least: float, most: float) -> float:
        return self._dice.uniform(least, most)

    def read(self) -> Durable:
        return self.disk.read()

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        self.disk.write(stores, lambda: self._deferred.append(then) if self._pauses else then())

    def committed(self, news: Committed) -> None:
        self._watcher.committed(self.identity, news)

    def said(self, answers: Sequence[Never]) -> None:
        raise AssertionError(f"a server of consensus has answered: {answers}")

    def stepped(self, before: Replica, turn: BareTurn) -> None:
        self._watcher.stepped(self.identity, before, turn)

    def refused(self, taken: Input) -> None:
        self._watcher.refused(self.identity, taken)

    # -- what happens to a process ---------------------------------------------------------------------------

    def deliver(self, message: Message | PreVote) -> bool:
        """A message arrives. Whether anybody is there to take it."""
        if self._pauses and self.up:
            self._inbox.append(message)
        elif self.up:
            self.driver.take(message)
        return self.up

    def propose(self, *events: str) -> bool:
        """A client's command arrives, and these are the events that it becomes. Whether anybody hears it."""
        if self._pauses or not self.up:
            return False
        self.driver.propose(*events)
        return True

    def stand(self) -> None:
        """Stand for election now."""
        if self.up and not self._pauses:
            self.driver.stand()

    def pause(self) -> None:
        """Do nothing any more. Pauses may overlap."""
        self._pauses += 1

    def resume(self) -> None:
        """Go on after the last pause with what has come in meanwhile."""
        self._pauses = max(self._pauses - 1, 0)
        if self._pauses or not self.up:
            return
        calls, self._deferred = self._deferred, []
        messages, self._inbox = self._inbox, []
        life = self._life
        for message in messages:
            if life == self._life:
                self.driver.take(message)
            elif isinstance(message, MESSAGES):
                self._watcher.crashed(self.identity, None, [message])
        for call in calls:
            if life == self._life:
                call()

    def resume_all(self) -> None:
        """Go on whatever pauses there were."""
        self._pauses = min(self._pauses, 1)
        self.resume()

    def crash_for(self, downtime: int) -> None:
        """Crash, and be started again after so many milliseconds."""
        self.crash()
        life = self._life
        self._agenda.after(downtime * MILLISECOND, lambda: self.restart(life))

    def crash(self) -> None:
        """Stop at once; the disk keeps what it keeps."""
        if not self.up:
            return
        self.up = False
        self._life += 1
        forgotten = [each for each in (*self._inbox, *self.driver.waiting) if isinstance(each, MESSAGES)]
        whole = self.disk.crash()
        turn = self.driver.turn
        if turn is not None and not whole and isinstance(turn.taken, MESSAGES):
            forgotten.append(turn.taken)
        self.driver.waiting.clear()
        self._inbox, self._deferred = [], []
        self._watcher.crashed(self.identity, turn if whole else None, forgotten)

    def restart(self, life: int | None = None) -> None:
        """Start again with what the disk holds, unless that has been done: `life` is the one that ended."""
        if self.up or life not in (None, self._life):
            return
        self.up = True
        self._life += 1
        replica = restart(self.driver.replica.change(disk=self.disk.read()))
        if self._scribe is not None:
            self._scribe.started(replica)
        self.driver = Driver(replica, BareSteps(), self._ports, self._pace, self._listener, self._ask)
        self._watcher.restarted(self.identity, replica)
        self.driver.start()
