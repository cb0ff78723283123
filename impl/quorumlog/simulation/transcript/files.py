"""Transcripts as files: those of a folder, and which of them no longer say what the code does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from quorumlog.simulation.transcript.performance import Performance, perform
from quorumlog.simulation.transcript.script import parse

SUFFIX: Final = ".txt"


class Differing(Struct, frozen=True):
    """A transcript that says something else than happens, and how many steps were taken until that shows.

    An `exception` is code that could not even perform it.
    """

    name: str
    kind: Literal["difference", "exception"]
    steps: int


def files(folder: Path) -> list[Path]:
    """The transcripts of a folder, in order."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def differing(folder: Path) -> Iterator[Differing]:
    """The transcripts of a folder that say something else than happens."""
    for path in files(folder):
        text = path.read_text(encoding="utf-8")
        script = parse(text, path.name)
        try:
            performance = perform(script)
        except Exception:  # code that was changed on purpose may raise anything, and that is an answer, too
            yield Differing(path.stem, "exception", 0)
            continue
        if performance.text != text:
            yield Differing(path.stem, "difference", steps_until(performance, text.split("\n")))


def steps_until(performance: Performance, expected: Sequence[str]) -> int:
    """How many steps had been taken at the end of the first line whose output is not as expected."""
    position = 0
    for line in performance.lines:
        printed = [line.text, *line.output]
        if printed != list(expected[position : position + len(printed)]):
            return sum(number <= line.number for number, _ in performance.steps)
        position += len(printed)
    return len(performance.steps)
