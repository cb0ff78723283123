"""CI has one list of steps, and every way to run them follows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Final

from tests.house.project import ROOT

from steps import STEPS

WORKFLOW: Final = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
DOOR: Final = ROOT / ".ci" / "run"


def test_the_workflow_has_the_same_steps() -> None:
    ran = re.findall(r"- name: (\S+)\n +run: uv run python ci/run\.py (\S+)\n", WORKFLOW)
    assert ran == [(step.name, step.name) for step in STEPS]


def test_the_workflow_covers_the_versions_that_the_project_claims() -> None:
    claimed = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    versions = re.search(r"python: \[(.*)\]", WORKFLOW)
    assert versions
    assert re.findall(r'"([^"]+)"', versions[1]) == claimed
    assert "system: [ubuntu-latest, macos-latest]" in WORKFLOW


def test_the_workflow_is_one() -> None:
    """Against the schema that the step `workflow` uses; it is bundled, so nothing is fetched."""
    (command,) = [step.command for step in STEPS if step.name == "workflow"]
    ran = subprocess.run([sys.executable, "-m", "check_jsonschema", *command[1:]], cwd=ROOT, capture_output=True)
    assert ran.returncode == 0, ran.stdout


def test_the_door_is_thin_and_open() -> None:
    assert os.access(DOOR, os.X_OK)
    lines = DOOR.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 20
    assert lines[-1].endswith('python ci/run.py "$@"')


def test_an_unknown_step_is_named() -> None:
    ran = subprocess.run([sys.executable, "ci/run.py", "nothing"], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no step nothing" in ran.stderr


def test_a_step_runs_alone() -> None:
    ran = subprocess.run([sys.executable, "ci/run.py", "workflow"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0
    assert "== workflow: ok" in ran.stdout
