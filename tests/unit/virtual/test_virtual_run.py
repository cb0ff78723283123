"""Runs in virtual time: the same seed gives the same, and the command says what came of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.core.consensus.effects import Store
from quorumlog.demo.judges import recorded
from quorumlog.demo.judging import Judge
from quorumlog.demo.verdicts import VIOLATED, Verdict
from quorumlog.runtime import config
from quorumlog.runtime.storage import DiskFailed, Storage
from quorumlog.virtual import run
from quorumlog.virtual.disk import VirtualWriter
from quorumlog.virtual.run import STAY, VirtualRun, Wanted

SHORT = ["--seconds", "20", "--workers", "4"]
FAULTS = ["--seconds", "120"]


def told(folder: Path) -> dict[str, bytes]:
    """The history and the recordings of a run."""
    files = [folder / "history.ndjson", *sorted((folder / "recordings").iterdir())]
    return {each.name: each.read_bytes() for each in files}


def ran(folder: Path, seed: int, hash_seed: int) -> dict[str, bytes]:
    """What a run of the nine servers in a process of its own leaves behind."""
    words = ["virtual", "--seed", str(seed), "--no-judge", "--keep", str(folder), *FAULTS]
    command = [sys.executable, "-c", "from quorumlog.cli import app; app()", *words]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert re.search(r"\b([2-9]|\d\d+) faults", said), said
    return told(folder)


def test_the_same_seed_gives_the_same_files_whatever_pythons_hash_seed_is(tmp_path: Path) -> None:
    one, other = ran(tmp_path / "one", 0, hash_seed=1), ran(tmp_path / "other", 0, hash_seed=2)
    assert sorted(one) == [*(f"{group}{number}.ndjson" for group in "abc" for number in (1, 2, 3)), "history.ndjson"]
    assert [name for name in one if one[name] != other[name]] == []
    assert all(len(each) > 10_000 for each in one.values())
    began = [json.loads(line) for each in one.values() for line in each.splitlines() if b'"do":"start"' in line]
    assert any(each.get("applied") for each in began), "no server that was killed has begun with a snapshot"


def test_another_seed_gives_others(tmp_path: Path) -> None:
    files: list[dict[str, bytes]] = []
    for seed in (1, 2, 1):
        folder = tmp_path / f"run {len(files)}"
        VirtualRun(Wanted(2, seed, False, folder, 2, hosted={"a": "shard"})).run(judge=False)
        files.append(told(folder))
    assert files[0] == files[2] != files[1]


def test_routers_answer_about_half_of_all_operations(tmp_path: Path) -> None:
    made = VirtualRun(Wanted(4, 1, False, tmp_path / "run", 4, rest=0.02))
    answered = made.run(judge=False).answered
    assert answered > 100
    assert 0.3 * answered < made.figures.routed < 0.7 * answered


def test_a_run_that_holds(tmp_path: Path) -> None:
    words = ["virtual", "--no-judge", "--no-faults", "--groups", "1", "--runs", "2", "--keep", str(tmp_path / "kept")]
    done = CliRunner().invoke(app, [*words, *SHORT])
    assert done.exit_code == 0, done.output
    assert "seed 0: " in done.output
    assert "seed 1: " in done.output
    assert "times real time" in done.output
    assert sorted(each.name for each in (tmp_path / "kept").iterdir()) == ["0", "1"]


def test_a_run_that_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> list[Judge]:
        verdict = Verdict("what clients were told is linearizable", VIOLATED, "line 7")
        return [Judge("linearizable", lambda _: [verdict])]

    monkeypatch.setattr(run, "judges", failing)
    words = ["virtual", "--no-faults", "--groups", "1", "--runs", "3", "--keep", str(tmp_path / "kept"), *SHORT]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "line 7" in done.output
    assert "seed 1" not in done.output


def test_a_run_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST", 0.01)
    words = ["virtual", "--no-faults", "--groups", "1", "--keep", str(tmp_path / "kept"), *SHORT]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "seed 0: expected an end within 0.8 virtual seconds" in done.output


def test_a_server_whose_disk_fails_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Storage, __: object) -> None:
        raise DiskFailed("the disk has failed")

    made = VirtualRun(Wanted(2, 1, False, tmp_path / "run", 2, hosted={"a": "shard"}))
    monkeypatch.setattr(Storage, "write_sync", fails)
    result = made.run(judge=False)
    (verdict,) = [each for each in result.verdicts if each.what == "no server ended by itself"]
    assert (verdict.result, result.holds) == (VIOLATED, False)
    assert "a2 has ended: DiskFailed('the disk has failed')" in verdict.says


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--groups", "2"], "--groups: expected 1 or 3"),
        (["--keep", "."], "expected a folder that is not there yet"),
    ],
)
def test_what_cannot_be_used(words: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["virtual", *words])
    assert done.exit_code == 2
    assert says in done.output


def test_lines_that_a_killed_server_has_not_handed_over_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant writes to the disk first: then that holds what no recording tells of."""
    write = VirtualWriter.write

    def at_once(self: VirtualWriter, stores: Sequence[Store], then: Callable[[], None]) -> None:
        self._first = None
        write(self, stores, then)

    monkeypatch.setattr(VirtualWriter, "write", at_once)
    found: list[str] = []
    for seed in range(12, 20):
        folder = tmp_path / f"{seed}"
        wanted = Wanted(300, seed, True, folder, 8, hosted={"a": "shard"}, rest=4, keyed=1.0, faithful=STAY)
        VirtualRun(wanted).run(judge=False)
        found.append(recorded(config.read(folder / "cluster.toml"), "a", "Replication").result)
        if found[-1] == VIOLATED:
            break
    assert found[-1] == VIOLATED, found
