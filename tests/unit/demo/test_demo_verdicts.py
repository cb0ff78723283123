"""Verdicts fail where something is wrong, and say that they do not know where nothing can be known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from quorumlog.core.consensus.effects import BLANK, Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.leader_output import Executed
from quorumlog.demo.faults import Happened
from quorumlog.demo.judges import linearizable, recorded
from quorumlog.demo.verdicts import (
    HOLDS,
    UNJUDGED,
    VIOLATED,
    Verdict,
    came_back,
    enough,
    overlap,
    ran_on,
    replicas_agree,
)
from quorumlog.demo.workload import Lasted
from quorumlog.ledger.events import Deposited
from quorumlog.runtime import config
from quorumlog.runtime.config import Config
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.storage import Storage
from quorumlog.runtime.supervisor import configuration
from quorumlog.sharding.clients import How


def lasted(*times: tuple[int, int], how: How = "ok") -> list[Lasted]:
    """Operations that lasted from one time to another."""
    return [Lasted(begun, ended, how) for begun, ended in times]


@pytest.mark.parametrize(
    ("times", "at_once"),
    [
        ([], False),
        ([(1, 9)], False),
        ([(1, 2), (3, 4)], False),
        ([(1, 2), (2, 4)], False),
        ([(1, 9), (2, 3)], True),
        ([(5, 9), (1, 6)], True),
        ([(1, 9), (2, 3), (4, 5)], True),
    ],
)
def test_whether_two_were_open_at_one_time(times: list[tuple[int, int]], at_once: bool) -> None:
    assert overlap(lasted(*times)) is at_once


def suffered(begun: int, ended: int) -> Happened:
    """A fault at that time."""
    return Happened("kill", "a1", "leader", begun, ended)


@pytest.mark.parametrize(
    ("operations", "happened", "result"),
    [
        ([], [], UNJUDGED),
        (lasted((1, 2), (1, 2)), [], HOLDS),
        (lasted(*[(1, 2)] * 9) + lasted((1, 2), how="info"), [], HOLDS),
        (lasted(*[(1, 2)] * 8) + lasted((1, 2), how="info"), [], UNJUDGED),
        (lasted((1, 5), (3, 9)), [suffered(2, 4)], HOLDS),
        (lasted((1, 5), (6, 9)), [suffered(2, 8)], UNJUDGED),
        (lasted((1, 5), (3, 9)), [suffered(2, 4), suffered(10, 12)], UNJUDGED),
    ],
)
def test_whether_enough_happened(operations: Sequence[Lasted], happened: Sequence[Happened], result: str) -> None:
    assert enough(operations, happened).result == result


def test_a_run_without_faults_says_so() -> None:
    operations = lasted((1, 5), (3, 9))
    assert enough(operations, []).says == "2 of 2 operations answered, and there was no fault"
    assert enough(operations, [suffered(2, 4)]).says == "2 of 2 operations answered, some in every fault"


def test_only_what_was_judged_and_is_so_holds() -> None:
    assert [Verdict("", result, "").holds for result in (HOLDS, VIOLATED, UNJUDGED)] == [True, False, False]


def test_a_server_that_stays_away_is_a_failure_in_one_line() -> None:
    assert came_back(None).holds
    assert came_back("a1 has ended:\n damaged\n") == Verdict(
        "every server that was killed came back", VIOLATED, "a1 has ended: damaged", "restarts"
    )


def test_a_server_that_ends_by_itself_is_a_failure_in_one_line() -> None:
    assert ran_on([]).holds
    assert ran_on(["a1 has ended with status 1: full\n", "b2 has ended with status -6:"]) == Verdict(
        "no server ended by itself",
        VIOLATED,
        "a1 has ended with status 1: full ; b2 has ended with status -6:",
        "ran on",
    )


# -- replicas ----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path: Path) -> Config:
    """Three servers of a ledger."""
    file = tmp_path / "cluster.toml"
    file.write_text(configuration({"a": 3}), encoding="utf-8")
    return config.read(file)


def deposits(*amounts: int) -> tuple[Entry, ...]:
    """A log."""
    return tuple([Entry(1, Executed("s", n, 0, (Deposited("x", each),))) for n, each in enumerate(amounts, 1)])


def write(config: Config, **logs: tuple[Entry, ...]) -> None:
    """What each server has on its disk."""
    for server, log in logs.items():
        storage = Storage.open(config.place(server).folder, LEDGER_CODEC, owner=server)
        storage.write_sync([Store(Durable(1, None, log), len(BLANK.log))])
        storage.close()


def test_replicas_that_hold_the_same_agree_and_one_may_lag(three: Config) -> None:
    write(three, a1=deposits(1, 2, 3), a2=deposits(1, 2, 3), a3=deposits(1))
    assert replicas_agree(three, "a", 3) == Verdict(
        "the replicas of group a hold the same events", HOLDS, "3 entries committed, on 2 of 3", "replicas a"
    )


def test_what_a_replica_has_dropped_is_not_compared(three: Config) -> None:
    """After long runs; of what is left all is."""
    write(three, a1=deposits(1, 2, 3), a2=deposits(1, 2, 3), a3=deposits(1, 2, 4))
    storage = Storage.open(three.place("a1").folder, LEDGER_CODEC, owner="a1")
    storage.write_sync([Store(Durable(1, None, deposits(1, 2, 3, 4, 5)), 3)])
    for index in (4, 5):
        storage.save_snapshot(index, 1, b"state")
    assert storage.compact(4) == 3
    storage.close()
    assert replicas_agree(three, "a", 3).says == "3 entries committed, the first 3 dropped, on 3 of 3"
    write(three, a2=deposits(1, 2, 3, 4, 5), a3=deposits(1, 2, 3, 9, 5))
    found = replicas_agree(three, "a", 5)
    assert (found.result, found.says) == (VIOLATED, "they differ at entry 4")


def test_a_replica_that_differs_is_found(three: Config) -> None:
    write(three, a1=deposits(1, 2, 3), a2=deposits(1, 2, 3), a3=deposits(1, 4, 3))
    found = replicas_agree(three, "a", 3)
    assert (found.result, found.says) == (VIOLATED, "they differ at entry 2")


def test_replicas_that_differ_where_another_one_lags_are_found(three: Config) -> None:
    write(three, a1=deposits(1, 2, 3), a2=deposits(1, 2, 4), a3=deposits(1))
    found = replicas_agree(three, "a", 3)
    assert (found.result, found.says) == (VIOLATED, "they differ at entry 3")


def test_what_is_not_committed_may_differ(three: Config) -> None:
    write(three, a1=deposits(1, 2, 3), a2=deposits(1, 2), a3=deposits(1, 2, 4))
    assert replicas_agree(three, "a", 2).holds


def test_what_is_committed_and_on_no_majority_is_lost(three: Config) -> None:
    write(three, a1=deposits(1, 2, 3), a2=deposits(1), a3=deposits(1))
    found = replicas_agree(three, "a", 3)
    assert (found.result, found.says) == (VIOLATED, "3 entries were committed, and no majority holds them")


def test_a_store_that_cannot_be_used_is_a_failure(three: Config) -> None:
    write(three, a1=deposits(1), a2=deposits(1), a3=deposits(1))
    for file in three.place("a2").folder.iterdir():
        file.write_bytes(b"no database" * 1000)
    found = replicas_agree(three, "a", 1)
    assert found.result == VIOLATED
    assert "a2" in found.says


def test_where_nobody_says_what_is_committed_nothing_is_judged(three: Config) -> None:
    assert replicas_agree(three, "a", None).result == UNJUDGED


# -- other programs ----------------------------------------------------------------------------------------------


def test_histories_are_judged(tmp_path: Path) -> None:
    history = tmp_path / "history.ndjson"
    lines = [
        '{"process":1,"type":"invoke","f":"deposit","value":{"account":"x","amount":5},"time":1}',
        '{"process":1,"type":"ok","f":"deposit","value":true,"time":2}',
        '{"process":1,"type":"invoke","f":"balance","value":{"account":"x"},"time":3}',
        '{"process":1,"type":"ok","f":"balance","value":%s,"time":4}',
    ]
    for balance, result in ((5, HOLDS), (0, VIOLATED)):
        history.write_text("\n".join(lines) % balance + "\n", encoding="utf-8")
        assert linearizable(history).result == result
    history.write_text("no history\n", encoding="utf-8")
    assert linearizable(history).result == UNJUDGED


def test_without_a_judge_nothing_is_judged(tmp_path: Path, three: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recorded(three, "a", "Replication") == Verdict(
        "group a ran as Replication says", UNJUDGED, "nothing was recorded", "Replication a"
    )
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert linearizable(tmp_path / "history.ndjson").says == "tlastep is not installed"
