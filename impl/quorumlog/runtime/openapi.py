"""The router's routes as an OpenAPI document, made of the types that it reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from quorumlog.runtime import api
from quorumlog.runtime.feed import Event
from quorumlog.runtime.gateway import Gateway

REFERENCE: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
Document = dict[str, Any]


class Described(Protocol):
    """A route."""

    @property
    def method(self) -> str:
        """How it is asked."""

    @property
    def path(self) -> str:
        """By which address."""


class Operation(NamedTuple):
    """What is to be said of a route: the types of body and answer, its parameters, and what else it may answer."""

    summary: str
    answer: Any
    body: Any = None
    parameters: tuple[str, ...] = ()
    troubles: tuple[int, ...] = ()
    media: str = JSON


COMMAND: Final = ("timeout", "Idempotency-Key", "Quorumlog-Token")
READ: Final = ("through", "timeout", "Quorumlog-Token")
BUSY: Final = (400, 409, 422, 429, 502, 503)

OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "/v1/commands"): Operation(
        "Have a command executed, once for each Idempotency-Key.",
        api.Answered,
        api.Submission,
        COMMAND,
        (404, 408, 410, 413, *BUSY),
    ),
    ("POST", "/v1/transfers"): Operation(
        "Move money between two accounts, on one shard or two.",
        api.TransferEnded,
        api.TransferWanted,
        COMMAND,
        (404, 408, 410, 413, *BUSY),
    ),
    ("POST", "/v1/questions"): Operation(
        "Ask something that changes nothing.",
        api.Answered,
        api.Question,
        ("timeout", "Quorumlog-Token"),
        (404, 408, 410, 413, *BUSY),
    ),
    ("GET", "/v1/accounts/{account}"): Operation(
        "What an account holds.", api.Held, None, ("account", *READ), (404, 410, 413, *BUSY)
    ),
    ("GET", "/v1/total"): Operation("What all accounts hold together.", api.HeldByAll, None, READ, (404, 410, *BUSY)),
    ("GET", "/v1/groups/{group}/events"): Operation(
        "Events after a cursor.",
        api.Page,
        None,
        ("group", "after", "limit", "timeout", "Quorumlog-Token"),
        (400, 404, 410, 429, 503),
    ),
    ("GET", "/v1/groups/{group}/copy"): Operation(
        "How far the router's copy of the events is, of which server, and how old.",
        api.CopyOfEvents,
        None,
        ("group", "current", "timeout", "Quorumlog-Token"),
        (400, 404, 410, 429, 503),
    ),
    ("GET", "/v1/groups/{group}/stream"): Operation(
        "Events as they come, as server-sent events; the data of each is an Event.",
        str,
        None,
        ("group", "after", "Last-Event-ID"),
        (400, 404, 410, 503),
        "text/event-stream",
    ),
    ("GET", "/v1/status"): Operation("How the servers are.", api.ClusterStatus, None, (), (400,)),
    ("GET", "/health"): Operation("Whether the router runs.", api.Health, None, (), (400,)),
    ("GET", "/ready"): Operation("Whether each group has a leader.", api.Health, None, (), (400, 503)),
    ("GET", "/metrics"): Operation("Metrics for Prometheus.", str, None, (), (400,), "text/plain"),
    ("GET", "/openapi.json"): Operation("This document.", dict[str, Any], None, (), (400,)),
}

NUMBER: Final = {"type": "integer", "minimum": 0}
TEXT: Final = {"type": "string"}
PARAMETERS: Final[Mapping[str, tuple[str, Document, str]]] = {
    "account": ("path", TEXT, "An account."),
    "group": ("path", TEXT, "A group of servers."),
    "timeout": ("query", {"type": "number", "exclusiveMinimum": 0, "maximum": 60}, "Seconds to wait for the answer."),
    "through": (
        "query",
        {"type": "string", "enum": ["log", "index", "model"], "default": "index"},
        "By an event in the log, by asking a quorum, or from the router's copy, which is late.",
    ),
    "current": (
        "query",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
        "Whether to wait until it is known how old the copy is.",
    ),
    "after": ("query", {**NUMBER, "default": 0}, "How many events are known already."),
    "limit": ("query", {**NUMBER, "minimum": 1, "maximum": 1000, "default": 100}, "How many events at most."),
    "Idempotency-Key": ("header", {**TEXT, "maxLength": 200}, "The same key is the same command, at every try."),
    "Quorumlog-Token": ("header", TEXT, "What was seen, as an answer has said: a copy tells no less."),
    "Last-Event-ID": ("header", NUMBER, "The last event that has arrived."),
}

TROUBLES: Final[Mapping[int, str]] = {
    400: "The request is wrong, and the sentence names the field.",
    403: "A browser asks for a page of another site.",
    404: "There is no such account, group or route.",
    408: "The body does not come.",
    409: "There were not as many events as expected, or there is no room for a new key or session.",
    410: "The answer, how this transfer has ended, or the events are not remembered any more.",
    413: "The body or the command is too large.",
    422: "The application refuses it, and says why: nothing has happened.",
    429: "Too many requests from this address are not answered yet.",
    502: "A group does not want to be asked.",
    503: "Nobody has answered in time, something is in doubt, or too much is asked: ask again.",
}
LATER: Final = (409, 429, 503)


def described(routes: Iterable[Described], gateway: Gateway) -> Document:
    """The document about these routes. Raises `KeyError` at one of which nothing is said."""
    types = [group.hosted.codec.types[0] for group in gateway.groups.values()]
    commands = {repr(each): each for each in types}
    kinds = [each for said in OPERATIONS.values() for each in (said.answer, said.body) if each is not None]
    schemas, components = msgspec.json.schema_components(
        [*kinds, api.Problem, Event, *commands.values()], ref_template=REFERENCE
    )
    of = dict(zip([*map(repr, kinds), "problem", "event", *commands], schemas, strict=True))
    anything = {"oneOf": [of[name] for name in commands]}
    components["Submission"]["properties"]["command"] = anything
    components["Question"]["properties"]["question"] = anything
    paths: dict[str, Document] = {}
    listed = [(route.method, route.path) for route in routes]
    for method, path in [*listed, ("GET", "/openapi.json")]:
        paths.setdefault(path, {})[method.lower()] = operation_of(OPERATIONS[method, path], of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "quorumlog",
            "version": version("quorumlog"),
            "description": "A replicated event log, through a router.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def operation_of(said: Operation, of: Mapping[str, Document]) -> Document:
    """One route, in the words of OpenAPI."""
    token = {"Quorumlog-Token": {"schema": TEXT, "description": PARAMETERS["Quorumlog-Token"][2]}}
    answer: Document = {"description": "The answer.", "content": {said.media: {"schema": of[repr(said.answer)]}}}
    if "Quorumlog-Token" in said.parameters:
        answer["headers"] = token
    responses = {"200": answer}
    for status in sorted({403, *said.troubles}):
        content = {JSON: {"schema": of["problem"]}}
        responses[str(status)] = {"description": TROUBLES[status], "content": content}
        if status in LATER:
            responses[str(status)]["headers"] = {"Retry-After": {"schema": NUMBER, "description": "Seconds."}}
    operation: Document = {"summary": said.summary, "responses": responses}
    if said.parameters:
        operation["parameters"] = [parameter_of(name) for name in said.parameters]
    if said.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": of[repr(said.body)]}}}
    return operation


def parameter_of(name: str) -> Document:
    """A parameter, in the words of OpenAPI."""
    place, schema, description = PARAMETERS[name]
    found = {"name": name, "in": place, "schema": schema, "description": description}
    return {**found, "required": True} if place == "path" else found
