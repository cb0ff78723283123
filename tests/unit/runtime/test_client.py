"""What a client remembers of its session is what the core says, and it forgets what it may."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from quorumlog.core.client import Client
from quorumlog.core.leader_output import Answered
from quorumlog.ledger.commands import Deposit
from quorumlog.runtime import client as clients
from quorumlog.runtime.frames import FrameReader
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.session import Session


@given(st.lists(st.just(0) | st.integers(1, 12), max_size=60))
@example([0, 0, 1])
def test_a_session_says_what_the_core_says(moves: list[int]) -> None:
    """0 asks for the next command, another number is an answer to one that is open, not always to the first."""
    session: Session[int] = Session("s")
    core: Client[int] = Client("s")
    for move in moves:
        if move == 0:
            core, wanted = core.send(len(core.got) + 1, move, len(core.got))
            assert session.ask(move, len(core.got) - 1) == wanted
        elif session.open:
            number = sorted(session.open)[move % len(session.open)]
            assert session.accept(number)
            assert not session.accept(number)
            core = core.accept(number, Answered(1, 1))
        assert (session.received, session.last) == (core.received, len(core.got))
        again = {request.number: request for request in session.again()}
        for number, asked in again.items():
            _, wanted = core.send(number, asked.expected, asked.command)
            assert asked == wanted
        assert set(again) == {number for number, got in enumerate(core.got, 1) if got is None}


class Sent:
    """A connection that notes how many requests each frame has."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def send(self, frame: bytes) -> None:
        """Note it."""
        for _, body in FrameReader(1 << 20).feed(frame):
            self.counts.append(len(LEDGER_CODEC.requests(body, 1 << 20)))

    def close(self) -> None:
        """Nothing is to be done."""


def test_many_commands_of_one_turn_do_not_wait_for_its_end() -> None:
    async def story() -> list[int]:
        sent = Sent()
        client: clients.Client[Any, Any, Any] = clients.Client("a", {"a1": ("127.0.0.1", 1)}, LEDGER_CODEC)
        client._connection, client._welcome = cast(Any, sent), True
        for _ in range(2 * clients.EARLY + 3):
            client.submit(Deposit("x", 1))
        assert sent.counts == [clients.EARLY, clients.EARLY], "the leader can begin"
        await asyncio.sleep(0)
        await client.close()
        return sent.counts

    assert asyncio.run(story()) == [clients.EARLY, clients.EARLY, 3]
