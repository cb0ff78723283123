"""Routers before a cluster that does not answer, or not yet: requests wait, are bounded, and are not forgotten."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from msgspec.structs import replace
from tests.cluster.http_client import Http, connected, routers

from quorumlog import Cluster
from quorumlog.core.read_model import KnownSince, Time
from quorumlog.driver import Pace
from quorumlog.runtime import feed
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.router import Router
from quorumlog.runtime.supervisor import free_addresses

SECONDS: Final = 20.0
QUICK: Final = Pace(election=(150, 300), heartbeat=30, turns=True)
LIMITS: Final = {"outstanding": 8, "each": 4, "streams": 2}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three nodes with a ledger, before which routers take little."""
    with Cluster(pace=QUICK) as running:
        running.config = type(running.config)(
            **{**vars(running.config), "router": replace(running.config.router, **LIMITS)}
        )
        yield running


@pytest.fixture
def router(cluster: Cluster) -> Iterator[Router]:
    """A router."""
    with routers(cluster.config) as (running,):
        yield running


@pytest.fixture
def http(router: Router) -> Iterator[Http]:
    """A connection to it, of a cluster that has a leader."""
    with connected(router) as (client,):
        assert client.deposit("ann", 1).status == 200
        yield client


def stop(cluster: Cluster, number: int) -> list[str]:
    """Stop so many nodes, the leader among them."""
    status = cluster.status()
    names = sorted(status, key=lambda name: status[name].role != "leader")[:number]
    for name in names:
        cluster.stop(name)
    return names


