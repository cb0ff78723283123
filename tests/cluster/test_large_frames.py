"""A client that asks for much at once, of much text, sends it in frames that servers take."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import pytest

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime import wire
from quorumlog.runtime.client import Client
from quorumlog.runtime.frames import FrameReader
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.session import Unanswered

NUMBER: Final = 300
NAME: Final = "x" * 20_000
"""Six megabytes in all, and a server takes four in a frame."""


def asked_at_once(seconds: float, *, reads: bool) -> list[object]:
    """What so many commands, or questions, are answered."""

    async def story(cluster: Cluster) -> list[object]:
        async with Client("a", cluster.servers, LEDGER_CODEC) as client:
            asks = [
                client.read(Balance(NAME), timeout=seconds) if reads else client.ask(Deposit(NAME, 1), timeout=seconds)
                for _ in range(NUMBER)
            ]
            return list(await asyncio.gather(*asks))

    with Cluster(size=1) as cluster:
        return asyncio.run(story(cluster))


@pytest.mark.parametrize("reads", [False, True])
def test_all_of_it_is_answered(reads: bool) -> None:
    assert asked_at_once(30, reads=reads) == [0 if reads else True] * NUMBER


@pytest.mark.parametrize("reads", [False, True])
def test_one_frame_for_all_of_it_would_never_be_answered(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY", 1 << 40)
    with pytest.raises(Unanswered):
        asked_at_once(3, reads=reads)


def test_frames_hold_what_they_are_given_in_order() -> None:
    values = ["x" * size for size in (10, wire.BODY, wire.BODY + 1, 3, 400_000, 400_000, 400_000, 1)]
    frames = list(wire.frames_of(wire.REQUESTS, values))
    found: list[object] = []
    for kind, body in FrameReader(1 << 30).feed(b"".join(frames)):
        assert kind == wire.REQUESTS
        found += msgspec.msgpack.decode(body)
    assert found == values
    assert len(frames) > 3
    assert list(wire.frames_of(wire.REQUESTS, [])) == [wire.framed(wire.REQUESTS, b"\x90")]
    assert wire.fitting(values[4:]) == 2
    assert wire.fitting(["x" * 2 * wire.BODY]) == 1
