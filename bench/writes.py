"""What a write costs in time of the processor: three nodes and their client, beside etcd.

    python -m bench.writes [SECONDS [ROUNDS]] [--recorded] [--etcd] [--outstanding NUMBER ...]

For 1, 16, 128 and 1,024 writes of 100 bytes outstanding: microseconds of processors for one write, user and system, in
all and of each process, and how often a thread was switched for it, because it waited (given) or was made to wait
(taken). Of so many rounds the one that cost least counts. Rates depend on what else a machine does, these much less; on
a machine whose processors are all busy they say what the rates are. `docs/writes.md` says what they were.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.cluster import OUTSTANDING, ROOT, quorumlog
from bench.raft_peers import Peer, etcd
from msgspec import Struct

HERE: Final = "client"


class Used(Struct, frozen=True):
    """What a process has used: nanoseconds of processors, and switches of its threads."""

    time: int
    given: int
    taken: int

    def since(self, before: Used) -> Used:
        """What was used between."""
        return Used(self.time - before.time, self.given - before.given, self.taken - before.taken)


class Cost(Struct, frozen=True):
    """Of one write: microseconds of each process, switches of all of them, and how many writes a second there were."""

    each: Mapping[str, float]
    given: float
    taken: float
    rate: float

    @property
    def whole(self) -> float:
        """Of all processes."""
        return sum(self.each.values())


def used(pid: int) -> Used:
    """What all threads of a process have used."""
    time = given = taken = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        time += int((task / "schedstat").read_text().split()[0])
        for line in (task / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            given += int(value) if name == "voluntary_ctxt_switches" else 0
            taken += int(value) if name == "nonvoluntary_ctxt_switches" else 0
    return Used(time, given, taken)


def waited_for() -> float:
    """Seconds of processors that ended processes of this one have used: the client of etcd is one."""
    times = os.times()
    return times.children_user + times.children_system


def measure(peer: Peer, pids: Mapping[str, int], outstanding: int, seconds: float) -> Cost:
    """What the writes of so many seconds cost."""
    before, ended = {name: used(pid) for name, pid in pids.items()}, waited_for()
    measured = peer.measure("write", outstanding, seconds)
    assert measured is not None, "all peers write"
    spent = {name: used(pid).since(before[name]) for name, pid in pids.items()}
    count = measured.operations
    each = {name: used.time / count / 1e3 for name, used in spent.items()}
    each[HERE] += 1e6 * (waited_for() - ended) / count
    given, taken = sum(used.given for used in spent.values()), sum(used.taken for used in spent.values())
    return Cost(each, given / count, taken / count, measured.rate)


def children() -> set[int]:
    """The processes that this one has started, and that run."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def row(name: str, outstanding: int, cost: Cost) -> str:
    """A line of the table; the node that costs most is the leader."""
    *nodes, client = cost.each.values()
    parts = " ".join(f"{time:9.1f}" for time in (*sorted(nodes, reverse=True), client))
    return (
        f"{name:10} {outstanding:11,} {cost.whole:9.1f} {parts} {cost.given:7.2f} {cost.taken:7.2f} {cost.rate:9,.0f}"
    )


def main() -> None:
    """A line for each peer and number outstanding."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float, nargs="?", default=2)
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--etcd", action="store_true")
    parser.add_argument("--outstanding", type=int, nargs="*", default=OUTSTANDING)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="bench-")))
        peers: dict[str, tuple[Peer, dict[str, int]]] = {}
        started: dict[str, Callable[[], contextlib.AbstractContextManager[Peer]]] = {
            "quorumlog": lambda: quorumlog(folder / "quorumlog", recorded=given.recorded)
        }
        if given.etcd:
            (folder / "etcd").mkdir()
            started["etcd"] = lambda: etcd(folder / "etcd")
        for name, start in started.items():
            before = children()
            peer = held.enter_context(start())
            pids = {f"node {place}": pid for place, pid in enumerate(sorted(children() - before), 1)}
            peers[name] = peer, {**pids, HERE: os.getpid()}
        heads = "".join(f"{head:>10}" for head in ("in all", "leader", "follower", "follower", "client"))
        print(f"{'':10} {'outstanding':>11}{heads} {'given':>7} {'taken':>7} {'a second':>9}")
        for outstanding in given.outstanding:
            for name, (peer, pids) in peers.items():
                costs = [measure(peer, pids, outstanding, given.seconds) for _ in range(given.rounds)]
                print(row(name, outstanding, min(costs, key=lambda cost: cost.whole)), flush=True)


if __name__ == "__main__":
    main()
