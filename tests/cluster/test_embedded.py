"""The cluster inside one process that tests and notebooks use."""

from __future__ import annotations

from pathlib import Path

import pytest

import quorumlog
from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit, Total
from quorumlog.runtime.client import NotAQuestion


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


def test_a_cluster_has_nodes() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cluster(size=0)


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        quorumlog.Nothing  # noqa: B018  # it is looked up, and that is what is tried
