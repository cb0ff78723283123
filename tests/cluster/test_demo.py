"""`quorumlog demo`: what it prints, with which status it ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.demo import demo
from quorumlog.demo.demo import Result, Wanted
from quorumlog.demo.faults import Happened
from quorumlog.demo.verdicts import HOLDS, UNJUDGED, VIOLATED, Verdict

SECONDS = 240
"""Within which it must be over on a machine that does much else."""


def test_a_short_run_with_faults_holds(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = ["demo", "--seconds", "6", "--faults", "--seed", "4", "--workers", "8", "--keep", str(kept)]
    command = [sys.executable, "-c", "from quorumlog.cli import app; app()", *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "everything holds" in ran.stdout
    said = " ".join(ran.stdout.split())
    for verdict in (
        "no server ended by itself holds",
        "enough happened to be judged holds",
        "what clients were told is linearizable holds",
        *(f"the replicas of group {group} hold the same events holds" for group in "abc"),
        *(f"group {group} ran as Replication says holds" for group in "abc"),
        *(f"group {group} ran as LeaderOutput says holds" for group in "abc"),
        "all groups ran as ShardedLedger says holds",
        "all groups ran as ReplicatedTwoPhaseCommit says holds",
    ):
        assert verdict in said
    assert "kill 1 1 c" in said  # the first fault: one kill, of one leader, of the coordinator's group
    assert (kept / "history.ndjson").stat().st_size > 0
    assert list(kept.glob("data/*/snapshot-*")), "no server has kept its state"
    assert sorted(each.name for each in (kept / "recordings").iterdir()) == [
        f"{group}{number}.ndjson" for group in "abc" for number in (1, 2, 3)
    ]


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """The verdicts with which a run ends that does not take place; the folder has a file in it."""
    found: list[Verdict] = []

    def run(wanted: Wanted, console: object, network: str) -> Result:
        wanted.folder.mkdir(exist_ok=True)
        (wanted.folder / "history.ndjson").touch()
        happened = Happened("kill", "c1", "leader", 0, 1)
        return Result({"ok": 7, "fail": 2, "info": 1}, (happened, happened), (), tuple(found), 1.0)

    monkeypatch.setattr(demo, "run", run)
    return found


@pytest.mark.parametrize(("result", "status"), [(HOLDS, 0), (VIOLATED, 1), (UNJUDGED, 1)])
def test_the_status_is_that_of_the_verdicts(result: str, status: int, spoken: list[Verdict], tmp_path: Path) -> None:
    spoken += [Verdict("one thing", HOLDS, "seen"), Verdict("another", result, "for a reason")]
    found = CliRunner().invoke(app, ["demo", "--keep", str(tmp_path / "kept")])
    assert found.exit_code == status
    assert result in found.output
    assert "for a reason" in found.output
    assert found.output.strip().endswith("everything holds") is (status == 0)
    assert ("not everything holds; everything is kept in" in found.output) is (status == 1)
    assert (tmp_path / "kept" / "history.ndjson").exists()


@pytest.mark.parametrize(("result", "says"), [(HOLDS, "ok"), (VIOLATED, "violated"), (UNJUDGED, "not judged")])
def test_a_script_is_told_in_one_document(result: str, says: str, spoken: list[Verdict], tmp_path: Path) -> None:
    spoken += [Verdict("one thing", HOLDS, "seen", "one"), Verdict("another", result, "for a reason", "other")]
    found = CliRunner().invoke(app, ["demo", "--json", "--keep", str(tmp_path / "kept")])
    document = json.loads(found.stdout)
    assert found.exit_code == (result != HOLDS)
    assert document.pop("seconds") >= 0
    assert document == {
        "result": says,
        "operations": {"ok": 7, "fail": 2, "info": 1},
        "faults": {"kill": 2},
        "verdicts": {"one": HOLDS, "other": result},
        "says": {"one": "seen", "other": "for a reason"},
        "longest": 1.0,
        "kept": str(tmp_path / "kept"),
    }


def test_other_shards_and_replicas_and_a_document_outside_of_the_project(tmp_path: Path) -> None:
    """Three shards and their coordinator, alone each; the judges find their specs wherever this runs."""
    words = ["demo", "--seconds", "4", "--no-faults", "--shards", "3", "--replicas", "1", "--workers", "6", "--json"]
    command = [sys.executable, "-c", "from quorumlog.cli import app; app()", *words]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
    document = json.loads(ran.stdout)
    assert ran.returncode == 0, document
    assert ran.stderr == ""
    assert document["result"] == "ok"
    assert document["operations"]["ok"] > 50
    assert document["faults"] == {}
    names = {"restarts", "ran on", "enough", "total", "nothing lost", "linearizable"}
    names |= {"ShardedLedger", "ReplicatedTwoPhaseCommit"}
    for name in ("replicas", "Replication", "LeaderOutput"):
        names |= {f"{name} {group}" for group in "abcd"}
    assert document["verdicts"] == dict.fromkeys(names, HOLDS)
    assert document["kept"] is None


def started_in(folder: Path) -> list[str]:
    """The command lines of processes that know of a folder."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


@pytest.mark.parametrize("meanwhile", ["quorumlog.runtime", "tlastep validate"])
def test_one_that_a_shell_has_in_the_background_ends_when_it_is_asked_to(meanwhile: str, tmp_path: Path) -> None:
    """Such a one ignores interrupts. Neither servers nor judges are left."""
    kept = tmp_path / "kept"
    words = ["demo", "--seconds", "3", "--no-faults", "--replicas", "1", "--workers", "4", "--keep", str(kept)]
    command = [sys.executable, "-c", "from quorumlog.cli import app; app()", *words]
    pid = tmp_path / "pid"
    shell = ["sh", "-c", f'"$@" & echo $! > {pid}; wait $!', "sh", *command]
    with subprocess.Popen(shell, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + SECONDS
        while not any(meanwhile in line for line in started_in(kept)):
            assert running.poll() is None
            assert time.monotonic() < until, "it has taken too long"
            time.sleep(0.1)
        os.kill(int(pid.read_text("ascii")), signal.SIGTERM)
        assert running.wait(SECONDS) == 130
    assert started_in(kept) == []


@pytest.mark.parametrize("words", [["--shards", "0"], ["--replicas", "10"], ["--shards", "two"]])
def test_a_number_that_cannot_be_is_one_line(words: list[str]) -> None:
    found = CliRunner().invoke(app, ["demo", *words])
    assert found.exit_code == 2
    assert words[0] in found.stderr
    assert found.stdout == ""


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["demo", "--keep", str(tmp_path)])
    assert found.exit_code == 2
    assert "expected a folder that is not there yet" in found.output
