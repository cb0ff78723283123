"""The command `tlastep`. Each public module of this package is a command: its function of the module's own name.

A command ends normally (status 0), by `typer.Exit(1)` for a finding, or by `UnusableInput`, which becomes one line on
stderr and status 2. No command catches it.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer

import tlastep.cli as commands
from tlastep.errors import UnusableInput

# The exception of a wrong command line. typer keeps its class, and that of the library below it, to itself.
_USAGE: Final[type[BaseException]] = typer.BadParameter.__mro__[2]

FINDING: Final = 1
UNUSABLE: Final = 2
INTERRUPTED: Final = 130


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tlastep {version('quorumlog')}")
        raise typer.Exit


def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Step TLA+ and Python together."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(UNUSABLE)


def application() -> typer.Typer:
    """The command line with all commands."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_options)
    for found in sorted(pkgutil.iter_modules(commands.__path__), key=lambda each: each.name):
        name = found.name
        if not name.startswith("_") and name != "main":
            module: Any = importlib.import_module(f"{commands.__name__}.{name}")
            app.command(name.replace("_", "-"))(getattr(module, name))
    return app


def run(arguments: Sequence[str]) -> int:
    """Runs the command line and gives its exit status."""
    try:
        status = application()(list(arguments), standalone_mode=False)
    except UnusableInput as error:
        return _unusable(str(error))
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDING
    except _USAGE as error:
        said: str = getattr(error, "format_message", error.__str__)()
        return _unusable(f"{said} (see tlastep --help)")
    return status if isinstance(status, int) else 0


def _unusable(message: str) -> int:
    print("tlastep:", " ".join(message.split()), file=sys.stderr)
    return UNUSABLE


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:]))
