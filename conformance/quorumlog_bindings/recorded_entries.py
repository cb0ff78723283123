"""What groups have committed, entry by entry, as the recordings of their servers say it; and the letters between them.

An entry is what its leader wrote down of it. It is committed with the first line that says that a gate has applied it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

from msgspec import UNSET

from quorumlog.runtime.recorded import Line, Start, Step
from quorumlog_bindings.recorded_gates import Held, Logs, Server
from tlastep.errors import UnusableInput
from tlastep.long_sequences import LongSequences
from tlastep.recorded import Contradiction


class Standing(NamedTuple):
    """Where a server is when it takes letters or says some: its term, and how many entries gates wrote in its log."""

    term: int
    length: int


class Entries:
    """The entries of all groups, and with which lines they are committed."""

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        self._long = long
        self._first = {node: cast(Start, own[0]) for node, own in lines.items()}
        first = next(iter(self._first.values()))
        for node, start in self._first.items():
            if not start.group or start.shards != first.shards:
                raise UnusableInput(f"expected recordings of groups around the shards {first.shards}", node)
        self.shards = first.shards
        self.group = {node: start.group for node, start in self._first.items()}
        """Of each server, its group."""
        self.of: dict[str, list[Held]] = {}
        """Of each group, what gates wrote and is committed."""
        self.news: dict[tuple[str, int], list[tuple[int, Held]]] = {}
        """Of a line of a server, the entries that its gate has applied, with their places."""
        self.applied: dict[tuple[str, int], int] = {}
        """And how many these are in all, of each line that says something to other groups."""
        self.standing: dict[tuple[str, int], Standing] = {}
        """Of each line with letters, where its server was before it."""
        self.wrong: dict[tuple[str, int], str] = {}
        """Of a line that cannot be, what is wrong with it."""
        for group in dict.fromkeys(self.group.values()):
            self._read(group, {node: own for node, own in lines.items() if self.group[node] == group})
        self.coordinator = next((group for group in self.of if group not in self.shards), "")

    def _read(self, group: str, lines: Mapping[str, Sequence[Line]]) -> None:
        logs = Logs()
        with suppress(Contradiction):  # the line says so itself, below
            logs.learn(lines.values())
        entries = self.of.setdefault(group, [])
        for node, own in lines.items():
            server, applied = Server(self._long), 0
            for line in own:
                if isinstance(line, Step) and line.heard:
                    self.standing[node, line.n] = Standing(server.term, len(server.log.gates))
                try:
                    if isinstance(line, Step):
                        logs.takes(server, line)
                    elif line is not self._first[node]:
                        logs.begins(server, line)
                        applied = line.applied
                except Contradiction as error:
                    self.wrong[node, line.n] = str(error)
                    break
                if not isinstance(line, Step):
                    continue
                if line.applied is not UNSET:
                    self.news[node, line.n] = list(enumerate(server.log.gates[applied : line.applied], start=applied))
                    entries += server.log.gates[len(entries) : line.applied]
                    applied = line.applied
                if line.spoke:
                    self.standing.setdefault((node, line.n), Standing(server.term, len(server.log.gates)))
                    self.applied[node, line.n] = applied
