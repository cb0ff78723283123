"""Clients in virtual time: they send commands to whoever they believe leads, and ask again when nobody answers.

A command becomes events only at the server that takes it, at random: how many, and which. Asked again, it becomes
others. What was answered is remembered, for it must never be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple

from quorumlog.core.consensus.effects import Committed, Propose
from quorumlog.core.consensus.messages import Entry, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consensus.state import LEADER
from quorumlog.simulation.agenda import MILLISECOND, Agenda, Appointment
from quorumlog.simulation.process import Process

EVENTS: Final = tuple(f"{command}{rate}" for command in "uvwxyz" for rate in (1, 2, 3))
"""What commands become. Few, so that different runs go through the same states."""

RETRY: Final = 40
PATIENCE: Final = 400


class Promise(NamedTuple):
    """What a server will answer once the entry at this index is decided."""

    command: int
    term: int


class Client:
    """One client, which sends one command after another."""

    def __init__(self, agenda: Agenda, processes: Mapping[ServerId, Process], dice: Random) -> None:
        self.acknowledged: list[tuple[int, Entry]] = []
        """Entries that a leader has answered for, and where they stand."""
        self.answered: set[int] = set()
        self.sent = 0
        self._agenda = agenda
        self._processes = processes
        self._names = tuple(processes)
        self._dice = dice
        self._guess = self._names[0]
        self._promises: dict[ServerId, dict[int, Promise]] = {name: {} for name in processes}
        self._retries: dict[int, Appointment] = {}
        self._asking: dict[ServerId, list[int]] = {name: [] for name in processes}

    def command(self) -> int:
        """Send a new command, and again until it is answered."""
        self.sent += 1
        self._ask(self.sent)
        return self.sent

    def events(self, command: int) -> tuple[str, ...]:
        """What the command becomes, this time."""
        word = "uvwxyz"[command % 6]
        return tuple(f"{word}{self._dice.choice((1, 2, 3))}" for _ in range(self._dice.choice((1, 1, 1, 2, 3))))

    def _ask(self, command: int) -> None:
        if command in self.answered:
            return
        server = self._guess
        self._asking[server].append(command)
        self._again(command, PATIENCE)
        if not self._processes[server].propose(*self.events(command)):
            self._asking[server].remove(command)
            self._elsewhere(server, command)

    def _elsewhere(self, server: ServerId, command: int) -> None:
        self._guess = self._names[(self._names.index(server) + 1) % len(self._names)]
        self._again(command, RETRY)

    def _again(self, command: int, delay: int) -> None:
        """Ask again after a while, and not earlier."""
        if command in self._retries:
            self._retries[command].cancel()
        self._retries[command] = self._agenda.after(delay * MILLISECOND, lambda: self._ask(command))

    def refused(self, server: ServerId) -> None:
        """The server does not lead, so somebody else is asked."""
        if self._asking[server]:
            self._elsewhere(server, self._asking[server].pop(0))

    def proposed(self, server: ServerId, before: Replica, taken: Propose) -> None:
        """The server has appended what the command became, and answers when the last event is decided."""
        if self._asking[server]:
            command = self._asking[server].pop(0)
            self._promises[server][len(before.log) + len(taken.events)] = Promise(command, before.term)

    def committed(self, server: ServerId, role: str, news: Committed) -> None:
        """Entries are decided; a leader, and only a leader, answers for its own."""
        if role != LEADER:
            return
        for index, entry in enumerate(news.entries, start=news.after + 1):
            promise = self._promises[server].pop(index, None)
            if promise is not None and promise.term == entry.term:
                self.answered.add(promise.command)
                self.acknowledged.append((index, entry))

    def forget(self, server: ServerId) -> None:
        """A server that crashes has forgotten whom it owes an answer."""
        self._promises[server].clear()
        self._asking[server].clear()
