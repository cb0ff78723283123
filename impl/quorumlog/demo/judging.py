"""Judges beside each other: other programs, which know nothing of this one, and whoever looks at what is kept.

As many run at once as the machine has processors, if there is memory for what they read. Who needs none begins first,
and then whoever needs most.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock, Timer
from typing import IO, Any, Final, TypeAlias

from msgspec import Struct

from quorumlog.demo.verdicts import Verdict

SECONDS: Final = 600.0
"""That a judge may take if nothing else is said."""
AT_ONCE: Final = min(4, os.cpu_count() or 1)

Found: TypeAlias = dict[str, Any] | str
"""What `tlastep` says, or in a line why it says nothing."""

_JUDGED: Final = re.compile(r"(\d+) lines judged")


class Question:
    """A question to `tlastep`, which answers as a process of its own. `lines` are those that are judged so far."""

    def __init__(self) -> None:
        self.lines = 0
        self._process: subprocess.Popen[str] | None = None
        self._is_stopped = False
        self._lock = Lock()

    def ask(self, words: Sequence[str], seconds: float = SECONDS) -> Found:
        """What it says, or why it says nothing: also if it has not ended within this time."""
        program = shutil.which("tlastep", path=str(Path(sys.executable).parent)) or shutil.which("tlastep")
        if program is None:
            return "tlastep is not installed"
        with TemporaryFile() as output:
            begun = time.monotonic()
            process = self._start([program, *words, "--json"], output)
            if process is None:
                return "it was stopped"
            late = Timer(seconds, self.stop)
            with process:
                late.start()
                said = self._listen(process)
            late.cancel()
            if process.returncode == -signal.SIGKILL and time.monotonic() - begun >= seconds:
                return f"tlastep {words[0]} has not ended within {seconds:,.0f} s"
            output.seek(0)
            document = output.read()
        if process.returncode in (0, 1) and document.strip():
            found: dict[str, Any] = json.loads(document)
            return found
        return said or f"tlastep {words[0]} has ended with status {process.returncode}"

    def _start(self, command: list[str], output: IO[bytes]) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._is_stopped:
                return None
            # In a session of its own, so that with it end the programs that it has started.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            return self._process

    def _listen(self, process: subprocess.Popen[str]) -> str:
        """Its last words."""
        said = ""
        assert process.stderr is not None, "it is a pipe"
        for line in process.stderr:
            judged = _JUDGED.fullmatch(line.strip())
            if judged is not None:
                self.lines = int(judged[1])
            else:
                said = line.strip() or said
        return said

    def stop(self) -> None:
        """It is not asked any more; a process that answers ends."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)


class Judge(Struct, frozen=True):
    """Who speaks some verdicts. It reads so many lines and may need so many bytes of memory, if it is known."""

    what: str
    speak: Callable[[Question], Sequence[Verdict]]
    lines: int = 0
    needs: int = 0


class Standing:
    """How far a judge is."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.question = Question()
        self.begun: float | None = None
        """By `time.monotonic`."""
        self.verdicts: Sequence[Verdict] = ()

    def run(self) -> None:
        """Until the verdicts are there."""
        self.begun = time.monotonic()
        self.verdicts = self.judge.speak(self.question)


class Judging:
    """All judges of a run. `standings` says how far they are, in the order in which verdicts are read."""

    def __init__(self, judges: Iterable[Judge], at_once: int = AT_ONCE) -> None:
        self.standings = [Standing(each) for each in judges]
        self._at_once = at_once

    def run(self) -> list[Verdict]:
        """All verdicts, in their order."""
        waiting = sorted(self.standings, key=lambda each: (each.judge.needs > 0, -each.judge.needs))
        running: dict[Future[None], Standing] = {}
        free = memory()
        try:
            with ThreadPoolExecutor(self._at_once) as pool:
                while waiting or running:
                    while len(running) < self._at_once and (fits := fitting(waiting, running.values(), free)):
                        waiting.remove(fits)
                        running[pool.submit(fits.run)] = fits
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for each in done:
                        del running[each]
                        each.result()
        finally:
            self.stop()
        return [verdict for each in self.standings for verdict in each.verdicts]

    def stop(self) -> None:
        """Who has not judged yet does not any more."""
        for each in self.standings:
            each.question.stop()


def fitting(waiting: Iterable[Standing], running: Iterable[Standing], free: float) -> Standing | None:
    """The first that waits and has the memory that it may need; where nobody runs, the first of all."""
    taken = [each.judge.needs for each in running]
    for each in waiting:
        if not taken or sum(taken) + each.judge.needs <= free:
            return each
    return None


def memory() -> float:
    """Bytes that are free on this machine; without bound where it does not say."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    except OSError:
        return float("inf")
    return float("inf") if found is None else int(found[1]) * 1024
