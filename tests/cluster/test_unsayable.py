"""An answer that has no encoding is the end of that client's connection, and of nothing else."""

from __future__ import annotations

from typing import Final

import pytest

from quorumlog import Cluster
from quorumlog.ledger.commands import LARGEST, Balance, Deposit, Unfit
from quorumlog.runtime.hosting import Hosted
from quorumlog.runtime.session import Unanswered
from quorumlog.runtime.wire import Codec


class Powers:
    """A number that is squared at each command; whoever asks for something else is told nothing of it."""

    def start(self) -> int:
        return 2

    def decide(self, state: int, command: str, randomness: None) -> tuple[str, ...]:
        return (command,)

    def evolve(self, state: int, event: str) -> int:
        return state**2 if event == "square" else state

    def answer(self, state: int, events: tuple[str, ...]) -> int:
        return state if events == ("square",) else 0


CODEC: Final[Codec[str, str, int]] = Codec(str, str, int)
POWERS: Final[Hosted[int, str, str, int, None]] = Hosted(
    Powers(), CODEC, lambda dice: None, lambda state, command: state if command == "square" else 0
)


def test_the_others_are_answered() -> None:
    with Cluster(POWERS, size=1) as cluster, cluster.client() as greedy, cluster.client() as modest:
        assert [greedy.ask("square") for _ in range(5)] == [2**2, 2**4, 2**8, 2**16, 2**32]
        for ask in (greedy.ask, greedy.read):
            with pytest.raises(Unanswered):
                ask("square", timeout=0.5)
            assert modest.ask("hello", timeout=10) == 0
            assert modest.read("hello", timeout=10) == 0
        assert any("cannot be told its answer" in line for line in cluster.said)


def test_accounts_stay_far_from_that() -> None:
    with pytest.raises(Unfit, match=f"at most {LARGEST}"):
        Deposit("ann", LARGEST + 1)
    with Cluster(size=1) as cluster, cluster.client() as client:
        assert client.ask(Deposit("ann", LARGEST)) is True
        assert client.read(Balance("ann")) == LARGEST
