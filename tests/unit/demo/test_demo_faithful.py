"""A client that stays with one server writes down what that one says, and that it says nothing is no operation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from quorumlog.demo import faithful
from quorumlog.demo.faithful import Faithful
from quorumlog.demo.workload import History
from quorumlog.ledger.commands import Balance
from quorumlog.ledger.placement import Placement
from quorumlog.runtime import wire
from quorumlog.runtime.hosting import SHARD_CODEC
from quorumlog.runtime.transport import Connection
from quorumlog.runtime.wire import NotLeader, ReadAnswered, frame

PLACEMENT = Placement(("a",))


class Said:
    """A server that answers each read with the next of these; None is silence, nothing is the end."""

    def __init__(self, *answers: bytes | None) -> None:
        self.opened_times = 0
        self._answers = list(answers)

    def opened(self, connection: Connection) -> None:
        self.opened_times += 1

    def took(self, connection: Connection, kind: int, body: memoryview) -> None:
        if kind != wire.READ:
            return
        answer = self._answers.pop(0)
        if answer == b"":
            connection.close()
        elif answer is not None:
            connection.send(answer)

    def closed(self, connection: Connection, reason: str | None) -> None:
        pass


def found(call: int, balance: int | None) -> bytes:
    """A shard's answer to a call."""
    return frame(wire.READ_ANSWERED, ReadAnswered(call, 1, (None if balance is None else (balance, 1),)))


NOT_LEADER = frame(wire.NOT_LEADER, NotLeader("a2", 1))


def asked(folder: Path, said: Said, times: int) -> tuple[list[bool], list[tuple[str, object]]]:
    """Whether each question was answered, and the lines of the history but the invocations."""

    async def story() -> list[bool]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(said, 1 << 20, 1 << 20), "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        client = Faithful("a", (host, port), SHARD_CODEC, PLACEMENT, history)
        done = [await client.perform(1, Balance("x")) for _ in range(times)]
        client.leave()
        server.close()
        assert client.answered == sum(done)
        return done

    with History(folder / "history.ndjson") as history:
        done = bounded(story)
        assert not history.operations
        assert not history.outcomes
    lines = map(json.loads, history.file.read_text(encoding="utf-8").splitlines())
    return done, [(each["type"], each["value"]) for each in lines if each["type"] != "invoke"]


def bounded(story: Callable[[], Awaitable[list[bool]]]) -> list[bool]:
    """Run it, for a bounded time."""

    async def within() -> list[bool]:
        async with asyncio.timeout(20):
            return await story()

    return asyncio.run(within())


def test_what_the_server_says_is_what_it_heard(tmp_path: Path) -> None:
    said = Said(found(1, 5), NOT_LEADER, found(3, 6))
    done, lines = asked(tmp_path, said, 3)
    assert done == [True, False, True]
    assert lines == [("ok", 5), ("fail", None), ("ok", 6)]
    assert said.opened_times == 1


def test_silence_and_doubt_are_no_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faithful, "PATIENCE", 0.1)
    said = Said(None, found(2, None), b"", found(4, 8))
    done, lines = asked(tmp_path, said, 4)
    assert done == [False, False, False, True]
    assert lines == [("fail", None)] * 3 + [("ok", 8)]
    assert said.opened_times == 3


def test_an_answer_to_an_earlier_question_is_not_taken_for_this_one(tmp_path: Path) -> None:
    done, lines = asked(tmp_path, Said(found(7, 1) + found(1, 5)), 1)
    assert (done, lines) == ([True], [("ok", 5)])
