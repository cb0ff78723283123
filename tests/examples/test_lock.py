"""The example of the README: a lock is stepped beside its spec, and a lock that is handed on wrongly is caught."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "lock"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example, so that what the commands write goes elsewhere."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "lock", ignore=shutil.ignore_patterns("build", "__pycache__")))


def tlastep(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a project whose modules lie in its own folder."""
    script = "from tlastep.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_spec_and_lock_are_the_same_machine(project: Path) -> None:
    ran = tlastep(project, "lockstep", "--json")
    assert ran.returncode == 0, ran.stderr
    (found,) = json.loads(ran.stdout)
    counts: dict[str, Any] = {"spec_states": 16, "code_states": 16, "spec_transitions": 48, "code_transitions": 48}
    assert found.items() >= {**counts, "boundary": 0, "refusals": 96, "result": "ok"}.items()


def test_both_engines_find_what_the_list_expects(project: Path) -> None:
    for engine in ("tlc", "python"):
        ran = tlastep(project, "check", "--engine", engine)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_lock_that_goes_to_the_last_is_caught(project: Path) -> None:
    code = project / "lock.py"
    text = code.read_text(encoding="utf-8")
    wrong = text.replace("self.waiting[0]", "self.waiting[-1]").replace("self.waiting[1:]", "self.waiting[:-1]")
    assert wrong != text
    code.write_text(wrong, encoding="utf-8")
    ran = tlastep(project, "lockstep")
    assert ran.returncode == 1
    assert "Lock: difference: Release(a) leads to different states: holder, waiting" in ran.stdout


def test_continuous_integration_is_told_by_a_junit_report(project: Path) -> None:
    report = project / "lockstep.xml"
    assert tlastep(project, "lockstep", "--junit", str(report)).returncode == 0
    assert 'tests="1" failures="0"' in report.read_text(encoding="utf-8")
    code = project / "lock.py"
    wrong = code.read_text(encoding="utf-8").replace("self.waiting[0]", "self.waiting[-1]")
    code.write_text(wrong.replace("self.waiting[1:]", "self.waiting[:-1]"), encoding="utf-8")
    assert tlastep(project, "lockstep", "--junit", str(report)).returncode == 1
    text = report.read_text(encoding="utf-8")
    assert 'tests="1" failures="1"' in text
    assert '<failure message="difference: Release(a) leads to different states' in text
    assert "then Release(a)" in text


def test_a_lock_that_forgets_to_refuse_is_caught(project: Path) -> None:
    code = project / "lock.py"
    text = code.read_text(encoding="utf-8")
    wrong = text.replace(" or client in self.waiting", "")
    assert wrong != text
    code.write_text(wrong, encoding="utf-8")
    ran = tlastep(project, "lockstep")
    assert ran.returncode == 1
    assert "Ask(b)" in ran.stdout


def test_what_a_lock_writes_down_is_judged(project: Path) -> None:
    recording = project / "recordings" / "lock.ndjson"
    ran = tlastep(project, "validate", "recordings", "--json")
    assert ran.returncode == 0, ran.stderr
    assert (
        json.loads(ran.stdout).items()
        >= {"result": "ok", "steps": 6, "actions": {"Ask": 3, "GiveUp": 1, "Release": 2}}.items()
    )
    text = recording.read_text(encoding="utf-8")
    recording.write_text(text.replace('"waiting":["b","c"]', '"waiting":["c","b"]'), encoding="utf-8")
    ran = tlastep(project, "validate", "--model", "Lock", "recordings/lock.ndjson")
    assert ran.returncode == 1
    assert "recordings/lock.ndjson:4: Ask(c)" in ran.stdout
    assert "waiting: expected <<b, c>> (2 in all), recorded <<c, b>> (2 in all)" in ran.stdout
    place = "Lock.tla:23:13"
    assert f"false: {place}" in ran.stdout
    line = (project / "spec" / "Lock.tla").read_text(encoding="utf-8").splitlines()[22]
    assert "Append(waiting, c)" in line
