"""What the commands share: where they write, and how."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer
from rich.console import Console

from tlastep.behaviour import Behaviour
from tlastep.check.models import Size
from tlastep.errors import UnusableInput
from tlastep.report import itf

T = TypeVar("T")

Progress: TypeAlias = Callable[[int, int, int], None]

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
SizeOption: TypeAlias = Annotated[
    Size | None, typer.Option("--size", help="Take all models of this size (small, unless models are named).")
]
Names: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="[MODEL]...", show_default=False, help="Models, by name.")
]
OfModules: TypeAlias = Annotated[
    list[str] | None, typer.Option("--module", metavar="MODULE", help="Only mutants of this module; repeatable.")
]
Library: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--library", metavar="DIR", help="A folder in which extended modules are found, too; repeatable."),
]


def console() -> Console:
    """What findings and tables are printed to. Text for a file or a pipe is never cut or wrapped."""
    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not terminal, width=None if terminal else 10_000)


def print_json(document: object) -> None:
    """Prints the one document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def say(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr)


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """A line of progress on stderr while something runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with Console(stderr=True).status(what) as status:

        def tell(generated: int, distinct: int, left: int) -> None:
            status.update(f"{what}: {generated:,} generated, {distinct:,} distinct, {left:,} to explore")

        yield tell


def watched(found: Iterable[T], what: str, total: int, says: Callable[[T], str]) -> list[T]:
    """All of them, as they come, with a line of progress on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        return list(found)
    known: list[T] = []
    with Console(stderr=True).status(what) as status:
        for each in found:
            known.append(each)
            status.update(f"{what}: {len(known)} of {total}; {says(each)}")
    return known


def write(path: Path, text: str) -> None:
    """Writes a file that the user asked for."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"can't be written: {error.strerror}", str(path)) from error


def write_counterexample(path: Path | None, behaviour: Behaviour | None, source: str) -> None:
    """Writes a counterexample where the user wants it, if there is one."""
    if path is not None and behaviour is not None:
        write(path, itf.dumps(behaviour, source))
