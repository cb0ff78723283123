"""Bugs that are planted into the runtime: under the faults of the demo a verdict fails, and without the bug none does.

Two of those that stand in `planted.toml` are tried on real processes here, and all six in virtual time, where that
takes seconds (`tests/unit/virtual/test_virtual_planted.py`). The servers run a copy of the package with that one
change; clients and judges are those of the unchanged one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct
from tests.cluster.planted import PLANTED, WHAT, changed, copied

from quorumlog.demo import workload
from quorumlog.demo.demo import Result, Wanted, run
from quorumlog.demo.faults import Fault
from quorumlog.demo.verdicts import VIOLATED

IN_SYNC: Final = "[faults]\nforgetting_disk = true\nkilled_in_sync = true\n"
"""What is not synced is lost with the process, and it is killed when something is not."""

PATIENCE: Final = 3.0
"""Seconds after which clients give up; under some bugs nobody ever answers."""
CALM: Final = 8.0
"""Seconds within which all servers must have the same log; under some bugs one never has."""


class Faults(Struct, frozen=True):
    """What happens, for how many seconds, on which disks."""

    schedule: tuple[Fault, ...]
    seconds: float
    more: str = ""


UNDER: Final = {
    "power": Faults((Fault(0.6, 0.7, "power", "a", "all"),), seconds=1.0, more=IN_SYNC),
    "partitions": Faults(
        (Fault(0.8, 2.2, "isolate", "a", "leader"), Fault(2.8, 4.2, "isolate", "a", "leader")), seconds=4.4
    ),
}
"""By name. A leader that is isolated is still reached by its clients."""

REAL: Final = {each.name: each.under for each in PLANTED if each.under is not None}


def ran(folder: Path, under: str, environment: dict[str, str]) -> Result:
    """One shard of three servers under these faults. Each command has a key, as what comes through a router."""
    faults = UNDER[under]
    return run(
        Wanted(
            faults.seconds,
            seed=1,
            faults=True,
            folder=folder,
            more=faults.more,
            hosted={"a": "shard"},
            schedule=faults.schedule,
            environment=environment,
            keyed=1.0,
            calm=CALM,
        )
    )


def said(result: Result) -> str:
    """The verdicts, for whoever reads that a test has failed."""
    return "\n".join(f"{each.what}: {each.result}: {each.says}" for each in result.verdicts)


@pytest.mark.parametrize("name", REAL)
def test_a_verdict_fails(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "PATIENCE", PATIENCE)
    (planted,) = [each for each in PLANTED if each.name == name]
    result = ran(tmp_path / "run", REAL[name], copied(planted, tmp_path / "package"))
    failed = {each.what for each in result.verdicts if each.result == VIOLATED}
    assert failed & {WHAT[each] for each in planted.caught}, said(result)
    assert not result.holds


@pytest.mark.parametrize("under", UNDER)
def test_the_unchanged_package_passes(under: str, tmp_path: Path) -> None:
    result = ran(tmp_path / "run", under, {})
    assert result.holds, said(result)
    assert [(each.kind, each.whom) for each in result.happened] == [
        (each.kind, each.whom) for each in UNDER[under].schedule
    ]


def test_there_are_six_and_each_says_where_it_is_and_where_it_is_seen() -> None:
    for each in PLANTED:
        compile(changed(each), each.file, "exec")
    assert len({each.name for each in PLANTED}) == len(PLANTED) == 6
    assert set(REAL.values()) == set(UNDER)
    assert all(each.caught and set(each.caught) <= set(WHAT) for each in PLANTED)
