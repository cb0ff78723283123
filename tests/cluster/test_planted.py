"""Bugs that are planted into the runtime: under the faults of the demo a verdict fails, and without the bug none does.

Each stands in `planted.toml` with the faults under which it shows. The servers run a copy of the package with that one
change; clients and judges are those of the unchanged one.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec
import pytest
from msgspec import Struct

import quorumlog
from quorumlog.demo import workload
from quorumlog.demo.demo import Result, Wanted, run
from quorumlog.demo.faults import Fault
from quorumlog.demo.verdicts import FAILS

PACKAGE: Final = Path(quorumlog.__file__).parent
FILE: Final = Path(__file__).parent / "planted.toml"
SLOW: Final = "[faults]\nforgetting_disk = true\nslow_sync = 100\n"
"""What is not synced is lost with the process, and most of the time something is not."""


PATIENCE: Final = 3.0
"""Seconds after which clients give up; under some bugs nobody ever answers."""
CALM: Final = 8.0
"""Seconds within which all servers must have the same log; under some bugs one never has."""


class Planted(Struct, frozen=True, forbid_unknown_fields=True):
    """A bug: what is replaced in which file, under which faults it shows, and which verdicts see it."""

    name: str
    file: str
    find: str
    replace: str
    under: str
    caught: tuple[str, ...]
    says: str


class Faults(Struct, frozen=True):
    """What happens, for how many seconds, on which disks."""

    schedule: tuple[Fault, ...]
    seconds: float
    more: str = ""


UNDER: Final = {
    "followers": Faults(
        tuple([Fault(when, when + 0.1, "kill", "a", "other") for when in (1.2, 2.4, 3.6)]), seconds=4.0, more=SLOW
    ),
    "power": Faults((Fault(1.5, 1.6, "power", "a", "all"),), seconds=2.0, more=SLOW),
    "partitions": Faults(
        (Fault(0.8, 2.2, "isolate", "a", "leader"), Fault(2.8, 4.2, "isolate", "a", "leader")), seconds=4.4
    ),
    "deaf": Faults((Fault(0.8, 2.4, "deafen", "a", "leader"), Fault(3.0, 4.6, "deafen", "a", "leader")), seconds=4.8),
}
"""By name. A leader that is isolated is still reached by its clients; a deaf one still tells the others what to do."""

WHAT: Final = {
    "linearizable": "what clients were told is linearizable",
    "agree": "the replicas of group a hold the same events",
    "recorded": "group a ran as Replication says",
    "spoken": "group a ran as LeaderOutput says",
}


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """All bugs."""

    planted: tuple[Planted, ...]


PLANTED: Final = msgspec.toml.decode(FILE.read_bytes(), type=File).planted


def copied(planted: Planted, folder: Path) -> dict[str, str]:
    """A copy of the package with the bug; the environment in which a server finds it."""
    shutil.copytree(PACKAGE, folder / "quorumlog")
    (folder / "quorumlog" / planted.file).write_text(changed(planted), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def changed(planted: Planted) -> str:
    """The text of the file with the bug."""
    text = (PACKAGE / planted.file).read_text(encoding="utf-8")
    assert text.count(planted.find) == 1, f"{planted.file}: expected once: {planted.find}"
    return text.replace(planted.find, planted.replace)


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


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_verdict_fails(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "PATIENCE", PATIENCE)
    result = ran(tmp_path / "run", planted.under, copied(planted, tmp_path / "package"))
    failed = {each.what for each in result.verdicts if each.result == FAILS}
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
    assert {each.under for each in PLANTED} == set(UNDER)
    assert all(each.caught and set(each.caught) <= set(WHAT) for each in PLANTED)
