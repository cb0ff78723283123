"""The command `quorumlog`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from quorumlog.core.consensus.roles import SILENCES, TABLE
from quorumlog.core.consensus.state import ROLES

app = typer.Typer(no_args_is_help=True, add_completion=False, help="An event log replicated by quorum.")


def say_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"quorumlog {version('quorumlog')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An event log replicated by quorum."""


@app.command()
def roles() -> None:
    """Print what a server does with each input in each role; silences are in capitals and explained below."""
    console = Console()
    console.print(roles_table())
    for silence in SILENCES:
        console.print(f"[bold]{silence.__name__}[/bold]: {silence.__doc__}")


def roles_table() -> Table:
    """The table of roles, drawn from the one that the core obeys."""
    table = Table("input", *ROLES)
    for kind, row in TABLE.items():
        table.add_row(kind.__name__, *(row[role].__name__.replace("_", " ") for role in ROLES))
    return table


def main() -> None:
    """Run the command line."""
    app()
