"""Bugs that are planted into the runtime are found in virtual time within a minute of the processor; without, none is.

The runs are those of `quorumlog virtual`, of one group and of nine servers, one seed after another. Whatever changes in
the runtime changes what a seed makes of it, so nobody knows which one it will be.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.planted import PLANTED, WHAT, Planted, changed, copied

from quorumlog.demo.judges import linearizable, recorded
from quorumlog.demo.kept import kept
from quorumlog.demo.verdicts import UNJUDGED, VIOLATED, Verdict
from quorumlog.runtime import config
from quorumlog.virtual.run import HOSTED, STAY, VirtualRun, Wanted

SECONDS: Final = 200.0
WORKERS: Final = 8
REST: Final = 4.0
KEYED: Final = (0.5, 1.0)
"""What the command does by default, in runs that are a little shorter, for there is a judge after each."""
MINUTE: Final = 60.0
"""Seconds of the processor, judging included, within which a bug is found."""
OF_GROUPS: Final = {"recorded": "Replication", "spoken": "LeaderOutput"}
"""The specs that each group is judged by."""

SCRIPT: Final = """
import json, sys
from pathlib import Path
from tests.unit.virtual.test_virtual_planted import made
result = made(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).run(judge=False)
print(json.dumps([each.what for each in result.verdicts if not each.holds]))
"""


def made(folder: Path, seed: int, groups: int) -> VirtualRun:
    """One shard of three servers under faults, or three groups: two shards and their coordinator."""
    hosted, keyed = dict(list(HOSTED.items())[:groups]), KEYED[seed % len(KEYED)]
    return VirtualRun(
        Wanted(SECONDS, seed, True, folder, WORKERS, hosted=hosted, keyed=keyed, rest=REST, faithful=STAY)
    )


def processor() -> float:
    """Seconds of the processor that this process and those that it has waited for have taken."""
    return sum(sum(resource.getrusage(each)[:2]) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def judged(name: str, folder: Path) -> Iterator[Verdict]:
    """What is said of a run, by the names that `planted.toml` uses, until somebody needs no more."""
    read = config.read(folder / "cluster.toml")
    if name == "linearizable":
        yield linearizable(folder / "history.ndjson")
    for group in read.groups if name in OF_GROUPS else ():
        yield recorded(read, group, OF_GROUPS[name])


def failed(planted: Planted, folder: Path, seed: int, groups: int, environment: dict[str, str]) -> str | None:
    """The first verdict that sees the bug in a run from this seed."""
    command = [sys.executable, "-c", SCRIPT, str(folder), str(seed), str(groups)]
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join([environment["PYTHONPATH"], root])
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    said: list[str] = json.loads(ran.stdout)
    for verdict in kept(folder / "history.ndjson"):  # which takes no time
        if verdict.result == VIOLATED:
            return verdict.name
    for name in planted.caught:
        if WHAT[name] in said:
            return name
        for verdict in judged(name, folder):
            assert verdict.result != UNJUDGED, verdict
            if verdict.result == VIOLATED:
                return verdict.name
    return None


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_it_is_found_within_a_minute_of_the_processor(planted: Planted, groups: int, tmp_path: Path) -> None:
    environment = copied(planted, tmp_path / "package")
    begun = processor()
    for seed in count():
        folder = tmp_path / str(seed)
        found = failed(planted, folder, seed, groups, environment)
        taken = processor() - begun
        shutil.rmtree(folder)
        if found is not None:
            print(
                f"{planted.name}: {found}, {3 * groups} servers, with seed {seed}, after {taken:.1f} s of the processor"
            )
            return
        assert taken < MINUTE, f"not found in {seed + 1} runs"


@pytest.mark.parametrize(("groups", "seeds"), [(1, 3), (3, 1)])
def test_the_unchanged_runtime_passes(groups: int, seeds: int, tmp_path: Path) -> None:
    for seed in range(seeds):
        result = made(tmp_path / str(seed), seed, groups).run()
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
