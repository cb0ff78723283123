"""Families of actions in groups and pieces, and what is known to follow from each value of what they touch.

A *piece* are families that touch exactly the same clusters. A group touches what all its pieces touch, so it meets many
more values than any of them: what follows in a piece is found once for each value of its own clusters, and what
follows in the group is put together from that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tlastep.engine.checks import CheckGroup
from tlastep.engine.digest import PRIME
from tlastep.engine.entries import Entry, Family, Outcomes
from tlastep.engine.system import Broken


@dataclass
class Kind:
    """Moves that change the same clusters and stay within the bound, or do not.

    What may be false after them: of the conjuncts that read no more than the group touches `judged`, and of the others
    `affected`.
    """

    changed: int
    inside: bool
    version: int = 0
    judged: list[CheckGroup] = field(default_factory=list)
    affected: list[CheckGroup] = field(default_factory=list)


Row: TypeAlias = tuple[tuple[int, ...], ...]
"""For each kind of moves, by how much they change the packed state."""


class Counts(NamedTuple):
    """What is counted of an entry. Many have the same."""

    generated: int
    transitions: int
    boundary: int
    refusals: int
    actions: tuple[tuple[str, int], ...]


class Part(NamedTuple):
    """What follows in a piece from one value of its clusters: moves, by the number of their kind, and the rest."""

    moves: tuple[tuple[int, tuple[int, ...]], ...]
    counts: int
    hash: int
    broken: tuple[tuple[int, Broken], ...]


@dataclass
class Piece:
    """Families that touch the same clusters, and the parts found so far."""

    families: list[Family]
    clusters: int
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass
class Group:
    """Families that touch no more than these clusters, and what follows in them, in three columns by its key."""

    families: list[Family]
    clusters: int
    pieces: list[Piece] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    hashes: dict[int, int] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    counted: dict[tuple[int, ...], int] = field(default_factory=dict)
    """What the pieces count together, as the numbers of their counts, numbered: `counts` has their numbers."""
    used: Counter[int] = field(default_factory=Counter)
    """How often rows with these counts were used."""
    deltas: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    _numbers: dict[Counts, int] = field(default_factory=dict)
    _kinds: dict[tuple[int, bool], int] = field(default_factory=dict)

    # -- pieces ----------------------------------------------------------------------------------------------

    def parts(self, outcomes: Outcomes, state: int) -> list[Part]:
        """What follows in each piece from a state. May raise `Regroup`."""
        while (found := self._parts(outcomes, state)) is None:
            self._cut()
        return found

    def _parts(self, outcomes: Outcomes, state: int) -> list[Part] | None:
        """What follows in each piece, or None if the families must be cut into pieces otherwise."""
        found, field_of = [], outcomes.layout.field
        for piece in self.pieces:
            key = state & field_of(piece.clusters)
            part = piece.parts.get(key)
            if part is None:
                entry = outcomes.entry(piece.families, self.clusters, state)
                if any(family.touched & ~piece.clusters for family in piece.families):
                    return None
                part = piece.parts[key] = self._taken_in(entry)
            found.append(part)
        return found or None

    def _cut(self) -> None:
        """Sorts the families by what they are known to touch now."""
        by_clusters: dict[int, list[Family]] = {}
        for family in self.families:
            by_clusters.setdefault(family.touched, []).append(family)
        known = {piece.clusters: piece for piece in self.pieces}
        self.pieces = []
        for clusters, families in by_clusters.items():
            piece = known.get(clusters)
            same = piece is not None and piece.families == families
            self.pieces.append(piece if piece is not None and same else Piece(families, clusters))

    def _taken_in(self, entry: Entry) -> Part:
        moves = {(changed, True): deltas for changed, deltas in entry.inside.items()}
        moves |= {(changed, False): deltas for changed, deltas in entry.outside.items()}
        self._know(moves)
        numbered = tuple([(self._kinds[kind], self._share(tuple(deltas))) for kind, deltas in moves.items()])
        actions = tuple(sorted(entry.actions.items()))
        counts = Counts(entry.generated, entry.transitions, entry.boundary, entry.refusals, actions)
        number = self._numbers.setdefault(counts, len(self._numbers))
        return Part(numbered, number, entry.hash, tuple(entry.broken))

    def _know(self, moves: Iterable[tuple[int, bool]]) -> None:
        """Adds the kinds that are new; earlier rows have no moves of them."""
        new = sorted(set(moves) - self._kinds.keys())
        for kind in new:
            self._kinds[kind] = len(self.kinds)
            self.kinds.append(Kind(*kind))
        if new:
            longer = ((),) * len(new)
            self.rows = {key: row + longer for key, row in self.rows.items()}

    def _share(self, deltas: tuple[int, ...]) -> tuple[int, ...]:
        """One tuple for all that are equal."""
        return self.deltas.setdefault(deltas, deltas)

    # -- rows ------------------------------------------------------------------------------------------------

    def add(self, key: int, parts: list[Part], *, hashing: bool) -> None:
        """Takes in what follows. There may be a million of them, so no more is kept than is used."""
        row: list[tuple[int, ...]] = [()] * len(self.kinds)
        for part in parts:
            for kind, deltas in part.moves:
                row[kind] = self._share(row[kind] + deltas) if row[kind] else deltas
        self.rows[key] = tuple(row)
        if hashing:
            self.hashes[key] = sum([part.hash for part in parts]) % PRIME
        self.counts[key] = self.counted.setdefault(tuple([part.counts for part in parts]), len(self.counted))

    def use(self, keys: Iterable[int]) -> None:
        """Counts what follows from these keys once more."""
        self.used.update(map(self.counts.__getitem__, keys))

    def settle(self) -> Iterable[tuple[Counts, int]]:
        """What was counted since this was asked last, and how often."""
        counts, together = list(self._numbers), list(self.counted)
        for number, times in self.used.items():
            for each in together[number]:
                yield counts[each], times
        self.used.clear()

    def idle(self) -> set[int]:
        """The numbers of those counts in which nothing follows."""
        still = {number for counts, number in self._numbers.items() if not counts.generated}
        return {number for together, number in self.counted.items() if still.issuperset(together)}
