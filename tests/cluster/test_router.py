"""Routers before a cluster in this process: what they answer, and what they say to clients that are wrong."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from tests.cluster.http_client import Http, connected, routers

from quorumlog import Cluster
from quorumlog.runtime import gateway, router
from quorumlog.runtime.feed import Missing
from quorumlog.runtime.router import Router

DEPOSIT: Final = {"f": "deposit", "account": "ann", "amount": 5}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes with a ledger."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[list[Router]]:
    """Two routers that know nothing of each other."""
    with routers(cluster.config, 2) as running:
        yield running


@pytest.fixture
def http(pair: list[Router]) -> Iterator[Http]:
    """A connection to the first router."""
    with connected(pair[0]) as (client,):
        yield client


@pytest.fixture
def other(pair: list[Router]) -> Iterator[Http]:
    """A connection to the second router."""
    with connected(pair[1]) as (client,):
        yield client


def account() -> str:
    """An account that no other test uses."""
    return f"x{secrets.token_hex(4)}"


# -- commands and questions --------------------------------------------------------------------------------------


def deposited_twice_with_one_key(one: Http, other: Http) -> int:
    """What is there after a deposit of 7 was sent to both, with the same key, and to the first one again."""
    name, key = account(), secrets.token_hex(4)
    answers = [each.deposit(name, 7, Idempotency_Key=key) for each in (one, other, one)]
    assert [each.status for each in answers] == [200] * 3
    return one.balance(name)


def test_a_key_is_one_command_through_every_router(http: Http, other: Http) -> None:
    assert deposited_twice_with_one_key(http, other) == 7


def test_keys_of_each_router_would_be_noticed(http: Http, other: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: the session is named by more than the key."""

    class Different(str):
        def __add__(self, key: str) -> str:
            return super().__add__(key) + secrets.token_hex(4)

    monkeypatch.setattr(gateway, "KEY", Different("key:"))
    assert deposited_twice_with_one_key(http, other) > 7


def test_commands_without_a_key_are_commands_of_their_own(http: Http, other: Http) -> None:
    name = account()
    for each in (http, other, http):
        assert each.deposit(name, 7).body["answer"] is True
    assert http.balance(name) == 21


def test_keys_are_the_same_only_if_all_of_them_is(http: Http) -> None:
    name = account()
    long = f"key {name} " + "k" * 150
    keys = (name, name.upper(), name[:-1], long, f"{long}1", f"{long}2", long)
    for key in keys:
        assert http.deposit(name, 1, Idempotency_Key=key).body["answer"] is True
    assert http.balance(name) == len({*keys}) == 6


@pytest.mark.parametrize("keyed", [False, True])
def test_what_is_expected_is_compared(http: Http, keyed: bool) -> None:
    at = http.deposit(account(), 1).body["at"]["a"]
    asked = {"command": DEPOSIT, "expected": at}
    first, second = ({"Idempotency_Key": account()} if keyed else {} for _ in range(2))
    assert http.post("/v1/commands", asked, **first).body == {"answer": True, "at": {"a": at + 1}}
    late = http.post("/v1/commands", asked, **second)
    assert (late.status, late.body["events"]) == (409, at + 1)
    if keyed:
        assert [http.post("/v1/commands", asked, **key).status for key in (first, second)] == [200, 409]


def test_a_transfer_is_done_or_declined(http: Http) -> None:
    one, two = account(), account()
    http.deposit(one, 10)
    asked = {"from": one, "to": two, "amount": 4}
    assert http.post("/v1/transfers", asked).body["outcome"] == "done"
    exchanged = http.post("/v1/transfers", {**asked, "exchange": True}).body
    assert exchanged["outcome"] == "done"
    assert http.post("/v1/transfers", asked).body["outcome"] == "declined"
    assert (http.balance(one), http.balance(two)) == (2, 4 + exchanged["received"])


def test_questions_are_answered_in_three_ways(http: Http) -> None:
    name = account()
    token = http.deposit(name, 3).headers["quorumlog-token"]
    assert [http.balance(name, way, Quorumlog_Token=token) for way in ("log", "index", "model")] == [3, 3, 3]
    for way in ("log", "index", "model"):
        asked = {"question": {"f": "balance", "account": name}, "through": way}
        assert http.post("/v1/questions", asked).body["answer"] == 3
    totals = [http.get(f"/v1/total?through={way}", Quorumlog_Token=token) for way in ("log", "index", "model")]
    assert len({each.body["total"] for each in totals}) == 1


def test_whoever_has_seen_something_is_told_no_less(http: Http, other: Http) -> None:
    """The token of one router counts at the other one."""
    name = account()
    for amount in range(1, 20):
        token = http.deposit(name, 1).headers["quorumlog-token"]
        found = other.get(f"/v1/accounts/{name}?through=model", Quorumlog_Token=token)
        assert found.body["balance"] == amount
        assert found.body["staleness"]["complete_ms_ago"] >= 0
    ahead = other.get(f"/v1/accounts/{name}?through=model&timeout=0.2", Quorumlog_Token="a=1000000")
    assert (ahead.status, ahead.headers["retry-after"]) == (503, "1")


