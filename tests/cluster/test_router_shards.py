"""A router as a process before two shards and a coordinator: leaders are killed while requests are on their way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import ANY

import pytest
from tests.cluster.http_client import Http, Response
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.runtime.config import Address
from quorumlog.runtime.supervisor import Supervisor, free_addresses

ANN, CID, DOT, EXCHANGE = "ann", "cid", "dot", "exchange"
"""Two accounts of different shards, one more, and the one that all shards have a part of."""
WORKERS: Final = 8
PATIENT: Final = "?timeout=30"
PATIENCE: Final = 600
"""How often it is asked for a leader, every twentieth of a second."""


@contextmanager
def router(file: Path, address: Address) -> Iterator[subprocess.Popen[str]]:
    """The command `quorumlog router`."""
    command = ["router", "--config", str(file), "--listen", f"{address[0]}:{address[1]}"]
    code = "from quorumlog.cli import app; app()"
    with subprocess.Popen([sys.executable, "-c", code, *command], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"quorumlog: the router listens on http://{address[0]}:{address[1]}\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def addresses(shards: Supervisor) -> Iterator[list[Address]]:
    """Two routers."""
    one, two = free_addresses(2)
    with router(shards.file, one), router(shards.file, two):
        yield [one, two]


def leaders(http: Http) -> list[str]:
    """Who leads the groups, as soon as one of them has a leader."""
    for _ in range(PATIENCE):
        groups = http.get("/v1/status").body["groups"].values()
        states = [(name, each) for servers in groups for name, each in servers.items()]
        found = [name for name, each in states if each and each["role"] == "leader"]
        if found:
            return found
        time.sleep(0.05)
    pytest.fail("no group has found a leader")


def transferred(address: Address, first: int, count: int) -> list[str]:
    """Transfer 1 from one shard to the other, again and again on one connection, and tell what came of each."""
    http = Http(address)
    found, ports = [], set()
    for number in range(first, first + count):
        asked = {"from": ANN, "to": CID, "amount": 1}
        ended = http.post(f"/v1/transfers{PATIENT}", asked, Idempotency_Key=f"t{number}")
        assert ended.status == 200, ended
        found.append(str(ended.body["outcome"]))
        ports.add(http.local_port)
    assert len(ports) == 1
    http.close()
    return found


def seen(token: str) -> dict[str, int]:
    """How far a token says that each group has been seen. Groups go on by themselves: transfers leave work behind."""
    return {group: int(position) for group, position in (part.split("=") for part in token.split(","))}


def test_requests_are_answered_on_their_connections_across_kill_9(shards: Supervisor, addresses: list[Address]) -> None:
    placement = shards.config.placement
    assert placement.home(ANN) != placement.home(CID)
    one, two = (Http(each) for each in addresses)
    total = one.get(f"/v1/total{PATIENT}").body["total"]
    asked = {"command": {"f": "deposit", "account": ANN, "amount": 1000}}
    assert one.post(f"/v1/commands{PATIENT}", asked, Idempotency_Key="first").body["answer"] is True
    with ThreadPoolExecutor(WORKERS) as workers:
        each = 25
        going = [workers.submit(transferred, addresses[n % 2], n * each, each) for n in range(WORKERS)]
        for _ in range(2):
            killed = leaders(one)
            shards.kill(*killed)
            assert not any(worker.done() for worker in going)
            shards.start(*killed)
        outcomes = [outcome for worker in going for outcome in worker.result()]
    assert outcomes == ["done"] * (WORKERS * each)
    again = transferred(addresses[0], 0, 3)
    assert again == ["done"] * 3
    for http in (one, two):
        for way in ("log", "index"):
            assert http.get(f"/v1/accounts/{ANN}{PATIENT}&through={way}").body["balance"] == 800
            assert http.get(f"/v1/accounts/{CID}{PATIENT}&through={way}").body["balance"] == 200
            assert http.get(f"/v1/total{PATIENT}&through={way}").body["total"] == total + 1000
    one.close()
    two.close()


def test_what_is_particular_to_shards(shards: Supervisor, addresses: list[Address]) -> None:
    http = Http(addresses[0])
    home = shards.config.placement.home(DOT)
    other = next(each for each in ("x", "y", "z", "u", "v") if shards.config.placement.home(each) != home)
    asked = {"command": {"f": "deposit", "account": DOT, "amount": 100}}
    token = http.post(f"/v1/commands{PATIENT}", asked).headers["quorumlog-token"]
    assert [*seen(token)] == [home]
    copy = http.get(f"/v1/accounts/{DOT}?through=model", Quorumlog_Token=token)
    assert copy.body["balance"] == 100
    assert seen(copy.headers["quorumlog-token"])[home] >= seen(token)[home]
    elsewhere = ({"a", "b"} - {home}).pop()  # what was seen there stays seen
    more = http.get(f"/v1/accounts/{DOT}?through=model", Quorumlog_Token=f"{token},{elsewhere}=1")
    assert seen(more.headers["quorumlog-token"]) == {home: ANY, elsewhere: 1}
    assert seen(more.headers["quorumlog-token"])[home] >= seen(token)[home]
    exchanged = http.post(f"/v1/transfers{PATIENT}", {"from": DOT, "to": other, "amount": 50, "exchange": True}).body
    assert exchanged["outcome"] == "done"
    assert http.get(f"/v1/accounts/{other}{PATIENT}").body["balance"] == exchanged["received"]
    assert http.get(f"/v1/accounts/{EXCHANGE}{PATIENT}").body["balance"] == 50 - exchanged["received"]
    assert http.post("/v1/transfers", {"from": other, "to": DOT, "amount": 500}).body["outcome"] == "declined"
    for wrong in ({"from": EXCHANGE, "to": DOT, "amount": 5}, {"from": DOT, "to": EXCHANGE, "amount": 5}):
        found = http.post("/v1/transfers", wrong)
        assert (found.status, found.error.split(",")[0]) == (
            400,
            f"account: expected an account other than '{EXCHANGE}'",
        )
    assert http.get("/v1/total?through=model").status == 400
    assert http.post("/v1/commands", {**asked, "group": home}).error.startswith("group: expected none")
    assert http.post("/v1/commands", {"command": {"f": "total"}, "expected": 3}).status == 400
    events = http.get("/v1/groups/c/events?limit=1000").body["events"]
    assert {each["event"]["was"] for each in events} >= {"begun", "decided"}
    http.close()


def elsewhere(shards: Supervisor, account: str) -> str:
    """An account of another shard."""
    home = shards.config.placement.home
    return next(name for name in (f"{account}{number}" for number in range(99)) if home(name) != home(account))


def test_sessions_are_with_one_group_each(shards: Supervisor, addresses: list[Address]) -> None:
    """The client says which one it means, is told if the accounts are elsewhere, and nothing has happened then."""
    placement = shards.config.placement
    one, two = "ida", elsewhere(shards, "ida")
    http = Http(addresses[0])

    def asked(number: int, group: str | None, **command: object) -> Response:
        body = {"command": command, "session": "till", "number": number, "group": group}
        return http.post(f"/v1/commands{PATIENT}", body)

    home = placement.home(one)
    deposit = {"f": "deposit", "account": one, "amount": 5}
    for wrong in (None, placement.home(two), "c"):
        assert asked(1, wrong, **deposit).error.startswith(f"group: expected {home}, ")
    assert [asked(1, home, **deposit).body["answer"] for _ in range(2)] == [True, True]
    moved = [asked(1, "c", f="transfer", **{"from": one, "to": two, "amount": 2}).body for _ in range(2)]
    assert [each["answer"] for each in moved] == [True, True]
    assert asked(2, home, f="balance", account=one).body["answer"] == 3
    assert asked(2, None, f="total").error.startswith("session: expected none")
    http.close()


def test_the_command_line_goes_to_all_groups(shards: Supervisor, addresses: list[Address]) -> None:
    one, two = "jon", elsewhere(shards, "jon")
    native, routed = ("--config", str(shards.file)), ("--url", f"http://{addresses[0][0]}:{addresses[0][1]}")

    def ran(*arguments: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["client", *arguments, "--timeout", "30"])
        return found.exit_code, found.output.strip()

    assert ran("deposit", one, "50", *native) == (0, "done")
    assert ran("transfer", one, two, "20", *native, "--key", "move") == (0, "done")
    assert ran("transfer", one, two, "20", *routed, "--key", "move") == (0, "done")
    assert ran("transfer", one, two, "2000", *native) == (1, "declined")
    for way in (native, routed):
        assert ran("balance", one, *way) == (0, "30")
        assert ran("balance", one, *way, "--through", "log") == (0, "30")
        assert ran("events", *way) == (2, "quorumlog: --group: expected one of a, b, c")
        assert ran("events", *way, "--group", "c", "--limit", "1")[0] == 0
    assert (
        len({ran("total", *way, "--through", through) for way in (native, routed) for through in ("log", "index")}) == 1
    )


def test_a_router_ends_when_it_is_told_to(shards: Supervisor) -> None:
    (address,) = free_addresses(1)
    with router(shards.file, address) as process:
        http = Http(address)
        assert http.get("/health").status == 200
        with ThreadPoolExecutor(1) as beside:
            stream = beside.submit(http.stream, "/v1/groups/a/stream", 1_000_000)
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(20) == 0
            with pytest.raises(EOFError):
                stream.result()
