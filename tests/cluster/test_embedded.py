"""The cluster inside one process that tests and notebooks use."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import quorumlog
from quorumlog import Cluster
from quorumlog.core.consensus.effects import Store
from quorumlog.ledger.commands import Balance, Deposit, Total
from quorumlog.runtime import cluster as runtime_cluster
from quorumlog.runtime.client import NotAQuestion
from quorumlog.runtime.storage import DiskFailed, Recovered, Storage
from quorumlog.runtime.supervisor import free_addresses


def test_it_answers_and_goes_on_without_its_leader() -> None:
    with Cluster() as cluster, cluster.client() as ledger:
        assert ledger.ask(Deposit("ann", 5)) is True
        first = ledger.leader
        assert first is not None
        cluster.stop(first)
        assert ledger.ask(Deposit("ann", 6), timeout=15) is True
        assert ledger.leader != first
        cluster.start(first)
        assert ledger.read(Balance("ann"), timeout=15) == 11
        assert set(cluster.status()) == {"a1", "a2", "a3"}


def test_it_goes_on_with_what_is_in_its_folder(tmp_path: Path) -> None:
    for deposited in (5, 10):
        with Cluster(size=1, folder=tmp_path) as cluster, cluster.client() as ledger:
            assert ledger.ask(Deposit("ann", 5)) is True
            assert ledger.read(Total()) == deposited
            with pytest.raises(NotAQuestion):
                ledger.read(Deposit("ann", 5))


def test_a_cluster_that_cannot_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addresses = [*free_addresses(1), taken.getsockname()[:2]]
        monkeypatch.setattr(runtime_cluster, "free_addresses", lambda size: addresses)
        with pytest.raises(OSError, match="in use"):
            Cluster(size=2)
    assert {each for each in threading.enumerate() if each.name in ("disk", "quorumlog")} <= before


def test_a_node_whose_disk_fails_says_so_and_talks_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are closed, so that clients turn to another one, and nobody waits for it."""
    whole = Storage.write_sync

    def fails(storage: Storage, stores: Sequence[Store]) -> None:
        if failing and storage.recovered is failing[0]:
            raise DiskFailed("the disk is on fire")
        whole(storage, stores)

    failing: list[Recovered] = []
    monkeypatch.setattr(Storage, "write_sync", fails)
    with Cluster() as cluster, cluster.client(patience=30) as ledger:
        assert ledger.ask(Deposit("ann", 5), timeout=20) is True
        first = str(ledger.leader)
        failing.append(cluster._nodes[first]._keeper._storage.recovered)
        assert ledger.ask(Deposit("ann", 6), timeout=20) is True
        assert ledger.leader != first
        assert cluster.said == [f"{first} stops: the disk is on fire"]


def test_a_cluster_has_nodes() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cluster(size=0)


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        quorumlog.Nothing  # noqa: B018  # it is looked up, and that is what is tried
