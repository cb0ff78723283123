"""Nothing asks what time of day it is: clocks that are set forwards or back depose no leader and lose no answer."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

import pytest

import quorumlog
from quorumlog import Cluster
from quorumlog.driver import Pace
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime.session import Unanswered

OF_DAY: Final = frozenset(
    ("time", "time_ns", "ctime", "localtime", "gmtime", "asctime", "clock_gettime", "clock_gettime_ns")
)
"""What the module `time` says of the time of day; all else of it goes on evenly."""
HOURS: Final = 3600.0
SECONDS: Final = 2.0
PATIENCE: Final = 20
"""How many clusters are tried."""
PACE: Final = Pace(election=(1000, 2000), heartbeat=100, turns=True)
"""No machine is so busy that a leader would be given up for it."""


def times_of_day(source: str) -> Iterator[str]:
    """Where a text asks for the time of day."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="time"), attr=name) if name in OF_DAY:
                yield f"line {node.lineno}: time.{name}"
            case ast.ImportFrom(module="time", names=names):
                yield from (f"line {node.lineno}: {each.name}" for each in names if each.name in {*OF_DAY, "*"})
            case ast.ImportFrom(module="datetime"):
                yield f"line {node.lineno}: datetime"
            case ast.Import(names=names):
                yield from (f"line {node.lineno}: {each.name}" for each in names if each.name == "datetime")


def test_no_source_asks_for_the_time_of_day() -> None:
    folder = Path(str(quorumlog.__file__)).parent
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 100
    found = [f"{file.name}, {each}" for file in files for each in times_of_day(file.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    ["import time\ntime.time()", "from time import time_ns", "import datetime", "from datetime import datetime as d"],
)
def test_one_that_did_would_be_found(source: str) -> None:
    assert list(times_of_day(source))
    assert not list(times_of_day("import time\ntime.monotonic()\nloop.time()\nfrom time import perf_counter"))


def jumping(clock: Callable[[], float]) -> Callable[[], float]:
    """A clock that is set hours forwards or back whenever somebody looks."""
    dice, looks = Random(5), count()
    return lambda: clock() + (dice.uniform(-HOURS, HOURS) if next(looks) % 2 else 0.0)


def terms_while(cluster: Cluster, sets: Callable[[], object]) -> tuple[set[int], set[int]]:
    """The terms before a clock is set, and after two seconds in which a client was answered all the time."""
    with cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        before = {each.term for each in cluster.status().values()}
        sets()
        until = time.monotonic() + SECONDS
        asked = 1
        while time.monotonic() < until:
            assert client.ask(Deposit("x", 1), timeout=5) is True
            asked += 1
            time.sleep(0.02)
        assert client.read(Balance("x"), timeout=5) == asked
        return before, {each.term for each in cluster.status().values()}


def test_clocks_that_are_set_forwards_and_back_depose_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def sets() -> None:
        monkeypatch.setattr(time, "time", jumping(time.time))
        monkeypatch.setattr(time, "time_ns", lambda: int(time.time() * 1e9))

    with Cluster(pace=PACE) as cluster:
        before, after = terms_while(cluster, sets)
        assert before == after


def test_a_loop_that_went_by_such_a_clock_would_be_noticed() -> None:
    """Timers that were set hours ahead never ring, and then nothing happens: so another cluster is tried."""
    assert not is_deposed(lambda clock: clock)
    assert any(is_deposed(jumping) for _ in range(PATIENCE))


def is_deposed(other: Callable[[Callable[[], float]], Callable[[], float]]) -> bool:
    """Whether something happens to the leader or to an answer of a cluster in whose loop another clock goes."""
    with Cluster(pace=PACE) as cluster, pytest.MonkeyPatch.context() as patch:
        loop = cluster._background.loop
        try:
            before, after = terms_while(cluster, lambda: patch.setattr(loop, "time", other(loop.time)))
        except (Unanswered, AssertionError):
            return True
        return before != after
