"""Sessions over HTTP: commands with a number, whose answers the servers forget once the client has them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.cluster.http_client import Http, Response, connected, routers

from quorumlog import Cluster
from quorumlog.ledger.commands import Deposit
from quorumlog.runtime import gateway, routes, trouble
from quorumlog.runtime.server import Server
from quorumlog.runtime.session import Expected, Full
from quorumlog.runtime.wire import Limits

DEPOSIT: Final = {"f": "deposit", "account": "ann", "amount": 5}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One node with a ledger."""
    with Cluster(size=1) as running:
        yield running


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[list[Http]]:
    """Connections to two routers that know nothing of each other."""
    with routers(cluster.config, 2) as running, connected(*running) as clients:
        yield clients


def name() -> str:
    """A session, or an account, that no other test uses."""
    return f"x{secrets.token_hex(4)}"


def asked(http: Http, session: str, number: int, received: int | None = None, account: str = "ann") -> Response:
    """Deposit as many as the number says, as the command of this number."""
    command = {"f": "deposit", "account": account, "amount": number}
    more = {} if received is None else {"received": received}
    return http.post("/v1/commands?timeout=2", {"command": command, "session": session, "number": number, **more})


def kept(cluster: Cluster, session: str) -> tuple[int, int]:
    """The last command of a session, and how many answers the node keeps."""

    async def looked() -> tuple[int, int]:
        server: Server[Any, Any, Any, Any, Any] = cluster._nodes["a1"].server
        found = server.node.gate.table.session(session)
        return found.last, len(found.kept)

    return cluster._background.wait(looked())


def test_a_number_is_one_command_through_every_router(pair: list[Http]) -> None:
    session, account = name(), name()
    for number in range(1, 4):
        answers = [asked(each, session, number, account=account).body for each in (*pair, pair[0])]
        assert answers == [answers[0]] * 3
    assert pair[1].balance(account) == 1 + 2 + 3


def test_answers_that_were_received_are_forgotten_and_never_new(cluster: Cluster, pair: list[Http]) -> None:
    session, account = name(), name()
    for number in range(1, 6):
        assert asked(pair[0], session, number, number - 1, account).status == 200
    assert kept(cluster, session) == (5, 1)
    for number in (1, 4):
        gone = asked(pair[1], session, number, account=account)
        assert (gone.status, gone.error.split(",")[0]) == (
            410,
            f"the answer to command {number} of {session} is forgotten",
        )
    assert asked(pair[1], session, 5, account=account).status == 200
    assert pair[0].balance(account) == 1 + 2 + 3 + 4 + 5


