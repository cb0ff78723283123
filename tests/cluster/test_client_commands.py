"""`quorumlog client` at a cluster that goes away and comes back: what is asked is asked again, and is one command."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.http_client import routers
from tests.cluster.test_client_docs import file_of
from typer.testing import CliRunner

from quorumlog import Cluster
from quorumlog.cli import app
from quorumlog.ledger.commands import Balance
from quorumlog.runtime import asking, client_commands
from quorumlog.runtime.asking import OverHttp


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes with a ledger."""
    with Cluster() as running:
        yield running


@pytest.fixture
def file(cluster: Cluster, tmp_path: Path) -> Path:
    """Its configuration."""
    return file_of(cluster, tmp_path)


def ran(*arguments: str) -> str:
    """What a call prints that is answered."""
    outcome = CliRunner().invoke(app, ["client", *arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output.strip()


def test_a_leader_may_go_meanwhile(cluster: Cluster, file: Path) -> None:
    with cluster.client() as ledger:
        ledger.read(Balance("bob"), timeout=30)
        leader = ledger.leader
    assert leader is not None
    cluster.stop(leader)
    try:
        assert ran("deposit", "bob", "7", "--config", str(file), "--timeout", "30", "--key", "b") == "done"
    finally:
        cluster.start(leader)
    assert ran("deposit", "bob", "7", "--config", str(file), "--timeout", "30", "--key", "b") == "done"
    assert ran("balance", "bob", "--config", str(file)) == "7"


class Lossy(http.client.HTTPConnection):
    """Loses the first two answers, after what was asked for has happened."""

    lost = 0

    def getresponse(self) -> http.client.HTTPResponse:
        response = super().getresponse()
        if Lossy.lost < 2:
            Lossy.lost += 1
            response.read()
            raise ConnectionResetError
        return response


def deposited_over_lossy_connections(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, account: str) -> Any:
    """What an account holds after one deposit of 7 whose answers are lost twice."""
    Lossy.lost = 0
    monkeypatch.setattr(asking, "CONNECTIONS", {"http": Lossy})
    with routers(cluster.config) as (running,), cluster.client() as ledger:
        url = f"http://127.0.0.1:{running.address[1]}"
        assert ran("deposit", account, "7", "--url", url, "--timeout", "30") == "done"
        assert Lossy.lost == 2
        return ledger.read(Balance(account))


def test_answers_of_a_router_may_be_lost(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deposited_over_lossy_connections(cluster, monkeypatch, "cid") == 7


def test_another_key_at_each_try_would_be_noticed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: no key is sent along."""
    once = OverHttp._once
    monkeypatch.setattr(
        OverHttp, "_once", lambda self, method, path, body, _, left: once(self, method, path, body, {}, left)
    )
    assert deposited_over_lossy_connections(cluster, monkeypatch, "dot") == 21


def test_both_ways_say_the_same(cluster: Cluster, file: Path) -> None:
    ran("deposit", "eve", "100", "--config", str(file))
    exchanged = json.loads(ran("exchange", "eve", "fay", "50", "--config", str(file), "--json"))["answer"]["received"]
    with routers(cluster.config) as (running,):
        ways = (("--config", str(file)), ("--url", f"http://127.0.0.1:{running.address[1]}"))
        for way in ways:
            assert ran("balance", "fay", *way) == str(exchanged)
            assert ran("total", *way, "--through", "log").isdecimal()
        one, two = (ran("events", *way, "--limit", "5", "--json").splitlines() for way in ways)
        assert one == two
        assert len(one) == 5
        follow = (ran("events", *way, "--follow", "--after", "1", "--limit", "4") for way in ways)
        assert len(set(follow)) == 1
        assert all("leader" in ran("status", *way) for way in ways)


def test_what_was_expected_is_compared(file: Path) -> None:
    outcome = CliRunner().invoke(app, ["client", "deposit", "gil", "1", "--config", str(file), "--expected", "0"])
    assert outcome.exit_code == client_commands.HAPPENED_NOTHING
    assert outcome.output.startswith("quorumlog: expected 0 events before it, found ")
