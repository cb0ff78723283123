"""Lists of mutants: what they hold, and what is wrong with them in one line that names the place."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tlastep.check.models import Model, Project
from tlastep.check.mutant_list import Breaks, read_mutants
from tlastep.errors import UnusableInput

SPEC: Final = """side = "spec"

[[mutant]]
name = "grows-at-front"
class = "order"
module = "Queue"
file = "Queue.tla"
find = "Append(queue, e)"
replace = "<<e>> \\\\o queue"
killed_by = { model = "Queue", property = "AppendOnly" }
"""

CODE: Final = """side = "code"

[[mutant]]
name = "keeps-nothing"
class = "order"
module = "Queue"
file = "queues/queue.py"
find = "return queue"
replace = "return ()"
models = ["Queue"]
breaks = { model = "Queue", property = "AppendOnly" }
"""


def listed(folder: Path, text: str) -> Project:
    """A project with one model and one list of mutants."""
    (folder / "queues").mkdir(exist_ok=True)
    (folder / "Queue.tla").write_text("queue' = Append(queue, e) \\* queue")
    (folder / "queues" / "queue.py").write_text("return queue")
    path = folder / "list.toml"
    path.write_text(text)
    model = Model("Queue", "Queue", "Queue.tla", "Queue.cfg", "A queue.")
    return Project(folder, folder / "models.toml", (model,), (), (path,))


def test_a_mutant_of_a_spec(tmp_path: Path) -> None:
    (mutant,) = read_mutants(listed(tmp_path, SPEC))
    assert (mutant.name, mutant.side, mutant.kind) == ("grows-at-front", "spec", "order")
    assert mutant.breaks == Breaks("Queue", "AppendOnly")
    assert mutant.changed() == "queue' = <<e>> \\o queue \\* queue"
    assert mutant.killers == ("Queue",)


def test_a_mutant_of_code(tmp_path: Path) -> None:
    (mutant,) = read_mutants(listed(tmp_path, CODE))
    assert (mutant.name, mutant.side, mutant.file) == ("keeps-nothing", "code", tmp_path / "queues" / "queue.py")
    assert mutant.models == ("Queue",)
    assert mutant.changed() == "return ()"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('side = "spec"', 'side = "core"', r"list\.toml: .*core"),
        ('side = "spec"', "", r"list\.toml: .*side"),
        ('class = "order"\n', "", r"list\.toml:3: the table lacks class"),
        ('class = "order"', 'class = "order"\nmodels = []', r"list\.toml:6: the table contains unknown key models"),
        ('model = "Queue"', 'model = "Cue"', r"list\.toml:10: no model Cue in models\.toml"),
        ('name = "grows-at-front"', "name = 1", r"list\.toml:4: Expected"),
        ("[[mutant]]", "[[mutant]", r"list\.toml:3:"),
    ],
)
def test_a_list_that_does_not_fit_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SPEC
    with pytest.raises(UnusableInput, match=message) as error:
        read_mutants(listed(tmp_path, SPEC.replace(old, new, 1)))
    assert "\n" not in str(error.value)


def test_models_of_a_mutant_of_code_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"list\.toml:10: no model Cue"):
        read_mutants(listed(tmp_path, CODE.replace('["Queue"]', '["Cue"]')))
    with pytest.raises(UnusableInput, match=r"list\.toml:11: no model Cue"):
        read_mutants(listed(tmp_path, CODE.replace('model = "Queue"', 'model = "Cue"')))


def test_a_second_mutant_of_one_name_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="a second mutant grows-at-front of the spec"):
        read_mutants(listed(tmp_path, SPEC + SPEC.removeprefix('side = "spec"\n')))


@pytest.mark.parametrize(
    ("find", "message"),
    [("Append(cue, e)", "does not stand in Queue.tla"), ("queue", "stands 3 times in Queue.tla")],
)
def test_what_is_to_be_changed_stands_in_the_file_once(tmp_path: Path, find: str, message: str) -> None:
    (mutant,) = read_mutants(listed(tmp_path, SPEC.replace("Append(queue, e)", find)))
    with pytest.raises(UnusableInput, match=rf"list\.toml:8: mutant grows-at-front: `find` {message}, expected once"):
        mutant.changed()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (mutant,) = read_mutants(listed(tmp_path, SPEC.replace('"Queue.tla"', '"Cue.tla"')))
    with pytest.raises(UnusableInput, match=r"list\.toml:8: mutant grows-at-front: .*Cue\.tla: No such file"):
        mutant.changed()
