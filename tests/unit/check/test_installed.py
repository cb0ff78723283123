"""Recordings are judged outside of a project, and in somebody else's, by the bindings of installed packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.house.project import ROOT

from quorumlog.cli import recorded
from quorumlog.simulation.profiles import PROFILES
from tlastep.check.installed import installed_binding, installed_modules

TLASTEP = Path(sys.executable).parent / "tlastep"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of three servers in the simulation."""
    folder = tmp_path_factory.mktemp("recordings")
    schedules = [PROFILES["mixed"](seed, 3) for seed in range(9)]
    recorded([each for each in schedules if each.start == "Init"][:1], folder)
    return folder


def validated(words: list[str], within: Path) -> subprocess.CompletedProcess[str]:
    """What `tlastep validate` says in a folder."""
    command = [str(TLASTEP), "validate", *words]
    return subprocess.run(command, cwd=within, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_without_a_project_what_is_installed_judges(recordings: Path, tmp_path: Path) -> None:
    ran = validated(["--model", "Replication", str(recordings), "--json", "--progress"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["result"], said["module"]) == ("ok", "Replication")
    assert all(re.fullmatch(r"\d+ lines judged", line) for line in ran.stderr.splitlines())


def test_what_is_no_behaviour_is_rejected_there(recordings: Path, tmp_path: Path) -> None:
    shutil.copytree(recordings, tmp_path / "changed")
    file = min((tmp_path / "changed").iterdir())
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    del lines[len(lines) // 2]
    file.write_text("".join(lines), encoding="utf-8")
    ran = validated(["--model", "Replication", "changed", "--json"], tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert json.loads(ran.stdout)["result"] == "rejected"


def test_a_project_that_binds_something_else_is_no_hindrance(recordings: Path) -> None:
    ran = validated(["--model", "Replication", str(recordings), "--json"], ROOT / "examples" / "lock")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--model: expected one of LeaderOutput, ReplicatedTwoPhaseCommit"),
        (["--model", "Nothing"], "no pyproject.toml with a table [tool.tlastep]"),
    ],
)
def test_what_nothing_binds_is_one_line(words: list[str], says: str, recordings: Path, tmp_path: Path) -> None:
    ran = validated([*words, str(recordings)], tmp_path)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def texts_of(module: str) -> set[str]:
    """The modules of the project that a spec is made of."""
    text = (ROOT / "spec" / f"{module}.tla").read_text(encoding="utf-8")
    named = re.findall(r"^EXTENDS (.*)$|INSTANCE (\w+)", text, re.MULTILINE)
    names = [name.strip() for pair in named for part in pair for name in part.split(",") if name.strip()]
    known = [name for name in names if (ROOT / "spec" / f"{name}.tla").exists()]
    return {module}.union(*map(texts_of, known))


def test_a_wheel_holds_the_texts_of_all_specs_that_recordings_are_judged_by() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(settings["project"]["entry-points"]["tlastep.recordings"]) == set(installed_modules())
    for module in installed_modules():
        for name in texts_of(module):
            assert included.get(f"spec/{name}.tla") == f"quorumlog_bindings/specs/{name}.tla", f"{module} needs {name}"


@pytest.mark.parametrize("module", ["LeaderOutput", "ReplicatedTwoPhaseCommit", "Replication", "ShardedLedger"])
def test_a_binding_comes_with_its_spec(module: str) -> None:
    project, binding = installed_binding(module)
    assert binding.module == module
    assert (project.specs / f"{module}.tla").is_file()
    assert os.path.commonpath([project.specs, ROOT]) == str(ROOT)
