"""`tlastep trace`: a counterexample in another form."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tlastep.cli._output import write
from tlastep.report import behaviour_file, html, itf, text


def trace(
    counterexample: Annotated[
        Path,
        typer.Argument(
            metavar="COUNTEREXAMPLE", show_default=False, help="A behaviour: in ITF, or printed or simulated by TLC."
        ),
    ],
    form: Annotated[Literal["itf", "html", "text"], typer.Option("--format", help="What to make of it.")] = "text",
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there, not to stdout.")] = None,
) -> None:
    """Show a counterexample: as text, what each action changed; as a page; or in ITF for other tools."""
    behaviour = behaviour_file.read(counterexample)
    if form == "itf":
        shown = itf.dumps(behaviour, counterexample.name)
    elif form == "html":
        shown = html.behaviour_page(counterexample.stem, behaviour, f"{len(behaviour)} states")
    else:
        shown = text.behaviour(behaviour) + "\n"
    if output is None:
        sys.stdout.write(shown)
    else:
        write(output, shown)
