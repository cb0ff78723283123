"""Bugs that are planted into the runtime are found in virtual time; with the same seed the unchanged one passes.

A run begins at the seed that is known to find the bug. Whatever changes in the runtime changes what a seed makes of it,
so that the next ones are tried too, but not many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.planted import PLANTED, WHAT, Planted, copied

from quorumlog.demo.verdicts import FAILS, UNJUDGED, Verdict, linearizable, recorded
from quorumlog.runtime import config
from quorumlog.virtual.run import VirtualRun, Wanted

SECONDS: Final = 8.0
WORKERS: Final = 8
REST: Final = 0.1
TRIES: Final = 8
"""Seeds, of which one finds the bug."""

SCRIPT: Final = """
import json, sys
from pathlib import Path
from tests.unit.virtual.test_virtual_planted import made
result = made(Path(sys.argv[1]), int(sys.argv[2])).run(judge=False)
print(json.dumps([each.what for each in result.verdicts if not each.holds]))
"""


def made(folder: Path, seed: int) -> VirtualRun:
    """One shard of three servers under faults. Each command has a key, as what comes through a router."""
    return VirtualRun(Wanted(SECONDS, seed, True, folder, WORKERS, hosted={"a": "shard"}, keyed=1.0, rest=REST))


def judges(folder: Path) -> dict[str, Callable[[], Verdict]]:
    """Who says of a run what, by the names that `planted.toml` uses."""
    read = config.read(folder / "cluster.toml")
    return {
        "linearizable": partial(linearizable, folder / "history.ndjson"),
        "recorded": partial(recorded, read, "a", "Replication"),
        "spoken": partial(recorded, read, "a", "LeaderOutput"),
    }


def failed(planted: Planted, folder: Path, seed: int, environment: dict[str, str]) -> str | None:
    """The first verdict that sees the bug in a run from this seed."""
    command = [sys.executable, "-c", SCRIPT, str(folder), str(seed)]
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join([environment["PYTHONPATH"], root])
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    said: list[str] = json.loads(ran.stdout)
    asked = judges(folder)
    for name in planted.caught:
        if WHAT[name] in said:
            return name
        verdict = asked[name]() if name in asked else None
        assert verdict is None or verdict.result != UNJUDGED, verdict
        if verdict is not None and verdict.result == FAILS:
            return name
    return None


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_it_is_found(planted: Planted, tmp_path: Path) -> None:
    environment = copied(planted, tmp_path / "package")
    seeds = range(planted.seed, planted.seed + TRIES)
    assert any(failed(planted, tmp_path / str(seed), seed, environment) for seed in seeds)


def test_with_the_same_seed_the_unchanged_runtime_passes(tmp_path: Path) -> None:
    for seed in {each.seed for each in PLANTED}:
        result = made(tmp_path / str(seed), seed).run()
        assert result.holds, [each for each in result.verdicts if not each.holds]
