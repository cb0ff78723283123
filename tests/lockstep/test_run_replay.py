"""Replay of the project's models: what TLC simulates, what it finds, and what a file holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quorumlog.simulation.command_replication import INVARIANTS
from quorumlog_bindings.command_replication import command_replication
from quorumlog_bindings.replication import replication
from tlastep.check.explore import load
from tlastep.check.lockstep import lockstep
from tlastep.check.models import Project, find_project
from tlastep.check.run_replay import Simulation, bound_model, counterexample, replay_counterexample, run_replay
from tlastep.cli.main import run
from tlastep.engine.code_system import BoundModel
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config
from tlastep.report import itf


@pytest.fixture(scope="module")
def project() -> Project:
    return find_project(Path(__file__).parent)


@pytest.mark.parametrize("name", ["CommandReplicationStates", "CommandReplicationAnswers"])
def test_the_counterexample_breaks_the_code_too(project: Project, name: str) -> None:
    model = project.model(name)
    found = replay_counterexample(project, model, command_replication)
    assert found.result == "ok"
    assert found.behaviours.steps >= 3
    (end,) = found.behaviours.ends
    assert not INVARIANTS[model.result.removeprefix("invariant ")](end)


def test_code_that_keeps_what_the_spec_breaks_is_found(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invariant of the code that is never false is not the invariant of the spec."""
    always = list(command_replication.invariants["TypeOK"])
    monkeypatch.setitem(command_replication.invariants, "StatesAgree", always)
    found = replay_counterexample(project, project.model("CommandReplicationStates"), command_replication)
    assert found.result.startswith("property: StatesAgree is broken in the spec, and holds")


def test_the_deterministic_model_is_the_same_machine(project: Project) -> None:
    model = project.model("CommandReplicationFixed")
    config = project.config(model)
    found = lockstep(
        model.name, load(project.spec(model), config), BoundModel(command_replication, read_config(config))
    )
    assert found.result == "ok"
    assert found.spec_states == found.code_states == model.distinct


def test_simulated_behaviours_are_replayed_beyond_the_bound(project: Project) -> None:
    found = run_replay(project, project.model("ReplicationFigure8"), replication, how=Simulation(10, 40, 7))
    assert found.result == "ok"
    assert (found.behaviours.behaviours, found.behaviours.steps) == (10, 390)
    assert found.fields()["result"] == "ok"


def test_a_graph_that_is_too_large_is_refused(project: Project) -> None:
    with pytest.raises(UnusableInput, match="at most 35,000 states"):
        run_replay(project, project.model("ReplicationEvents"), replication, [], graph=True)


def test_the_command_replays_a_file(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    model = project.model("CommandReplicationStates")
    file = tmp_path / "told.itf.json"
    file.write_text(itf.dumps(counterexample(project, model)), encoding="utf-8")
    assert run(["replay", model.name, "--behaviour", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["behaviours"] == 1
    assert said["steps"] == sum(said["actions"].values()) == 3
    document = json.loads(file.read_text(encoding="utf-8"))
    document["states"][1]["commands"] = ["exchange", "exchange"]
    file.write_text(json.dumps(document), encoding="utf-8")
    assert run(["replay", model.name, "--behaviour", str(file)]) == 1
    assert "commands" in capsys.readouterr().out
    assert run(["replay", "EventLog"]) == 2
    assert "no binding of EventLog" in capsys.readouterr().err


def test_properties_need_not_be_bound(project: Project) -> None:
    """A witness names an invariant that the binding has not."""
    model = project.model("CommandReplicationNewLeader")
    assert bound_model(project, model, command_replication).invariants == ()
    assert replay_counterexample(project, model, command_replication).result == "ok"
