"""An application that has no snapshots: its log stays on the disk as a whole, and only its end in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import pytest

from quorumlog import Cluster
from quorumlog.ledger.commands import Deposit, Total
from quorumlog.ledger.ledger import Ledger
from quorumlog.runtime.hosting import LEDGER, AnyHosted
from quorumlog.runtime.keeper import Keeper
from quorumlog.runtime.wire import Limits

BARE: Final[AnyHosted] = replace(LEDGER, keeping=None)
EVERY: Final = 20
COMMANDS: Final = 150


def is_light(cluster: Cluster, patience: float) -> bool:
    """Whether each server has few entries in memory, or soon has."""
    until = monotonic() + patience
    while max(in_memory(cluster)) > 3 * EVERY and monotonic() < until:
        sleep(0.01)
    return max(in_memory(cluster)) <= 3 * EVERY


def in_memory(cluster: Cluster) -> list[int]:
    """How many entries of log and disk each server has in memory."""
    replicas: list[Any] = [node.server.node.replica for node in cluster._nodes.values()]
    logs = [each for replica in replicas for each in (replica.log, replica.disk.log)]
    return [len(log) if isinstance(log, tuple) else len(log._buffer.items) for log in logs]


def held(folder: Path, patience: float = 10.0) -> None:
    """Entries leave the memory, and are there for whoever asks: a model, a member that was away, the next start."""
    limits = Limits(snapshot=EVERY)
    with Cluster(BARE, folder=folder, limits=limits) as cluster, cluster.client() as client:
        away = next(name for name, status in cluster.status().items() if status.role == "follower")
        cluster.stop(away)
        for number in range(1, COMMANDS + 1):
            client.ask(Deposit("x", number))
        assert is_light(cluster, patience)
        cluster.start(away)
        leader = next(name for name, status in cluster.status().items() if status.role == "leader")
        cluster.stop(next(name for name in cluster.servers if name not in (away, leader)))
        client.ask(Deposit("x", 1))  # so the one that was away has all of it
        with cluster.read_model(Ledger()) as model:
            assert model.view(client.token).state.balance("x") == sum(range(COMMANDS + 1)) + 1
    with Cluster(BARE, folder=folder, limits=limits) as cluster, cluster.client() as client:
        for number in range(1, EVERY + 1):
            client.ask(Deposit("y", number))
        assert client.read(Total()) == client.ask(Total())
        assert is_light(cluster, patience)
    assert not list(folder.rglob("snapshot*"))


def test_what_is_on_the_disk_leaves_the_memory(tmp_path: Path) -> None:
    held(tmp_path)


def nothing_leaves(keeper: Keeper, index: int, term: int, encoded: object) -> None:
    """A mutant: only what a snapshot stands for leaves the memory."""


def test_a_server_that_keeps_all_of_it_in_memory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keeper, "keep", nothing_leaves)
    with pytest.raises(AssertionError):
        held(tmp_path, patience=0.2)
