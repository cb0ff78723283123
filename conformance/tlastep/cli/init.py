"""`tlastep init`: a binding to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlastep.check.explore import settings_of, types_of
from tlastep.cli._output import Library, write
from tlastep.errors import UnusableInput
from tlastep.report import stubs


def init(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.tla", show_default=False, help="The spec to bind.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.cfg", help="Its configuration; by default SPEC.cfg, if there is one.")
    ] = None,
    library: Library = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; by default spec_binding.py here.")
    ] = None,
) -> None:
    """Write a binding to fill in: one function an action, one observation."""
    found = types_of(spec, config, library or ())
    target = output or Path(f"{spec.stem.lower()}_binding.py")
    if target.exists():
        raise UnusableInput("exists, and is not written over", str(target))
    write(target, stubs.binding(spec.stem, found, settings_of(spec, config)))
    typer.echo(f"{target}: {len(found.actions)} actions and {len(found.variables)} variables to fill in")
    typer.echo("then name it in pyproject.toml: [tool.tlastep] with models = a file of models, bindings = its modules")
