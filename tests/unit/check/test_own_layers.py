"""Layers that a project brings along: what they define is used, and what they lack is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlastep.check.models import Project
from tlastep.check.own_layers import own_layers
from tlastep.errors import UnusableInput

WHOLE = """
MODULES = {"M"}

def kill(project, module):
    return None

def coverage(project, module):
    return []
"""


def project(folder: Path, module: str) -> Project:
    return Project(root=folder, list=folder / "models.toml", models=(), bindings=(), layers=(("stories", module),))


def test_a_layer_is_what_its_module_defines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layer_of_stories.py").write_text(WHOLE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    (layer,) = own_layers(project(tmp_path, "layer_of_stories"))
    assert layer.name == "stories"
    assert layer.modules == frozenset({"M"})
    assert layer.coverage(project(tmp_path, "layer_of_stories"), "M") == []


def test_a_module_that_lacks_a_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_a_layer.py").write_text(WHOLE.partition("def coverage")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnusableInput, match=r"layers\.stories: half_a_layer does not define coverage"):
        own_layers(project(tmp_path, "half_a_layer"))
    with pytest.raises(UnusableInput, match=r"layers\.stories: no module no_such_layer"):
        own_layers(project(tmp_path, "no_such_layer"))
