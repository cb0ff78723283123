"""A whole cluster in virtual time: servers, links, disks, clocks and clients, run by a schedule.

`cluster` is at all times the spec's view of it. What happens is told to observers step by step, in the spec's actions:
a message whose last copy has arrived, or which never will, is a `Lose`; a write that reached the disk of a server
which crashed before it could say so is a `Sync`, whose messages are lost; a start after a crash is a `Crash`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from quorumlog.core.consensus.effects import (
    Committed,
    ElectionTimeout,
    Input,
    Propose,
    Replicate,
    Resign,
    Send,
    Sync,
)
from quorumlog.core.consensus.messages import MESSAGES, Entry, Message, ServerId, is_addressed
from quorumlog.core.consensus.replica import Replica, step
from quorumlog.driver import BareTurn, Pace
from quorumlog.pre_vote import PreVote
from quorumlog.simulation.agenda import MILLISECOND, Agenda
from quorumlog.simulation.client import Client
from quorumlog.simulation.cluster import Cluster, Parts, told
from quorumlog.simulation.disk import SimulatedDisk
from quorumlog.simulation.faults import Crash, CrashAtWrite, Cut, Fault, Pause, Schedule, Stand
from quorumlog.simulation.links import Links
from quorumlog.simulation.network import lose, send
from quorumlog.simulation.prepared import STARTS
from quorumlog.simulation.process import Process, Scribe
from quorumlog.simulation.steps import Argument, Found, Observer, Step

HEALED: Final = 20_000  # milliseconds after which, in a world without faults, everybody must have applied a new event


class World:
    """A run of a schedule. With `scribes`, each server's steps are recorded: then it has to begin at the beginning."""

    def __init__(
        self,
        schedule: Schedule,
        observers: Sequence[Observer] = (),
        scribes: Callable[[ServerId], Scribe] | None = None,
    ) -> None:
        self.schedule = schedule
        self.cluster = begin(schedule)
        self.agenda = Agenda()
        self.applied: dict[ServerId, list[Entry]] = {name: [] for name in schedule.names}
        """What each server has told its application since it started."""
        self.history: list[Entry] = []
        """What anybody has told first, by place."""
        self.steps = 0
        self._observers = observers
        self._scribes = scribes
        names, weather = schedule.names, schedule.weather
        dice = {(one, other): self._dice(one, other) for one in names for other in names if one != other}
        self.links = Links(self.agenda, weather, dice, self.arrive)
        self.processes = {name: self._process(name) for name in names}
        self.client = Client(self.agenda, self.processes, self._dice("client"))
        self._gaps = self._dice("gaps")
        self._told = self.cluster
        self._begun_with()

    def _dice(self, *purpose: str) -> Random:
        """Dice of their own for each purpose: a fault more or less leaves the others' throws as they were."""
        return Random(f"{self.schedule.seed} {' '.join(purpose)}")

    def _process(self, name: ServerId) -> Process:
        weather, replica = self.schedule.weather, self.cluster.replicas[name]
        dice = self._dice(name)
        rate = 1 + dice.uniform(-weather.drift, weather.drift) / 100
        disk = SimulatedDisk(self.agenda, self._dice(name, "disk"), weather.write, replica.disk)
        pace = Pace(weather.election, weather.heartbeat, weather.sync, weather.flush)
        scribe = self._scribes(name) if self._scribes else None
        ask = self.links.ask if self.schedule.asks else None
        return Process(replica, self.agenda, disk, self.links, pace, self, dice, rate, scribe, ask)

    def _begun_with(self) -> None:
        """A story in the middle: what is decided was told before, and what is on its way still arrives."""
        self.history += self.cluster.decided
        for name, replica in self.cluster.replicas.items():
            self.applied[name] += replica.log[: replica.commit_index]
        least, most = self.schedule.weather.delay
        dice = self._dice("begun")
        for message in sorted(self.cluster.network, key=repr):
            for to in self.cluster.servers:
                if is_addressed(message, to):
                    self.links.put(message, to, dice.uniform(least, most * 4))

    # -- a run -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Everything that the schedule says, then an end without faults, in which all must come right."""
        for process in self.processes.values():
            process.driver.start()
        for fault in self.schedule.faults:
            self.plan(fault)
        self._next_command()
        self.agenda.run(self.schedule.until * MILLISECOND)
        self.heal()
        self.come_right()

    def plan(self, fault: Fault) -> None:
        """Put a fault down for its time, or set its trap."""
        if isinstance(fault, CrashAtWrite):
            self.processes[fault.server].disk.traps.setdefault(fault.write, (fault.moment, fault.downtime))
            return
        at = fault.at * MILLISECOND
        if isinstance(fault, Cut):
            sender, to = fault.sender, fault.to
            self.agenda.at(at, lambda: self.links.cut(sender, to))
            self.agenda.at(fault.until * MILLISECOND, lambda: self.links.mend(sender, to))
            return
        process = self.processes[fault.server]
        if isinstance(fault, Stand):
            self.agenda.at(at, process.stand)
        elif isinstance(fault, Crash):
            self.agenda.at(at, lambda: process.crash_for(fault.until - fault.at))
        else:
            assert isinstance(fault, Pause)
            self.agenda.at(at, process.pause)
            self.agenda.at(fault.until * MILLISECOND, process.resume)

    def _next_command(self) -> None:
        if self.schedule.command:
            gap = int(self.schedule.command * MILLISECOND * self._gaps.uniform(0.3, 1.7))
            self.agenda.after(gap, self._command)

    def _command(self) -> None:
        if self.agenda.now < self.schedule.until * MILLISECOND:
            self.client.command()
            self._next_command()

    def heal(self) -> None:
        """No fault from now on: links work, everybody runs."""
        self.links.heal()
        for process in self.processes.values():
            process.disk.traps.clear()
            process.resume_all()
            process.restart()
        self._settle()

    def come_right(self) -> None:
        """A new command must be answered, and everybody must have applied all that anybody has."""
        last = self.client.command()
        self.agenda.run(self.agenda.now + HEALED * MILLISECOND, lambda: self._is_right(last))
        if not self._is_right(last):
            raise Found("end to end", "Liveness", "without faults a new command is not decided, or not everywhere")
        for index, entry in self.client.acknowledged:
            for name, applied in self.applied.items():
                if applied[index - 1] != entry:
                    raise Found("end to end", "AcknowledgedIsKept", f"{name} has lost {entry}, place {index}")

    def _is_right(self, command: int) -> bool:
        everywhere = {len(applied) for applied in self.applied.values()}
        return command in self.client.answered and everywhere == {len(self.history)}

    # -- what the world hears of its servers -----------------------------------------------------------------

    def arrive(self, to: ServerId, message: Message | PreVote) -> None:
        """A copy of a message arrives at a server, if it is up."""
        if not self.processes[to].deliver(message) and isinstance(message, MESSAGES):
            self.links.received(message)
        self._settle()

    def stepped(self, server: ServerId, before: Replica, turn: BareTurn) -> None:
        """One step of a server becomes one of the spec, or several where the input was a batch."""
        taken = turn.taken
        if isinstance(taken, Propose):
            self._proposed(server, before, taken)
            self.client.proposed(server, before, taken)
        action, arguments = named(server, taken)
        self._tell(action, arguments, server, turn.after)
        if isinstance(taken, MESSAGES):
            self.links.received(taken)
        self._settle()

    def _proposed(self, server: ServerId, before: Replica, taken: Propose) -> None:
        """All events of a batch but the last: the spec appends them one by one."""
        for event in taken.events[:-1]:
            before, _ = step(before, Propose((event,)))
            self._tell("Propose", (server, str(event)), server, before)

    def refused(self, server: ServerId, taken: Input) -> None:
        """Nothing has happened; a client asks elsewhere."""
        if isinstance(taken, Propose):
            self.client.refused(server)

    def committed(self, server: ServerId, news: Committed) -> None:
        """A server tells its application: in order, without a gap, and what everybody else is told."""
        applied = self.applied[server]
        if news.after != len(applied):
            raise Found("end to end", "AppliedInOrder", f"{server} is told of {news}, and has applied {len(applied)}")
        applied += news.entries
        known = self.history[news.after : len(applied)]
        if tuple(known) != news.entries[: len(known)]:
            raise Found("end to end", "AppliedAlike", f"{server} is told of {news}, where {known} was told before")
        self.history += news.entries[len(known) :]
        self.cluster = self.cluster.change(decided=told(self.cluster.decided, news))
        turn = self.processes[server].driver.turn
        self.client.committed(server, turn.after.role if turn else "follower", news)

    def crashed(self, server: ServerId, turn: BareTurn | None, forgotten: list[Message]) -> None:
        """What waited for the server is lost. If its last write was whole, the spec's Sync has happened."""
        if turn is not None:
            self._sync_unheard(server, turn)
        for message in forgotten:
            self.links.received(message)
        self.client.forget(server)
        self._settle()

    def _sync_unheard(self, server: ServerId, turn: BareTurn) -> None:
        decided, sent = self.cluster.decided, []
        for effect in turn.effects:
            if isinstance(effect, Committed):
                decided = told(decided, effect)
            elif isinstance(effect, Send):
                sent.append(effect.message)
        known = self.links.view
        self.links.view = send(known, sent)
        self.cluster = self.cluster.change(decided=decided)
        self._tell(*named(server, turn.taken), server, turn.after)
        self.links.gone += [message for message in sent if message not in known]

    def restarted(self, server: ServerId, replica: Replica) -> None:
        """A server begins anew with its disk, and its application with nothing."""
        self.applied[server].clear()
        self._tell("Crash", (server,), server, replica)
        self._settle()

    # -- what is told to observers ---------------------------------------------------------------------------

    def _settle(self) -> None:
        """Messages that can no longer arrive are lost, one step each."""
        while self.links.gone:
            for message in self.links.lost():
                self.links.view = lose(self.links.view, message)
                self._tell("Lose", (message,))

    def _tell(
        self, action: str, arguments: tuple[Argument, ...], server: ServerId = "", replica: Replica | None = None
    ) -> None:
        before = self.cluster
        parts = Parts()
        if replica is not None and replica is not before.replicas[server]:
            parts["replicas"] = before.replicas.set(server, replica)
        if self.links.view is not before.network:
            parts["network"] = self.links.view
        if parts:
            self.cluster = before.change(**parts)
        self.steps += 1
        told_of = Step(self.steps, self.agenda.now, action, arguments, self._told, self.cluster)
        self._told = self.cluster
        for observer in self._observers:
            observer(told_of)


def begin(schedule: Schedule) -> Cluster:
    """The cluster that a schedule starts with."""
    names = schedule.names
    if schedule.start == "Init":
        return Cluster.of(names, schedule.batch)
    first, second, third = names
    return STARTS[schedule.start]((first, second, third), schedule.batch, "u1")


def named(server: ServerId, taken: Input) -> tuple[str, tuple[Argument, ...]]:
    """The spec's action for an input, and its arguments."""
    if isinstance(taken, ElectionTimeout):
        return "Timeout", (server,)
    if isinstance(taken, Sync):
        return "Sync", (server,)
    if isinstance(taken, Propose):
        return "Propose", (server, str(taken.events[-1]))
    if isinstance(taken, Replicate):
        return "Replicate", (server, taken.to)
    if isinstance(taken, Resign):
        return "Resign", (server,)
    return f"On{type(taken).__name__}", (server, taken)
