"""Bugs that are planted into the runtime are found in virtual time within a minute of the processor; without, none is.

The runs are those of `quorumlog virtual --groups 1`, one seed after another. Whatever changes in the runtime changes
what a seed makes of it, so nobody knows which one it will be.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.planted import PLANTED, WHAT, Planted, changed, copied

from quorumlog.demo.judges import linearizable, recorded
from quorumlog.demo.verdicts import UNJUDGED, VIOLATED, Verdict
from quorumlog.runtime import config
from quorumlog.virtual.run import STAY, VirtualRun, Wanted

SECONDS: Final = 200.0
WORKERS: Final = 8
REST: Final = 4.0
KEYED: Final = (0.5, 1.0)
"""What the command does by default, in runs that are a little shorter, for there is a judge after each."""
MINUTE: Final = 60.0
"""Seconds of the processor, judging included, within which a bug is found."""
SEEDS: Final = 3
"""Runs in which the unchanged runtime passes."""

SCRIPT: Final = """
import json, sys
from pathlib import Path
from tests.unit.virtual.test_virtual_planted import made
result = made(Path(sys.argv[1]), int(sys.argv[2])).run(judge=False)
print(json.dumps([each.what for each in result.verdicts if not each.holds]))
"""


def made(folder: Path, seed: int) -> VirtualRun:
    """One shard of three servers under faults."""
    keyed = KEYED[seed % len(KEYED)]
    return VirtualRun(
        Wanted(SECONDS, seed, True, folder, WORKERS, hosted={"a": "shard"}, keyed=keyed, rest=REST, faithful=STAY)
    )


def processor() -> float:
    """Seconds of the processor that this process and those that it has waited for have taken."""
    return sum(sum(resource.getrusage(each)[:2]) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


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
        if verdict is not None and verdict.result == VIOLATED:
            return name
    return None


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_it_is_found_within_a_minute_of_the_processor(planted: Planted, tmp_path: Path) -> None:
    environment = copied(planted, tmp_path / "package")
    begun = processor()
    for seed in count():
        folder = tmp_path / str(seed)
        found = failed(planted, folder, seed, environment)
        taken = processor() - begun
        shutil.rmtree(folder)
        if found is not None:
            print(f"{planted.name}: {found}, with seed {seed}, after {taken:.1f} s of the processor")
            return
        assert taken < MINUTE, f"not found in {seed + 1} runs"


def test_the_unchanged_runtime_passes(tmp_path: Path) -> None:
    for seed in range(SEEDS):
        result = made(tmp_path / str(seed), seed).run()
        assert result.holds, [each for each in result.verdicts if not each.holds]


@pytest.mark.parametrize(
    ("within", "find", "says"),
    [
        ("carry_out", "ports.disk.write(stores)", "expected once, found 0 times"),
        ("Driver.__init__", "None", r"expected once, found \d\d? times"),
        ("carry_in", None, "expected one carry_in, found 0"),
    ],
)
def test_a_bug_that_can_no_longer_be_planted_is_an_error(within: str, find: str | None, says: str) -> None:
    bug = Planted("name", "driver.py", within, "0", ("recorded",), "It is a bug.", find)
    with pytest.raises(AssertionError, match=says):
        changed(bug)
