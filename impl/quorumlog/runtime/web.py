"""From HTTP to values and back: bodies that are not too large, JSON that is what was expected, and answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from quorumlog.runtime.api import Problem
from quorumlog.runtime.checks import GREATEST, check_name
from quorumlog.runtime.trouble import Trouble, bad

TOKEN: Final = "Quorumlog-Token"
KEY: Final = "Idempotency-Key"
LONGEST_WAIT: Final = 60.0
BODY_WAIT: Final = 10.0
"""Seconds in which the body of a request has to arrive."""
THROWN_AWAY: Final = 1 << 20
"""Bytes of a body that is too large which are read though."""

TOKENS: Final = re.compile(r"[^=,\s]+=\d{1,16}(?:,[^=,\s]+=\d{1,16})*")


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request. Raises `Trouble` if it is larger than it may be, or does not come.

    What is too large is read on for a while and thrown away: a client that is sending would not see the answer.
    """
    found = bytearray()
    length = 0
    try:
        async with asyncio.timeout(BODY_WAIT):
            async for chunk in request.stream():
                length += len(chunk)
                if length <= most:
                    found += chunk
                elif length > most + THROWN_AWAY:
                    break
    except TimeoutError as error:
        raise Trouble(408, f"body: expected all of it within {BODY_WAIT:.0f} seconds") from error
    except ClientDisconnect as error:
        raise Trouble(400, "body: the connection has ended before it") from error
    if length > most:
        raise Trouble(413, f"body: expected at most {most} bytes")
    return bytes(found)


def answer(value: object, token: Mapping[str, int] | None = None, status: int = 200) -> Response:
    """A value as the answer to a request; with a token, if the client has seen something."""
    headers = {TOKEN: ",".join(f"{group}={at}" for group, at in sorted(token.items()))} if token else None
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def problem(trouble: Trouble) -> Response:
    """Why there is no answer."""
    headers = {"Retry-After": str(trouble.retry)} if trouble.retry is not None else {}
    if trouble.status in (408, 413):
        headers["Connection"] = "close"
    said = Problem(trouble.error, trouble.events)
    return Response(msgspec.json.encode(said), trouble.status, headers, "application/json")


# -- what stands in the line and the head of a request -----------------------------------------------------------


def check_address(request: Request) -> None:
    """What is asked for is text: else two names would look the same. Raises `Trouble`."""
    path, query = request.scope.get("raw_path", b""), request.scope.get("query_string", b"")
    try:
        unquote_to_bytes(path + query).decode()
    except UnicodeDecodeError as error:
        raise bad("address", "expected UTF-8 where there is a percent sign") from error


def check_parameters(request: Request, *names: str) -> None:
    """No parameter is given that means nothing here, or twice. Raises `Trouble`."""
    for name in request.query_params:
        if name not in names:
            raise bad(name, f"there is no such parameter, expected {', '.join(names) or 'none'}")
        if len(request.query_params.getlist(name)) > 1:
            raise bad(name, "expected it once")


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A parameter that is a number. Raises `Trouble`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise bad(name, f"expected a number from {least} to {most}, found {text[:40]!r}")
    return int(text)


def patience(request: Request, default: float) -> float:
    """How many seconds the client waits. Raises `Trouble`."""
    text = request.query_params.get("timeout")
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", text) or not 0 < float(text) <= LONGEST_WAIT:
        raise bad("timeout", f"expected seconds, more than 0 and up to {LONGEST_WAIT:.0f}, found {text[:40]!r}")
    return float(text)


def chosen(request: Request, name: str, default: str, among: tuple[str, ...]) -> Any:
    """A parameter that is one of a few words. Raises `Trouble`."""
    text = request.query_params.get(name, default)
    if text not in among:
        raise bad(name, f"expected one of {', '.join(among)}, found {text[:40]!r}")
    return text


def key(request: Request) -> str | None:
    """By which key a command is known, if it has one. Raises `Trouble`."""
    text = request.headers.get(KEY)
    return None if text is None else check_name(text, KEY)


def token(request: Request) -> dict[str, int]:
    """How many events of which groups the client has seen. Raises `Trouble`."""
    text = request.headers.get(TOKEN, "")
    if not text:
        return {}
    if len(text) > 4096 or not TOKENS.fullmatch(text):
        raise bad(TOKEN, "expected GROUP=NUMBER,... as an answer has said")
    pairs = [each.split("=") for each in text.split(",")]
    if any(int(at) >= GREATEST for _, at in pairs):
        raise bad(TOKEN, f"expected numbers below {GREATEST}")
    return {group: int(at) for group, at in pairs}


def seen(before: Mapping[str, int], at: Mapping[str, int]) -> dict[str, int]:
    """The token of a client that has seen both."""
    return {group: max(before.get(group, 0), at.get(group, 0)) for group in {*before, *at}}