def test_an_account_of_which_nothing_is_known(http: Http) -> None:
    unknown = http.get("/v1/accounts/nobody?through=model")
    assert (unknown.status, unknown.error.split(" occurs")[0]) == (404, "account: 'nobody'")
    assert http.balance("nobody") == 0


# -- events ------------------------------------------------------------------------------------------------------


def test_events_are_pulled_by_a_cursor(http: Http) -> None:
    name = account()
    after = http.deposit(name, 1).body["at"]["a"]
    for amount in range(2, 7):
        token = http.deposit(name, amount).headers["quorumlog-token"]
    assert http.balance(name, "model", Quorumlog_Token=token) == 21
    found: list[Any] = []
    cursor = after
    while len(found) < 5:
        page = http.get(f"/v1/groups/a/events?after={cursor}&limit=2").body
        assert page["next"] == page["events"][-1]["position"]
        found += page["events"]
        cursor = page["next"]
    assert [each["position"] for each in found] == list(range(after + 1, after + 6))
    assert [each["event"]["amount"] for each in found] == [2, 3, 4, 5, 6]
    assert http.get(f"/v1/groups/a/events?after={cursor}").body["events"] == []


def test_events_are_pushed_and_go_on_where_they_have_ended(http: Http, other: Http, pair: list[Router]) -> None:
    name = account()
    after = other.deposit(name, 1).body["at"]["a"] - 1
    with connected(pair[0]) as (second,), ThreadPoolExecutor(1) as beside:
        streamed = beside.submit(second.stream, f"/v1/groups/a/stream?after={after}", 4)
        for amount in (2, 3, 4):
            other.deposit(name, amount)
        first = streamed.result()
    assert [number for number, _ in first] == [after + 1, after + 2, after + 3, after + 4]
    assert [event["event"]["amount"] for _, event in first] == [1, 2, 3, 4]
    again = http.stream("/v1/groups/a/stream", 2, Last_Event_ID=str(after + 2))
    assert [event["event"]["amount"] for _, event in again] == [3, 4]


def test_a_copy_that_cannot_be_made_is_told(http: Http, pair: list[Router]) -> None:
    """All servers have dropped what it lacks: events and copies are gone, and everything else goes on."""
    with routers(pair[0].gateway.config) as (running,), connected(running) as (other,):
        feed = running.gateway.groups["a"].feed
        feed.failure = Missing("all servers of group a have dropped the first 7 entries")
        said = "there is no copy of group a: all servers of group a have dropped the first 7 entries"
        for path in ("/v1/groups/a/events", "/v1/groups/a/stream", "/v1/total?through=model"):
            found = other.get(path)
            assert (found.status, found.body) == (410, {"error": said})
        assert other.deposit("ann", 1).status == 200


# -- clients that are wrong ----------------------------------------------------------------------------------------

WRONG: Final = [
    ("/v1/commands", b"{", "body: expected JSON"),
    ("/v1/commands", b"[" * 60_000, "body: "),
    ("/v1/commands", b"\xff\xfe", "body: "),
    ("/v1/commands", {}, "body: object missing required field command"),
    ("/v1/commands", {"command": DEPOSIT, "more": 1}, "body: object contains unknown field more"),
    ("/v1/commands", {"command": DEPOSIT, "expected": -1}, "body.expected: expected int >= 0"),
    ("/v1/commands", {"command": {**DEPOSIT, "amount": "5"}}, "command.amount: expected int, found str"),
    ("/v1/commands", {"command": {**DEPOSIT, "amount": 0}}, "command: expected an amount greater than 0"),
    ("/v1/commands", {"command": {**DEPOSIT, "amount": 2**53}}, "command: expected an amount of at most"),
    ("/v1/commands", {"command": {**DEPOSIT, "amount": 10**400}}, "command: expected an amount of at most"),
    ("/v1/commands", {"command": {**DEPOSIT, "amout": 5}}, "command.amout: there is no such field"),
    ("/v1/commands", {"command": {"f": "steal"}}, "command.f: invalid value 'steal'"),
    ("/v1/commands", {"command": DEPOSIT, "group": 5}, "body.group: expected str | null, found int"),
    ("/v1/commands?timeout=never", {"command": DEPOSIT}, "timeout: expected seconds"),
    ("/v1/commands?patience=5", {"command": DEPOSIT}, "patience: there is no such parameter"),
    ("/v1/transfers", {"from": "ann", "to": "ann", "amount": 5}, "to: expected two accounts"),
    ("/v1/transfers", {"from": "ann", "to": "bob", "amount": 0}, "body.amount: expected int >= 1"),
    ("/v1/questions", {"question": DEPOSIT}, "question: expected something that changes nothing, found deposit"),
    ("/v1/questions", {"question": {"f": "total"}, "through": "fog"}, "body.through: invalid enum value 'fog'"),
]


