"""What groups have committed, entry by entry, as the recordings of their servers say it; and the letters between them.

An entry is what its leader wrote down of it. It is committed with the first line that says that a gate has applied it.
Lines are read twice before they are judged, a piece at a time: once for what all leaders say of entries and letters
(`EntriesSurvey`), and once for which line of which server commits what.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from msgspec import UNSET

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import Line, Start, Step
from quorumlog_bindings.recorded_gates import Held, Logs, Named, Server, held_in
from quorumlog_bindings.recorded_messages import key_of
from tlastep.errors import UnusableInput
from tlastep.long_sequences import LongSequences
from tlastep.recorded import Contradiction, surveyed


class Standing(NamedTuple):
    """Where a server is when it takes letters or says some: its term, and how many entries gates wrote in its log."""

    term: int
    length: int


class EntriesSurvey:
    """What is gathered of the lines of one server, a piece at a time."""

    def __init__(self) -> None:
        self.takes = array("q")
        """The hashes of the messages that it takes."""
        self.first: Start | None = None
        """The first line, if it is a start."""
        self.known: dict[tuple[int, int], Held] = {}
        """What it says of the entries that it appends, by their terms and places, up to a line that cannot be."""
        self.said: set[Named] = set()
        """The commands that it answers."""
        self._term = 0
        self._can_be = True

    def take(self, lines: Sequence[Line]) -> None:
        """The next lines."""
        for line in lines:
            if line.term is not UNSET:
                self._term = line.term
            if not isinstance(line, Step):
                self.first = self.first or line
                continue
            if type(line) is recorded.Take:
                self.takes.append(hash(key_of(line.letter)))
            elif type(line) is recorded.Propose and line.log is not UNSET and self._can_be:
                self._learn(line, line.log.kept)
            self.said.update((row[1], row[2]) for row in line.said)

    def _learn(self, line: recorded.Propose, kept: int) -> None:
        try:
            for place, held in enumerate(held_in(line, self._term), start=kept + 1):
                self.known[self._term, place] = held
        except Contradiction:  # the line says so itself when it is judged
            self._can_be = False


class Entries:
    """The entries of all groups, and with which lines they are committed."""

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        self._long = long
        surveys = {node: surveyed(own, EntriesSurvey) for node, own in lines.items()}
        self.first = {node: cast(Start, each.first) for node, each in surveys.items()}
        """Of each server, its first line."""
        first = next(iter(self.first.values()))
        for node, start in self.first.items():
            if not start.group or start.shards != first.shards:
                raise UnusableInput(f"expected recordings of groups around the shards {first.shards}", node)
        self.shards = first.shards
        self.group = {node: start.group for node, start in self.first.items()}
        """Of each server, its group."""
        self.of: dict[str, list[Held]] = {}
        """Of each group, what gates wrote and is committed."""
        self.answered = {(self.group[node], named) for node, each in surveys.items() for named in each.said}
        """The commands that somebody answers, and their groups."""
        self.news: dict[tuple[str, int], tuple[int, Sequence[Held]]] = {}
        """Of a line of a server, the entries that its gate has applied, and the place of the first."""
        self.applied: dict[tuple[str, int], int] = {}
        """And how many these are in all, of each line that says something to other groups."""
        self.standing: dict[tuple[str, int], Standing] = {}
        """Of each line with letters, where its server was before it."""
        self.wrong: dict[tuple[str, int], str] = {}
        """Of a line that cannot be, what is wrong with it."""
        for group in dict.fromkeys(self.group.values()):
            logs = Logs()
            for node, each in surveys.items():
                if self.group[node] == group:
                    logs.known.update(each.known)
                    each.known = {}
            self._read(group, logs, {node: own for node, own in lines.items() if self.group[node] == group})
        self.coordinator = next((group for group in self.of if group not in self.shards), "")

    def index(self, node: str, number: int) -> int:
        """Which line of a server that with a number is: numbers go up by one, in all recordings that are judged."""
        return number - self.first[node].n

    def news_of(self, node: str, number: int) -> Iterator[tuple[int, Held]]:
        """The entries that a gate has applied with a line of a server, with their places."""
        found = self.news.get((node, number))
        return iter(()) if found is None else enumerate(found[1], start=found[0])

    def _read(self, group: str, logs: Logs, lines: Mapping[str, Sequence[Line]]) -> None:
        entries = self.of.setdefault(group, [])
        for node, own in lines.items():
            server, applied = Server(self._long), 0
            for line in own:
                if isinstance(line, Step) and line.heard:
                    self.standing[node, line.n] = Standing(server.term, len(server.log.gates))
                try:
                    if isinstance(line, Step):
                        logs.takes(server, line)
                    elif line.n != self.first[node].n:
                        logs.begins(server, line)
                        applied = line.applied
                except Contradiction as error:
                    self.wrong[node, line.n] = str(error)
                    break
                if not isinstance(line, Step):
                    continue
                if line.applied is not UNSET:
                    self.news[node, line.n] = applied, server.log.gates[applied : line.applied]
                    entries += server.log.gates[len(entries) : line.applied]
                    applied = line.applied
                if line.spoke:
                    self.standing.setdefault((node, line.n), Standing(server.term, len(server.log.gates)))
                    self.applied[node, line.n] = applied
