"""The document at /openapi.json describes every route, and what routers answer is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from tests.cluster.http_client import Http, Response, connected, routers

from quorumlog import Cluster
from quorumlog.runtime import openapi, router
from quorumlog.runtime.router import Router
from quorumlog.runtime.routes import Routes

# It comes with check-jsonschema, and says nothing of its types.
DRAFT: Final[Any] = import_module("jsonschema").Draft202012Validator


@pytest.fixture(scope="module")
def running() -> Iterator[Router]:
    """A router before a node."""
    with Cluster(size=1) as cluster, routers(cluster.config) as (started,):
        yield started


@pytest.fixture
def http(running: Router) -> Iterator[Http]:
    """A connection to it."""
    with connected(running) as (client,):
        yield client


@pytest.fixture
def document(http: Http) -> dict[str, Any]:
    """What it says of itself."""
    return cast("dict[str, Any]", http.get("/openapi.json").body)


def served() -> set[tuple[str, str]]:
    """The routes that there are."""
    nowhere = cast(Routes, SimpleNamespace(**dict.fromkeys(vars(Routes))))
    return {(each.method, each.path) for each in router.entrances(nowhere)} | {("GET", "/openapi.json")}


def missing(document: dict[str, Any]) -> set[tuple[str, str]]:
    """The routes that are served and not described, or the other way round."""
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    return described ^ served()


def test_every_route_is_described(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert missing(document) == set()


def test_a_route_that_is_not_described_would_be_noticed(document: dict[str, Any]) -> None:
    """A mutant, and a router that would not start."""
    del document["paths"]["/v1/total"]
    assert missing(document) == {("GET", "/v1/total")}
    with pytest.raises(KeyError):
        openapi.described([router.Entrance("GET", "/secret", cast(Any, None))], cast(Any, SimpleNamespace(groups={})))


def references(value: object) -> Iterator[str]:
    """All references in a document."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_holds_together(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    found = set(references(document))
    assert {each.rsplit("/", 1)[1] for each in found} <= set(schemas)
    assert all(each.startswith("#/components/schemas/") for each in found)
    for schema in schemas.values():
        DRAFT.check_schema(schema)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
    commands = schemas["Submission"]["properties"]["command"]
    assert "$ref" in str(commands)
    assert {"Deposit", "Transfer", "Balance"} <= set(schemas)


def check(document: dict[str, Any], method: str, path: str, said: Response) -> None:
    """An answer is what the document says of this route. Raises `ValidationError`."""
    responses = document["paths"][path][method]["responses"]
    schema = responses[str(said.status)]["content"]["application/json"]["schema"]
    DRAFT({**schema, "components": document["components"]}).validate(said.body)


def test_answers_are_what_the_document_says(http: Http, document: dict[str, Any]) -> None:
    deposit = {"f": "deposit", "account": "ann", "amount": 9}
    transfer = {"from": "ann", "to": "bob", "amount": 1, "exchange": True}
    asked = {"question": {"f": "balance", "account": "ann"}, "through": "model"}
    check(document, "post", "/v1/commands", http.post("/v1/commands", {"command": deposit}))
    check(document, "post", "/v1/commands", http.post("/v1/commands", {"command": deposit, "expected": 0}))
    check(document, "post", "/v1/commands", http.post("/v1/commands", {"command": {}}))
    for number, received in ((1, 0), (2, 1), (1, 0)):
        asked_in_session = {"command": deposit, "session": "s", "number": number, "received": received}
        check(document, "post", "/v1/commands", http.post("/v1/commands", asked_in_session))
    check(document, "post", "/v1/commands", http.post("/v1/commands", b" " * 100_000))
    http.close()
    check(document, "post", "/v1/transfers", http.post("/v1/transfers", transfer))
    check(document, "post", "/v1/questions", http.post("/v1/questions", asked, Quorumlog_Token="a=2"))
    for way in ("log", "index", "model"):
        check(document, "get", "/v1/accounts/{account}", http.get(f"/v1/accounts/ann?through={way}"))
        check(document, "get", "/v1/total", http.get(f"/v1/total?through={way}"))
    check(document, "get", "/v1/accounts/{account}", http.get("/v1/accounts/nobody?through=model"))
    check(document, "get", "/v1/groups/{group}/events", http.get("/v1/groups/a/events?limit=2"))
    check(document, "get", "/v1/groups/{group}/events", http.get("/v1/groups/z/events"))
    check(document, "get", "/v1/groups/{group}/copy", http.get("/v1/groups/a/copy?current=true"))
    check(document, "get", "/v1/groups/{group}/copy", http.get("/v1/groups/a/copy?current=perhaps"))
    for path in ("/v1/status", "/health", "/ready", "/openapi.json"):
        check(document, "get", path, http.get(path))


def test_another_answer_would_be_noticed(document: dict[str, Any]) -> None:
    for body in ({"account": "ann"}, {"account": "ann", "balance": "5", "through": "log", "at": {}}):
        with pytest.raises(Exception, match=r"balance|'5'"):
            check(document, "get", "/v1/accounts/{account}", Response(200, {}, body))