def test_what_is_forgotten_would_wait_without_being_told(pair: list[Http], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: nobody asks what is known of the session."""
    session = name()
    assert [asked(pair[0], session, number, number - 1).status for number in (1, 2)] == [200, 200]
    monkeypatch.setattr("quorumlog.runtime.client.Client.ask_about", lambda *_: None)
    assert asked(pair[0], session, 1).status == 503


def test_without_a_word_the_last_answers_are_kept(
    cluster: Cluster, pair: list[Http], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "KEPT", 3)
    session = name()
    for number in range(1, 9):
        assert asked(pair[number % 2], session, number).status == 200
    assert kept(cluster, session) == (8, 3)
    assert gateway.KEPT == 64


def test_a_session_is_that_of_the_native_client(cluster: Cluster, pair: list[Http]) -> None:
    """What was asked by one is answered to the other."""
    session, account = name(), name()
    assert asked(pair[0], session, 1, account=account).body["answer"] is True
    with cluster.client(session=session) as ledger:
        assert ledger.ask(Deposit(account, 1)) is True
    assert pair[0].balance(account) == 1


def test_a_command_waits_for_the_one_before_it(pair: list[Http]) -> None:
    session, account = name(), name()
    assert asked(pair[0], session, 2, account=account).status == 503
    assert pair[0].balance(account) == 0
    assert [asked(pair[0], session, number, account=account).status for number in (1, 2)] == [200, 200]
    assert pair[0].balance(account) == 3


def test_what_was_expected_is_compared_once(pair: list[Http]) -> None:
    session = name()
    at = pair[0].deposit("ann", 1).body["at"]["a"]
    body = {"command": DEPOSIT, "session": session, "number": 1, "expected": at + 1}
    found = [each.post("/v1/commands", body) for each in pair]
    assert [each.status for each in found] == [409, 409]
    pair[0].deposit("ann", 1)
    assert pair[0].post("/v1/commands", body).body["events"] == at


def full(size: int) -> list[int]:
    """What comes of a key, of a session, of commands of the router's own, and of both once more, one after another."""
    limits = Limits(sessions=size)
    with Cluster(size=1, limits=limits) as small, routers(small.config) as (running,), connected(running) as (http,):
        found = [http.deposit("ann", 1, Idempotency_Key="k")]
        found += [asked(http, "s", number) for number in (1, 2)]
        found += [http.deposit("ann", 1) for _ in range(2)]
        found += [http.deposit("ann", 1, Idempotency_Key="k"), asked(http, "s", 3)]
        known = http.get("/v1/status").body["groups"]["a"]["a1"]["sessions"]
        assert f'quorumlog_server_sessions{{group="a",server="a1"}} {known}.0' in http.get("/metrics").body
        assert known == min(size, 3)
        with small.client() as ledger, pytest.raises(Full if size < 4 else Expected):
            ledger.ask(Deposit("ann", 1), expected=1)
        return [each.status for each in found]


def test_there_are_only_so_many_sessions_and_keys() -> None:
    """Those that are known go on; a new one is refused, and so is what the router asks in a session of its own."""
    assert full(2) == [200, 200, 200, 409, 409, 200, 200]
    assert full(1) == [200, 409, 409, 409, 409, 200, 409]
    assert full(10) == [200] * 7


def no_room() -> Response:
    """What a new key is told where there is room for one session, which is known."""
    limits = Limits(sessions=1)
    with Cluster(size=1, limits=limits) as small, routers(small.config) as (running,), connected(running) as (http,):
        assert asked(http, "s", 1).status == 200
        found = http.deposit("ann", 1, Idempotency_Key="k")
        assert http.balance("ann") == 1
        assert asked(http, "s", 2).status == 200
        return found


def is_clear(found: Response) -> bool:
    """Whether a refusal says in one line what is full and what has happened, and when to look again."""
    line = "there are as many sessions and keys as may be ([limits] sessions), and key:k is none of them"
    return (found.status, found.error) == (409, f"{line}; nothing has happened") and int(
        found.headers.get("retry-after", 0)
    ) > 1


def test_that_there_is_no_room_is_said_in_one_line_and_when_to_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_clear(no_room())
    monkeypatch.setattr(trouble, "LATER", None)
    assert not is_clear(no_room())


WRONG: Final = [
    ({"number": 1}, "body.session: expected it beside number and received"),
    ({"received": 1}, "body.session: expected it beside number and received"),
    ({"session": "s"}, "body.number: expected which command of the session this is, from 1"),
    ({"session": "s", "number": 0}, "body.number: expected int >= 1"),
    ({"session": "s", "number": 2**53}, "body.number: expected int <= 900719925474099"),
    ({"session": "s", "number": 2, "received": 2}, "body.received: expected less than number, found 2"),
    ({"session": "", "number": 1}, "body.session: expected 1 to 200 printable"),
    ({"session": "key:x", "number": 1}, "body.session: expected a name without a colon"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG, ids=[str(fields) for fields, _ in WRONG])
def test_wrong_sessions_are_told_where(pair: list[Http], fields: dict[str, Any], sentence: str) -> None:
    found = pair[0].post("/v1/commands", {"command": DEPOSIT, **fields})
    assert (found.status, found.error[: len(sentence)]) == (400, sentence)


def test_a_session_has_no_keys(pair: list[Http]) -> None:
    body = {"command": DEPOSIT, "session": "s", "number": 1}
    found = pair[0].post("/v1/commands", body, Idempotency_Key="k")
    assert (found.status, found.error.split(",")[0]) == (400, "body.session: expected it without Idempotency-Key")
