"""The commands that run a part of a cluster in this process. What they need is loaded when one of them is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Never

import typer

from quorumlog.runtime import client_commands

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The servers of all groups, in TOML.")]


Exposed = Annotated[bool, typer.Option("--exposed", help="Listen where other hosts reach it: docs/operating.md.")]


def register(app: typer.Typer) -> None:
    """Add the commands to those of `quorumlog`."""
    app.command()(node)
    app.command()(router)
    app.add_typer(client_commands.app, name="client")


def node(
    config: Config = None,
    identity: Annotated[str, typer.Option(metavar="NAME", help="Which of the servers this one is.")] = "a1",
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data of a server without a file.")] = Path("quorumlog"),
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where one without a file listens.")] = (
        "127.0.0.1:7100"
    ),
    exposed: Exposed = False,
    new: Annotated[bool, typer.Option("--new", help="Begin anew, for its disk was lost: docs/operating.md.")] = False,
) -> None:
    """Run one server of a group until it is stopped; without a file, the single machine that has no peers."""
    configuration, running = loaded()
    try:
        chosen = configuration.read(config) if config is not None else configuration.alone(data, listen)
        place = chosen.place(identity)
        if not (exposed or chosen.exposed):
            configuration.check_exposed(place.address, chosen.file, f"{identity}'s address")
        status = running.run(place, is_new=new)
    except configuration.UnusableConfig as error:
        typer.echo(f"quorumlog: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(status)


def router(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The servers of all groups, in TOML.")],
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where it listens, if not where the file says.")
    ] = None,
    exposed: Exposed = False,
) -> None:
    """Serve HTTP and JSON in front of a cluster until it is stopped; as many as you like, with the same file."""
    configuration, _ = loaded()
    try:
        from quorumlog.runtime import router as routing
    except ImportError as error:
        needed(error, "router")
    try:
        chosen = configuration.read(config)
        at = configuration.address(listen or chosen.router.listen, "quorumlog router", "--listen")
        if not (exposed or chosen.exposed):
            configuration.check_exposed(at, chosen.file, "--listen" if listen else "router.listen")
        status = routing.run(chosen, listen)
    except configuration.UnusableConfig as error:
        typer.echo(f"quorumlog: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(status)


def loaded() -> tuple[Any, Any]:
    """The modules of the runtime; where something that they need is not installed, one line that says what to do."""
    try:
        from quorumlog.runtime import config, running
    except ImportError as error:
        needed(error, "cluster")
    return config, running


def needed(error: ImportError, extra: str) -> Never:
    """One line that says what to install."""
    typer.echo(f"quorumlog: expected {error.name} to be installed, as by: pip install 'quorumlog[{extra}]'", err=True)
    raise typer.Exit(2) from error
