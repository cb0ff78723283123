"""What TLC has found is recorded of these very texts: any change of what it depends on makes a record void."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tlastep.check import records
from tlastep.check.models import Project, find_project
from tlastep.errors import UnusableInput

HERE = find_project(Path(__file__))
NAME = "EventLog"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the specs, and nothing recorded of them."""
    shutil.copytree(HERE.specs, tmp_path / "spec", ignore=shutil.ignore_patterns("recorded.toml", "states"))
    return replace(HERE, list=tmp_path / "spec" / HERE.list.name, recorded=tmp_path / "spec" / "recorded.toml")


def edited(name: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        file = project.specs / name
        file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    return edit


def test_a_record_stands_beside_those_of_other_models(project: Project) -> None:
    model, other = project.model(NAME), project.model("ReplicationOldVote")
    assert not records.is_recorded(project, model)
    records.record(project, [model])
    records.record(project, [other])
    assert records.is_recorded(project, model)
    assert records.is_recorded(project, other)
    fewer = replace(project, models=tuple(each for each in project.models if each is not other))
    records.record(fewer, [model])
    assert not records.is_recorded(project, other)


@pytest.mark.parametrize("name", ["EventLog.tla", "MCEventLog.tla", "MCEventLog.cfg"])
def test_a_change_of_what_a_model_is_made_of_makes_its_record_void(project: Project, name: str) -> None:
    model = project.model(NAME)
    records.record(project, [model])
    edited(name)(project)
    assert not records.is_recorded(project, model)


def test_what_a_model_does_not_reach_is_nothing_to_it(project: Project) -> None:
    model = project.model(NAME)
    records.record(project, [model])
    edited("LeaderOutput.tla")(project)
    edited("MCReplication.tla")(project)
    assert records.is_recorded(project, model)


@pytest.mark.parametrize("field", ["distinct", "generated", "depth"])
def test_other_counts_make_it_void(project: Project, field: str) -> None:
    model = project.model(NAME)
    records.record(project, [model])
    assert not records.is_recorded(project, replace(model, **{field: getattr(model, field) + 1}))
    assert not records.is_recorded(project, replace(model, result="deadlock"))
    assert not records.is_recorded(project, replace(model, deadlock=not model.deadlock))


def test_another_tlc_makes_it_void(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = project.model(NAME)
    records.record(project, [model])
    (tmp_path / "other.jar").write_bytes(b"another")
    monkeypatch.setenv("TLA2TOOLS_JAR", str(tmp_path / "other.jar"))
    assert not records.is_recorded(project, model)


def test_a_project_without_a_file_for_them_records_nothing(project: Project) -> None:
    bare = replace(project, recorded=None)
    assert not records.is_recorded(bare, project.model(NAME))
    with pytest.raises(UnusableInput, match="names no file `recorded`"):
        records.record(bare, [project.model(NAME)])


def test_a_file_that_holds_something_else_is_named(project: Project) -> None:
    assert project.recorded is not None
    project.recorded.write_text("[tlc]\nEventLog = 3\n", encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"recorded\.toml: Expected `?str"):
        records.is_recorded(project, project.model(NAME))
