"""`tlastep linearizable`: exit statuses, what is printed, the picture, and what `docs/histories.md` shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.history.generated import OBJECTS, history, write

from tlastep.cli.main import run
from tlastep.errors import ToolFailure
from tlastep.history import porcupine

DOCUMENT = Path(__file__).parents[3] / "docs" / "histories.md"


def shown(mark: str) -> str:
    """The block of the document behind a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The example of the document, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("history.ndjson").write_text(shown("history"), encoding="utf-8")
    return "history.ndjson"


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_example_fails_as_the_document_says(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["linearizable", example, "--model", "register"]) == 1
    assert capsys.readouterr().out.startswith(shown("says"))


def test_a_violation_names_the_operation_and_the_prefix(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["linearizable", example, "--model", "register", "--json"]) == 1
    found = document(capsys)
    assert {name: found[name] for name in ("result", "operations", "line", "invoked", "prefix", "ordered")} == {
        "result": "violation",
        "operations": 5,
        "line": 10,
        "invoked": 9,
        "prefix": 9,
        "ordered": 3,
    }
    assert found["checkers"] == {"porcupine": "violation", "own": "violation"}


def test_without_its_last_lines_the_example_is_ok(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Path(example).read_text(encoding="utf-8").splitlines(keepends=True)[:-2]
    Path(example).write_text("".join(kept), encoding="utf-8")
    assert run(["linearizable", example, "--model", "register", "--json"]) == 0
    assert document(capsys)["result"] == "ok"


def test_what_takes_too_long_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = history(OBJECTS["register"], 1, 4_000, 40)
    path = write(tmp_path / "history.ndjson", lines)
    assert run(["linearizable", str(path), "--model", "register", "--timeout", "0.05", "--json"]) == 1
    assert document(capsys)["result"] == "unknown"


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("", ["--model", "register"], "history.ndjson:1: no operation"),
        ("{}\n", ["--model", "register"], "history.ndjson:1: expected a field process"),
        (None, ["--model", "register"], "history.ndjson: can't be read"),
        ("{}\n", ["--model", "queue"], "expected one of the models kv, ledger, register, not queue"),
        ("{}\n", ["--model", "kv", "--timeout", "0"], "--timeout: expected more than 0 seconds"),
        ("{}\n", [], "--model"),
    ],
)
def test_unusable_input_is_one_line_and_exit_status_2(
    text: str | None, options: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.ndjson"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert run(["linearizable", str(path), *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert expected in said.err
    assert said.err.count("\n") == 1


def test_where_porcupine_cannot_be_built_our_own_checker_judges(
    example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_go() -> Path:
        raise ToolFailure("porcupine can't be built: no go")

    monkeypatch.setattr(porcupine, "go", no_go)
    monkeypatch.setenv("TLASTEP_CACHE", str(Path.cwd() / "cache"))
    assert run(["linearizable", example, "--model", "register", "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["checkers"] == {"porcupine": "missing", "own": "violation"}
    assert said.err == "tlastep: porcupine can't be built: no go; our own checker judged alone\n"


def test_the_picture_has_a_lane_a_process_a_dot_an_effect_and_the_wall(example: str) -> None:
    assert run(["linearizable", example, "--model", "register", "--html", "picture.html"]) == 1
    page = Path("picture.html").read_text(encoding="utf-8")
    assert [process for process in range(4) if f">process {process}</text>" in page] == [0, 1, 2]
    # Three answers and the write that nobody has heard of; the last read has no place.
    assert page.count('class="point"') == 4
    assert page.count('class="stuck"') == page.count('class="wall"') == 1
