"""The checks of the transcripts can fail: on a wrong line, on a step that the spec lacks, and on changed code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from quorumlog.simulation.transcript import Performance, Step, files, parse, perform
from quorumlog_bindings.transcripts import coverage, disagreements, kill, kill_by_transcripts
from tlastep.check.coverage import merge, unreached
from tlastep.check.elsewhere import Elsewhere
from tlastep.check.models import find_project
from tlastep.check.mutant_kill import changed_specs
from tlastep.check.mutant_list import read_mutants

FOLDER: Final = Path(__file__).parent
ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT / "spec" / "Replication.tla"
MUTANTS: Final[list[dict[str, str]]] = tomllib.loads((ROOT / "conformance/mutants/code.toml").read_text())["mutant"]
ELECTION: Final = "> cluster a b c\n> timeout a; sync a\n> deliver a -> b vote-request\n"
KILLER: Final = """
import importlib, json, multiprocessing, sys
from pathlib import Path
from tlastep.check import told
from tlastep.check.elsewhere import Elsewhere
from tlastep.check.models import find_project
from tlastep.check.mutant_kill import changed_code
from tlastep.check.mutant_list import read_mutants

root, folder, *names = sys.argv[1:]
mutants = {each.name: each for each in read_mutants(find_project(Path(root))) if each.side == "code"}

def kill(name):
    with changed_code(mutants[name]):
        killer = importlib.import_module("quorumlog_bindings.transcripts").kill_by_transcripts(Path(folder))
        return killer.model if killer else ""

with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    print(json.dumps(dict(zip(names, pool.map(kill, names, chunksize=1)))))
"""


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The first test of the runner, in a copy of it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "says_what_happens", *arguments]
    return subprocess.run([*command, str(folder)], cwd=folder, capture_output=True, text=True, check=False)


def test_a_wrong_line_fails_and_is_rewritten(tmp_path: Path) -> None:
    for name in ("conftest.py", "test_transcripts.py", "election.txt"):
        shutil.copy(FOLDER / name, tmp_path)
    transcript = tmp_path / "election.txt"
    right = transcript.read_text(encoding="utf-8")
    wrong = right.replace("votes for a", "votes for b", 1)
    assert wrong != right

    transcript.write_text(wrong, encoding="utf-8")
    failed = ran(tmp_path)
    assert failed.returncode == 1
    assert "votes for b" in failed.stdout

    assert ran(tmp_path, "--rewrite").returncode == 0
    assert transcript.read_text(encoding="utf-8") == right


def changed(performance: Performance, position: int, step: Step) -> Performance:
    """The performance with another step in one place."""
    steps = list(performance.steps)
    steps[position] = (steps[position][0], step)
    return Performance(performance.script, performance.lines, tuple(steps))


def test_a_step_that_the_spec_lacks_is_said() -> None:
    performance = perform(parse(ELECTION))
    number, vote = performance.steps[-1]
    assert (number, vote.action) == (3, "OnVoteRequest")
    assert disagreements(performance, SPEC) == []

    elsewhere = changed(performance, 2, Step(vote.action, vote.arguments, vote.before, vote.before))
    (said,) = disagreements(elsewhere, SPEC)
    assert said.startswith("line 3: OnVoteRequest(b, ")
    assert " leads elsewhere: term is " in said

    refused = changed(performance, 2, Step(vote.action, vote.arguments, vote.before, None))
    (said,) = disagreements(refused, SPEC)
    assert said.startswith("line 3: the code refuses OnVoteRequest(b, ")

    early = Step("Sync", ("c",), vote.before, vote.before)
    assert disagreements(changed(performance, 2, early), SPEC) == [
        "line 3: the code takes Sync(c), and the spec refuses it"
    ]


def test_a_broken_invariant_is_said() -> None:
    performance = perform(parse("> cluster a b c leader a\n> propose a x\n> sync a\n"))
    _, last = performance.steps[-1]
    assert last.after is not None
    entry = last.after.replicas["a"].log[-1]
    decided = last.after.change(decided=(*last.after.decided, entry))
    wrong = changed(performance, -1, Step(last.action, last.arguments, last.before, decided))
    assert "DecidedIsDurable is false" in " ".join(disagreements(wrong, SPEC))


def test_transcripts_are_many_and_open_with_a_sentence() -> None:
    transcripts = files(FOLDER)
    assert len(transcripts) >= 20
    for path in transcripts:
        remark = path.read_text(encoding="utf-8").split("\n>")[0]
        assert remark.startswith("# "), path.name
        assert remark.endswith("."), path.name


def test_every_transcript_says_what_the_unchanged_code_does() -> None:
    assert kill_by_transcripts(FOLDER) is None


def test_together_the_transcripts_reach_every_action_of_the_spec() -> None:
    found = coverage(find_project(ROOT), "Replication")
    assert len(found) == len(files(FOLDER))
    (merged,) = merge(found)
    assert [action for action, number in merged.actions.items() if not number] == []
    assert unreached(found) == {"Replication": ()}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By mutant of the code, the transcript that kills it, found in a fork of a process without the code."""
    script = tmp_path_factory.mktemp("mutants") / "kill.py"
    script.write_text(KILLER, encoding="utf-8")
    names = [mutant["name"] for mutant in MUTANTS]
    found = subprocess.run(
        [sys.executable, script, ROOT, FOLDER, *names], capture_output=True, text=True, check=True, timeout=300
    )
    killers: dict[str, str] = json.loads(found.stdout)
    return killers


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant["name"] for mutant in MUTANTS])
def test_a_mutant_of_the_code_is_killed(mutant: dict[str, str], killed: dict[str, str]) -> None:
    assert killed[mutant["name"]], f"no transcript notices it: {mutant['says']}"


@pytest.mark.parametrize("name", ["commits-by-counting", "believes-commit-beyond-request"])
def test_a_mutant_of_the_spec_is_killed(name: str, tmp_path: Path) -> None:
    project = find_project(ROOT)
    (mutant,) = [each for each in read_mutants(project) if (each.side, each.name) == ("spec", name)]
    killer = kill(changed_specs(project, mutant, tmp_path), mutant.module)
    assert killer is not None
    assert killer.layer == "transcripts"
    assert killer.depth > 0
    with pytest.raises(Elsewhere):
        kill(project, "EventLog")