def start(cluster: Cluster, names: list[str]) -> None:
    """Start these again."""
    for name in names:
        cluster.start(name)


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it is so within a bounded time."""
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_without_a_quorum_there_is_a_clear_answer_in_time(cluster: Cluster, http: Http) -> None:
    stopped = stop(cluster, 2)
    asked = {"command": {"f": "deposit", "account": "bob", "amount": 3}}
    found = http.post("/v1/commands?timeout=0.5", asked, Idempotency_Key="once")
    assert (found.status, found.headers["retry-after"]) == (503, "1")
    assert "ask again with the same Idempotency-Key" in found.error
    assert http.get("/v1/accounts/bob?timeout=0.5").status == 503
    assert eventually(lambda: http.get("/ready").status == 503)
    assert http.get("/health").status == 200
    start(cluster, stopped)
    assert http.post("/v1/commands?timeout=20", asked, Idempotency_Key="once").body["answer"] is True
    assert http.balance("bob") == 3
    assert eventually(lambda: http.get("/ready").status == 200)


def test_a_request_waits_on_its_connection_until_somebody_leads(cluster: Cluster, router: Router, http: Http) -> None:
    port = http.local_port
    stopped = stop(cluster, 2)
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(http.post, "/v1/commands?timeout=20", {"command": {"f": "total"}})
        assert eventually(lambda: router.gateway.open == 1)
        time.sleep(0.3)
        assert not waiting.done()
        start(cluster, stopped)
        assert waiting.result().body["answer"] == 1
    assert http.local_port == port


def test_what_waits_is_bounded(cluster: Cluster, router: Router, http: Http) -> None:
    stopped = stop(cluster, 2)
    asked = {"command": {"f": "deposit", "account": "cid", "amount": 1}}
    with connected(*[router] * 4) as clients, ThreadPoolExecutor(4) as beside:
        waiting = [beside.submit(each.post, "/v1/commands?timeout=20", asked) for each in clients]
        assert eventually(lambda: router.gateway.open == 4)
        more = http.post("/v1/commands", asked)
        assert (more.status, more.headers["retry-after"]) == (429, "1")
        assert http.get("/health").status == 200
        start(cluster, stopped)
        assert [each.result().status for each in waiting] == [200] * 4
    assert http.post("/v1/commands?timeout=20", asked).status == 200


def test_what_nobody_waits_for_any_more_is_bounded_too(cluster: Cluster, router: Router, http: Http) -> None:
    """Commands without a key are asked until they are answered; while there are many, the router takes no more."""
    stopped = stop(cluster, 2)
    asked = {"command": {"f": "deposit", "account": "dee", "amount": 1}}
    statuses = [http.post("/v1/commands?timeout=0.05", asked) for _ in range(9)]
    assert [each.error[:40] for each in statuses[:8]] == ["group a has not answered in time; a comm"] * 8
    assert (statuses[8].status, statuses[8].error) == (503, "8 requests to group a are not answered yet")
    assert http.post("/v1/commands?timeout=0.05", asked, Idempotency_Key="k").status == 503
    start(cluster, stopped)
    assert eventually(lambda: router.gateway.open == 0)
    assert http.balance("dee") == 8


def test_a_group_that_answers_nothing_takes_no_room_from_others(cluster: Cluster) -> None:
    """Commands without a key are asked until they are answered, and nobody listens where this group is."""
    groups = {**cluster.config.groups, "b": {"b1": free_addresses(1)[0]}}
    config = dataclasses.replace(cluster.config, groups=groups, applications={"a": LEDGER, "b": LEDGER})
    with routers(config) as (router,), connected(router) as (http,):
        body = {"command": {"f": "deposit", "account": "ann", "amount": 1}}
        for left in (8, 0):
            found = [http.post("/v1/commands?timeout=0.05", {**body, "group": "b"}) for _ in range(8)]
            says = ["group b has not answered in time" in each.error for each in found]
            assert says == [True] * left + [False] * (8 - left)
            assert {each.status for each in found} == {503}
        assert http.post("/v1/questions", {"question": {"f": "total"}, "group": "b"}).error.startswith("8 requests to")
        assert http.post("/v1/commands", {**body, "group": "a"}).status == 200


def test_keys_that_nobody_waits_for_are_forgotten(cluster: Cluster, router: Router, http: Http) -> None:
    stopped = stop(cluster, 2)
    asked = {"command": {"f": "deposit", "account": "eve", "amount": 1}}
    for number in range(20):
        assert http.post("/v1/commands?timeout=0.05", asked, Idempotency_Key=f"k{number}").status == 503
    assert router.gateway.open == 0
    start(cluster, stopped)


def test_streams_are_bounded(router: Router, http: Http) -> None:
    with connected(*[router] * 2) as clients, ThreadPoolExecutor(2) as beside:
        streams = [beside.submit(each.stream, "/v1/groups/a/stream", 2) for each in clients]
        assert eventually(lambda: "quorumlog_router_streams 2.0" in http.get("/metrics").body)
        found = http.get("/v1/groups/a/stream")
        assert (found.status, found.headers["retry-after"]) == (503, "1")
        http.deposit("ann", 1)
        assert [len(each.result()) for each in streams] == [2, 2]
    assert eventually(lambda: "quorumlog_router_streams 0.0" in http.get("/metrics").body)


def says_that_it_is_stale(cluster: Cluster, http: Http) -> bool:
    """Whether, when no server tells anything any more, answers of the copy come to say that their age is unknown."""
    token = http.deposit("ann", 1).headers["quorumlog-token"]
    assert http.balance("ann", "model", Quorumlog_Token=token) == 2
    stop(cluster, 3)
    path = "/v1/accounts/ann?through=model"
    for _ in range(50):
        found = http.get(path).body
        assert found["balance"] == 2
        if not found["staleness"]["known"]:
            return True
        time.sleep(0.05)
    return False


def test_a_copy_says_that_its_age_is_unknown(cluster: Cluster, http: Http) -> None:
    assert says_that_it_is_stale(cluster, http)


def test_a_copy_that_thinks_itself_fresh_would_be_noticed(
    cluster: Cluster, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant: what was heard once is never old."""

    def fresh(since: Time, now: Time, patience: Time) -> KnownSince:
        return KnownSince(since)

    monkeypatch.setattr(feed, "freshness", fresh)
    assert not says_that_it_is_stale(cluster, http)
