"""How fast the store is beside a plain file that was made beforehand, and how long a start takes after many events.

    python bench/storage.py [BATCHES [EVENTS]]

For batches of 1 and of 1,024 events of 100 bytes: batches a second, and the middle and the 99th percentile of a batch,
for a file in which each batch is written with `pwritev(RWF_DSYNC)`, and for the store with its checkpoints. Both take
turns, so that what else the machine does hits both; the ratio of the middles is what to look at. Then stores of so many
events, in batches of either size, and the processor's seconds to open them, with a snapshot near the end and without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Final
from zlib import crc32

import msgspec

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.persistent.strand import Items, Strand
from quorumlog.runtime.storage import Storage

EVENT: Final = "e" * 100
SIZES: Final = (1, 1_024)
ROUNDS: Final = 20
FILE: Final = 2**26
_BLOCK: Final = msgspec.msgpack.Decoder(tuple[tuple[int, str], ...])


class Plain:
    """Events that are strings, as blocks. A block of equal entries is made once: what is measured is the disk."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def block(self, _: int, entries: Sequence[Entry]) -> bytes:
        """All entries here are equal."""
        known = self._known.get(len(entries))
        if known is None:
            known = msgspec.msgpack.encode([(entry.term, entry.event) for entry in entries])
            self._known[len(entries)] = known
        return known

    def entries(self, block: bytes) -> tuple[Entry, ...]:
        """The entries of a block."""
        return tuple([Entry(term, event) for term, event in _BLOCK.decode(block)])


class PlainFile:
    """A file that is as long as it will ever be, so that a sync has no size to write down."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / "plain", os.O_CREAT | os.O_RDWR)
        self._place = 0
        os.pwrite(self._descriptor, bytes(FILE), 0)
        os.fsync(self._descriptor)

    def write(self, block: bytes) -> None:
        """One batch with its checksum, durably."""
        if self._place + len(block) + 4 > FILE:
            self._place = 0
        head = crc32(block).to_bytes(4, "big")
        self._place += os.pwritev(self._descriptor, [head, block], self._place, os.RWF_DSYNC)


class Growing:
    """A store, and the log that is written to it batch by batch."""

    def __init__(self, folder: Path) -> None:
        self.store = Storage.open(folder, Plain(), owner="a1")
        self.log: Items[Entry] = Strand.of(())

    def write(self, entries: tuple[Entry, ...]) -> None:
        """One batch, durably."""
        kept = len(self.log)
        self.log = self.log + entries
        self.store.write_sync([Store(Durable(1, "a1", self.log), kept)])


def timed(write: Callable[[], None], count: int, times: list[float]) -> None:
    """How long each of so many writes takes."""
    for _ in range(count):
        begun = perf_counter()
        write()
        times.append(perf_counter() - begun)


def row(what: str, size: int, times: list[float], middle: float | None = None) -> float:
    """One row; answers the middle."""
    ordered = sorted(times)
    half, most = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    ratio = "" if middle is None else f"   {half / middle:.1f} times"
    per_second = len(ordered) / sum(ordered)
    shown = f"{per_second:7,.0f}/s  p50 {1e6 * half:6,.0f}  p99 {1e6 * most:6,.0f} µs"
    print(f"{what:14} batches of {size:5,}: {shown}{ratio}")
    return half


def side_by_side(folder: Path, count: int) -> None:
    """The plain file and the store, in turns; the pauses of checkpoints are rows of their own."""
    plain, growing = PlainFile(folder), Growing(folder / "store")
    for size in SIZES:
        entries = (Entry(1, EVENT),) * size
        block = Plain().block(0, entries)
        mine: list[float] = []
        theirs: list[float] = []
        pauses: list[float] = []

        def write(entries: tuple[Entry, ...] = entries, pauses: list[float] = pauses) -> None:
            growing.write(entries)
            begun = perf_counter()
            if growing.store.tidy():
                pauses.append(perf_counter() - begun)

        def write_plain(block: bytes = block) -> None:
            plain.write(block)

        for _ in range(ROUNDS):
            timed(write_plain, count // ROUNDS, theirs)
            timed(write, count // ROUNDS, mine)
        middle = row("plain file", size, theirs)
        row("store", size, mine, middle)
        if pauses:
            middle, longest = 1e3 * sorted(pauses)[len(pauses) // 2], 1e3 * max(pauses)
            print(f"{'':14} {len(pauses)} checkpoints, p50 {middle:.1f} ms, longest {longest:.1f} ms")
    growing.store.close()


def starts(folder: Path, events: int) -> None:
    """Seconds of the processor to open a store of so many events."""
    for size in (1, 100, 1_024):
        growing = Growing(folder / f"events-{size}")
        growing.store._connection.pragma("synchronous", "off")  # nobody looks at how long it takes to make
        entries = (Entry(1, EVENT),) * size
        for _ in range(events // size):
            growing.write(entries)
            growing.store.tidy()
        growing.store._connection.pragma("synchronous", "full")
        growing.store.close()
        for what in ("no snapshot", "a snapshot of the last but 1,000"):
            begun = process_time()
            store = Storage.open(folder / f"events-{size}", Plain(), owner="a1")
            taken = process_time() - begun
            last = len(store.recovered.durable.log)
            print(f"start          batches of {size:5,}: {last:9,} events, {what}: {taken:.2f} s of the processor")
            store.save_snapshot(last - 1_000, 1, b"state" * 100)
            store.close()


def main() -> None:
    """All rows."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with TemporaryDirectory() as folder:
        side_by_side(Path(folder), count)
        starts(Path(folder), events)


if __name__ == "__main__":
    main()
