"""`tlastep mutants`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tlastep.check.models import Project
from tlastep.check.mutant_list import Mutant, read_mutants
from tlastep.cli import mutants as command
from tlastep.cli.main import run


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)


def weakened(project: Project) -> tuple[Mutant, ...]:
    """The mutant of the code that an old vote kills, without its change."""
    return tuple(
        replace(each, replace=f"{each.find}  # nothing")
        for each in read_mutants(project)
        if (each.side, each.name) == ("code", "counts-votes-of-earlier-terms")
    )


def test_the_matrix_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mutants", "ReplicationOldVote", "--json"]) == 0
    spec, code = json.loads(capsys.readouterr().out)
    assert set(spec) >= {"mutant", "side", "module", "killed", "by", "seconds"}
    assert (spec["mutant"], spec["side"], spec["module"]) == ("counts-old-votes", "spec", "Replication")
    assert (spec["killed"], code["killed"]) == (True, True)
    assert spec["by"] == [{"layer": "python", "model": "ReplicationOldVote", "property": "ElectionSafety", "depth": 2}]
    assert {"lockstep", "properties"} <= {each["layer"] for each in code["by"]}


def test_a_survivor_is_named_and_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "read_mutants", weakened)
    assert run(["mutants"]) == 1
    said = capsys.readouterr().out
    assert "NOT KILLED" in said
    assert "code mutant counts-votes-of-earlier-terms: survives lock-step in ReplicationOldVote" in said
    assert run(["mutants", "--json"]) == 1
    told = capsys.readouterr()
    assert [each["killed"] for each in json.loads(told.out)] == [False]
    assert "counts-votes-of-earlier-terms" in told.err


def test_an_unknown_model_is_unusable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mutants", "ReplicationOldVotes"]) == 2
    assert "did you mean ReplicationOldVote" in capsys.readouterr().err


def test_only_the_mutants_of_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mutants", "--module", "EventLog", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["module"] for each in found} == {"EventLog"}
    assert run(["mutants", "--module", "Nothing"]) == 2
    assert "no mutant of Nothing" in capsys.readouterr().err
