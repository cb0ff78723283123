"""What it takes to start a server that has executed many commands: until its first new one is answered.

    python bench/restart.py [EVENTS [BATCH]]

A ledger's store of so many deposits is made, in batches of BATCH entries, with a snapshot behind all but the last
thousand. Then a lone server starts, and is asked for one more deposit: once with everything on its disk, and once when
what the snapshot stands for is dropped. For comparison, a tenth of the events without a snapshot. Seconds of the
processor and memory are those of its process at the moment of the answer, the start of Python included; the first row
is an empty store.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Executed
from quorumlog.ledger.commands import Deposit
from quorumlog.ledger.events import Deposited
from quorumlog.persistent.strand import Items, Strand
from quorumlog.runtime.client import Client
from quorumlog.runtime.event_queue import EventQueue
from quorumlog.runtime.hosting import LEDGER, LEDGER_CODEC
from quorumlog.runtime.storage import Storage
from quorumlog.runtime.supervisor import Supervisor, configuration

EVENTS: Final = 1_000_000
BATCH: Final = 64
TAIL: Final = 1_000
"""Entries after the snapshot."""
ACCOUNTS: Final = 100
SESSION: Final = 1_000
"""Commands of each session."""
PATIENCE: Final = 600.0


class Cost(NamedTuple):
    """What a start took: processor's seconds, seconds, and the most memory, in megabytes."""

    processor: float
    clock: float
    memory: float


def made(folder: Path, events: int, size: int) -> None:
    """A store of so many deposits, with a snapshot near its end."""
    storage = Storage.open(folder, LEDGER_CODEC, owner="a1")
    storage._connection.pragma("synchronous", "off")  # nobody looks at how long it takes to make
    rules = LEDGER.service().rules
    gate, queue = rules.begin(), EventQueue(0, [1])
    log: Items[Entry] = Strand.of([Entry(1, None)])
    storage.write_sync([Store(Durable(1, "a1", log), 0)])
    for first in range(0, events, size):
        entries = tuple([executed(number) for number in range(first, min(first + size, events))])
        kept = len(log)
        log = log + tuple([Entry(1, each) for each in entries])
        storage.write_sync([Store(Durable(1, "a1", log), kept)])
        storage.tidy()
        if kept + len(entries) <= max(events - TAIL, size + 1):
            gate, _ = rules.commit(gate, entries)
            queue.length += len(entries)
    assert LEDGER.keeping is not None
    storage.save_snapshot(queue.length + 1, 1, LEDGER.keeping.encoded(gate, queue))
    storage.close()


def executed(number: int) -> Executed[Any]:
    """The entry of a deposit; its session has all answers to what it has asked before."""
    session, place = divmod(number, SESSION)
    return Executed(f"s{session}", place + 1, place, (Deposited(f"account {number % ACCOUNTS}", 1),))


def start(folder: Path, events: int) -> Cost:
    """Start the server in this folder, ask it for one more, and stop it."""

    async def asked(supervisor: Supervisor) -> int:
        servers = supervisor.config.groups["a"]
        async with Client("a", servers, LEDGER_CODEC, patience=PATIENCE) as client:
            await client.ask(Deposit("one more", 1), timeout=PATIENCE)
            return client.at

    with Supervisor(folder, configuration({"a": 1})) as supervisor:
        begun = perf_counter()
        supervisor.start()
        known = asyncio.run(asked(supervisor))
        clock = perf_counter() - begun
        process = supervisor.pid("a1")
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    assert known == events + 1, f"{known} events, expected {events + 1}"
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return Cost((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), clock, most / 1024)


def row(what: str, cost: Cost) -> None:
    """One row."""
    print(f"{what:44} {cost.processor:6.2f} s of the processor  {cost.clock:6.2f} s  {cost.memory:6.0f} MB", flush=True)


def main() -> None:
    """The four starts."""
    events, size = (*map(int, sys.argv[1:3]), *(EVENTS, BATCH)[len(sys.argv) - 1 :])
    with TemporaryDirectory(prefix="quorumlog-restart-") as folder:
        row("an empty store", start(Path(folder) / "empty", 0))
        base = Path(folder) / "full"
        store = base / "data" / "a1"
        store.parent.mkdir(parents=True)
        made(store, events, size)
        megabytes = sum(each.stat().st_size for each in store.iterdir()) / 1e6
        print(f"{events:,} events in batches of {size}: {megabytes:.0f} MB")
        row("from the snapshot", start(base, events))
        storage = Storage.open(store, LEDGER_CODEC, owner="a1")
        print(f"entries up to {storage.compact(events):,} are dropped")
        storage.close()
        row("from the snapshot, what is before it dropped", start(base, events + 1))
        tenth = Path(folder) / "tenth"
        store = tenth / "data" / "a1"
        store.parent.mkdir(parents=True)
        made(store, events // 10, size)
        for each in store.glob("snapshot-*"):
            each.unlink()
        row("a tenth of the events, without a snapshot", start(tenth, events // 10))


if __name__ == "__main__":
    main()
