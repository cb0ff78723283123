"""Writes and linearizable reads a second of three nodes on this machine, beside etcd and PySyncObj in one run.

    python -m bench.cluster [ROUNDS [SECONDS]]

Values of 100 bytes under a thousand keys, 1, 16, 128 and 1,024 operations outstanding at a time. quorumlog and etcd
write every event to disk on a majority before they answer, PySyncObj does not. All take turns in each round, so that
what else the machine does hits all of them; the middle of the rounds' ratios is what to look at, with the least and the
greatest. quorumlog and etcd are asked by programs in Go that do the same, `quorumlog_load` over the native connection;
quorumlog with its recordings off and on, and also by its own client in Python, which takes a seventh of the processors.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.key_values import KEY_VALUES, Get, Put
from bench.raft_peers import SIZE, Load, Measured, Missing, Operation, Peer, built, etcd, pysyncobj

from quorumlog.runtime.client import Client
from quorumlog.runtime.config import Address
from quorumlog.runtime.running import loop_run
from quorumlog.runtime.supervisor import Supervisor, configuration

OUTSTANDING: Final = (1, 16, 128, 1_024)
KEYS: Final = 1_000
ROOT: Final = Path(__file__).parent.parent
OPERATIONS: Final[tuple[Operation, ...]] = ("write", "read")


class Clients:
    """Three nodes, asked by a client in this process."""

    def __init__(self, servers: Mapping[str, Address]) -> None:
        self._servers = servers

    def measure(self, operation: Operation, outstanding: int, seconds: float) -> Measured | None:
        """See `Peer`."""
        return loop_run(self._measure(operation, outstanding, seconds))

    async def _measure(self, operation: Operation, outstanding: int, seconds: float) -> Measured:
        async with Client("a", self._servers, KEY_VALUES.codec) as client:
            value = "x" * SIZE
            await asyncio.gather(*(client.submit(Put(f"key{key}", value)) for key in range(KEYS)))
            ask = client.submit if operation == "write" else client.question
            names = [f"key{key}" for key in range(KEYS)]
            asked_for = [Put(name, value) if operation == "write" else Get(name) for name in names]
            waited: list[float] = []
            begun = time.perf_counter()
            until = begun + seconds

            async def worker(number: int) -> None:
                key = number
                while (asked := time.perf_counter()) < until:
                    await ask(asked_for[key % KEYS])
                    waited.append(time.perf_counter() - asked)
                    key += outstanding

            await asyncio.gather(*(worker(number) for number in range(outstanding)))
            took = time.perf_counter() - begun
        waited.sort()
        return Measured(len(waited), took, at(waited, 0.5), at(waited, 0.99))


def at(waited: list[float], part: float) -> float:
    """The latency below which this part of all stayed, in microseconds."""
    return waited[int(part * (len(waited) - 1))] * 1e6


@contextlib.contextmanager
def nodes(folder: Path, *, recorded: bool) -> Iterator[Mapping[str, Address]]:
    """Three nodes of quorumlog as processes, with or without recordings: where they are."""
    text = 'recordings = "recordings"\n' if recorded else ""
    configured = configuration({"a": 3}, {"a": "bench.key_values:KEY_VALUES"})
    with Supervisor(folder, text + configured) as supervisor:
        supervisor.start()
        yield supervisor.config.groups["a"]


@contextlib.contextmanager
def quorumlog(folder: Path, *, recorded: bool) -> Iterator[Clients]:
    """These, asked by the client in Python."""
    with nodes(folder, recorded=recorded) as servers:
        yield Clients(servers)


@contextlib.contextmanager
def loaded(folder: Path, *, recorded: bool) -> Iterator[Load]:
    """These, asked as etcd is. Raises `Missing` without Go."""
    load = built("quorumlog_load", folder)
    with nodes(folder / "nodes", recorded=recorded) as servers:
        yield Load(load, ",".join(f"{host}:{port}" for host, port in servers.values()))


def run(rounds: int, seconds: float) -> dict[tuple[str, Operation, int], list[Measured]]:
    """All of it."""
    found: dict[tuple[str, Operation, int], list[Measured]] = {}
    with contextlib.ExitStack() as held:
        peers: dict[str, Peer] = {}
        started: dict[str, Any] = {
            "quorumlog": lambda folder: loaded(folder, recorded=False),
            "recorded": lambda folder: loaded(folder, recorded=True),
            "in Python": lambda folder: quorumlog(folder, recorded=False),
            "etcd": etcd,
            "PySyncObj": pysyncobj,
        }
        for name, start in started.items():
            folder = Path(held.enter_context(TemporaryDirectory(prefix="bench-")))
            try:
                peers[name] = held.enter_context(start(folder))
            except Missing as missing:
                print(f"{name} is left out: {missing}", file=sys.stderr)
        for number in range(rounds):
            for operation in OPERATIONS:
                for outstanding in OUTSTANDING:
                    for name, peer in peers.items():
                        measured = peer.measure(operation, outstanding, seconds)
                        if measured is not None:
                            found.setdefault((name, operation, outstanding), []).append(measured)
                print(f"round {number + 1} of {rounds}: {operation}s done", file=sys.stderr, flush=True)
    return found


def table(found: dict[tuple[str, Operation, int], list[Measured]]) -> Iterator[str]:
    """A line for each peer, operation and number outstanding."""
    yield f"{'':10} {'':6} {'outstanding':>11} {'a second':>10} {'p50 ms':>8} {'p99 ms':>8}   beside etcd"
    for (name, operation, outstanding), measured in found.items():
        line = f"{name:10} {operation:6} {outstanding:11,} {median(each.rate for each in measured):10,.0f}"
        line += (
            f" {median(each.p50 for each in measured) / 1e3:8.2f} {median(each.p99 for each in measured) / 1e3:8.2f}"
        )
        peer = found.get(("etcd", operation, outstanding))
        if peer is not None and name != "etcd":
            ratios = sorted(ours.rate / theirs.rate for ours, theirs in zip(measured, peer, strict=True))
            line += f"   {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        yield line


def main() -> None:
    """See above."""
    # The nodes are processes that have to find the application as well.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    rounds, seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3, float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    for line in table(run(rounds, seconds)):
        print(line)


if __name__ == "__main__":
    main()
