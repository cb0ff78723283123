"""Ways to read that are wrong: the code breaks the law of the atomic register, by itself and along the spec's steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from quorumlog_bindings.consistent_read import consistent_read
from tlastep.check.models import Project, find_project
from tlastep.check.mutant_kill import alone
from tlastep.check.run_replay import replay_counterexample
from tlastep.engine.code_system import BoundModel
from tlastep.language.config import read_config

WRONG = {"ConsistentReadFromLeader": "ReadFromLeader", "ConsistentReadFromModel": "ReadFromModel"}
WRONG |= {"ConsistentReadEarly": "AskEarly"}


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(Path(__file__).parent)


@pytest.mark.parametrize("name", WRONG)
def test_the_code_breaks_the_law_by_itself(project: Project, name: str) -> None:
    config = read_config(project.config(project.model(name)))
    (killer,) = alone(name, BoundModel(consistent_read, config))
    assert killer.property == "Refines"


@pytest.mark.parametrize("name", WRONG)
def test_the_code_follows_the_counterexample(project: Project, name: str) -> None:
    found = replay_counterexample(project, project.model(name), consistent_read)
    assert found.result == "ok"
    assert found.behaviours.actions[WRONG[name]] == 1


def test_the_wrong_ways_are_not_offered_where_the_spec_has_not_got_them(project: Project) -> None:
    right = BoundModel(consistent_read, read_config(project.config(project.model("ConsistentReadByIndex"))))
    assert {action.name for action in right.actions}.isdisjoint(WRONG.values())
    wrong = BoundModel(consistent_read, read_config(project.config(project.model("ConsistentReadEarly"))))
    assert {action.name for action in wrong.actions} - {action.name for action in right.actions} == {"AskEarly"}
