"""`tlastep validate`: are the recordings of some nodes, merged, a behaviour of the spec?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlastep.binding import Binding
from tlastep.check.bindings import bound_modules
from tlastep.check.models import Project, find_project
from tlastep.check.recording import Validated, validate_files
from tlastep.check.recording_files import files_of
from tlastep.cli._output import Json, console, print_json
from tlastep.errors import UnusableInput
from tlastep.report import text

Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="A module or a model; needed if several are recorded.")
]


def validate(
    recordings: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] FOLDER|FILE...", show_default=False, help="Recordings, or folders of them: one group."
        ),
    ],
    model: Model = None,
    json: Json = False,
) -> None:
    """Are the recordings of a group's nodes, merged along cause and effect, a behaviour of the spec?

    `ok`, or the line that is no step of the spec, and why.
    """
    project = find_project()
    if model is None and not Path(recordings[0]).exists() and len(recordings) > 1:
        model, recordings = recordings[0], recordings[1:]
    binding = _recorded(project, model)
    found = validate_files(project, binding, files_of(map(Path, recordings)))
    if json:
        print_json(found.fields())
    else:
        _show(found)
    if found.rejection is not None:
        raise typer.Exit(1)


def _recorded(project: Project, name: str | None) -> Binding[object]:
    """The binding that reads recordings: of the module or model of that name, or the only one that there is."""
    bound = {module: each for module, each in bound_modules(project).items() if each.recording is not None}
    place = str(project.root / "pyproject.toml")
    if not bound:
        raise UnusableInput("no binding says how recordings are read", place)
    if name is None:
        if len(bound) > 1:
            raise UnusableInput(f"--model: expected one of {', '.join(sorted(bound))}", place)
        return next(iter(bound.values()))
    module = name if name in bound else project.model(name).module
    if module not in bound:
        raise UnusableInput(
            f"no binding of {module} reads recordings (those that do: {', '.join(sorted(bound))})", place
        )
    return bound[module]


def _show(found: Validated) -> None:
    out = console()
    for note in found.notes:
        out.print(f"note: {note}", markup=False)
    if found.rejection is not None:
        out.print("\n".join(["rejected", *found.rejection.text()]), markup=False)
    else:
        out.print(f"ok: a behaviour of {found.module}", markup=False)
    if found.actions:
        out.print(text.table([{"action": name, "steps": count} for name, count in sorted(found.actions.items())]))
    out.print(f"{found.lines:,} lines, {found.steps:,} steps, {found.seconds:.1f} s", markup=False)
