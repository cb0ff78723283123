"""`tlastep validate`: are the recordings of some nodes, merged, a behaviour of the spec?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any, Final

import typer

from tlastep.binding import Binding
from tlastep.check.bindings import bound_modules
from tlastep.check.installed import installed_binding, installed_modules
from tlastep.check.models import Project, find_project
from tlastep.check.recording import Validated, validate_files
from tlastep.check.recording_files import files_of
from tlastep.cli._output import Json, console, print_json, say
from tlastep.errors import UnusableInput
from tlastep.report import text

LOOK: Final = 0.5
"""Seconds between two looks at how far it is."""

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
    progress: Annotated[
        bool, typer.Option("--progress", help="Say how far it is on stderr, also where that is no terminal.")
    ] = False,
    json: Json = False,
) -> None:
    """Are the recordings of a group's nodes, merged along cause and effect, a behaviour of the spec?

    `ok`, or the line that is no step of the spec, and why. Without a project here, or with one that does not bind the
    model, the bindings of installed packages are asked.
    """
    if model is None and not Path(recordings[0]).exists() and len(recordings) > 1:
        model, recordings = recordings[0], recordings[1:]
    project, binding = _recorded(model)
    with _watched(progress) as begun:
        found = validate_files(project, binding, files_of(map(Path, recordings)), begun=begun)
    if json:
        print_json(found.fields())
    else:
        _show(found)
    if found.rejection is not None:
        raise typer.Exit(1)


def _recorded(name: str | None) -> tuple[Project, Binding[Any]]:
    """The binding that reads recordings, and where its spec is: of that module or model, or the only one that there is.

    The project's own come first.
    """
    installed = installed_modules()
    try:
        project = find_project()
    except UnusableInput:
        if name not in installed and (name is not None or not installed):
            raise
        if name is None:
            raise UnusableInput(f"--model: expected one of {', '.join(installed)}") from None
        return installed_binding(name)
    bound = {module: each for module, each in bound_modules(project).items() if each.recording is not None}
    if name in bound:
        return project, bound[name]
    if name in installed:
        return installed_binding(name)
    return project, _of_model(project, bound, name)


def _of_model(project: Project, bound: dict[str, Binding[Any]], name: str | None) -> Binding[Any]:
    """The binding of the module that a model of the project is of, or the only one that there is."""
    place = str(project.root / "pyproject.toml")
    if not bound:
        raise UnusableInput("no binding says how recordings are read", place)
    if name is None:
        if len(bound) > 1:
            raise UnusableInput(f"--model: expected one of {', '.join(sorted(bound))}", place)
        return next(iter(bound.values()))
    module = project.model(name).module
    if module not in bound:
        raise UnusableInput(
            f"no binding of {module} reads recordings (those that do: {', '.join(sorted(bound))})", place
        )
    return bound[module]


@contextmanager
def _watched(wanted: bool) -> Iterator[Callable[[Validated], None] | None]:
    """Says on stderr how many lines are judged, while they are, if that is wanted or somebody looks at a terminal."""
    terminal = sys.stderr.isatty()
    if not (wanted or terminal):
        yield None
        return
    over = Event()
    watching: list[Thread] = []

    def look(found: Validated) -> None:
        said = -1
        while not over.wait(LOOK):
            if found.lines != said:
                said = found.lines
                if terminal:
                    print(f"\r{said:,} lines judged", end="", file=sys.stderr, flush=True)
                else:
                    say(f"{said} lines judged")

    def begun(found: Validated) -> None:
        watching.append(Thread(target=look, args=(found,), daemon=True))
        watching[0].start()

    try:
        yield begun
    finally:
        over.set()
        for each in watching:
            each.join()
        if terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


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
