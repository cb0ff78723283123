"""What a client's operation becomes, and how the answers combine."""

from __future__ import annotations

from typing import Any, Final

import pytest

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.leader_output import CONFLICT, Answered
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.coordinated import FORGOTTEN
from quorumlog.ledger.ledger import Received
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.sharding.clients import Doing, Ended, Line, Operation, idle

PLACEMENT: Final = Placement(("p", "q"), FrozenMap({"x": "p", "z": "p", "y": "q"}))


def doing(command: Command) -> Doing:
    """An operation that has just begun."""
    return Doing(Operation("o1", command), PLACEMENT)


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        (Deposit("y", 1), ("q",)),
        (Withdraw("x", 1), ("p",)),
        (Transfer("x", "z", 1), ("p",)),
        (Exchange("x", "y", 1), ("c",)),
        (Balance("y"), ("q",)),
        (Balance(EXCHANGE), ("p", "q")),
        (Total(), ("p", "q")),
    ],
)
def test_whom_an_operation_asks(command: Command, groups: tuple[str, ...]) -> None:
    assert doing(command).asks() == groups


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        (True, Ended("ok", True)),
        (False, Ended("ok", False)),
        (Received(3), Ended("ok", {"received": 3})),
        (None, Ended("fail")),
        (CONFLICT, Ended("fail")),
        (FORGOTTEN, Ended("info")),
    ],
)
def test_how_an_operation_ends(said: Any, ended: Ended) -> None:
    assert doing(Exchange("x", "y", 1)).hear("c", said) == ended


def test_a_total_is_asked_twice_and_true_if_nothing_has_changed() -> None:
    once = doing(Total()).hear("q", (2, 7))
    assert isinstance(once, Doing)
    assert once.asks() == ("p",)
    twice = once.hear("p", (3, 1))
    assert isinstance(twice, Doing)
    assert twice.asks() == ("p", "q")
    last = twice.hear("p", (3, 1))
    assert isinstance(last, Doing)
    assert last.hear("q", (2, 7)) == Ended("ok", 5)
    assert last.hear("q", (2, 8)) == Ended("fail")
    assert once.hear("p", None) == Ended("fail")


def test_what_a_history_says() -> None:
    caller, line = idle("k1", PLACEMENT, 4).invoke(Operation("o1", Transfer("x", "y", 2)))
    assert line == Line(4, "invoke", "transfer", {"from": "x", "to": "y", "amount": 2})
    caller, request = caller.send("c")
    assert (request.session, request.number) == ("k1.4@c", 1)
    caller, done = caller.accept("c", 1, Answered(1, True))
    assert done == Line(4, "ok", "transfer", True)
    assert Operation("o2", Total()).argument is None
    with pytest.raises(Refused):
        caller.send("c")


def test_an_answer_of_an_earlier_round_is_only_noted() -> None:
    caller, _ = idle("k1", PLACEMENT, 1).invoke(Operation("o1", Total()))
    for shard in PLACEMENT.shards:
        caller, _ = caller.send(shard)
        caller, _ = caller.accept(shard, 1, Answered(1, (2, 1)))
    assert caller.asks() == ("p", "q")
    caller, request = caller.send("p")
    assert request.number == 2
    caller, line = caller.accept("p", 1, Answered(1, (9, 9)))
    assert line is None
    assert caller.asks() == ("p", "q")
