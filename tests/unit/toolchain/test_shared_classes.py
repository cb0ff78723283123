"""The file of classes is made once, in the best way that a Java knows, and what cannot be made is not tried again."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tlastep.toolchain import java, shared_classes

TOOL = Path(sys.executable)
MAIN = "tla2sany.SANY"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("TLASTEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "classes"


def test_it_is_made_once_though_two_ask(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    both = threading.Barrier(2)

    def make(program: Path, jar: Path, main: str, own: Path) -> None:
        both.wait(timeout=10)
        made.append(own)
        (own / "classes").write_bytes(b"classes")

    monkeypatch.setattr(shared_classes, "_WAYS", (("Kept", make),))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: shared_classes.options(TOOL, TOOL, MAIN), range(2)))
    assert len(set(made)) == 2
    assert found[0] == found[1] == shared_classes.options(TOOL, TOOL, MAIN)
    (file,) = kept.iterdir()
    assert found[0] == [f"-XX:Kept={file}"]
    assert file.read_bytes() == b"classes"


def test_a_java_that_does_not_know_the_better_way_takes_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(program: Path, jar: Path, main: str, own: Path) -> None:
        asked.append("better")

    def make(program: Path, jar: Path, main: str, own: Path) -> None:
        asked.append("other")
        (own / "classes").write_bytes(b"classes")

    monkeypatch.setattr(shared_classes, "_WAYS", (("Better", refuse), ("Other", make)))
    for _ in range(2):
        (option,) = shared_classes.options(TOOL, TOOL, MAIN)
        assert option.startswith("-XX:Other=")
    assert asked == ["better", "other"]


def test_a_java_that_can_do_neither_runs_without(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(shared_classes, "_WAYS", (("Kept", lambda program, jar, main, own: asked.append(own)),))
    assert [shared_classes.options(TOOL, TOOL, MAIN) for _ in range(2)] == [[], []]
    assert len(asked) == 1


def test_the_java_and_the_jar_at_hand_make_one(kept: Path) -> None:
    (option,) = shared_classes.options(java.java(), java.jar(), MAIN)
    (file,) = [each for each in kept.iterdir() if each.stat().st_size]
    assert option.endswith(str(file))
    run = java.run(["tla2sany.SANY"])
    assert "warning" not in run.text.lower() + run.errors.lower()
