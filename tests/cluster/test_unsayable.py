"""What an application says that cannot be said, or raises, is the trouble of one client, and of nobody else."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from tests.cluster.cluster_ledger import SECONDS, eventually, run
from tests.cluster.http_client import connected, routers
from typer.testing import CliRunner

from quorumlog import Cluster
from quorumlog.cli import app
from quorumlog.ledger.commands import LARGEST, Balance, Deposit, Unfit
from quorumlog.runtime.client import Client
from quorumlog.runtime.hosting import Hosted
from quorumlog.runtime.session import Rejected, Unanswered
from quorumlog.runtime.wire import Codec


class Powers:
    """A number that is squared at each command; whoever asks for something else is told nothing of it.

    Some commands are too much for it, and one becomes an event that cannot be written.
    """

    def start(self) -> int:
        return 2

    def decide(self, state: int, command: str, randomness: None) -> tuple[str, ...]:
        if command == "halve":
            raise ValueError("it is not done")
        return ("\ud800" if command == "mumble" else command,)

    def evolve(self, state: int, event: str) -> int:
        if event == "stumble":
            raise ArithmeticError("it has fallen")
        return state**2 if event == "square" else state

    def answer(self, state: int, events: tuple[str, ...]) -> int:
        return state if events == ("square",) else 0


def told(state: int, question: str) -> int:
    """The answer to a question; one is too much."""
    return state if question == "square" else 1 // len(question)


CODEC: Final[Codec[str, str, int]] = Codec(str, str, int)
POWERS: Final[Hosted[int, str, str, int, None]] = Hosted(Powers(), CODEC, lambda dice: None, told)


def test_the_others_are_answered() -> None:
    with Cluster(POWERS, size=1) as cluster, cluster.client() as greedy, cluster.client() as modest:
        assert [greedy.ask("square") for _ in range(5)] == [2**2, 2**4, 2**8, 2**16, 2**32]
        for ask in (greedy.ask, greedy.read):
            with pytest.raises(Unanswered):
                ask("square", timeout=0.5)
            assert modest.ask("hello", timeout=10) == 0
            assert modest.read("hello", timeout=10) == 0
        assert any("cannot be told its answer" in line for line in cluster.said)


REASONS: Final = {
    "halve": "ValueError: it is not done",
    "stumble": "ArithmeticError: it has fallen",
    "mumble": "UnicodeEncodeError: 'utf-8' codec can't encode",
}


def test_who_asks_for_too_much_is_refused_and_the_others_are_answered() -> None:
    """All in one frame, and so in one batch."""

    async def story() -> None:
        async with Client("a", cluster.servers, CODEC) as client:
            commands = ["square", *REASONS, "square"]
            answers = await asyncio.gather(*map(client.submit, commands), return_exceptions=True)
            assert (answers[0], answers[-1]) == (4, 16)
            for command, answer in zip(REASONS, answers[1:-1], strict=True):
                assert isinstance(answer, Rejected)
                assert str(answer).startswith(REASONS[command])
            with pytest.raises(Rejected, match="ZeroDivisionError"):
                await client.read("", timeout=SECONDS)
            assert await client.read("square", timeout=SECONDS) == 16
            found = await asyncio.gather(*map(client.question, ["square", "", "square"]), return_exceptions=True)
            assert (found[0], str(found[1])[:17], found[2]) == (16, "ZeroDivisionError", 16)

    with Cluster(POWERS) as cluster:
        run(story)
        for server in list(cluster.servers):
            cluster.stop(server)
            cluster.start(server)
        with cluster.client() as client:
            assert client.ask("square", timeout=SECONDS) == 256
        run(lambda: eventually(lambda: {each.events for each in cluster.status().values()} == {3}))


def test_over_http_and_on_the_command_line_too() -> None:
    with Cluster(POWERS, size=1) as cluster, routers(cluster.config) as (running,), connected(running) as (http,):
        for path, body in (("/v1/commands", {"command": "halve"}), ("/v1/questions", {"question": ""})):
            found = http.post(path, body)
            assert (found.status, found.error.split(":")[0]) == (
                422,
                "the application refuses this, and nothing has happened",
            )
        assert http.post("/v1/questions", {"question": "", "through": "model"}).status == 422
        assert http.post("/v1/commands", {"command": "square"}).body["answer"] == 4
        url = f"http://127.0.0.1:{running.address[1]}"
        said = CliRunner().invoke(app, ["client", "submit", '"halve"', "--url", url])
        assert (said.exit_code, said.output.count("\n")) == (1, 1)
        assert said.output.endswith("ValueError: it is not done\n")
        assert CliRunner().invoke(app, ["client", "ask", '"square"', "--url", url]).output == "4\n"


def test_accounts_stay_far_from_that() -> None:
    with pytest.raises(Unfit, match=f"at most {LARGEST}"):
        Deposit("ann", LARGEST + 1)
    with Cluster(size=1) as cluster, cluster.client() as client:
        assert client.ask(Deposit("ann", LARGEST)) is True
        assert client.read(Balance("ann")) == LARGEST
