"""Whatever clients send, a router answers with a status of its own choice, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.cluster.http_client import Http, connected, routers

from quorumlog import Cluster
from quorumlog.runtime import web
from quorumlog.runtime.api import Through

EXPECTED: Final = {200, 400, 404, 409, 413}
MANY: Final = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS: Final = ["f", "command", "question", "group", "expected", "through", "from", "to", "amount", "account"]
VALUES: Final = ["deposit", "withdraw", "transfer", "exchange", "balance", "total", "ann", "a", "log", "model"]
WORDS: Final = st.sampled_from([*FIELDS, *VALUES])
LEAVES: Final = (
    WORDS | st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
)
ANYTHING: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(), inner, max_size=4),
    max_leaves=12,
)
COMMANDS: Final = st.fixed_dictionaries(
    {"f": WORDS}, optional=dict.fromkeys(("account", "amount", "from", "to"), ANYTHING)
)
BODIES: Final = (
    st.fixed_dictionaries({"command": COMMANDS}, optional={"expected": LEAVES, "group": LEAVES})
    | st.fixed_dictionaries({"question": COMMANDS}, optional={"through": WORDS, "group": LEAVES})
    | ANYTHING
)
PATHS: Final = st.sampled_from(["/v1/commands", "/v1/transfers", "/v1/questions"])


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    """A connection to a router before a node."""
    with Cluster(size=1) as cluster, routers(cluster.config) as (running,), connected(running) as (client,):
        yield client


@MANY
@given(path=PATHS, body=BODIES)
@example(path="/v1/commands", body={"\n": None})
def test_any_json_is_answered(http: Http, path: str, body: object) -> None:
    found = http.post(path, body)
    assert found.status in EXPECTED, found
    assert found.status == 200 or "\n" not in found.error


@MANY
@given(path=PATHS, body=st.binary(max_size=200))
def test_any_bytes_are_answered(http: Http, path: str, body: bytes) -> None:
    assert http.post(path, body).status in EXPECTED


@MANY
@given(
    path=st.sampled_from(["/v1/accounts/ann", "/v1/total", "/v1/groups/a/events", "/v1/status"]),
    name=st.sampled_from(["through", "timeout", "after", "limit", "x"]),
    value=st.text("0123456789.-+ex%&=", max_size=9),
)
def test_any_parameter_is_answered(http: Http, path: str, name: str, value: str) -> None:
    assert http.get(f"{path}?{name}={value}&timeout=5").status in EXPECTED


def test_a_router_that_fails_says_so_and_goes_on(
    http: Http, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mutant: what would be noticed above."""

    def failing(*_: object) -> Through:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(web, "chosen", failing)
    found = http.get("/v1/total")
    assert found.status == 500
    assert found.status not in EXPECTED
    assert "ZeroDivisionError: a mistake" in capsys.readouterr().err
    monkeypatch.undo()
    assert http.get("/v1/total").status == 200