@pytest.mark.parametrize(("path", "body", "sentence"), WRONG, ids=[sentence for _, _, sentence in WRONG])
def test_a_wrong_request_is_told_where(http: Http, path: str, body: object, sentence: str) -> None:
    found = http.post(path, body)
    assert found.status == 400
    assert found.error.startswith(sentence)
    assert "\n" not in found.error


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("Idempotency_Key", "", "Idempotency-Key: expected 1 to 200"),
        ("Idempotency_Key", "k" * 201, "Idempotency-Key: expected 1 to 200"),
        ("Quorumlog_Token", "a", "Quorumlog-Token: expected GROUP=NUMBER"),
        ("Quorumlog_Token", "a=9999999999999999", "Quorumlog-Token: expected numbers below"),
    ],
)
def test_wrong_headers_are_told_so(http: Http, name: str, value: str, sentence: str) -> None:
    found = http.deposit("ann", 1, **{name: value})
    assert (found.status, found.error[: len(sentence)]) == (400, sentence)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/groups/z/events", "group: expected one of a, found 'z'"),
        ("/v1/groups/z/stream", "group: expected one of a, found 'z'"),
        ("/v2/commands", "/v2/commands: there is no such route"),
    ],
)
def test_what_is_not_there(http: Http, path: str, sentence: str) -> None:
    found = http.get(path)
    assert (found.status, found.error[: len(sentence)]) == (404, sentence)


def test_a_route_is_asked_in_one_way(http: Http) -> None:
    assert http.get("/v1/commands").status == 405


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "after=1&after=2", "until=3"])
def test_cursors_are_numbers(http: Http, query: str) -> None:
    found = http.get(f"/v1/groups/a/events?{query}")
    assert (found.status, found.error.split(":")[0]) == (400, query.split("=")[0])


def test_pages_of_other_sites_are_not_served(http: Http) -> None:
    host, port = http.address
    assert http.deposit("ann", 1, Origin="https://example.com").status == 403
    assert http.deposit("ann", 1, Origin="null").status == 403
    assert http.deposit("ann", 1, Origin=f"http://{host}:{port}").status == 200


def test_what_is_too_large_is_not_kept(http: Http) -> None:
    for size in (65_537, 900_000):
        body = http.post("/v1/commands", b" " * size)
        assert (body.status, body.error) == (413, "body: expected at most 65536 bytes")
    assert http.post("/v1/commands", b" " * 65_536).status == 400
    command = http.deposit("a" * 40_000, 1)
    assert (command.status, command.error[:34]) == (413, "command: expected at most 32768 by")
    assert http.deposit("ann", 1).status == 200


def test_a_body_without_an_end_is_refused(http: Http) -> None:
    with socket.create_connection(http.address, timeout=10) as connection:
        connection.sendall(b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n")
        said = b""
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                connection.sendall(b" " * 65_536)
            said = connection.recv(1000)
    assert said[:12] in (b"HTTP/1.1 413", b"")
    assert http.deposit("ann", 1).status == 200


def test_hostile_connections_end_and_nothing_else(http: Http) -> None:
    for said in (b"\x00" * 100, b"GET / HTTP/9\r\n\r\n", b"POST /v1/commands HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
        with socket.create_connection(http.address, timeout=5) as connection:
            connection.sendall(said)
            assert connection.recv(1000)[:12] in (b"HTTP/1.1 400", b"")
    for _ in range(20):
        with socket.create_connection(http.address, timeout=5) as connection:
            connection.sendall(b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    with socket.create_connection(http.address, timeout=5) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX: " + b"y" * 200_000)
        assert connection.recv(1000)[:12] in (b"HTTP/1.1 400", b"")
    assert http.deposit("ann", 1).status == 200


def test_connections_on_which_nothing_is_asked_are_closed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "HEAD", 0.3)
    monkeypatch.setattr(router, "KEPT", 0.6)
    with routers(cluster.config) as (running,), connected(running) as (http,):
        with socket.create_connection(running.address, timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
            assert connection.recv(1000) == b""
        with socket.create_connection(running.address, timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            found = b""
            while not found.endswith(b'{"ok":true}'):
                found += connection.recv(1000)
            connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
            assert connection.recv(1000) == b""
        waiting = http.get("/v1/accounts/ann?through=model&timeout=1.5", Quorumlog_Token="a=1000000")
        assert waiting.status == 503


# -- how things are ------------------------------------------------------------------------------------------------


def test_the_cluster_is_seen(http: Http) -> None:
    assert http.get("/health").body == {"ok": True}
    assert http.get("/ready").body == {"ok": True}
    servers = http.get("/v1/status").body["groups"]["a"]
    assert sorted(each["role"] for each in servers.values()) == ["follower", "follower", "leader"]


def test_metrics_count(http: Http) -> None:
    counted = 'quorumlog_router_requests_total{route="/v1/commands",status="200"} '

    def count() -> float:
        lines = http.get("/metrics").body.splitlines()
        return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))

    before = count()
    http.deposit("ann", 1)
    assert count() == before + 1
    assert 'quorumlog_server_up{group="a",server="a3"} 1.0' in http.get("/metrics").body
