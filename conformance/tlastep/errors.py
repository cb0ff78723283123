"""What can be wrong with what we were given. A failed check is never an exception: it is a verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A place in a text: file (or module), line and column, both counted from 1; 0 where unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class UnusableInput(Exception):
    """Input that can't be used: one line that names the file, the place and what was expected (exit status 2)."""

    def __init__(self, message: str, place: Place | str | None = None) -> None:
        self.message = " ".join(message.split())
        self.place = Place(place) if isinstance(place, str) else place
        super().__init__(f"{self.place}: {self.message}" if self.place else self.message)


class Unsupported(UnusableInput):
    """A TLA+ construct that the Python evaluator does not support; it names the construct and its place."""


class EvaluationError(UnusableInput):
    """The spec asks for something without a value, such as `f[x]` with x outside DOMAIN f."""


class ToolFailure(UnusableInput):
    """A tool that we need (Java, TLC, SANY) is missing, or failed for a reason of its own."""
