"""Random programs for a store, beside a model of what must be on its disk.

What was acknowledged is there after any crash; a write that was begun and not acknowledged is there as a whole or not
at all; after a failure nothing works until the store is opened again. The class of the store is handed in, so that
mutants of it can be tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.faulty_disk import Deed, FaultyDisk, PowerLost, Trouble, no_trouble
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.storage import Compacted, DiskFailed, Storage

OWNER: Final = "a1"
_BLOCK: Final = msgspec.msgpack.Decoder(tuple[tuple[int, str | None], ...])


class Plain:
    """Entries whose events are strings, as blocks."""

    def block(self, _: int, entries: Sequence[Entry]) -> bytes:
        """Terms and events in turn."""
        return msgspec.msgpack.encode([(entry.term, entry.event) for entry in entries])

    def entries(self, block: bytes) -> tuple[Entry, ...]:
        """The same read."""
        return tuple(Entry(*each) for each in _BLOCK.decode(block))


class Opens(Protocol):
    """A class of stores: `Storage`, or a mutant of it."""

    def open(self, folder: str, codec: Plain, *, owner: str, files: FaultyDisk) -> Storage:
        """Open a store."""


class Write(NamedTuple):
    """Writes at once: each drops some of the last entries, and appends others."""

    parts: tuple[tuple[int, int], ...]
    later: bool


class Save(NamedTuple):
    """A snapshot so many entries before the end."""

    back: int


class Compact(NamedTuple):
    """Drop what lies so many entries before the end."""

    back: int


class Tidy(NamedTuple):
    """A checkpoint, if it is time."""

    idle: bool


class Read(NamedTuple):
    """Read some entries, by their distance from the end."""

    back: int
    length: int


class Restart(NamedTuple):
    """An orderly end, the end of the process alone, or that of the machine; and a new start."""

    how: Literal["close", "kill", "crash"]
    dice: int


class Fail(NamedTuple):
    """Something goes wrong with the n-th deed from now on; a disk that is full stays so."""

    trouble: Trouble
    deeds: int


Step: TypeAlias = Write | Save | Compact | Tidy | Read | Restart | Fail
Snapshots: TypeAlias = tuple[tuple[int, int, bytes], ...]


class Known(NamedTuple):
    """What is durable, as the model has it: the dropped entries included."""

    term: int
    vote: str | None
    log: tuple[Entry, ...]


class Trial:
    """A store on a faulty disk, and what must be on it."""

    def __init__(self, stores: Opens) -> None:
        self.stores = stores
        self.disk = FaultyDisk(MemoryMedia())
        self.known = Known(0, None, ())
        self.maybe: Known | None = None
        """What a write that was not acknowledged would have made of it."""
        self.saved: Snapshots = ()
        self.unsure: Snapshots = ()
        """A snapshot that was not acknowledged."""
        self.start = 0
        self.asked = 0
        """How far dropping was asked for."""
        self.events = 0
        self.countdown: tuple[Trouble, int] | None = None
        self.store = self.opened()

    def opened(self) -> Storage:
        """A store on the disk as it is."""
        return self.stores.open("", Plain(), owner=OWNER, files=self.disk)

    def run(self, steps: Sequence[Step]) -> None:
        """All steps, and then a crash that forgets all it may. Raises AssertionError."""
        for step in (*steps, Restart("crash", 0)):
            try:
                self.take(step)
            except (DiskFailed, PowerLost):
                self.failed()
            self.unsure_no_more(step)
        self.store.close()
        self.disk.unregister()

    def take(self, step: Step) -> None:
        """One step."""
        match step:
            case Write(parts, later):
                self.write(parts, later)
            case Save(back):
                self.save(back)
            case Compact(back):
                self.compact(back)
            case Tidy(idle):
                self.store.tidy(idle=idle)
            case Read(back, length):
                self.read(back, length)
            case Restart(how, dice):
                self.restart(how, dice)
            case Fail(trouble, deeds):
                self.countdown = (trouble, deeds)
                self.disk.plan = self.plan

    def plan(self, _: Deed, __: str) -> Trouble | None:
        """What goes wrong with this deed."""
        assert self.countdown is not None
        trouble, deeds = self.countdown
        if deeds > 1:
            self.countdown = (trouble, deeds - 1)
            return None
        if trouble == "failed":
            self.countdown = (trouble, 1_000_000)
        return trouble

    # -- steps -----------------------------------------------------------------------------------------------

    def write(self, parts: tuple[tuple[int, int], ...], later: bool) -> None:
        """Write, with terms and votes as a server would have them."""
        stores, new = [], self.known
        least = max((index for index, _, _ in (*self.saved, *self.unsure)), default=0)
        for drops, adds in parts:
            kept = max(len(new.log) - drops, least)
            term = new.term + (1 if later or kept < len(new.log) else 0)
            added = tuple(Entry(term, f"event {self.events + each}") for each in range(adds))
            self.events += adds
            new = Known(term, OWNER if later else new.vote, new.log[:kept] + added)
            stores.append(Store(Durable(new.term, new.vote, new.log), kept))
        self.maybe = new
        self.store.write_sync(stores)
        self.known, self.maybe = new, None

    def save(self, back: int) -> None:
        """Save a snapshot."""
        index = len(self.known.log) - back
        if index < 1 or index <= max((each for each, _, _ in self.saved), default=0):
            return
        snapshot = (index, self.known.log[index - 1].term, f"state at {index}".encode() * 40)
        self.unsure = (snapshot,)
        self.store.save_snapshot(*snapshot)
        self.saved = (*self.saved, snapshot)[-2:]
        self.unsure = ()

    def compact(self, back: int) -> None:
        """Drop entries: never more than was asked for, nor what the older snapshot needs."""
        below = len(self.known.log) - back
        self.asked = max(self.asked, below)
        self.start = self.store.compact(below)
        assert self.start < max(below, 1) or self.start < self.asked
        assert self.start < max(min((index for index, _, _ in self.saved), default=0), 1)

    def read(self, back: int, length: int) -> None:
        """Read what is there, and be refused what is not."""
        first = max(len(self.known.log) - back, 1)
        last = min(first + length - 1, len(self.known.log))
        try:
            found = self.store.entries(first, last)
        except Compacted:
            assert first <= self.start
        else:
            assert found == self.known.log[first - 1 : last]

    def restart(self, how: Literal["close", "kill", "crash"], dice: int) -> None:
        """End and start again; what was to go wrong may go wrong at the start, too."""
        if how == "close":
            self.store.close()
        self.stop(how, dice)
        try:
            self.store = self.opened()
        except (DiskFailed, PowerLost):
            self.disk.plan = no_trouble
            self.stop("crash" if self.disk.off else "kill", dice)
            self.store = self.opened()
        self.recovered()

    def stop(self, how: str, dice: int) -> None:
        """The end of the process, or of the machine."""
        if how == "kill":
            self.disk.kill()
        elif how == "crash":
            self.disk.crash(Random(dice) if dice else None)

    def failed(self) -> None:
        """After a failure nothing works, even where the disk would; then the machine goes down."""
        self.disk.plan = no_trouble
        again = Store(Durable(self.known.term + 9, None, self.known.log), len(self.known.log))
        for attempt in (
            lambda: self.store.write_sync([again]),
            lambda: self.store.entries(1, 1),
            lambda: self.store.save_snapshot(1, 1, b""),
        ):
            try:
                attempt()
            except (DiskFailed, PowerLost):
                continue
            raise AssertionError("the store works although its disk has failed")
        dice = Random(self.events)
        how: Final = "crash" if self.disk.off or dice.random() < 0.5 else "kill"
        self.restart(how, dice.choice((0, dice.randrange(1_000_000))))

    # -- what is there -----------------------------------------------------------------------------------------

    def recovered(self) -> None:
        """What was recovered is what must be there, and would be there after another crash."""
        self.disk.plan = no_trouble
        found = self.look()
        self.disk.crash()
        self.store = self.opened()
        again = self.look()
        assert again == found, "what was told of was not durable"

    def look(self) -> tuple[Known, Snapshots, int]:
        """What the store says, held to the model."""
        recovered = self.store.recovered
        durable, start, snapshot = recovered.durable, recovered.start, recovered.snapshot
        rest = self.store.entries(start + 1, len(durable.log))
        log = self.known.log[:start] + rest
        found = Known(durable.term, durable.voted_for, log)
        assert found in (self.known, self.maybe), f"recovered {found}, expected {self.known} or {self.maybe}"
        assert self.start <= start < max(self.asked, 1)
        assert tuple(durable.log[start:]) == rest
        newest = () if snapshot is None else ((snapshot.index, snapshot.term, snapshot.state),)
        assert newest in (self.saved[-1:], self.unsure or self.saved[-1:]), f"recovered the snapshot {newest}"
        self.known, self.start = found, start
        if newest == self.unsure != ():
            self.saved = (*self.saved, *newest)[-2:]
        return found, newest, start

    def unsure_no_more(self, step: Step) -> None:
        """A restart has settled what was unsure."""
        if isinstance(step, Restart) or self.disk.plan is no_trouble:
            self.maybe, self.unsure = None, ()
