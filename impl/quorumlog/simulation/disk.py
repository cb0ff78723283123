"""A disk in virtual time: a file of records that keeps what was synced, and may end in a torn one after a crash.

A record holds term, vote and the new entries together with a length and a checksum, so that what was half written is
seen at the restart and cut off. A disk is also where traps are set: a crash right before, in the middle of, or right
after the n-th write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final, Literal, TypeAlias, cast

import msgspec
from msgspec import Struct

from quorumlog.core.consensus.effects import BLANK, Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.records import HEAD, gathered, sealed, unsealed
from quorumlog.simulation.agenda import MILLISECOND, Agenda

Moment: TypeAlias = Literal["before", "during", "after"]
MOMENTS: Final[tuple[Moment, ...]] = ("before", "during", "after")


class Record(Struct, frozen=True, array_like=True):
    """What one write adds: the first `kept` entries stay, the others are replaced by these."""

    term: int
    voted_for: str | None
    kept: int
    entries: tuple[tuple[int, str | None], ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Record)


def encoded(store: Store) -> bytes:
    """A record as bytes, sealed."""
    durable = store.durable
    new = tuple([(entry.term, cast("str | None", entry.event)) for entry in durable.log[store.kept :]])
    return sealed(_ENCODER.encode(Record(durable.term, durable.voted_for, store.kept, new)))


def records(file: bytes) -> Iterable[tuple[int, Record]]:
    """The whole records at the beginning of a file, each with the place where it ends. What follows them is torn."""
    place = 0
    while (body := unsealed(file, place)) is not None:
        place += HEAD + len(body)
        yield place, _DECODER.decode(body)


class SimulatedDisk:
    """The disk of one server. `trapped` is called where a trap closes; what was being written stays in `unsynced`."""

    def __init__(self, agenda: Agenda, dice: Random, takes: tuple[int, int], durable: Durable = BLANK) -> None:
        self.writes = 0
        self.traps: dict[int, tuple[Moment, int]] = {}
        self.trapped: Callable[[int], None] | None = None
        self.synced = False
        """Whether the last write has reached the disk, although nobody may have been told."""
        self._agenda = agenda
        self._dice = dice
        self._takes = takes
        self._file = encoded(Store(durable, 0)) if durable != BLANK else b""
        self._unsynced = b""
        self._life = 0

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        self.writes += 1
        self._unsynced = encoded(gathered(stores))
        self.synced = False
        life = self._life
        least, most = self._takes
        time = int(self._dice.uniform(least, most) * MILLISECOND)
        moment, downtime = self.traps.get(self.writes, ("", 0))
        if moment == "before":
            self._unsynced = b""
            self._close_trap(downtime, life)
        elif moment == "during":
            self._agenda.after(time // 2, lambda: self._close_trap(downtime, life))
        else:
            self._agenda.after(time, lambda: self._reached(then, life, moment == "after", downtime))

    def _reached(self, then: Callable[[], None], life: int, trap: bool, downtime: int) -> None:
        if life != self._life:
            return
        self._file += self._unsynced
        self._unsynced = b""
        self.synced = True
        if trap:
            self._close_trap(downtime, life)
        else:
            then()

    def _close_trap(self, downtime: int, life: int) -> None:
        if life == self._life and self.trapped is not None:
            self.trapped(downtime)

    def crash(self) -> bool:
        """Whatever was being written is torn, wherever it happened to be. Whether the last write was whole."""
        self._life += 1
        torn = self._unsynced[: self._dice.randrange(len(self._unsynced) + 1)] if self._unsynced else b""
        whole = self.synced or (len(torn) == len(self._unsynced) > 0)
        self._file += torn
        self._unsynced = b""
        self.synced = False
        return whole

    def read(self) -> Durable:
        """What the whole records say; a torn tail is cut off, for what would be written after it could not be read."""
        durable, whole = BLANK, 0
        for end, record in records(self._file):
            whole = end
            entries = tuple([Entry(term, event) for term, event in record.entries])
            durable = Durable(record.term, record.voted_for, durable.log[: record.kept] + entries)
        self._file = self._file[:whole]
        return durable
