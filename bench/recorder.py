"""What a recorder costs for a command: the steps of three nodes, and what puts them into lines again.

    python -m bench.recorder [OUTSTANDING...]

Three nodes in this process, and a client with so many writes of 100 bytes outstanding at a time. Each step, and each
time that lines were handed over, is kept, and recorded again, to a file as it was: microseconds of the processor for
one write, the least of many rounds. So nothing but the recorder is measured, with warm caches. In a server that
has just done something else it takes two to three times as long alone, and half as long again with many outstanding.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final
from unittest.mock import patch

from bench.key_values import KEY_VALUES, Put
from bench.raft_peers import SIZE

from quorumlog import Cluster
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime import running
from quorumlog.runtime.client import Client
from quorumlog.runtime.config import Place
from quorumlog.runtime.recorded_rows import Block
from quorumlog.runtime.recorder import Recorder
from quorumlog.turns import Turn

COUNTS: Final = {1: 300, 16: 2_000, 128: 8_000, 1_024: 16_000}
KEYS: Final = 1_000
ROUNDS: Final = 25

AnyTurn = Turn[Any, Any]


class Kept(Recorder[Any, Any]):
    """Keeps what a recorder is told: a step, or nothing where lines are handed over."""

    def __init__(self) -> None:
        super().__init__(lambda lines: None, running.parts_of)
        self.begun: Any = None
        self.told: list[tuple[Any, AnyTurn] | None] = []

    def started(self, whole: Any) -> None:
        """A node begins."""
        self.begun = whole

    def stepped(self, before: Any, turn: AnyTurn) -> None:
        """A step is over."""
        self.told.append((before, turn))

    def flush(self) -> None:
        """Lines are handed over, if there are any."""
        if self.told and self.told[-1] is not None:
            self.told.append(None)


def kept(outstanding: int, count: int) -> list[Kept]:
    """What the recorders of three nodes were told while so many values were written, the leader's first."""
    found: dict[str, Kept] = {}

    async def load(cluster: Cluster) -> None:
        async with Client("a", cluster.servers, KEY_VALUES.codec) as client:
            await client.submit(Put("key", ""))
            for each in found.values():
                each.told.clear()
            puts = iter([Put(f"key{number % KEYS}", "x" * SIZE) for number in range(count)])

            async def worker() -> None:
                for put in puts:
                    await client.submit(put)

            await asyncio.gather(*(worker() for _ in range(outstanding)))

    def made(place: Place) -> Kept:
        return found.setdefault(place.identity, Kept())

    with patch.object(running, "recorder", made), Cluster(KEY_VALUES) as cluster:
        running.loop_run(load(cluster))
        leader = next(name for name, status in cluster.status().items() if status.role == "leader")
    return [found[leader], *(each for name, each in found.items() if name != leader)]


class Blocks:
    """Entries in the blocks in which they were sent or had come: a node has these at hand."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int], bytes] = {}

    def block(self, after: int, entries: Sequence[Entry]) -> bytes:
        """As a codec has it."""
        at = after, id(entries[0]), id(entries[-1])
        known = self._known.get(at)
        return known if known is not None else self._known.setdefault(at, KEY_VALUES.codec.block(after, entries))


def again(told: Kept, path: Path, block: Block) -> float:
    """Seconds of the processor that recording all of it takes."""
    path.unlink(missing_ok=True)
    recorder: Recorder[Any, Any] = Recorder.open(path, running.parts_of, block=block)
    recorder.started(told.begun)
    begun = process_time()
    for each in told.told:
        if each is None:
            recorder.flush()
        else:
            recorder.stepped(*each)
    recorder.flush()
    took = process_time() - begun
    recorder.close()
    return took


def main() -> None:
    """A line for each number outstanding."""
    chosen = [int(each) for each in sys.argv[1:]] or list(COUNTS)
    print(f"{'outstanding':>11} {'in all':>8} {'leader':>8} {'follower':>8} {'follower':>8}   us a write")
    with TemporaryDirectory(prefix="bench-") as folder:
        for outstanding in chosen:
            count = COUNTS.get(outstanding, 10 * outstanding)
            recorders = kept(outstanding, count)
            gc.collect()
            gc.freeze()
            path = Path(folder) / "again.ndjson"
            block = Blocks().block
            each = [1e6 * min(again(told, path, block) for _ in range(ROUNDS)) / count for told in recorders]
            print(f"{outstanding:11,} {sum(each):8.2f} {' '.join(f'{one:8.2f}' for one in each)}", flush=True)


if __name__ == "__main__":
    main()
