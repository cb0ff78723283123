"""SANY in a Java that stays: a process that parses one spec after another, for programs that parse hundreds.

A start of Java costs five times what SANY needs for a spec once it is warm. The process is a Python of its own in which
JPype runs Java: a crash of Java ends that process and no other, and it ends when its standard input does. It answers a
request, a line of JSON, with the number of bytes and the XML, or with 0 where SANY has found fault with the spec, or
where anything at all is not as it should be: then whoever asked starts Java for this spec, and gets SANY's own words.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from tlastep.errors import ToolFailure
from tlastep.toolchain import java, sany_errors

_NONCE: Final = 16  # bytes of a request's number, a random one, which its answer begins with
_LENGTH: Final = 8  # bytes of the length of an answer, which come next
_SECONDS: Final = 300.0  # for one spec
_LIBRARIES: Final = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll")

Export = Callable[[list[str]], tuple[bytes, str]]
"""What SANY's exporter prints when it is called with these arguments: output and error output."""


class Server:
    """A process that parses. It belongs to the process that has started it, whose forks may use it one at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._ended = False
        self._busy = threading.Lock()

    def parse(self, spec: Path, folders: Sequence[Path]) -> bytes | None:
        """The XML of a spec, or None: then ask SANY itself. A server that does not answer well is not asked again."""
        if self._ended or not self._busy.acquire(blocking=False):
            return None  # another thread is being answered
        nonce = os.urandom(_NONCE)
        timer = threading.Timer(_SECONDS, self._process.kill)
        timer.start()
        try:
            found = self._ask(nonce, [str(spec), *map(str, folders)])
        except OSError:
            found = None
        finally:
            timer.cancel()
            self._busy.release()
        if found is None:
            self.end()
        return found or None

    def _ask(self, nonce: bytes, words: list[str]) -> bytes | None:
        """The answer to this very request, and not to one whose asker was ended before it could read; else None."""
        self._requests.write(json.dumps([nonce.hex(), *words]).encode() + b"\n")
        self._requests.flush()
        if self._answers.read(_NONCE) != nonce:
            return None
        size = self._answers.read(_LENGTH)
        found = self._answers.read(int.from_bytes(size, "big"))
        return found if len(size) == _LENGTH and len(found) == int.from_bytes(size, "big") else None

    def end(self) -> None:
        """Ends the process, which does so when there is nothing more to read."""
        self._ended = True
        with suppress(OSError):  # what it has not read was meant for a process that is no more
            self._requests.close()
        self._answers.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# -- which server a process uses ----------------------------------------------------------------------------------

_wanted: set[int] = set()  # processes that will parse many specs
_running: list[Server] = []  # that of this process, or of the one that it is a fork of


def keep(*, now: bool = False) -> None:
    """This process will parse many specs: a server starts with the first of them, or `now`, before a fork needs it."""
    _wanted.add(os.getpid())
    if now:
        _start()


def parse(spec: Path, folders: Sequence[Path]) -> bytes | None:
    """The XML of a spec by the server of this process; None where there is none, or where SANY itself must be asked."""
    _start()
    return _running[0].parse(spec, folders) if _running else None


def _start() -> None:
    if os.getpid() in _wanted and not _running and importlib.util.find_spec("jpype") is not None:
        try:
            _running.append(Server([sys.executable, "-P", "-m", "tlastep.toolchain.sany_server"]))
        except OSError:
            _wanted.clear()


# -- the process that serves ---------------------------------------------------------------------------------------


def main() -> None:
    """Serves until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever Java prints by itself is no answer
    with tempfile.TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as own:
        os.chdir(own)  # SANY searches the folder that it runs in, too: that of the spec comes first as a library
        serve(sys.stdin.buffer, answers, exporter(own))


def serve(requests: IO[bytes], answers: IO[bytes], export: Export) -> None:
    """Answers each request."""
    for request in requests:
        nonce, spec, *folders = json.loads(request)
        includes = [word for folder in folders for word in ("-I", folder)]
        output, errors = export(["-o", *includes, spec])
        found = b"" if sany_errors.has_errors(errors) or not output.strip() else output
        answers.write(bytes.fromhex(nonce) + len(found).to_bytes(_LENGTH, "big") + found)
        answers.flush()


def exporter(own: str) -> Export:
    """SANY's exporter in a Java that starts now in this process and has the folder `own` for temporary files."""
    jpype: Any = importlib.import_module("jpype")
    options = [*java.options(own), java.QUICK]
    jpype.startJVM(str(_library(java.java())), *options, classpath=[str(java.jar())])
    system: Any = jpype.JClass("java.lang.System")
    failure: Any = jpype.JClass("java.lang.Exception")
    exporting: Any = jpype.JClass("tla2sany.xml.XMLExporter")
    # A newer exporter's `main` ends Java after its work, which is done by a method that does not.
    work: Any = getattr(exporting, "moduleToXML", exporting.main)
    # One stream each for all calls, since SANY keeps the streams that it has found when it was loaded.
    output, errors = (jpype.JClass("java.io.ByteArrayOutputStream")() for _ in range(2))
    out, err = (jpype.JClass("java.io.PrintStream")(each, True, "UTF-8") for each in (output, errors))
    system.setErr(err)

    def export(arguments: list[str]) -> tuple[bytes, str]:
        system.setOut(out)  # the exporter puts another one there
        output.reset()
        errors.reset()
        try:
            failed = bool(work(arguments))
        except failure:
            failed = True
        printed = b"" if failed else bytes(output.toByteArray())
        return printed, bytes(errors.toByteArray()).decode("utf-8", "replace")

    return export


def _library(program: Path) -> Path:
    """Java as a library, beside the program."""
    home = program.resolve().parent.parent
    for name in _LIBRARIES:
        if (home / name).is_file():
            return home / name
    raise ToolFailure("this Java has no library to be called by", str(program))


if __name__ == "__main__":
    main()
